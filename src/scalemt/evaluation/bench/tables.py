"""A bench as tables, for terminals and papers, and as a curve of quality against cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from scalemt.evaluation.bench.summary import Row, Summary
from scalemt.evaluation.results import NOTHING, Evaluation, MetricInfo
from scalemt.evaluation.tables import Table, confidences, number, score, signatures

Column = tuple[str, Callable[[Row], str]]


def quality_columns(metrics: Sequence[MetricInfo]) -> list[Column]:
    """Return the columns on what came out: scores, what the gate took, changes against the draft, failures."""
    scores: list[Column] = [(info.label, _scorer(info.name)) for info in metrics]
    return [
        *scores,
        ("kept by the gate", lambda row: shares(row.decisions)),
        ("worse / better than draft", _changes),
        ("failed", lambda row: str(row.failed)),
    ]


def cost_columns() -> list[Column]:
    """Return the columns on what it took: time, calls, tokens, money."""
    return [
        ("s / segment, p50", lambda row: _seconds(row.seconds.p50)),
        ("p95", lambda row: _seconds(row.seconds.p95)),
        ("s in all", lambda row: number(row.seconds.total, 1)),
        ("asked the generalist", lambda row: _percent(row.called)),
        ("tokens in", lambda row: f"{row.prompt_tokens:,}"),
        ("tokens out", lambda row: f"{row.completion_tokens:,}"),
        ("cost", lambda row: money(row.cost)),
    ]


def _scorer(name: str) -> Callable[[Row], str]:
    return lambda row: score(row.scores.get(name))


def shares(decisions: Mapping[str, float]) -> str:
    """Return outcomes with their shares, the most frequent first."""
    return ", ".join(f"{outcome} {_percent(share)}" for outcome, share in decisions.items()) or NOTHING


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else NOTHING


def _seconds(value: float) -> str:
    return number(value, 3 if value < 1 else 2)


def money(value: float) -> str:
    """Return an amount with as many places as it takes to see something of it."""
    if not math.isfinite(value):
        return NOTHING
    return f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.3g}" if value >= 1e-4 else f"{value:.1e}"


def _changes(row: Row) -> str:
    if row.worse is None or row.better is None:
        return NOTHING
    other = "" if row.compared == "own" else f" (of {row.compared})"
    return f"{row.worse} / {row.better}{other}"


def table(title: str, rows: Sequence[Row], columns: Sequence[Column], first: str = "profile") -> Table:
    """Return one row an arm; where an arm has no scores its second column says why."""
    return Table(title, (first, *(name for name, _ in columns)), tuple(_line(row, columns) for row in rows))


def _line(row: Row, columns: Sequence[Column]) -> tuple[str, ...]:
    if not row.segments:
        return (row.arm, row.state, *[""] * (len(columns) - 1))
    return (row.arm, *(make(row) for _, make in columns))


def tables(summary: Summary, *, wide: bool) -> list[Table]:
    """Return the tables of a bench: for each set one wide one, or one on quality and one on cost."""
    quality, cost = quality_columns(summary.metrics), cost_columns()
    found = []
    for name in dict.fromkeys(row.test_set for row in summary.rows):
        rows = summary.of(name)
        title = f"{name}: {counted(max(row.expected for row in rows), 'segment')}"
        if wide:
            found.append(table(title, rows, [*quality, *cost]))
        else:
            found += [table(f"{title}, quality", rows, quality), table(f"{title}, cost", rows, cost)]
    return found + trusted(summary)


def for_report(summary: Summary) -> tuple[list[Evaluation], dict[str, Table]]:
    """Return what the report is made of: evaluations with all notes, and a table on gate and cost a test set."""
    evaluations = []
    further = {}
    for item in summary.evaluations:
        rows = summary.of(item.test_set.name)
        notes = [*(line for row in rows for line in _troubles(row)), *_on_changes(rows), *_on_time(rows)]
        evaluations.append(replace(item, notes=(*item.notes, *notes)))
        columns = [*quality_columns(()), *cost_columns()]
        further[item.test_set.name] = table("Decisions, time and cost", rows, columns)
    return evaluations, further


def trusted(summary: Summary) -> list[Table]:
    """Return a table on word confidences for each set whose drafts have some."""
    return [confidences(item) for item in summary.evaluations if item.reliability]


def footnotes(summary: Summary, signed: Sequence[str] | None = None) -> list[str]:
    """Return what stands below the tables: the meaning of marks, how time was taken, reasons, signatures.

    Args:
        signed: the arms whose signatures are told; None tells all.
    """
    lines = []
    compared = [item for item in summary.evaluations if item.baseline]
    if compared:
        bases = ", ".join(dict.fromkeys(item.baseline for item in compared))
        lines.append(
            f"▲ better, ▼ worse (↑ higher, ↓ lower) than {bases} with p < {compared[0].alpha:g} in the paired "
            "bootstrap and in paired approximate randomisation; ≈ no significant difference. ± is half of the "
            "95 % interval."
        )
    lines += _on_changes(summary.rows)
    lines += _on_time(summary.rows)
    lines += summary.notes
    for row in summary.rows:
        lines += _troubles(row)
    lines += signatures(summary.evaluations)
    for item in summary.evaluations:
        lines += [f"Word confidences: {found.signature}" for found in item.reliability.values()]
    told = [row for row in summary.rows if row.signature and (signed is None or row.arm in signed)]
    lines += [f"{row.arm}: {row.signature}" for row in told]
    return list(dict.fromkeys(lines))


def _troubles(row: Row) -> list[str]:
    where = f"{row.arm} on {row.test_set}"
    found = []
    if row.state != "done":
        kept = f" ({row.segments} of {counted(row.expected, 'segment')} are kept)" if row.segments else ""
        found.append(f"{where} is {row.state}: {row.reason}{kept}")
    if row.fallbacks or row.failed:
        told = [f"the generalist failed for {counted(row.fallbacks, 'segment')}"] if row.fallbacks else []
        told += [f"{counted(row.failed, 'segment')} came out without a translation"] if row.failed else []
        often = row.fault.rstrip(".")
        found.append(f"{where}: {', '.join(told)}. Most often: {often}. --retry-failed does these again.")
    return found


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless it is one."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def _on_changes(rows: Sequence[Row]) -> list[str]:
    told = "Worse / better: segments whose sentence chrF++ is below / above that of the draft."
    return [told] if any(row.worse is not None for row in rows) else []


def _on_time(rows: Sequence[Row]) -> list[str]:
    batches = sorted({row.seconds.batch for row in rows if row.segments})
    if not batches:
        return []
    told = "Seconds are without the loading of models."
    if batches[-1] == 1:
        return [f"{told} Segments were translated one by one."]
    sizes = " or ".join(map(str, batches))
    return [
        f"{told} Segments were translated in batches of up to {sizes}, and each has the mean time of its batch; "
        "--batch 1 gives the percentiles of single segments."
    ]


def markdown(found: Sequence[Table], notes: Sequence[str]) -> str:
    """Return tables and footnotes in Markdown."""
    listed = "".join(f"- {' '.join(line.split())}\n" for line in notes)  # an item is one line
    return "\n".join(item.markdown() for item in found) + "\n" + listed


def quality_cost_curve(summary: Summary) -> str:
    """Return an SVG of the first metric against cost where all have one, else against seconds a segment; or ""."""
    from scalemt.evaluation.report.plots import Point, scatter

    info = summary.lead
    if info is None:
        return ""
    rows = [row for row in summary.rows if info.name in row.scores]
    priced = all(math.isfinite(row.cost) for row in rows) and any(row.cost for row in rows)
    several = len(summary.evaluations) > 1
    baselines = {(item.test_set.name, item.baseline) for item in summary.evaluations}
    points = [
        Point(
            f"{row.arm}, {row.test_set}" if several else row.arm,
            1000 * row.cost / row.segments if priced else row.seconds.total / row.segments,
            row.scores[info.name].score,
            row.scores[info.name].low,
            row.scores[info.name].high,
            strong=(row.test_set, row.arm) in baselines,
        )
        for row in rows
    ]
    return scatter(
        points,
        title=f"Quality against {'cost' if priced else 'time'}",
        x_label="cost of 1,000 segments" if priced else "seconds a segment",
        y_label=info.name,
        higher_is_better=info.higher_is_better,
    )
