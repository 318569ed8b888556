"""The figures made without scripts: well-formed SVG whose marks stand where the numbers say."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from evaluation.report.report_samples import METRICS, sample
from scalemt.evaluation.report import Point, dot_plot, frontier, reliability_diagram, scatter
from scalemt.evaluation.report.svg import Canvas, Scale, around, shorten, ticks
from scalemt.evaluation.results import Cell

SVG = "{http://www.w3.org/2000/svg}"


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(root: ElementTree.Element) -> list[str]:
    return [item.text or "" for item in root.iter(f"{SVG}text")]


def dots(root: ElementTree.Element) -> dict[str, tuple[float, float]]:
    return {
        (dot.findtext(f"{SVG}title") or "").split(":")[0]: (
            float(dot.get("cx", "nan")),
            float(dot.get("cy", "nan")),
        )
        for dot in root.iter(f"{SVG}circle")
    }


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(56.2, 64.1) == [58, 60, 62, 64]
    assert ticks(3, 3) == [3]
    assert ticks(-1e-7, 1e-7, 4) == [-1e-7, -5e-8, 0, 5e-8, 1e-7]


def test_logarithmic_scales_mark_decades() -> None:
    scale = Scale(0.01, 10, 0, 300, log=True)
    assert scale(0.1) == pytest.approx(100)
    assert {0.01, 0.1, 1.0, 10.0} <= set(scale.ticks())


def test_bounds_hold_all_values_and_pass_over_undefined_ones() -> None:
    low, high = around([3, math.nan, 5, math.inf])
    assert low < 3
    assert 5 < high < 6
    assert around([]) == (0, 1)
    assert around([7.0, 7.0])[0] < 7 < around([7.0, 7.0])[1]
    assert all(math.isfinite(value) for value in around([-1.7e308, 1.7e308, 1.0]))


def test_long_names_keep_both_ends() -> None:
    assert shorten("nllb-200-distilled-600M", 12) == "nllb-2…-600M"
    assert shorten("short", 12) == "short"


def test_control_characters_and_markup_are_harmless_in_xml() -> None:
    canvas = Canvas(10, 10, "<b>&\x00\ud800", "]]>")
    canvas.text(1, 1, '</text><script>alert("1")</script>\x0b')
    root = parse(canvas.svg())
    assert root.findtext(f"{SVG}title") == "<b>&\ufffd\ufffd"
    assert texts(root) == ['</text><script>alert("1")</script>\ufffd']
    assert list(root.iter(f"{SVG}script")) == []


def test_dot_plot_orders_systems_and_draws_scores_to_scale() -> None:
    found = sample(60)
    root = parse(dot_plot(found, METRICS[0]))
    scores = {name: row["chrF++"].score for name, row in found.cells.items()}
    placed = dots(root)
    assert sorted(placed, key=lambda name: placed[name][1]) == sorted(scores, key=lambda name: -scores[name])
    (left, right) = ("xglm-7.5B", "scale")
    share = (placed["gpt-4"][0] - placed[left][0]) / (placed[right][0] - placed[left][0])
    assert share == pytest.approx((scores["gpt-4"] - scores[left]) / (scores[right] - scores[left]), abs=0.01)
    assert root.get("role") == "img"
    assert "95 % interval" in (root.findtext(f"{SVG}desc") or "")


def test_dot_plot_puts_the_lowest_first_where_lower_is_better() -> None:
    found = sample(60)
    placed = dots(parse(dot_plot(found, METRICS[2])))
    scores = {name: row["TER"].score for name, row in found.cells.items()}
    assert sorted(placed, key=lambda name: placed[name][1]) == sorted(scores, key=lambda name: scores[name])


def test_dot_plot_with_undefined_cells_and_without_baseline() -> None:
    found = sample(10, ["a", "b"], baseline="none of them")
    row = {**found.cells["a"], "chrF++": Cell(math.nan)}
    root = parse(dot_plot(replace(found, cells={"a": row, "b": found.cells["b"]}), METRICS[0]))
    assert set(dots(root)) == {"b"}
    assert "–" in texts(root)
    every = replace(found, cells={})
    assert dots(parse(dot_plot(every, METRICS[0]))) == {}


def test_dot_plot_of_sixty_systems_grows_and_does_not_overlap() -> None:
    found = sample(5, [f"system {number}" for number in range(60)], baseline="system 0")
    heights = sorted(y for _, y in dots(parse(dot_plot(found, METRICS[0]))).values())
    assert len(heights) == 60
    assert min(two - one for one, two in pairwise(heights)) >= 15


def test_reliability_diagram_draws_each_filled_bin() -> None:
    found = sample(5).reliability["scale"]
    bins = (*found.bins[:3], (0.3, 0.4, 0, math.nan, math.nan), *found.bins[4:])
    root = parse(reliability_diagram("scale", replace(found, bins=bins)))
    assert len(list(root.iter(f"{SVG}circle"))) == 9
    assert "ECE 0.047" in texts(root)
    assert "nan" not in ElementTree.tostring(root, "unicode")


def test_reliability_diagram_without_words() -> None:
    found = replace(
        sample(5).reliability["scale"], bins=((0.0, 1.0, 0, math.nan, math.nan),), ece=math.nan, words=0
    )
    root = parse(reliability_diagram("scale", found))
    assert list(root.iter(f"{SVG}circle")) == []
    assert "ECE –" in texts(root)


def test_frontier_holds_what_no_other_beats() -> None:
    points = [Point("a", 1, 10), Point("b", 2, 9), Point("c", 3, 12), Point("d", 3, 11), Point("e", 4, 12)]
    assert [point.label for point in frontier(points)] == ["a", "c"]
    assert [point.label for point in frontier(points, higher_is_better=False)] == ["a", "b"]


def test_scatter_places_points_and_names_each_once() -> None:
    points = [Point("draft", 0.1, 50, 49, 51), Point("refine", 2.0, 55, strong=True), Point("lost", math.nan, 1)]
    root = parse(scatter(points, title="Quality against cost", x_label="seconds", y_label="chrF++"))
    placed = dots(root)
    assert set(placed) == {"draft", "refine"}
    assert placed["draft"][0] < placed["refine"][0]
    assert placed["draft"][1] > placed["refine"][1]
    assert [texts(root).count(name) for name in ("draft", "refine", "seconds", "chrF++")] == [1, 1, 1, 1]
    assert len(list(root.iter(f"{SVG}polyline"))) == 1


def test_scatter_labels_do_not_cover_each_other() -> None:
    points = [Point(f"system {number}", 1 + number % 3 * 0.02, 50 + number * 0.1) for number in range(6)]
    root = parse(scatter(points, title="t", x_label="x", y_label="y"))
    boxes = [
        (float(item.get("x", "0")), float(item.get("y", "0")))
        for item in root.iter(f"{SVG}text")
        if re.fullmatch(r"system \d", item.text or "")
    ]
    assert len(boxes) >= 4
    for one in boxes:
        assert all(abs(one[0] - two[0]) >= 51 or abs(one[1] - two[1]) >= 12 for two in boxes if two is not one)


@pytest.mark.parametrize("points", [[], [Point("a", 0, 0)], [Point("a", 0, 1e300), Point("b", 1e300, -1e300)]])
def test_scatter_of_odd_points_is_still_a_drawing(points: list[Point]) -> None:
    root = parse(scatter(points, title="t", x_label="x", y_label="y", higher_is_better=None))
    assert "nan" not in ElementTree.tostring(root, "unicode")
    assert "inf" not in ElementTree.tostring(root, "unicode")
