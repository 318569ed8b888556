"""The report in a real browser: table, filters, keys, address and colours."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evaluation.report.conftest import Open, Opened
from evaluation.report.report_samples import METRICS, sample
from scalemt.evaluation.report.numbers import fixed
from scalemt.evaluation.results import Evaluation

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.slow


def column(opened: Opened, number: int, selector: str = ".score") -> list[str]:
    cells = opened.page.locator(f"table.summary >> nth=0 >> tbody tr td:nth-of-type({number}) {selector}")
    return [text.strip() for text in cells.all_inner_texts()]


def names(opened: Opened) -> list[str]:
    rows = opened.page.locator("table.summary >> nth=0 >> tbody th")
    return [text.removesuffix("baseline").strip() for text in rows.all_inner_texts()]


def gains(found: Evaluation, system: str, against: str, metric: str) -> list[float]:
    """What the page shows as gain: from scores with two decimals, as they stand in it."""
    pairs = zip(found.cells[system][metric].segments, found.cells[against][metric].segments, strict=True)
    way = -1 if metric == "TER" else 1
    return [way * (round(one, 2) - round(two, 2)) for one, two in pairs]


def test_a_large_report_opens_quietly(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report)
    began = time.perf_counter()
    opened.page.reload()
    opened.page.locator("li.segment").nth(9).wait_for()
    seconds = time.perf_counter() - began
    paint = opened.page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    size = large_report.stat().st_size
    print(f"\n8 systems x 1,012 segments, {size:,} bytes: {seconds:.2f} s, DOM complete after {paint:.0f} ms")  # noqa: T201
    assert opened.page.title() == "Eight systems"
    assert opened.counted() == 1012
    assert opened.shown() == list(range(10))


def test_the_table_holds_the_scores_of_the_evaluation(
    open_report: Open, large_report: Path, large: Evaluation
) -> None:
    opened = open_report(large_report)
    systems = [system.name for system in large.systems]
    assert names(opened) == systems
    for number, metric in enumerate(METRICS[:3], 1):
        cells = [large.cells[name][metric.name] for name in systems]
        assert column(opened, number) == [fixed(cell.score, 1) for cell in cells]
        assert column(opened, number, ".interval") == [
            f"[{fixed(cell.low, 1)}, {fixed(cell.high, 1)}]" for cell in cells
        ]
        assert column(opened, number, ".difference")[1:] == [
            fixed(cell.delta, 1, signed=True) for cell in cells[1:]
        ]
    marks = {"better": "▲", "worse": "▼", "tie": "≈", "baseline": ""}
    assert column(opened, 1, ".mark") == [marks[large.cells[name]["chrF++"].verdict] for name in systems]
    assert opened.page.locator("table.summary strong").all_inner_texts() == column(opened, 1, "strong") + column(
        opened, 2, "strong"
    ) + column(opened, 3, "strong")


def test_columns_sort_by_click_and_by_key(open_report: Open, large_report: Path, large: Evaluation) -> None:
    opened = open_report(large_report)
    given = names(opened)
    by_score = sorted(given, key=lambda name: -large.cells[name]["chrF++"].score)
    heading = opened.page.locator("table.summary >> nth=0 >> thead th").nth(1)
    button = heading.get_by_role("button")
    button.click()
    assert (names(opened), heading.get_attribute("aria-sort")) == (by_score, "descending")
    button.press("Enter")
    assert (names(opened), heading.get_attribute("aria-sort")) == (by_score[::-1], "ascending")
    button.press(" ")
    assert (names(opened), heading.get_attribute("aria-sort")) == (given, "none")
    # Lower is better here: the first click puts the lowest on top.
    opened.page.get_by_role("button", name="TER ↓", exact=True).click()
    assert names(opened) == sorted(given, key=lambda name: large.cells[name]["TER"].score)
    opened.page.locator("table.summary >> nth=0").get_by_role("button", name="System").click()
    assert names(opened) == sorted(given, key=lambda name: (name.split(".")[0], name))
    assert heading.get_attribute("aria-sort") == "none"


def test_p_values_are_told_to_pointer_keyboard_and_screen_reader(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report)
    marks = opened.page.locator("table.summary >> nth=0 >> button.mark")
    tip = opened.page.locator("#tip")
    assert not tip.is_visible()
    marks.first.hover()
    assert "(bootstrap)" in tip.inner_text()
    assert "(randomisation)" in tip.inner_text()
    opened.page.mouse.move(0, 0)
    assert not tip.is_visible()
    marks.first.focus()
    told = tip.inner_text()
    assert marks.first.get_attribute("aria-label") == f"scale, chrF++: {told}"
    opened.page.keyboard.press("ArrowRight")
    assert focused(opened, "aria-label").startswith("scale, BLEU: ")
    opened.page.keyboard.press("ArrowDown")
    assert focused(opened, "aria-label").startswith("nllb-200-3.3B, BLEU: ")
    assert tip.is_visible()
    opened.page.keyboard.press("Escape")
    assert not tip.is_visible()
    opened.page.keyboard.press("Tab")
    assert "mark" not in focused(opened, "class")


def focused(opened: Opened, attribute: str) -> str:
    return str(opened.page.evaluate("name => document.activeElement.getAttribute(name) || ''", attribute))


def test_p_values_and_intervals_can_be_shown_and_hidden(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report)
    first = {name: opened.page.locator(f"table.summary .{name}").first for name in ("interval", "p")}
    assert (first["interval"].is_visible(), first["p"].is_visible()) == (True, False)
    opened.page.get_by_label("95 % intervals").uncheck()
    opened.page.get_by_label("p-values").check()
    assert (first["interval"].is_visible(), first["p"].is_visible()) == (False, True)


def test_filters_choose_what_they_say(open_report: Open, large_report: Path, large: Evaluation) -> None:
    opened = open_report(large_report)
    texts = [large.test_set.sources, *large.test_set.references, *(system.texts for system in large.systems)]
    words = [len(text.split()) for text in large.test_set.sources]
    outputs = large.systems[1].outputs
    page = opened.page
    page.locator("#query").fill("BROKEN clock before")
    expected = sum(any("broken clock before" in column[row].lower() for column in texts) for row in range(1012))
    assert 0 < expected < 1012
    opened.wait(f"{expected} of")
    page.get_by_role("button", name="Reset filters").click()
    opened.wait("1,012 of")
    page.get_by_label("Words, at least").fill("12")
    page.get_by_label("Words, at most").fill("15")
    opened.wait(f"{sum(12 <= count <= 15 for count in words)} of")
    page.get_by_label("Words, at least").fill("")
    page.get_by_label("Words, at most").fill("")
    page.locator("#domain").select_option("health")
    page.locator("#decision").select_option("draft")
    chosen = [
        row for row in range(1012) if large.test_set.domains[row] == "health" and outputs[row].decision == "draft"
    ]
    opened.wait(f"{len(chosen)} of")
    assert opened.shown() == chosen[:10]
    page.get_by_label("Confidence, at most").fill("0.6")
    sure = [output.draft.confidence if output.draft else None for output in outputs]
    low = [row for row in chosen if (value := sure[row]) is not None and value < 0.5999]
    opened.wait(f"{len(low)} of")
    page.locator("#query").fill("no text holds this")
    page.get_by_text("No segment passes all filters").wait_for()


def test_largest_gains_and_losses_come_first(open_report: Open, large_report: Path, large: Evaluation) -> None:
    opened = open_report(large_report)
    found = gains(large, "scale", "gpt-4", "chrF++")
    opened.page.locator("#order").select_option("gain")
    assert [found[row] for row in opened.shown()] == pytest.approx(sorted(found, reverse=True)[:10])
    opened.page.locator("#order").select_option("loss")
    assert [found[row] for row in opened.shown()] == pytest.approx(sorted(found)[:10])
    opened.page.locator("#metric").select_option("TER")
    opened.page.locator("#system").select_option("m2m100")
    opened.page.locator("#against").select_option("nllb-200-3.3B")
    found = gains(large, "m2m100", "nllb-200-3.3B", "TER")
    assert [found[row] for row in opened.shown()] == pytest.approx(sorted(found)[:10])
    system, gain, metric = opened.page.locator(".gain").first.inner_text().split()
    assert (system, metric) == ("m2m100", "TER")
    assert float(gain.replace("−", "-")) == pytest.approx(min(found), abs=0.06)


def test_disagreement_puts_the_widest_spread_first(
    open_report: Open, large_report: Path, large: Evaluation
) -> None:
    opened = open_report(large_report)
    opened.page.locator("#order").select_option("disagreement")

    def spread(row: int) -> float:
        scores = [round(cells["chrF++"].segments[row], 2) for cells in large.cells.values()]
        mean = sum(scores) / len(scores)
        return sum((score - mean) ** 2 for score in scores)

    ordered = sorted(map(spread, range(1012)), reverse=True)
    assert [spread(row) for row in opened.shown()] == pytest.approx(ordered[:10])


def test_keys_walk_through_segments_and_pages(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report)
    page = opened.page
    current = page.locator("li.segment[aria-current]")
    for _ in range(3):
        page.keyboard.press("j")
    assert current.get_attribute("data-segment") == "2"
    assert focused(opened, "data-segment") == "2"
    page.keyboard.press("k")
    assert current.get_attribute("data-segment") == "1"
    for _ in range(9):
        page.keyboard.press("j")
    assert (current.get_attribute("data-segment"), opened.shown()[0]) == ("10", 10)
    page.keyboard.press("n")
    assert opened.shown() == list(range(20, 30))
    page.keyboard.press("p")
    assert opened.shown() == list(range(10, 20))
    page.keyboard.press("/")
    assert focused(opened, "id") == "query"
    page.keyboard.type("jk?/")
    assert page.locator("#query").input_value() == "jk?/"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_the_pager_keeps_the_focus(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report)
    after = opened.page.get_by_role("group", name="Pages", exact=True).get_by_role("button", name="Next page")
    after.focus()
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.press("Enter")
    assert opened.shown() == list(range(20, 30))
    assert focused(opened, "aria-label") == "Next page"
    opened.page.get_by_label("Page, of 102").first.fill("102")
    opened.page.keyboard.press("Enter")
    assert opened.shown() == [1010, 1011]


def test_the_address_holds_the_view(open_report: Open, large_report: Path, large: Evaluation) -> None:
    opened = open_report(large_report)
    opened.page.locator("#metric").select_option("BLEU")
    opened.page.locator("#order").select_option("loss")
    opened.page.locator("#compare").select_option("reference")
    opened.page.keyboard.press("Escape")
    opened.page.keyboard.press("j")
    opened.page.keyboard.press("j")
    address = opened.page.url
    identifier = large.test_set.ids[opened.shown()[1]]
    assert f"segment={identifier}" in address
    again = open_report(large_report, "#" + address.split("#")[1])
    assert again.shown() == opened.shown()
    assert again.page.locator("#metric").input_value() == "BLEU"
    assert again.page.locator("#compare").input_value() == "r0"
    assert again.page.locator("li.segment[aria-current]").get_attribute("aria-label") == f"Segment {identifier}"


def test_a_link_to_a_segment_turns_to_its_page(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report, "#segment=dev-500&metric=TER")
    current = opened.page.locator("li.segment[aria-current]")
    assert current.get_attribute("data-segment") == "499"
    assert opened.page.evaluate(
        "() => { const box = document.querySelector('[aria-current]').getBoundingClientRect();"
        " return box.top >= 0 && box.top < innerHeight; }"
    )
    opened.page.evaluate("location.hash = '#segment=dev-11'")
    opened.page.locator("li.segment[aria-current][data-segment='10']").wait_for()
    assert opened.page.locator("#metric").input_value() == "chrF++"


@pytest.mark.parametrize(
    "hash_",
    ["#segment=nowhere", "#set=99&metric=none&system=x&against=y&order=z&page=-7", "#%E0%A4%A",
     "#page=1e99&size=7", "#from=abc&cfrom=x", "#main", "#domain=nowhere&decision=none&flag=9"],
)  # fmt: skip
def test_an_odd_address_shows_the_report_all_the_same(open_report: Open, large_report: Path, hash_: str) -> None:
    opened = open_report(large_report, hash_)
    assert opened.counted() == 1012
    assert len(opened.shown()) in (2, 10)


def colours(opened: Opened) -> tuple[str, str]:
    found = opened.page.evaluate(
        "() => { const look = getComputedStyle(document.body); return [look.backgroundColor, look.color]; }"
    )
    return (found[0], found[1])


def test_colours_follow_the_system_and_the_reader(open_report: Open, large_report: Path) -> None:
    light, dark = (open_report(large_report, color_scheme=scheme) for scheme in ("light", "dark"))
    assert colours(light)[0] == "rgb(255, 255, 255)"
    assert colours(dark)[0] == "rgb(20, 23, 27)"
    button = light.page.get_by_role("button", name="Colours")
    button.click()
    assert colours(light)[0] == "rgb(255, 255, 255)"
    button.click()
    assert colours(light) == colours(dark)
    light.page.reload()
    assert colours(light) == colours(dark)
    light.page.keyboard.press("t")
    light.page.reload()
    assert colours(light)[0] == "rgb(255, 255, 255)"


def test_test_sets_are_chosen_and_compared(open_report: Open) -> None:
    systems = ["gpt-4", "scale", "m2m100"]
    sets = [sample(40, systems, name="first", seed=1), sample(30, systems[:2], name="second", seed=2)]
    opened = open_report(sets)
    page = opened.page
    matrix = page.locator("table.matrix:visible")
    assert matrix.locator("thead th").all_inner_texts() == [
        "System", "first", "second", "Average, all\u00a02", "Average, common\u00a01",
    ]  # fmt: skip
    scores = [found.cells["scale"]["chrF++"].score for found in sets]
    row = matrix.locator("tbody tr").nth(1).locator(".score").all_inner_texts()
    assert row == [f"{value:.1f}" for value in (*scores, sum(scores) / 2, scores[0])]
    assert matrix.locator("tbody tr").nth(2).locator(".score").all_inner_texts()[1:3] == ["–", "–"]
    assert opened.counted() == 40
    page.locator("#set").select_option(label="second")
    assert opened.counted() == 30
    assert visible_rows(page.locator("table.summary:visible").first) == 2
    page.locator("#metric").select_option("BLEU")
    assert page.locator("div.matrix:visible h3").inner_text() == "BLEU ↑"
    again = open_report(opened.path, "#" + page.url.split("#")[1])
    assert again.counted() == 30


def visible_rows(table: Locator) -> int:
    return table.locator("tbody tr").count()


def test_the_table_is_readable_without_scripts(open_report: Open, large_report: Path) -> None:
    opened = open_report(large_report, java_script_enabled=False)
    assert opened.page.locator("table.summary").first.is_visible()
    assert not opened.page.locator("#filters").is_visible()
    assert not opened.page.get_by_role("button", name="Copy as Markdown").first.is_visible()


def test_a_metric_that_ranks_systems_is_chosen_first(open_report: Open) -> None:
    opened = open_report([sample(5, metrics=METRICS[::-1])])
    assert METRICS[-1].higher_is_better is None
    assert opened.page.locator("#metric").input_value() == "TER"
    opened.page.select_option("#metric", "length")
    assert opened.page.locator("#metric").input_value() == "length"
    opened.page.reload()
    assert opened.page.locator("#metric").input_value() == "length"
