"""Evaluations as tables: Markdown for papers, and the same rows for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from scalemt.evaluation.results import MARKS, NOTHING, Cell, Evaluation, Group, MetricInfo


@dataclass(frozen=True)
class Table:
    """A table of strings; `title` stands above it, the first column names the rows."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table in Markdown, numbers aligned to the right."""
        lines = ["| " + " | ".join(map(_escaped, self.header)) + " |"]
        lines.append("|" + "|".join(["---", *["---:"] * (len(self.header) - 1)]) + "|")
        lines += ["| " + " | ".join(map(_escaped, row)) + " |" for row in self.rows]
        return f"**{_escaped(self.title)}**\n\n" + "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def tables(evaluations: Sequence[Evaluation]) -> list[Table]:
    """Return all tables of one or more evaluations.

    One test set gives scores and, with a baseline, comparisons. Several give a matrix of systems by test sets for
    each metric first, with the average over test sets where every one has a score.
    """
    if len(evaluations) == 1:
        return _of_one(evaluations[0])
    matrices = [matrix(evaluations, info) for info in _all_metrics(evaluations)]
    compared = [item for item in evaluations if item.baseline]
    trusted = [confidences(item) for item in evaluations if item.reliability]
    return [*matrices, *([comparisons(compared)] if compared else []), *trusted]


def _of_one(evaluation: Evaluation) -> list[Table]:
    found = [scores(evaluation, group) for group in get_args(Group)]
    found = [table for table in found if len(table.header) > 1]
    if evaluation.baseline and len(evaluation.systems) > 1:
        found.append(comparisons([evaluation]))
    if evaluation.reliability:
        found.append(confidences(evaluation))
    return found


def scores(evaluation: Evaluation, group: Group) -> Table:
    """Return systems by the metrics of a group: score, half of the 95 % interval, a mark against the baseline."""
    metrics = [info for info in evaluation.metrics if info.group == group]
    header = ("system", *(info.label for info in metrics))
    rows = [
        (system.name, *(score(evaluation.cell(system.name, info.name)) for info in metrics))
        for system in evaluation.systems
    ]
    against = f", against {evaluation.baseline}" if evaluation.baseline else ""
    title = f"{evaluation.test_set.name}, {group}: {len(evaluation.test_set)} segments{against}"
    return Table(title, header, tuple(rows))


