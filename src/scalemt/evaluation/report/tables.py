"""The tables of the report as rows of ready texts: systems by metrics, and systems by test sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

from scalemt.evaluation.report.numbers import decimals, fixed, p_value
from scalemt.evaluation.report.plots import told
from scalemt.evaluation.results import MARKS, NOTHING, Cell, Evaluation, Group, MetricInfo

_UNDEFINED = Cell(math.nan)


@dataclass(frozen=True)
class TableCell:
    """What one cell shows; `told` is the whole of it as a sentence, for the tip and for screen readers.

    `sort` is the number to order by, empty where there is none.
    """

    score: str
    sort: str = ""
    interval: str = ""
    delta: str = ""
    p: str = ""
    mark: str = ""
    verdict: str = "undefined"
    told: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A system and its cells."""

    name: str
    path: str
    baseline: bool
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class Column:
    """A heading; `better` is "higher", "lower" or empty, `key` the metric it belongs to."""

    label: str
    key: str
    better: str = ""
    signature: str = ""


@dataclass(frozen=True)
class Table:
    """Columns and rows; `title` is written above, `note` below."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: str = ""
    note: str = ""

    @property
    def compared(self) -> bool:
        """Whether any cell was tested against a baseline."""
        return any(cell.mark for row in self.rows for cell in row.cells)


def _better(metric: MetricInfo) -> str:
    return {True: "higher", False: "lower", None: ""}[metric.higher_is_better]


def _column_cells(cells: Sequence[Cell], higher_is_better: bool | None, baseline: str) -> list[TableCell]:
    """Return the cells of one column; the best are marked, unless all are equal."""
    places = decimals([cell.score for cell in cells])
    finite = [cell.score for cell in cells if math.isfinite(cell.score)]
    best = None
    if higher_is_better is not None and len(set(finite)) > 1:
        best = max(finite) if higher_is_better else min(finite)
    return [_cell(cell, places, best, baseline) for cell in cells]


def _cell(cell: Cell, places: int, best: float | None, baseline: str) -> TableCell:
    if not math.isfinite(cell.score):
        return TableCell(NOTHING, told="undefined")
    bounded = math.isfinite(cell.low) and math.isfinite(cell.high)
    compared = bool(baseline) and cell.verdict not in ("baseline", "undefined")
    return TableCell(
        score=fixed(cell.score, places),
        sort=repr(float(cell.score)),
        interval=f"[{fixed(cell.low, places)}, {fixed(cell.high, places)}]" if bounded else "",
        delta=fixed(cell.delta, places, signed=True) if compared else "",
        p=", ".join(f"p {p_value(value)}" for value in cell.p_values.values()) if compared else "",
        mark=MARKS[cell.verdict] if compared else "",
        verdict=cell.verdict,
        told=told(cell, baseline, places),
        best=best is not None and cell.score == best,
    )


def summary(evaluation: Evaluation) -> list[Table]:
    """Return systems x metrics of one test set, a table for each group that has metrics."""
    grouped = [
        (group, [metric for metric in evaluation.metrics if metric.group == group]) for group in get_args(Group)
    ]
    return [_summary(evaluation, group, metrics) for group, metrics in grouped if metrics]


def _summary(evaluation: Evaluation, group: str, metrics: Sequence[MetricInfo]) -> Table:
    columns = tuple(Column(metric.label, metric.name, _better(metric), metric.signature) for metric in metrics)
    by_column = [
        _column_cells(
            [_score(evaluation, system.name, metric.name) for system in evaluation.systems],
            metric.higher_is_better,
            evaluation.baseline,
        )
        for metric in metrics
    ]
    rows = [
        Row(
            system.name,
            system.path,
            system.name == evaluation.baseline,
            tuple(cells[number] for cells in by_column),
        )
        for number, system in enumerate(evaluation.systems)
    ]
    return Table(columns, tuple(rows), group.capitalize())


def all_metrics(evaluations: Sequence[Evaluation]) -> list[MetricInfo]:
    """Return the metrics of all evaluations by name, in the order of their first appearance."""
    found: dict[str, MetricInfo] = {}
    for evaluation in evaluations:
        for metric in evaluation.metrics:
            found.setdefault(metric.name, metric)
    return list(found.values())


def matrix(evaluations: Sequence[Evaluation], metric: MetricInfo) -> Table:
    """Return systems x test sets on one metric, with averages.

    "Average" is over all test sets, for the systems that have a score on each. Where some system lacks some, a
    second column averages over the test sets on which all systems have a score, so that every system has one.
    """
    names = list(dict.fromkeys(system.name for item in evaluations for system in item.systems))
    sets = [{name: _score(item, name, metric.name) for name in names} for item in evaluations]
    columns = [Column(item.test_set.name, metric.name, _better(metric)) for item in evaluations]
    cells = [
        _column_cells([scores[name] for name in names], metric.higher_is_better, item.baseline)
        for item, scores in zip(evaluations, sets, strict=True)
    ]
    common = [scores for scores in sets if all(math.isfinite(cell.score) for cell in scores.values())]
    averages = [(f"Average, all\N{NO-BREAK SPACE}{len(sets)}", sets)]
    if 0 < len(common) < len(sets):
        averages.append((f"Average, common\N{NO-BREAK SPACE}{len(common)}", common))
    for label, chosen in averages:
        columns.append(Column(label, metric.name, _better(metric)))
        cells.append(_column_cells([_average(chosen, name) for name in names], metric.higher_is_better, ""))
    baselines = {item.baseline for item in evaluations}
    rows = [
        Row(name, "", baselines == {name}, tuple(column[number] for column in cells))
        for number, name in enumerate(names)
    ]
    return Table(tuple(columns), tuple(rows), metric.label, _note(len(sets), len(common)))


def _note(sets: int, common: int) -> str:
    if common == sets:
        return ""
    if not common:
        return "No test set has a score of every system: averages stand only for systems with a score on each."
    return (
        f"On {common} of {sets} test sets every system has a score; the last column averages over those. A system "
        "that lacks a score has no average over all."
    )


def _score(evaluation: Evaluation, system: str, metric: str) -> Cell:
    return evaluation.cells.get(system, {}).get(metric, _UNDEFINED)


def _average(sets: Sequence[Mapping[str, Cell]], name: str) -> Cell:
    scores = [cells[name].score for cells in sets]
    return Cell(fmean(scores)) if all(math.isfinite(score) for score in scores) else _UNDEFINED
