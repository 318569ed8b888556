"""A real browser before a real server: Bergamot's weights, Gemma 3 270M, and partners from a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from serve.page.houses import House, house
from serve.page.partners import Chat
from serve.page.visiting import Open, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server that most tests visit."""
    names = [part for name in ("default", "fast", "scripted", "arabic") for part in ("--profile", name)]
    with house(tmp_path_factory.mktemp("house"), *names) as found:
        yield found


@pytest.fixture
def chat(open_house: House) -> Iterator[Chat]:
    """The scripted generalist of the open house, as new."""
    open_house.chat.mend()
    yield open_house.chat
    open_house.chat.mend()


# Not for the session: the loop of its playwright would stand in the way of tests that run loops of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="the page is tried in a browser by playwright")
    if not CHROMIUM.is_file():
        pytest.skip("there is no /usr/bin/chromium (Debian package chromium)")
    with api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open the page of a server; at the end nothing may have gone wrong in the browser.

    Takes the address, `refusals` where the server is meant to refuse something, `go=False` to stay outside, and
    options of a browser context.
    """
    opened: list[Visit] = []

    def start(url: str, *, refusals: bool = False, go: bool = True, **options: Any) -> Visit:
        options = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB", **options}
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(20_000)
        found = Visit(page, url, refusals)
        found.listen()
        opened.append(found)
        return found.open() if go else found

    yield start
    for found in opened:
        found.page.context.close()
        found.require_quiet()


@pytest.fixture
def scripted(visit: Open, open_house: House, chat: Chat) -> Visit:
    """The page of the open house, with the profile whose generalist is scripted."""
    return visit(open_house.url).choose("scripted")
