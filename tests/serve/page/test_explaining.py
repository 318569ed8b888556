"""Details of a line: where it came from, what else it could be, and what becomes of a correction."""

from __future__ import annotations

import httpx
import pytest

from serve.page.houses import BALDE, BUCKET, House
from serve.page.partners import Chat
from serve.page.visiting import Open, Visit

pytestmark = pytest.mark.slow

MACHINE = "Please fill a bucket beforehand, and do not use the washing machine."
REFINED = "Encha um balde com antecedência, por favor, e não use a máquina de lavar roupa."


def explained(scripted: Visit, chat: Chat) -> Visit:
    """The page with two lines, the second one refined, its details open."""
    chat.answers[MACHINE] = REFINED
    scripted.translate(f"The house is blue.\n{MACHINE}")
    scripted.details()
    scripted.page.get_by_role("button", name="Details of line 2").click()
    scripted.page.get_by_role("heading", name="How line 2 of 2 came about").wait_for()
    return scripted


def test_details_say_how_a_line_came_about(scripted: Visit, chat: Chat) -> None:
    page = explained(scripted, chat)
    assert page.status().startswith("1 of 2 lines refined · ")
    assert page.page.locator(".details-source").inner_text() == MACHINE
    texts = page.facet("alternatives").locator(".alternative")
    assert texts.locator(".alternative-origin").all_inner_texts() == ["Draft of the specialist", "Refinement"]
    assert texts.nth(1).locator(".alternative-used").inner_text() == "In use"
    assert texts.nth(1).locator(".alternative-text").inner_text() == REFINED
    assert page.facet("why").locator("li").all_inner_texts() == ["The refinement was taken: it passed all checks."]
    assert "lava-roupas" in page.facet("terms").inner_text()
    assert page.facet("terms").locator(".term-state").inner_text().startswith("used, in another form")
    match = page.facet("matches").locator(".match")
    match.wait_for()
    assert match.locator(".match-score").inner_text() == "91 %"
    assert match.locator(".match-source").inner_text() == BUCKET
    assert match.locator(".match-target").inner_text() == BALDE
    assert page.facet("checks").inner_text().endswith("checks passed")
    page.page.locator(".facts summary").click()
    assert "refine" in page.page.locator(".facts dl").inner_text()
    assert page.page.locator(".signature code").inner_text().startswith("scalemt:")
    assert not [url for url in page.requests if "bucket" in url.lower()]  # no text becomes part of an address
    page.picture("details-light")
    page.require_accessible("details")


def test_an_alternative_is_taken_by_one_click_and_given_back(scripted: Visit, chat: Chat) -> None:
    page = explained(scripted, chat)
    draft = page.facet("alternatives").locator(".alternative-text").first.inner_text()
    page.facet("alternatives").get_by_role("button", name=f"Use this: {draft}").click()
    assert page.shown().split("\n")[1] == draft
    assert page.page.locator(".chip").inner_text() == "your choice"
    assert page.page.locator("#copy").is_enabled()
    page.picture("alternative")
    page.facet("alternatives").get_by_role("button", name="Back to what the gate chose").click()
    assert page.shown().split("\n")[1] == REFINED
    page.facet("matches").get_by_role("button", name=f"Use the memory’s: {BALDE}").click()
    assert page.shown().split("\n")[1] == BALDE


def test_a_correction_goes_into_the_memory_and_comes_back_from_there(
    visit: Open, open_house: House, chat: Chat
) -> None:
    source, corrected = "The ladder leans against the shed.", "A escada está encostada no barracão."
    page = visit(open_house.url).choose("scripted")
    page.translate(f"The house is blue.\n{source}")
    page.page.locator(".line").nth(1).hover()
    page.page.get_by_role("button", name="Details of line 2").click()
    page.page.keyboard.press("Alt+r")
    field = page.page.get_by_label(f"Your translation of: {source}")
    field.fill(corrected)
    page.picture("editing")
    page.require_accessible("editing")
    page.page.get_by_role("button", name="Save to memory").click()
    page.page.locator(".chip", has_text="in memory").wait_for()
    assert page.status() == "Saved to memory."
    assert page.shown().split("\n")[1] == corrected
    assert page.page.evaluate("document.activeElement.id") == "edit"
    query = {"text": source, "source": "en", "target": "pt", "profile": "scripted"}
    (found,) = httpx.get(f"{open_house.url}/v1/memory", params=query).json()["matches"][:1]
    assert (found["target"], found["score"]) == (corrected, 100.0)
    # Somebody else is given it.
    other = visit(open_house.url).choose("scripted")
    assert other.translate(source) == corrected
    assert other.status().startswith("From the memory · ")
    assert other.page.locator(".chip").inner_text() == "from memory"
    other.details()
    assert other.facet("why").inner_text().split("\n")[-1].startswith("The memory holds this text: ")
    other.picture("from-memory")


def test_an_edit_can_stay_on_the_page_and_survives_typing_elsewhere(scripted: Visit, chat: Chat) -> None:
    scripted.translate("The gate is open.\nThe door is shut.")
    scripted.page.keyboard.press("Alt+r")
    scripted.page.locator(".editor-text").fill("O portão está aberto, sim.")
    scripted.page.get_by_role("button", name="Apply here only").click()
    assert scripted.shown().split("\n")[0] == "O portão está aberto, sim."
    text = scripted.translate("The gate is open.\nThe door is shut, and the window too.")
    assert text.split("\n")[0] == "O portão está aberto, sim."
    assert "janela" in text
    scripted.page.keyboard.press("Alt+r")
    scripted.page.keyboard.type(" Não.")
    scripted.page.keyboard.press("Escape")
    assert scripted.shown().split("\n")[0] == "O portão está aberto, sim."


def test_without_a_memory_the_button_says_why(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("fast")
    page.translate("The house is blue.")
    page.page.keyboard.press("Alt+r")
    assert page.page.get_by_role("button", name="Save to memory").is_disabled()
    why = page.page.locator("#editor-why")
    assert why.inner_text() == "The profile “fast” has no memory, so a correction stays on this page."
    page.page.locator(".editor-text").fill("A casa é muito azul.")
    page.page.keyboard.press("Control+Enter")
    assert page.shown() == "A casa é muito azul."


def test_the_gate_of_the_real_generalist_is_put_into_sentences(visit: Open, open_house: House) -> None:
    page = visit(open_house.url)
    page.translate("The committee will publish its report on the floods next spring.", 120)
    page.details()
    told = page.facet("why").locator("li").all_inner_texts()
    assert told
    assert all(text[0].isupper() and text.endswith(".") for text in told)
    assert not [text for text in told if text.lower().startswith("gate,")]
    page.picture("gate")
