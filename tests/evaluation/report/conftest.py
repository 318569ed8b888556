"""A real browser for the report, and evaluations as large as those of the literature."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evaluation.report.report_samples import sample
from scalemt.evaluation.report import write_report
from scalemt.evaluation.results import Evaluation

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Opened:
    """A page, and what it did that a report must not do."""

    page: Page
    path: Path
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.path.as_uri()

    def shown(self) -> list[int]:
        """Segments of the list, in order."""
        return [int(item.get_attribute("data-segment") or "-1") for item in self.page.locator("li.segment").all()]

    def counted(self) -> int:
        """How many segments pass the filters."""
        return int(self.page.locator("#count").inner_text().split()[0].replace(",", ""))

    def wait(self, text: str) -> None:
        """Wait until the count of segments begins with a text."""
        self.page.locator("#count", has_text=text).wait_for()


Open = Callable[..., Opened]


# Not for the session: the loop of its playwright would stand in the way of tests that run loops of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="the report is tried in a browser by playwright")
    if not CHROMIUM.is_file():
        pytest.skip("there is no /usr/bin/chromium (Debian package chromium)")
    with api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def large() -> Evaluation:
    """Eight systems on 1,012 segments, four metrics."""
    return sample()


@pytest.fixture(scope="session")
def large_report(large: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "large.html"
    write_report([large], path, "Eight systems")
    return path


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open evaluations, or a report that is written already; at the end nothing may have gone wrong or out."""
    opened: list[Opened] = []

    def start(what: Path | Sequence[Evaluation], hash_: str = "", **options: Any) -> Opened:
        path = what if isinstance(what, Path) else tmp_path / f"page-{len(opened)}.html"
        if not isinstance(what, Path):
            write_report(what, path)
        options = {"viewport": {"width": 1280, "height": 900}, **options}
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(10_000)
        found = Opened(page, path)
        page.on("console", lambda message: found.faults.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: found.faults.append(str(error)))
        page.on("request", lambda request: found.requests.append(request.url))
        page.goto(path.as_uri() + hash_)
        opened.append(found)
        return found

    yield start
    for found in opened:
        found.page.context.close()
        assert found.faults == []
        outside = [url for url in found.requests if not url.startswith(("file:", "data:", "blob:"))]
        assert outside == []
        assert {url.split("#")[0] for url in found.requests if url.startswith("file:")} == {found.address}
