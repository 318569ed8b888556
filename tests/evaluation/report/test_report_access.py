"""Who can use the report, and on what: hostile texts, screen readers, contrast, phones, all scripts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from evaluation.report.conftest import Open, Opened
from evaluation.report.report_samples import METRICS, sample
from evaluation.report.test_report_page import NASTY, spoilt
from scalemt.evaluation.results import Cell, Evaluation
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Draft, Pair, Word

pytestmark = pytest.mark.slow

# WCAG 2.2, 1.4.3: relative luminance of a text and of the first opaque ground behind it.
CONTRAST = """selectors => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return selectors.map(selector => {
    const element = document.querySelector(selector);
    if (!element) return [selector, null];
    const look = getComputedStyle(element);
    const ink = element instanceof SVGElement ? look.fill : look.color;
    const pair = [light(parts(ink)), light(ground(element))].sort((a, b) => b - a);
    return [selector, (pair[0] + 0.05) / (pair[1] + 0.05)];
  });
}"""
READ = [
    "h1", "h2", ".made", ".facts dt", ".facts dd", ".choices label", "#metric", "button.sort", ".score", ".best",
    ".difference", ".interval", "button.mark", "td .v-worse", "td .v-better", ".tag", ".note", ".signatures code",
    ".copy", "figcaption p", "svg text.f-ink", "svg text.f-soft", "svg text.f-better", "svg text.f-worse",
    "#count", ".legend", ".told", ".gain", ".who", ".words", ".words ins", ".words del", ".q0", ".q1", ".q2",
    ".q3", ".below", "#filters label", "legend",
]  # fmt: skip

CONTROLS = """() => {
  const named = element => {
    if (element.getAttribute('aria-label')) return element.getAttribute('aria-label');
    const by = element.getAttribute('aria-labelledby');
    if (by) return document.getElementById(by)?.textContent;
    if (element.labels?.length) return [...element.labels].map(label => label.textContent).join(' ');
    return element.matches('button, a, summary') ? element.textContent : '';
  };
  const controls = 'a, button, input, select, textarea, summary, [tabindex="0"], dialog';
  const found = [...document.querySelectorAll(controls)];
  return found.filter(element => !(named(element) || '').trim()).map(element => element.outerHTML.slice(0, 200));
}"""

STRUCTURE = """() => {
  const faults = [];
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  if (new Set(ids).size !== ids.length) faults.push('an id stands twice');
  for (const element of document.querySelectorAll('[aria-labelledby]')) {
    const id = element.getAttribute('aria-labelledby');
    if (!document.getElementById(id)) faults.push('labelled by nothing');
  }
  for (const drawing of document.querySelectorAll('svg')) {
    const [title, desc] = drawing.children;
    if (drawing.getAttribute('role') !== 'img' || title?.tagName !== 'title' || desc?.tagName !== 'desc'
      || !title.textContent || !desc.textContent) faults.push('a drawing without a name');
  }
  let last = 0;
  for (const heading of document.querySelectorAll('main :is(h1, h2, h3), header h1')) {
    const level = Number(heading.tagName[1]);
    if (level > last + 1) faults.push(`heading ${heading.textContent} skips a level`);
    last = level;
  }
  if (document.querySelector('table th:not([scope])')) faults.push('a heading without scope');
  if (!document.documentElement.lang) faults.push('no language');
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
  return faults;
}"""


def small(texts: list[str], **changed: Any) -> Evaluation:
    """One system `b` with given outputs against a baseline `a` that wrote "a plain text" everywhere."""
    size = len(texts)
    systems = (System("a", (Output("a plain text"),) * size), System("b", tuple(Output(text) for text in texts)))
    metric = METRICS[0]
    scores = {name: Cell(50.0 + place, segments=(50.0 + place,) * size) for place, name in enumerate("ab")}
    given: dict[str, Any] = {
        "test_set": TestSet("small", ("a source",) * size, (("a reference",) * size,), Pair("en", "de")),
        "systems": systems, "metrics": (metric,), "baseline": "a",
        "cells": {name: {metric.name: cell} for name, cell in scores.items()},
    }  # fmt: skip
    return Evaluation(**(given | changed))


def words(opened: Opened, kind: str = ".output.chosen") -> list[str]:
    return opened.page.locator(f".text{kind} .words").all_inner_texts()


def test_hostile_texts_are_shown_and_do_nothing(open_report: Open) -> None:
    opened = open_report([spoilt(sample(3)), spoilt(sample(3))])
    page = opened.page
    for selector in ("#compare", "#order"):
        for value in page.locator(f"{selector} option").evaluate_all("all => all.map(option => option.value)"):
            page.locator(selector).select_option(value)
    page.locator("#query").fill(NASTY[:20])
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.locator("table.matrix:visible button.mark").first.focus()
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("img").count() == 0
    shown = NASTY.replace("\u2028", "").replace("\u2029", "")
    assert page.locator(".source .words").first.text_content() == NASTY
    assert shown in page.locator(".notes li").first.evaluate(
        "item => item.textContent.replace(/[\\u2028\\u2029]/g, '')"
    )
    assert page.locator(".q2").first.text_content() is not None


def test_a_hostile_address_does_nothing(open_report: Open) -> None:
    opened = open_report(
        [sample(3)], "#q=%3Cimg%20src%3Dx%20onerror%3Dhacked%3D1%3E&system=__proto__&order=constructor"
    )
    assert opened.page.locator("#query").input_value() == "<img src=x onerror=hacked=1>"
    assert opened.counted() == 0
    assert opened.page.evaluate("typeof hacked") == "undefined"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(open_report: Open, scheme: str) -> None:
    opened = open_report([sample(120)], "#removed=1", color_scheme=scheme)
    found = dict(opened.page.evaluate(CONTRAST, READ))
    assert {selector for selector, ratio in found.items() if ratio is None} == set()
    assert {selector: round(ratio, 2) for selector, ratio in found.items() if ratio < 4.5} == {}


def test_controls_have_names_and_the_page_has_structure(open_report: Open) -> None:
    opened = open_report([sample(30), sample(30, name="other", seed=3)])
    opened.page.locator("#shown summary").click()
    assert opened.page.evaluate(CONTROLS) == []
    assert opened.page.evaluate(STRUCTURE) == []
    assert opened.page.locator("svg").count() > 8


def test_the_first_tab_stop_leads_to_the_results(open_report: Open) -> None:
    opened = open_report([sample(5)])
    opened.page.keyboard.press("Tab")
    link = opened.page.locator(".skip")
    box = link.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    opened.page.keyboard.press("Enter")
    assert opened.page.evaluate("document.activeElement.id") == "main"


def test_the_focus_can_be_seen(open_report: Open) -> None:
    opened = open_report([sample(5)])
    for _ in range(12):
        opened.page.keyboard.press("Tab")
        outline = opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


@pytest.mark.parametrize("width", [380, 320])
def test_a_phone_scrolls_only_downwards(open_report: Open, width: int) -> None:
    names = ["gpt-4", "a-system-with-a-very-long-name-" * 4, *(f"system {number}" for number in range(58))]
    found = sample(12, names, name="an-unbroken-name-of-a-test-set-" * 5)
    opened = open_report(
        [found, small(["unbroken" * 200])],
        viewport={"width": width, "height": 800},
        is_mobile=True,
        has_touch=True,
    )
    opened.page.locator("#shown summary").click()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.locator("#set").select_option("1")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_sixty_systems_are_all_there(open_report: Open) -> None:
    opened = open_report([sample(20, [f"system {number}" for number in range(60)], baseline="system 4")])
    assert opened.page.locator("table.summary >> nth=0 >> tbody tr").count() == 60
    assert opened.page.locator("li.segment >> nth=0 >> .output").count() == 4
    opened.page.locator("#shown summary").click()
    opened.page.get_by_role("checkbox", name="system 59").check()
    assert opened.page.locator("li.segment >> nth=0 >> .output").count() == 5


def test_texts_carry_language_and_direction(open_report: Open) -> None:
    arabic = "وصل القطار متأخرا"
    test_set = TestSet("arabic", ("the train was late",), ((arabic,),), Pair("en", "ar"))
    opened = open_report([small([arabic], test_set=test_set)])
    target = opened.page.locator(".output.chosen .words")
    assert (target.get_attribute("lang"), target.get_attribute("dir")) == ("ar", "auto")
    assert target.evaluate("element => getComputedStyle(element).direction") == "rtl"
    source = opened.page.locator(".source .words")
    assert source.get_attribute("lang") == "en"
    assert source.evaluate("element => getComputedStyle(element).direction") == "ltr"


def marks(opened: Opened, name: str) -> list[str]:
    return opened.page.locator(f".output.chosen {name}").all_inner_texts()


def test_added_and_removed_words_are_marked(open_report: Open) -> None:
    opened = open_report([small(["a very plain sentence, a text"])])
    assert marks(opened, "ins") == ["very", "sentence, a"]
    assert marks(opened, "del") == []
    opened.page.get_by_label("show removed words").check()
    opened.page.locator("#compare").select_option("r0")
    assert marks(opened, "del") == ["reference"]
    opened.page.locator("#compare").select_option("none")
    assert marks(opened, "ins") == []


def test_scripts_without_spaces_are_compared_by_words(open_report: Open) -> None:
    found = small(
        ["我们昨天在北京买了一张地图。"],
        test_set=TestSet("zh", (), (("我们昨天在上海买了一张地图。",),), Pair("en", "zh")),
    )
    opened = open_report([found], "#compare=r0")
    assert marks(opened, "ins") == ["北京"]
    told = opened.page.locator(".told").inner_text()
    assert 5 <= int(told.split()[0]) <= 11  # words, not characters, and not the one run between spaces


def test_outputs_are_shown_as_they_are(open_report: Open) -> None:
    texts = [" leading", "trailing  ", "two  spaces", "tab\tinside", "a plain text", "a a a text text",
             "emoji \U0001f469\u200d\U0001f467 e\u0301", "plain a", "ends. With? signs!",
             "\u202ereversed\u202c"]  # fmt: skip
    opened = open_report([small(texts)])
    found = opened.page.locator(".output.chosen .words").evaluate_all("all => all.map(item => item.textContent)")
    assert found == texts


def test_empty_truncated_and_failed_outputs_are_told_and_found(open_report: Open) -> None:
    outputs = (Output(""), Output("cut off", truncated=True), Output("", failed=True), Output("fine"))
    plain = System("a", (Output("a plain text"),) * 4)
    opened = open_report([small([""] * 4, systems=(plain, System("b", outputs)))])
    assert words(opened)[0] == "empty"
    assert opened.page.locator(".fault").all_inner_texts() == ["truncated", "failed"]
    labels = opened.page.locator("#flag option").all_inner_texts()
    assert labels == ["any", "truncated (1)", "failed (1)", "empty (2)"]
    opened.page.locator("#flag").select_option(label="empty (2)")
    assert opened.shown() == [0, 2]


def test_draft_words_are_coloured_by_confidence(open_report: Open) -> None:
    known = [Word("sure", 0.97), Word("unsure", 0.12), Word("unknown", None), Word("middling", 0.5)]
    draft = Draft("sure unsure unknown middling", tuple(known), engine="nllb")
    plain = System("a", (Output("a plain text"),))
    opened = open_report([small([""], systems=(plain, System("b", (Output("sure", draft),))))])
    coloured = opened.page.locator(".draft .words span")
    assert coloured.evaluate_all("all => all.map(span => [span.className, span.textContent, span.title])") == [
        ["q4", "sure", "confidence 0.97"], ["q0", "unsure", "confidence 0.12"],
        ["q2", "middling", "confidence 0.50"],
    ]  # fmt: skip
    assert "draft confidence 0.53" in opened.page.locator(".output.chosen .below").inner_text()
    opened.page.locator("#compare").select_option("draft")
    assert marks(opened, "ins") == []


def test_one_system_and_nothing_else(open_report: Open) -> None:
    test_set = TestSet("bare", ids=("x", "y"))
    system = System("only", (Output("one"), Output("two words")))
    opened = open_report([Evaluation(test_set, (system,), (METRICS[0],), {"only": {"chrF++": Cell(math.nan)}})])
    assert opened.page.locator("table.summary tbody td").all_inner_texts() == ["–"]
    assert words(opened, ".output") == ["one", "two words"]
    assert opened.page.locator(".source, .reference, .draft").count() == 0
    assert opened.page.locator("#live-figures figure").count() == 0


def test_no_metric_and_no_system(open_report: Open) -> None:
    opened = open_report([Evaluation(TestSet("sources", ("a", "b")), (), (), {})])
    assert opened.counted() == 2
    opened.page.keyboard.press("j")
    assert opened.page.locator("li.segment[aria-current]").count() == 1


def test_undefined_segment_scores_are_passed_over(open_report: Open) -> None:
    found = sample(20, ["gpt-4", "scale"])
    cell = found.cells["scale"]["chrF++"]
    holes = replace(cell, segments=(math.nan, *cell.segments[1:]))
    row = {**found.cells["scale"], "chrF++": holes}
    opened = open_report([replace(found, cells={**found.cells, "scale": row})], "#order=loss&size=25")
    assert opened.shown()[-1] == 0
    assert opened.page.locator("li.segment >> nth=-1 >> .gain").count() == 0
    assert opened.page.locator("#live-figures svg path[d*=NaN]").count() == 0


def test_scores_on_a_scale_of_one_show_three_decimals(open_report: Open) -> None:
    cells = {name: {"chrF++": Cell(score, segments=(score,))} for name, score in (("a", 0.8124), ("b", 0.8561))}
    opened = open_report([small(["a text"], cells=cells)])
    assert opened.page.locator("table.summary .score").all_inner_texts() == ["0.812", "0.856"]
    assert opened.page.locator(".output .number").all_inner_texts() == ["0.812", "0.856", "+0.044"]


def test_very_long_texts_are_shown_in_a_box_that_scrolls(open_report: Open) -> None:
    long = " ".join(f"word{number % 700}" for number in range(20_000))
    opened = open_report([small([long, "short"])])
    box = opened.page.locator(".output.chosen .words").first.bounding_box()
    assert box is not None
    assert box["height"] < 500
    assert opened.page.locator(".output.chosen .words").first.text_content() == long


def test_figures_are_saved_as_svg(open_report: Open) -> None:
    opened = open_report([sample(50)], color_scheme="dark")
    buttons = opened.page.get_by_role("button", name="Download the figure")
    titles = set()
    for number in range(buttons.count()):
        if not buttons.nth(number).is_visible():
            continue
        with opened.page.expect_download() as waiting:
            buttons.nth(number).click()
        path = waiting.value.path()
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert waiting.value.suggested_filename.endswith(".svg")
        titles.add(root.findtext("{http://www.w3.org/2000/svg}title"))
        # Light colours, whatever the page shows: the file is for a paper.
        assert any(item.get("fill") == "#1b1f24" for item in root.iter())
    assert len(titles) >= 9
    assert "chrF++ by domain on made-up devtest" in titles


def test_tables_and_signatures_are_copied(open_report: Open) -> None:
    found = sample(40, ["gpt-4", "a | b"])
    opened = open_report([found], permissions=["clipboard-read", "clipboard-write"])
    opened.page.locator("table.summary").first.get_by_role("button", name="chrF++ ↑").click()
    opened.page.get_by_role("button", name="Copy the table Quality as Markdown").click()
    opened.page.get_by_text("Copied", exact=True).wait_for()
    lines = opened.page.evaluate("navigator.clipboard.readText()").split("\n")
    assert lines[:2] == ["| System | chrF++ ↑ | BLEU ↑ | TER ↓ |", "| :--- | ---: | ---: | ---: |"]
    score = found.cells["gpt-4"]["chrF++"].score
    assert any(line.startswith("| gpt-4 | ") and f"{score:.1f}" in line for line in lines)
    assert any(line.startswith("| a \\| b | ") for line in lines)
    opened.page.get_by_role("button", name="Copy the signature of BLEU").click()
    opened.page.wait_for_function("navigator.clipboard.readText().then(text => text.startsWith('BLEU|'))")
    assert opened.page.evaluate("navigator.clipboard.readText()") == METRICS[1].signature


def test_a_click_on_the_curve_of_gains_opens_the_segment(open_report: Open) -> None:
    found = sample(300)
    opened = open_report([found])
    drawing = opened.page.locator("svg.clickable")
    box = drawing.bounding_box()
    assert box is not None
    drawing.click(position={"x": box["width"] * 53 / 440, "y": box["height"] / 2})
    current = opened.page.locator("li.segment[aria-current]")
    gains = [
        one - two
        for one, two in zip(
            found.cells["scale"]["chrF++"].segments, found.cells["gpt-4"]["chrF++"].segments, strict=True
        )
    ]
    place = int(current.get_attribute("data-segment") or "-1")
    assert gains[place] in sorted(gains, reverse=True)[:4]


def test_the_gain_figure_tells_the_shares(open_report: Open) -> None:
    found = sample(300)
    opened = open_report([found], "#metric=TER&system=m2m100")
    pairs = zip(found.cells["m2m100"]["TER"].segments, found.cells["gpt-4"]["TER"].segments, strict=True)
    better = sum(round(one, 2) < round(two, 2) for one, two in pairs)
    caption = opened.page.locator("figure", has=opened.page.locator("svg.clickable")).locator("figcaption p")
    assert caption.inner_text().startswith(f"{100 * better / 300:.0f} % of the segments better")


def test_paper_is_light_and_without_controls(open_report: Open) -> None:
    opened = open_report([sample(20)], color_scheme="dark")
    opened.page.emulate_media(media="print")
    assert not opened.page.locator("#filters").is_visible()
    assert not opened.page.locator(".bar").is_visible()
    assert opened.page.locator("table.summary").first.is_visible()
    ink = opened.page.evaluate("getComputedStyle(document.querySelector('h2')).color")
    assert ink == "rgb(27, 31, 36)"
