"""How the page looks: light, dark, on a phone, from right to left; and what axe-core says of it."""

from __future__ import annotations

import pytest

from serve.page.houses import House
from serve.page.partners import Chat
from serve.page.visiting import PHONE, Open, Visit

pytestmark = pytest.mark.slow

LETTER = "\n".join(
    (
        "Dear neighbours,",
        "",
        "The water will be turned off on Tuesday from 9 to 11.30 because a pipe leaks.",
        "Please fill a bucket beforehand, and do not use the washing machine.",
        "If you have questions, ring <b>Mr Ferreira</b> on the third floor.",
    )
)
ANSWER = "Encha um balde com antecedência, por favor, e não use a máquina de lavar roupa."


def written(page: Visit, chat: Chat) -> Visit:
    """The letter, translated, the details of its refined line open."""
    chat.answers[LETTER.split("\n")[3]] = ANSWER
    page.choose("scripted").translate(LETTER)
    page.details()
    page.page.get_by_role("button", name="Details of line 3").click()
    page.facet("matches").locator(".match").wait_for()
    return page


def background(page: Visit) -> str:
    return str(page.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desk", "phone"])
def test_everything_is_in_its_place(visit: Open, open_house: House, chat: Chat, scheme: str, device: str) -> None:
    options = PHONE if device == "phone" else {}
    page = visit(open_house.url, color_scheme=scheme, **options)
    page.picture(f"empty-{device}-{scheme}")
    page.require_accessible("empty")
    page.require_narrow()
    written(page, chat)
    assert page.page.locator(".line ins").count() > 0
    page.picture(f"letter-{device}-{scheme}")
    page.require_accessible("letter")
    page.require_narrow()
    page.page.locator("#target-picker > button").click()
    page.picture(f"picker-{device}-{scheme}", full=False)
    page.require_accessible("picker")
    page.page.keyboard.press("Escape")
    page.page.locator("#tab-documents").click()
    page.require_accessible("documents")
    page.require_narrow()


def test_colours_follow_the_system_until_somebody_chooses(visit: Open, open_house: House) -> None:
    page = visit(open_house.url, color_scheme="dark")
    dark = background(page)
    page.page.emulate_media(color_scheme="light")
    light = background(page)
    assert light != dark
    page.page.get_by_role("button", name="Dark colours").click()
    assert background(page) == dark
    page.page.reload()
    page.loaded()
    assert background(page) == dark
    page.page.locator("#open-settings").click()
    page.page.get_by_label("As the system").check()
    assert background(page) == light


def test_right_to_left_languages_are_written_from_the_right(visit: Open, open_house: House) -> None:
    page = visit(open_house.url).choose("arabic")
    page.pick("source", "english")
    page.pick("target", "arab")
    text = page.translate("Good morning\nThe library opens at 9.30.\nPlease bring your card (Visa).")
    assert text.split("\n")[0] == "صباح الخير"
    line = page.page.locator(".line-text").first
    assert (line.get_attribute("dir"), line.get_attribute("lang")) == ("rtl", "ar")
    assert line.evaluate("node => getComputedStyle(node).direction") == "rtl"
    pane, box = page.page.locator("#output").bounding_box(), line.bounding_box()
    assert pane is not None
    assert box is not None
    assert box["x"] > pane["x"] + pane["width"] / 2  # a short line stands at the right
    page.details()
    assert page.facet("alternatives").locator(".alternative-text").get_attribute("dir") == "rtl"
    page.picture("rtl-target")
    page.require_accessible("right to left")
    page.page.locator("#swap").click()
    assert page.done().split("\n")[0] == "Good morning"
    area = page.page.locator("#source-text")
    assert (area.get_attribute("dir"), area.get_attribute("lang")) == ("rtl", "ar")
    assert page.page.locator(".line-text").first.get_attribute("dir") == "ltr"
    page.picture("rtl-source")


def test_a_phone_shows_arabic_too(visit: Open, open_house: House) -> None:
    page = visit(open_house.url, **PHONE).choose("arabic")
    page.pick("source", "english")
    page.pick("target", "arab")
    page.translate("Please bring your card (Visa).")
    page.details()
    page.require_narrow()
    page.picture("rtl-phone")


def test_large_type_and_forced_colours_break_nothing(visit: Open, open_house: House, chat: Chat) -> None:
    page = visit(open_house.url, viewport={"width": 640, "height": 800}, forced_colors="active")
    page.page.evaluate("document.documentElement.style.fontSize = '200%'")
    written(page, chat)
    page.require_narrow()
    page.picture("large-forced")
