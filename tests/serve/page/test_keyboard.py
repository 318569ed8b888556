"""The page by keys alone."""

from __future__ import annotations

import pytest

from serve.page.houses import House
from serve.page.partners import Chat
from serve.page.visiting import Open, Visit

pytestmark = pytest.mark.slow


def focused(page: Visit) -> str:
    """What has the focus: its id, or how it is called."""
    script = "(node => node.id || node.getAttribute('aria-label') || node.textContent)(document.activeElement)"
    return str(page.page.evaluate(script))


def tabs(page: Visit, wanted: str, most: int = 30) -> None:
    """Go on by Tab until something has the focus."""
    for _ in range(most):
        if focused(page) == wanted:
            return
        page.page.keyboard.press("Tab")
    raise AssertionError(f"{wanted!r} is not reached by Tab; the focus is at {focused(page)!r}")


def test_a_text_is_translated_explained_and_corrected_without_a_mouse(scripted: Visit, chat: Chat) -> None:
    page, keyboard = scripted, scripted.page.keyboard
    page.page.reload()
    page.loaded()
    keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.className") == "skip"
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Alt+1")
    assert focused(page) == "source-text"
    ring = page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    keyboard.press("Alt+l")
    keyboard.type("engl")
    keyboard.press("Enter")
    assert page.picked("source") == "English"
    assert focused(page) == "Translate from: English"
    keyboard.press("Alt+t")
    keyboard.press("Escape")
    assert focused(page) == "Translate into: Portuguese"
    keyboard.press("Alt+1")
    keyboard.type("The door is open.\nThe window is shut.")
    keyboard.press("Control+Enter")
    page.done()
    keyboard.press("Alt+2")
    assert focused(page) == "output"
    keyboard.press("ArrowDown")
    assert focused(page) == "Details of line 1"
    keyboard.press("ArrowDown")
    assert focused(page) == "Details of line 2"
    keyboard.press("Enter")
    page.page.get_by_role("heading", name="How line 2 of 2 came about").wait_for()
    assert focused(page) == "Details of line 2"
    keyboard.press("Alt+r")
    page.until("document.activeElement.className === 'editor-text'")
    keyboard.type(" Sim.")
    keyboard.press("Control+Enter")
    page.page.locator(".chip", has_text="in memory").wait_for()
    assert page.shown().endswith(" Sim.")
    keyboard.press("Alt+i")
    assert page.page.locator("#details").is_hidden()
    keyboard.press("Alt+k")
    page.page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    page.picture("keys", full=False)
    page.require_accessible("keys")
    keyboard.press("Escape")
    page.page.get_by_role("dialog", name="Keyboard shortcuts").wait_for(state="hidden")


def test_everything_is_reached_by_tab(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.translate("The house is blue.")
    page.page.evaluate("document.activeElement.blur()")
    for wanted in ("tab-text", "open-history", "open-keys", "switch-theme", "open-settings"):
        tabs(page, wanted)
    for wanted in (
        "Translate from: English, detected",
        "swap",
        "Translate into: Portuguese",
        "source-text",
        "clear",
    ):
        tabs(page, wanted)
    for wanted in ("translate", "output", "Details of the translation", "edit", "copy", "toggle-details"):
        tabs(page, wanted)
    assert page.page.evaluate("[...document.querySelectorAll('[tabindex]')].every(node => node.tabIndex <= 0)")


def test_tabs_and_profiles_are_chosen_by_arrows(visit: Open, open_house: House) -> None:
    page = visit(open_house.url)
    page.page.locator("#tab-text").focus()
    page.page.keyboard.press("ArrowRight")
    assert focused(page) == "tab-documents"
    assert page.page.locator("#panel-documents").is_visible()
    page.page.keyboard.press("ArrowRight")
    assert page.page.locator("#panel-text").is_visible()
    page.page.locator("#profiles input:checked").focus()
    with page.page.expect_response("**/v1/languages?*"):
        page.page.keyboard.press("ArrowRight")
    assert page.page.locator("#profiles input:checked").input_value() == "fast"


def test_escape_cancels_and_the_draft_stays(scripted: Visit, chat: Chat) -> None:
    chat.held.clear()
    scripted.write("The tower is tall.")
    scripted.page.locator(".line[data-stage=draft]").wait_for()
    draft = scripted.shown()
    scripted.page.keyboard.press("Escape")
    assert scripted.status() == "Cancelled; the drafts stay."
    assert scripted.shown() == draft
    assert scripted.page.locator("#output").get_attribute("aria-busy") == "false"
    assert scripted.page.locator("#translate").inner_text() == "Translate"
