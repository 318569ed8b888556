"""Texts on the page: typed, drafted, refined, marked, changed, swapped, copied."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from serve.page.houses import House
from serve.page.partners import Chat
from serve.page.visiting import Open, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Request

pytestmark = pytest.mark.slow

FERRY = "The ferry was cancelled because of the storm, so we spent another night on the island."
REFINED = "O ferry foi cancelado por causa da tempestade, por isso passamos mais uma noite na ilha."


def bodies(visit: Visit) -> list[dict[str, Any]]:
    """What the page asks to have translated, from now on."""
    found: list[dict[str, Any]] = []

    def note(request: Request) -> None:
        if request.url.endswith("/v1/translate"):
            found.append(request.post_data_json or {})

    visit.page.on("request", note)
    return found


def test_a_text_is_translated_while_it_is_typed(visit: Open, open_house: House) -> None:
    page = visit(open_house.url)
    page.page.locator("#source-text").press_sequentially("The old house by the river is blue.", delay=15)
    text = page.done(60)
    assert "azul" in text
    assert page.picked("source") == "English"
    assert page.page.locator("#source-picker .picker-note").inner_text() == "detected"
    assert page.picked("target") == "Portuguese"
    assert page.page.locator(".line-text").get_attribute("lang") == "pt"
    assert page.page.locator("#output").get_attribute("aria-busy") == "false"
    assert re.fullmatch(r"(Refined|Draft confirmed|Draft kept) · [\d.]+ s", page.status())
    assert page.page.url == f"{open_house.url}/"  # no text becomes part of an address
    page.picture("text-light")


def test_the_draft_stands_first_and_the_refinement_shows_what_it_changed(scripted: Visit, chat: Chat) -> None:
    chat.answers[FERRY] = REFINED
    chat.held.clear()
    scripted.write(FERRY)
    scripted.page.locator(".line[data-stage=draft]").wait_for()
    draft = scripted.shown()
    assert "ilha" in draft
    assert draft != REFINED
    assert scripted.status() == "Draft. Refining…"
    scripted.picture("draft")
    chat.held.set()
    assert scripted.done() == REFINED
    added = scripted.page.locator(".line ins").all_inner_texts()
    removed = scripted.page.locator(".line del").all_inner_texts()
    assert "O ferry" in added
    assert "mais uma" in added
    assert "A balsa" in removed
    assert not [text for text in added + removed if text != text.strip()]
    scripted.picture("refined")
    toggle = scripted.page.locator("#toggle-changes")
    assert toggle.get_attribute("aria-pressed") == "true"
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "false"
    scripted.page.locator(".line ins").first.wait_for(state="detached")
    assert scripted.shown() == REFINED


def test_doubtful_words_are_marked_by_line_and_by_words(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.translate("Kind regards from the plumber, who rang twice.")
    marked = page.page.locator(".line .sure")
    assert marked.count() > 0
    first = marked.first
    assert re.fullmatch(r"\d+ % sure", first.get_attribute("title") or "")
    assert first.get_attribute("aria-description") == first.get_attribute("title")
    style = first.evaluate("node => getComputedStyle(node).textDecorationStyle")
    assert style in ("dotted", "wavy")
    legend = page.page.locator("#toggle-confidence")
    assert legend.inner_text() == "Draft: less sure unsure"
    legend.click()
    marked.first.wait_for(state="detached")
    page.page.reload()
    page.loaded().translate("Kind regards from the plumber, who rang twice.")
    assert page.page.locator(".line .sure").count() == 0  # remembered
    assert page.page.locator("#profiles input:checked").input_value() == "fast"


def test_a_newer_text_ends_the_run_of_an_older_one(scripted: Visit, chat: Chat) -> None:
    ended: list[str] = []
    scripted.page.on("requestfailed", lambda request: ended.append(request.url))
    chat.held.clear()
    scripted.write("The old house is green.")
    scripted.page.locator(".line[data-stage=draft]").wait_for()
    scripted.write("The old house is blue.")
    scripted.until("document.querySelector('.line')?.textContent.includes('azul')")
    chat.held.set()
    assert "azul" in scripted.done()
    assert [url for url in ended if url.endswith("/v1/translate")]


def test_lines_stay_lines(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    sent = bodies(page)
    text = page.translate("Dear neighbours,\n\nThe house is blue.\nThe house is green.")
    assert sent[-1]["text"] == ["Dear neighbours,", "", "The house is blue.", "The house is green."]
    assert sent[-1]["source"] == "en"  # of the whole text: a line alone may be too short to tell
    lines = text.split("\n")
    assert len(lines) == 4
    assert lines[1] == ""
    assert "azul" in lines[2]
    assert "verde" in lines[3]
    page.picture("lines")


def test_in_a_long_text_only_what_changed_is_sent_again(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("arabic")
    page.pick("source", "english")
    page.pick("target", "arabic")
    lines = [
        f"Room {number}: the old house by the river is blue, and its garden is large." for number in range(700)
    ]
    text = "\n".join(lines)
    assert 49_000 < len(text) < 50_000
    sent = bodies(page)
    assert len(page.translate(text).split("\n")) == 700
    assert [len(body["text"]) for body in sent] == [700]
    lines[300] = "Good morning"
    began = time.perf_counter()
    changed = page.translate("\n".join(lines)).split("\n")
    print(f"\none line of 700 anew: {time.perf_counter() - began:.1f} s, 1.5 s of them for more keys")  # noqa: T201
    assert sent[-1]["text"] == ["Good morning"]
    assert changed[299:302] == [lines[299], "صباح الخير", lines[301]]
    assert page.page.locator("#count").inner_text().endswith("/ 50,000")
    page.picture("long", full=False)


def test_a_text_that_is_too_long_is_said_before_it_is_sent(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    sent = bodies(page)
    page.write("The house is blue. " * 2_700)
    page.notice("The text is longer than the server takes.").wait_for()
    assert page.page.locator("#count").inner_text() == "51,300 / 50,000: 1,300 too many"
    assert sent == []


def test_languages_are_searched_swapped_and_remembered(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.pick("source", "engl")
    page.pick("target", "português")
    assert (page.picked("source"), page.picked("target")) == ("English", "Portuguese")
    assert "azul" in page.translate("The house is blue.")
    page.page.keyboard.press("Alt+s")
    text = page.done()
    assert (page.picked("source"), page.picked("target")) == ("Portuguese", "English")
    assert "azul" in page.page.locator("#source-text").input_value()
    assert "blue" in text
    page.page.reload()
    page.loaded()
    assert (page.picked("source"), page.picked("target")) == ("Portuguese", "English")
    page.page.locator("#source-picker > button").click()
    page.page.locator("#source-picker [role=combobox]").fill("klingon")
    assert page.page.locator("#source-picker .picker-empty").is_visible()


def test_a_text_that_is_in_the_target_language_is_translated_into_another(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.pick("target", "portuguese")
    text = page.translate("A casa velha perto do rio é azul, e o jardim é grande.")
    assert page.picked("target") == "English"
    assert "blue" in text
    page.notice("The text is in Portuguese already, so it is now translated into English.").wait_for()


def test_what_is_copied_is_the_translation_alone(scripted: Visit, chat: Chat) -> None:
    chat.answers[FERRY] = REFINED
    scripted.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    scripted.translate(FERRY)
    scripted.page.locator("#copy").click()
    scripted.until("document.querySelector('#status').textContent === 'Copied.'")
    assert scripted.page.evaluate("navigator.clipboard.readText()") == REFINED
    # A selection by hand leaves out what is only marked as taken out.
    scripted.page.evaluate("getSelection().selectAllChildren(document.querySelector('.line-text'))")
    assert scripted.page.evaluate("getSelection().toString()").replace("\n", "") == REFINED


def test_the_history_is_kept_in_the_browser_and_can_be_ended(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.translate("The house is blue.")
    page.translate("The house is blue and old.")  # typed on: one entry
    page.translate("A shop at the corner")
    kept = page.stored("scalemt.history")
    assert [entry["text"] for entry in kept] == ["A shop at the corner", "The house is blue and old."]
    page.page.keyboard.press("Alt+h")
    dialog = page.page.get_by_role("dialog", name="History")
    page.picture("history", full=False)
    page.require_accessible("history")
    dialog.get_by_role("button", name="Take up again: The house is blue and old.").click()
    assert "azul" in page.done()
    page.page.keyboard.press("Alt+h")
    dialog.get_by_role("button", name="Remove from the history: A shop at the corner").click()
    assert len(page.stored("scalemt.history")) == 1
    dialog.get_by_label("Keep a history").uncheck()
    assert page.stored("scalemt.history") == []
    page.page.keyboard.press("Escape")
    page.translate("The shop is closed.")
    assert page.stored("scalemt.history") == []


def test_it_can_wait_to_be_asked(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.page.locator("#open-settings").click()
    page.page.get_by_label("Translate while I type").uncheck()
    page.picture("settings", full=False)
    page.require_accessible("settings")
    page.page.keyboard.press("Escape")
    sent = bodies(page)
    page.write("The house is blue.")
    page.page.wait_for_timeout(1_000)
    assert sent == []
    page.page.locator("#translate").click()
    assert "azul" in page.done()


def test_screen_readers_are_told_once_and_not_at_every_key(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => {
                const text = document.querySelector('#announcer').textContent;
                if (text) window.said.push(text);
            }).observe(document.querySelector('#announcer'), {childList: true});
        }"""
    )
    page.page.locator("#source-text").press_sequentially("The house is blue.", delay=60)
    text = page.done()
    page.until("window.said.length > 0")
    page.page.wait_for_timeout(500)
    assert page.page.evaluate("window.said") == [f"Translated into Portuguese: {text}"]
    assert page.page.locator("#announcer").get_attribute("aria-live") == "polite"


def test_formality_and_glossaries_are_offered_where_there_are_any(visit: Open, open_house: House) -> None:
    terms = {"name": "Building", "source": "en", "target": "pt", "tsv": "house\tmoradia"}
    made = httpx.post(f"{open_house.url}/v1/glossaries", json=terms).json()
    page = visit(open_house.url).choose("fast")
    page.pick("target", "portuguese")
    assert page.page.get_by_label("Formality").is_hidden()
    page.choose("scripted")
    sent = bodies(page)
    page.page.get_by_label("Formality").select_option("Formal")
    page.page.get_by_label("Glossary").select_option("Building")
    page.translate("The house is blue.")
    assert (sent[-1]["formality"], sent[-1]["glossary"]) == ("formal", made["id"])
    page.details()
    assert "moradia" in page.facet("terms").inner_text()
    page.picture("choices")
    page.require_accessible("choices")
    page.page.get_by_label("Glossary").select_option("As configured")
    page.done()
    assert "glossary" not in sent[-1]
    httpx.delete(f"{open_house.url}/v1/glossaries/{made['id']}")
