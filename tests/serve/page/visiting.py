"""A visit to the page in a real browser: what is seen, and what must not have happened."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SCREENSHOTS = Path(__file__).resolve().parents[3] / "build" / "screenshots"
"""Where tests leave what they saw; never part of the repository."""

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
"""Options of a browser context."""

_REFUSED = re.compile(r"Failed to load resource: .*")


@dataclass
class Visit:
    """An opened page.

    Args:
        page: of Playwright.
        url: the address of the server.
        refusals: whether the server is meant to refuse something, which a browser writes to its console.
        faults: whatever the browser complained about: policy, exceptions, warnings.
        requests: all addresses that were asked for.
    """

    page: Page
    url: str
    refusals: bool = False
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Begin to note what happens."""
        self.page.on("console", lambda message: self._said(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _said(self, text: str) -> None:
        if not (self.refusals and _REFUSED.search(text)):
            self.faults.append(text)

    def require_quiet(self) -> None:
        """Nothing went wrong in the browser, and nothing was asked of anybody else."""
        assert self.faults == []
        outside = [url for url in self.requests if not url.startswith((self.url, "data:", "blob:"))]
        assert outside == []

    # What is done

    def open(self) -> Visit:
        """Go to the page and wait until it knows what the server offers."""
        self.page.goto(f"{self.url}/")
        return self.loaded()

    def loaded(self) -> Visit:
        """Wait until the page knows what the server offers."""
        self.until("document.querySelectorAll('#profiles input').length > 0")
        return self

    def until(self, expression: str, argument: object = None, seconds: float = 20.0) -> None:
        """Wait until an expression is true; Playwright's own way has the page evaluate text, which it must not."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < end, expression
            self.page.wait_for_timeout(40)

    def choose(self, profile: str) -> Visit:
        """Choose a profile."""
        with self.page.expect_response(re.compile(r"/v1/languages")):
            self.page.get_by_role("radio", name=profile.capitalize(), exact=True).check()
        return self

    def write(self, text: str) -> Visit:
        """Put a text into the source, as pasting does."""
        self.page.locator("#source-text").fill(text)
        return self

    def translate(self, text: str, seconds: float = 60.0) -> str:
        """Put a text in, wait until it is translated, and return the translation."""
        self.write(text)
        return self.done(seconds)

    def done(self, seconds: float = 60.0) -> str:
        """Wait until the run that was asked for has ended, and return what stands there."""
        wanted = """text => document.querySelector('#output').getAttribute('aria-busy') === 'false'
            && document.querySelector('#status').textContent.includes('·')
            && document.querySelectorAll('.line').length === text.split('\\n').length
            && !document.querySelector('.line[data-stage=before], .line[data-stage=waiting]:not(:has(br))')"""
        text = self.page.locator("#source-text").input_value()
        self.until(wanted, text, seconds)
        return self.shown()

    def shown(self) -> str:
        """The translation without what is only marked as taken out."""
        # Lines are drawn once a frame.
        script = """async () => {
            for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
            return [...document.querySelectorAll('.line')].map(row => {
                const text = row.querySelector('.line-text')?.cloneNode(true);
                text?.querySelectorAll('del').forEach(node => node.remove());
                return text?.textContent ?? '';
            }).join('\\n');
        }"""
        return str(self.page.evaluate(script))

    def details(self) -> Locator:
        """Open the details and return them."""
        if self.page.locator("#details").is_hidden():
            self.page.locator("#toggle-details").click()
        return self.page.locator("#details")

    def facet(self, name: str) -> Locator:
        """A part of the details."""
        return self.page.locator(f".facet-{name}")

    def pick(self, side: str, language: str) -> None:
        """Choose a language by searching for it."""
        self.page.locator(f"#{side}-picker > button").click()
        self.page.locator(f"#{side}-picker [role=combobox]").fill(language)
        self.page.keyboard.press("Enter")

    def picked(self, side: str) -> str:
        """The language that is chosen on a side."""
        return self.page.locator(f"#{side}-picker .picker-name").inner_text()

    def status(self) -> str:
        """The line under the translation."""
        return self.page.locator("#status").inner_text()

    def notice(self, words: str) -> Locator:
        """A message that holds some words."""
        return self.page.locator(".notice", has_text=words)

    def stored(self, name: str) -> Any:
        """What localStorage holds."""
        return json.loads(self.page.evaluate("name => localStorage.getItem(name)", name) or "null")

    # What is looked at

    def picture(self, name: str, *, full: bool = True) -> Path:
        """Keep a screenshot."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=full, animations="disabled")
        return path

    def require_accessible(self, where: str) -> None:
        """axe-core finds nothing serious."""
        self.page.evaluate(resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
        found = self.page.evaluate("() => axe.run()")["violations"]
        bad = [item for item in found if item["impact"] in ("serious", "critical")]
        told = [
            f"{item['id']} ({item['impact']}): {[node['html'][:160] for node in item['nodes']]}" for item in bad
        ]
        assert told == [], where

    def require_narrow(self) -> None:
        """Nothing sticks out to the side."""
        width, room = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= room


Open = Callable[..., Visit]
"""Opens the page of a server; see the fixture `visit`."""