def number(value: float, digits: int = 1) -> str:
    """Return a rounded number, or a dash where it is undefined."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NOTHING


def score(cell: Cell | None) -> str:
    """Return a score with half of its interval and the mark of its significance."""
    if cell is None or not math.isfinite(cell.score):
        return NOTHING
    interval = f" ± {(cell.high - cell.low) / 2:.1f}" if math.isfinite(cell.high - cell.low) else ""
    return f"{cell.score:.1f}{interval} {MARKS[cell.verdict]}".rstrip()


def comparisons(evaluations: Sequence[Evaluation]) -> Table:
    """Return, for each system but the baseline and each metric: difference, p-values and verdict."""
    tests = _tests(evaluations)
    header = ("system", "metric", "difference", *(f"p ({test})" for test in tests), "verdict")
    rows = []
    for evaluation in evaluations:
        first = (evaluation.test_set.name,) if len(evaluations) > 1 else ()
        for system in evaluation.systems:
            if system.name != evaluation.baseline:
                rows += [(*first, *row) for row in _comparison(evaluation, system.name, tests)]
    baseline = ", ".join(dict.fromkeys(evaluation.baseline for evaluation in evaluations))
    if len(evaluations) == 1:
        return Table(f"{evaluations[0].test_set.name}: against {baseline}", header, tuple(rows))
    return Table(f"Against {baseline}", ("test set", *header), tuple(rows))


def _comparison(evaluation: Evaluation, system: str, tests: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for info in evaluation.metrics:
        cell = evaluation.cell(system, info.name)
        if info.group == "behaviour" and cell.verdict == "tie":
            continue
        sign = f"{cell.delta:+.2f}" if math.isfinite(cell.delta) else NOTHING
        if cell.verdict == "tie" and 2.0 ** (1 - cell.differing) >= evaluation.alpha:
            # sacreBLEU's p-values count samples that differ by more than the systems do: where only a handful of
            # segments differ they are small without meaning anything (see `significance.compare`).
            few = "1 segment differs" if cell.differing == 1 else f"{cell.differing or 'no'} segments differ"
            yield (system, info.name, sign, *(NOTHING for _ in tests), f"tie: {few}")
            continue
        ps = [number(cell.p_values.get(test, math.nan), 4) for test in tests]
        yield (system, info.name, sign, *ps, cell.verdict)


def _tests(evaluations: Sequence[Evaluation]) -> list[str]:
    cells = [cell for item in evaluations for row in item.cells.values() for cell in row.values()]
    return list(dict.fromkeys(test for cell in cells for test in cell.p_values))


def confidences(evaluation: Evaluation) -> Table:
    """Return, for each system with word confidences: words, calibration error, correlation with sentence chrF."""
    rows = [
        (
            name,
            str(item.words),
            number(item.ece, 3),
            *(number(item.correlation.get(kind, math.nan), 2) for kind in ("pearson", "spearman")),
        )
        for name, item in evaluation.reliability.items()
    ]
    header = ("system", "words", "calibration error (ECE)", "Pearson", "Spearman")
    return Table(f"{evaluation.test_set.name}: word confidences of the drafts", header, tuple(rows))


def _all_metrics(evaluations: Sequence[Evaluation]) -> list[MetricInfo]:
    found: dict[str, MetricInfo] = {}
    for evaluation in evaluations:
        for info in evaluation.metrics:
            found.setdefault(info.name, info)
    return list(found.values())


def matrix(evaluations: Sequence[Evaluation], info: MetricInfo) -> Table:
    """Return systems by test sets for one metric, with the average over all test sets."""
    # The fullest test set gives the order: a system that lacks in the first one keeps its place.
    fullest = sorted(evaluations, key=lambda item: -len(item.systems))
    names = list(dict.fromkeys(system.name for item in fullest for system in item.systems))
    rows = []
    for name in names:
        cells = [item.cells.get(name, {}).get(info.name) for item in evaluations]
        values = [cell.score if cell else math.nan for cell in cells]
        marks = [MARKS[cell.verdict] if cell else "" for cell in cells]
        texts = [f"{number(value)} {mark}".rstrip() for value, mark in zip(values, marks, strict=True)]
        rows.append((name, *texts, number(sum(values) / len(values))))
    side, shared = _shared_side([item.test_set.name for item in evaluations])
    header = ("system", *side, "average")
    return Table(info.label + shared, header, tuple(rows))


def _shared_side(names: Sequence[str]) -> tuple[list[str], str]:
    """Return directions without the language that they share, and that language for the title."""
    sources, hyphens, targets = zip(*(name.partition("-") for name in names), strict=True)
    if all(hyphens) and len(set(targets)) == 1:
        return list(sources), f", into {targets[0]}"
    if all(hyphens) and len(set(sources)) == 1:
        return list(targets), f", from {sources[0]}"
    return list(names), ""


def footnotes(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return what stands below the tables: the meaning of the marks, signatures, notes."""
    lines = []
    # Only the tables of one test set have intervals.
    interval = "± is half of the 95 % interval of the bootstrap." if len(evaluations) == 1 else ""
    if any(item.baseline for item in evaluations):
        alpha = evaluations[0].alpha
        interval = (
            f"▲ better, ▼ worse (↑ higher, ↓ lower) than the baseline with p < {alpha:g} in the paired bootstrap "
            f"and in paired approximate randomisation; ≈ no significant difference. {interval}".rstrip()
        )
    if interval:
        lines.append(interval)
    lines += signatures(evaluations)
    for evaluation in evaluations:
        for name, item in evaluation.reliability.items():
            lines.append(f"Confidence of {name}: {item.signature}")
        lines += [f"{evaluation.test_set.name}: {note}" for note in evaluation.notes]
    return list(dict.fromkeys(lines))


def signatures(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return a line for each metric with its signatures.

    One metric may have several over many test sets: the tokenizer of BLEU follows the target language.
    """
    found: dict[str, dict[str, None]] = {}
    for evaluation in evaluations:
        for info in evaluation.metrics:
            found.setdefault(info.name, {})[info.signature] = None
    return [f"{name}: {' ; '.join(signed)}" for name, signed in found.items()]


def markdown(evaluations: Sequence[Evaluation]) -> str:
    """Return all tables and footnotes in Markdown."""
    notes = "".join(f"- {_escaped(line)}\n" for line in footnotes(evaluations))
    return "\n".join(table.markdown() for table in tables(evaluations)) + "\n" + notes
