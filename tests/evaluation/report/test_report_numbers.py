"""Numbers as the report prints them, and its tables as rows."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from evaluation.report.report_samples import METRICS, sample
from scalemt.evaluation.report.numbers import decimals, fixed, p_value, short
from scalemt.evaluation.report.plots import told
from scalemt.evaluation.report.tables import matrix, summary
from scalemt.evaluation.results import Cell, Evaluation, MetricInfo
from scalemt.evaluation.systems import Output, System, TestSet


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (58.649, False, "58.6"),
        (-3.25, False, "−3.2"),
        (3.26, True, "+3.3"),
        (-0.04, True, "±0.0"),
        (-0.04, False, "0.0"),
        (12345.6, False, "12,345.6"),
        (math.nan, True, "–"),
        (-math.inf, False, "–"),
        (-2.5e12, True, "−2.50e+12"),
    ],
)
def test_fixed(value: float, signed: bool, text: str) -> None:
    assert fixed(value, 1, signed=signed) == text


def test_a_scale_of_one_gets_three_decimals() -> None:
    assert decimals([0.812, math.nan, -0.3]) == 3
    assert decimals([0.812, 58.6]) == 1
    assert decimals([math.nan]) == 1
    assert decimals([0.0, 0.0]) == 1


def test_p_values() -> None:
    assert [p_value(value) for value in (0.0002, 0.0493, 1.0)] == ["< 0.001", "= 0.049", "= 1.000"]


def test_axis_numbers_are_short() -> None:
    assert [short(value) for value in (0.3, -20.0, 15000, 2e6, 3e9)] == ["0.3", "−20", "15k", "2M", "3G"]


def test_a_cell_is_told_in_full() -> None:
    cell = Cell(58.64, 58.6, 57.9, 59.3, -0.21, {"bootstrap": 0.41, "randomisation": 0.0004}, verdict="tie")
    assert told(cell, "nllb") == (
        "58.6, 95 % interval 57.9 to 59.3; −0.21 against nllb, no significant difference: "
        "p = 0.410 (bootstrap), p < 0.001 (randomisation)"
    )
    assert told(Cell(math.nan), "nllb") == "undefined"
    assert told(replace(cell, verdict="worse"), "nllb").count("significantly worse") == 1


def evaluation(scores: dict[str, dict[str, float]], name: str, metrics: tuple[MetricInfo, ...]) -> Evaluation:
    systems = tuple(System(system, (Output("a"),)) for system in scores)
    cells = {system: {metric: Cell(score) for metric, score in row.items()} for system, row in scores.items()}
    return Evaluation(TestSet(name, ("a",)), systems, metrics, cells)


def test_the_best_is_marked_on_the_side_that_is_better() -> None:
    up, down, neither = (
        MetricInfo(name, name, way) for name, way in (("up", True), ("down", False), ("length", None))
    )
    found = evaluation(
        {"one": {"up": 2, "down": 2, "length": 2}, "two": {"up": 3, "down": 3, "length": 3}},
        "x",
        (up, down, neither),
    )
    (table,) = summary(found)
    assert [[cell.best for cell in row.cells] for row in table.rows] == [
        [False, True, False],
        [True, False, False],
    ]


def test_a_single_system_is_not_its_own_best() -> None:
    (table,) = summary(evaluation({"one": {"up": 2}}, "x", (MetricInfo("up", "up"),)))
    assert not table.rows[0].cells[0].best


def test_nothing_is_best_where_all_are_equal() -> None:
    (table,) = summary(evaluation({"one": {"up": 0}, "two": {"up": 0}}, "x", (MetricInfo("up", "up"),)))
    assert [row.cells[0].best for row in table.rows] == [False, False]


def test_metrics_stand_in_the_tables_of_their_groups() -> None:
    found = summary(sample(4))
    assert [table.title for table in found] == ["Quality", "Behaviour"]
    assert [[column.key for column in table.columns] for table in found] == [["chrF++", "BLEU", "TER"], ["length"]]


def test_a_system_without_cells_has_dashes() -> None:
    found = sample(4)
    found = replace(found, cells={name: row for name, row in found.cells.items() if name != "m2m100"})
    rows = {row.name: row.cells for row in summary(found)[0].rows}
    assert {cell.score for cell in rows["m2m100"]} == {"–"}


def test_the_matrix_averages_where_all_are_present() -> None:
    metric = METRICS[0]
    sets = [
        evaluation({"a": {"chrF++": 10.0}, "b": {"chrF++": 20.0}}, "one", (metric,)),
        evaluation({"a": {"chrF++": 30.0}, "b": {"chrF++": 50.0}}, "two", (metric,)),
        evaluation({"a": {"chrF++": 80.0}, "b": {"chrF++": math.nan}}, "three", (metric,)),
        evaluation({"a": {"chrF++": 90.0}}, "four", (metric,)),
    ]
    table = matrix(sets, metric)
    assert [column.label for column in table.columns] == [
        "one", "two", "three", "four", "Average, all\u00a04", "Average, common\u00a02",
    ]  # fmt: skip
    assert [[cell.score for cell in row.cells] for row in table.rows] == [
        ["10.0", "30.0", "80.0", "90.0", "52.5", "20.0"],
        ["20.0", "50.0", "–", "–", "–", "35.0"],
    ]
    assert "2 of 4 test sets" in table.note


def test_the_matrix_says_when_nothing_is_common() -> None:
    metric = METRICS[0]
    sets = [evaluation({name: {"chrF++": 1.0}}, name, (metric,)) for name in ("a", "b")]
    assert "No test set" in matrix(sets, metric).note
