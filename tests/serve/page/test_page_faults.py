"""What goes wrong and what the page says of it: generalists, keys, limits, connections, texts that are traps."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from serve.page.houses import BAIT, TRAP, House, house
from serve.page.partners import Chat, proxied
from serve.page.visiting import Open, Visit
from serve.serving import make_key, served

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Guarded:
    """A server that wants keys: one that may do all, ones with few requests and few characters."""

    url: str
    key: str
    slow: str
    small: str
    poor: str


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    key = make_key(path, "owner", "all")
    slow = make_key(path, "slow", "all", limits={"per_minute": 20})
    small = make_key(path, "small", "all", limits={"characters": 50})
    poor = make_key(path, "poor", "all", limits={"monthly": 30})
    profiles = ("--profile", "fast", "--profile", "default", "--specialist", "bergamot")
    with served(*profiles, "--key-file", str(path), "--limit", "upload=100000") as server:
        yield Guarded(server.url, key, slow, small, poor)


def let_in(visit: Open, guarded: Guarded, key: str) -> Visit:
    """The page of the guarded server, the key given."""
    page = visit(guarded.url, refusals=True, go=False)
    page.page.goto(f"{guarded.url}/")
    page.page.get_by_label("API key", exact=True).fill(key)
    page.page.keyboard.press("Enter")
    return page.loaded()


# The generalist


def test_where_the_generalist_fails_the_draft_stays_and_the_page_says_why(scripted: Visit, chat: Chat) -> None:
    chat.failing = ("fear",)
    chat.held.clear()
    scripted.write("The house is blue.\nThis line will fail, I fear.\nThe garden is green.")
    scripted.until("document.querySelectorAll('.line[data-stage=draft]').length === 3")
    drafts = scripted.shown()
    chat.held.set()
    assert scripted.done() == drafts
    notice = scripted.notice("The refinement failed, so the draft stays.")
    assert "the model has run out of memory" in notice.inner_text()
    assert scripted.page.locator(".line").nth(1).locator(".chip").inner_text() == "draft only"
    assert scripted.page.locator(".chip").count() == 1
    scripted.details()
    scripted.page.get_by_role("button", name="Details of line 2").click()
    assert "The generalist gave no answer: " in scripted.facet("why").inner_text()
    scripted.picture("generalist-fails")
    scripted.require_accessible("generalist fails")
    chat.mend()
    notice.get_by_role("button", name="Try again").click()
    notice.wait_for(state="detached")
    scripted.done()
    assert scripted.page.locator(".chip").count() == 0


def test_a_generalist_that_hangs_costs_the_refinement_alone(visit: Open, tmp_path: Path) -> None:
    with house(tmp_path, "--profile", "scripted", "--limit", "seconds=8") as found:
        page = visit(found.url, go=False)
        page.page.goto(f"{found.url}/")
        page.until("document.querySelector('#target-picker .picker-name').textContent === 'English'")
        found.chat.held.clear()
        page.write("The house is blue.")
        page.page.locator(".line[data-stage=draft]").wait_for()
        draft = page.shown()
        notice = page.notice("The translation took longer than the server allows.")
        notice.wait_for()
        assert page.shown() == draft
        assert page.status() == "What is there already stays."
        assert re.search(r"Request [0-9a-f]{16}", notice.inner_text())
        page.picture("hangs")
        found.chat.held.set()
        notice.get_by_role("button", name="Try again").click()
        page.done()


def test_a_line_without_a_translation_says_why(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("arabic")
    page.pick("source", "english")
    page.pick("target", "arabic")
    page.write("BROKEN")
    failure = page.page.locator(".line-failure")
    failure.wait_for()
    assert failure.inner_text().startswith("There is no translation of this line: ")
    assert "1 line failed" in page.status()
    page.picture("line-fails")
    page.require_accessible("a line fails")


# Keys and limits


def test_a_key_is_asked_for_and_kept_in_the_tab_alone(visit: Open, guarded: Guarded) -> None:
    page = visit(guarded.url, refusals=True, go=False)
    page.page.goto(f"{guarded.url}/")
    dialog = page.page.get_by_role("dialog", name="This server wants an API key")
    dialog.wait_for()
    page.picture("key")
    page.require_accessible("key")
    field = dialog.get_by_label("API key", exact=True)
    assert field.get_attribute("type") == "password"
    field.fill("scalemt_wrong")
    dialog.get_by_role("button", name="Use this key").click()
    dialog.get_by_text("The server does not know this key.").wait_for()
    dialog.get_by_label("API key", exact=True).fill(guarded.key)
    page.page.keyboard.press("Enter")
    page.loaded()
    assert page.page.locator(".notice").count() == 0
    assert "azul" in page.translate("The house is blue.")
    stored = page.page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie]")
    assert guarded.key not in stored[0] + stored[2]
    assert guarded.key in stored[1]
    assert not [url for url in page.requests if guarded.key in url]
    page.page.reload()
    page.loaded()
    page.page.locator("#open-settings").click()
    page.page.get_by_role("button", name="Forget the key").click()
    page.write("The house is green.")
    dialog.wait_for()


@contextmanager
def emptied(guarded: Guarded) -> Iterator[None]:
    """Another of the same key asks and asks, so that no request is left to the page."""
    head = {"Authorization": f"Bearer {guarded.slow}"}
    body = {"text": "Yes", "source": "en", "target": "pt"}
    refused, over = threading.Event(), threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=60, headers=head) as client:
            while not over.wait(0.01):
                if client.post(f"{guarded.url}/v1/translate", json=body).status_code == 429:
                    refused.set()

    other = threading.Thread(target=ask)
    other.start()
    try:
        assert refused.wait(60)
        yield
    finally:
        over.set()
        other.join()


def test_after_too_many_requests_the_page_waits_as_long_as_it_is_told(visit: Open, guarded: Guarded) -> None:
    page = let_in(visit, guarded, guarded.slow)
    page.pick("source", "english")
    page.pick("target", "portuguese")
    with emptied(guarded):  # till the page has said so: a busy machine is slower than what comes back to the key
        page.write("The house is blue.")
        notice = page.notice("Too many requests in a short time.")
        notice.wait_for()
    assert re.fullmatch(r"Trying again in \d+ s\.", notice.locator(".notice-counter").inner_text())
    page.picture("too-many")
    page.require_accessible("too many requests")
    assert "azul" in page.done()  # nobody did anything
    notice.wait_for(state="detached")


def test_limits_are_those_of_the_key(visit: Open, guarded: Guarded) -> None:
    small = let_in(visit, guarded, guarded.small)
    small.write("The house is blue, and so is the other one beside the river.")
    small.notice("The text is longer than the server takes.").wait_for()
    assert small.page.locator("#count").inner_text() == "60 / 50: 10 too many"
    poor = let_in(visit, guarded, guarded.poor)
    poor.write("The house is blue, and so is the other one.")
    poor.notice("The characters of this key are used up.").wait_for()


def test_a_document_that_is_too_large_is_not_sent(visit: Open, guarded: Guarded) -> None:
    page = let_in(visit, guarded, guarded.key)
    content = b"x" * 200_000
    page.page.locator("#file").set_input_files({"name": "large.txt", "mimeType": "text/plain", "buffer": content})
    page.notice("large.txt has 195 kB; this server takes documents of up to 98 kB.").wait_for()
    assert not [url for url in page.requests if url.endswith("/v1/jobs")]


# Connections


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_while_the_server_is_away_the_page_tries_again_by_itself(visit: Open) -> None:
    arguments = (
        "--port",
        str(free_port()),
        "--specialist",
        "bergamot",
        "--profile",
        "fast",
        "--profile",
        "default",
    )
    with served(*arguments) as server:
        page = visit(server.url, refusals=True)
        assert "azul" in page.translate("The house is blue.")
    page.write("The house is green.")
    notice = page.notice("The server cannot be reached.")
    notice.wait_for()
    page.picture("away")
    with served(*arguments):
        assert "verde" in page.done()
        notice.wait_for(state="detached")


def test_where_the_connection_breaks_the_draft_stays(visit: Open, tmp_path: Path) -> None:
    with house(tmp_path, "--profile", "scripted", "--profile", "fast") as found:
        page = visit(found.url, refusals=True)
        found.chat.held.clear()
        page.write("The house is blue.")
        page.page.locator(".line[data-stage=draft]").wait_for()
        draft = page.shown()
        found.server.process.kill()
        page.notice("The connection broke off before the end.").wait_for()
        assert page.shown() == draft
        page.picture("broken-off")


def test_behind_a_proxy_the_page_may_stand_under_a_path(visit: Open, open_house: House) -> None:
    with proxied(open_house.url, "/translate") as url:
        page = visit(url).choose("fast")
        assert "azul" in page.translate("The house is blue.")
        assert {part for part in page.requests if not part.startswith(f"{url}/")} == set()


# Traps

IMAGE = "<img src=x onerror=alert(4)>"
TRAPS = "\n".join(
    (
        f"{IMAGE} is a snare.",
        "</textarea><script>alert(5)</script>",
        TRAP,
        "{{constructor.constructor('alert(6)')()}}",
    )
)


def test_no_text_becomes_part_of_the_page(scripted: Visit, chat: Chat) -> None:
    chat.answers = {line: f"<b onclick=alert(7)>{line}</b>" for line in TRAPS.split("\n")}
    page = scripted
    text = page.translate(TRAPS)
    assert IMAGE in text.split("\n")[0]
    page.details()
    for number in range(2, 5):
        page.page.get_by_role("button", name=f"Details of line {number}").click()
        page.page.get_by_role("heading", name=f"How line {number} of 4").wait_for()
        page.page.wait_for_timeout(300)
    page.page.get_by_role("button", name="Details of line 1").click()
    assert "<svg onload=location=3>" in page.facet("terms").inner_text()
    page.page.get_by_role("button", name="Details of line 3").click()
    page.facet("matches").locator(".match").first.wait_for()
    assert BAIT in page.facet("matches").inner_text()
    page.picture("traps")
    page.page.keyboard.press("Alt+h")
    assert IMAGE in page.page.get_by_role("dialog", name="History").inner_text()
    page.page.keyboard.press("Escape")
    name = f"{IMAGE.replace('/', '')}.txt"
    page.page.locator("#file").set_input_files({"name": name, "mimeType": "text/plain", "buffer": b"Yes.\n"})
    page.page.locator(".job-name", has_text=IMAGE).wait_for()
    page.page.locator(".job-state", has_text="Done").wait_for()
    made = "main img, main script, main b[onclick], main svg:not(.picture), dialog img, dialog script"
    assert page.page.locator(made).count() == 0
    assert page.page.evaluate("document.scripts.length") == 2


def test_storage_that_holds_nonsense_harms_nothing(visit: Open, open_house: House) -> None:
    page = visit(open_house.url, go=False)
    page.page.add_init_script(
        """localStorage.setItem('scalemt.preferences', '{"source": 7, "recent": "x", "theme": "<b>"}');
        localStorage.setItem('scalemt.history', '[{"text": 1}, null, "x"]');
        localStorage.setItem('scalemt.documents', '{"a": 1}');"""
    )
    page.open().choose("fast")
    assert "azul" in page.translate("The house is blue.")
    assert [entry["text"] for entry in page.stored("scalemt.history")] == ["The house is blue."]
