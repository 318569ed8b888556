"""Translated data sets written for use: columns chosen, scores beside them, records that are not good left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO

from scalemt.errors import InputError, UsageError
from scalemt.formats import FormatOptions
from scalemt.formats.fieldpaths import show, some
from scalemt.jobs.outcomes import Outcome, State
from scalemt.jobs.records import DataSet, Plan, Record, Sink, data_set
from scalemt.jobs.records.base import Kind
from scalemt.types import Segment

SCORES = ("confidence", "meaning", "faith", "fluency", "accuracy", "idiomaticity", "terminology", "format")
"""Names of the scores that a segment may have; see `Outcome.scores`."""

Ask = Callable[[Sequence[Segment]], Sequence[Outcome]]

_BATCH = 1000  # segments whose outcomes are asked for at once, or fewer where
_SIZE = 1 << 24  # characters, more or less, of records would wait for them


@dataclass(frozen=True)
class Shape:
    """What the data set looks like that is written.

    Args:
        keep: columns of the file that stay; empty keeps all.
        drop: columns of the file that go.
        both: behind the columns of the file stands, for each that was translated, "NAME_source" as it was before.
        scores: then "scalemt_passed", "scalemt_state", "scalemt_failed_checks", and for each score that the data
            set has, "scalemt_NAME" (the least of the segments of the record) and "scalemt_NAME_mean".
        segments: then "scalemt_segments": objects with field, source, translation (none where it failed), scores,
            checks and origin; in CSV and TSV as JSON.
        known: names of the scores that the data set has, where the caller knows them; else all outcomes are asked
            once more, before anything is written.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    both: bool = False
    scores: bool = False
    segments: bool = False
    known: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Thresholds:
    """What a record must reach to pass. One that has nothing to translate always does.

    Args:
        least: by name of a score the least that each segment must have; one that is not known never passes.
        checks: a record with a segment that fails a check does not pass.
        failed: a record with a segment that failed, or is not translated yet, does not pass.

    Raises:
        UsageError: there is no score of a name, or its least value is no number.
    """

    least: Mapping[str, float] = field(default_factory=dict)
    checks: bool = False
    failed: bool = True

    def __post_init__(self) -> None:
        for name, value in self.least.items():
            if name not in SCORES:
                raise UsageError(f"There is no score named {name!r}. Valid choices: {', '.join(SCORES)}.")
            if not isfinite(value):
                raise UsageError(
                    f"The least {name} is {value}, which no score can be held against. Give a number."
                )

    def reasons(self, outcomes: Iterable[Outcome]) -> list[str]:
        """Return why a record with these outcomes does not pass, each reason once; nothing when it does."""
        return list(dict.fromkeys(reason for outcome in outcomes for reason in self._reasons(outcome)))

    def _reasons(self, outcome: Outcome) -> Iterator[str]:
        if self.failed and outcome.state != "done":
            yield outcome.state
        if self.checks:
            yield from (f"check {name}" for name in outcome.checks)
        for name, least in self.least.items():
            value = _known(outcome).get(name)
            if value is None:
                yield f"{name} not known"
            elif value < least:
                yield f"{name} below {least:g}"


@dataclass
class Report:
    """How many records were read and kept, and for which reasons others were not; a record may have several."""

    read: int = 0
    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def dropped(self) -> int:
        """How many records did not pass."""
        return self.read - self.kept


def export_records(
    path: Path,
    format_name: str | None,
    options: FormatOptions,
    outcomes: Ask,
    shape: Shape,
    thresholds: Thresholds,
    out: BinaryIO,
    dropped: BinaryIO | None = None,
) -> Report:
    """Write a data set anew in its format, with the translations, the columns of a shape, and what passes.

    Memory does not grow with the file. In JSON Lines, numbers, names that stand twice and all else that is not
    translated are copied as they stand there.

    Args:
        path, format_name, options: the data set, with the options that it was translated with.
        outcomes: gives one outcome a segment, in order; it is asked for some 1,000 at once.
        shape: which columns.
        thresholds: which records.
        out: where those go that pass.
        dropped: where the others go, in the same shape; None writes them nowhere.

    Raises:
        UsageError: the format has no records.
        InputError: the file cannot be read, has no such column, or one already that would be added.
    """
    report = Report()
    with ExitStack() as stack:
        data = stack.enter_context(data_set(path, format_name, options))
        _check_columns(path, data, (*shape.keep, *shape.drop))
        columns = list(_columns(data, outcomes, shape))
        plan = Plan(frozenset(shape.keep), frozenset(shape.drop), shape.both, tuple(columns))
        sink = stack.enter_context(data.sink(out, plan))
        other = stack.enter_context(data.sink(dropped, plan)) if dropped else None
        for record, made in _judged(data.records(), outcomes):
            reasons = thresholds.reasons(made)
            report.read += 1
            report.kept += not reasons
            report.reasons.update(reasons)
            chosen = other if reasons else sink
            if chosen:
                _write(chosen, record, made, [name for name, _ in columns], not reasons)
    return report


def _check_columns(path: Path, data: DataSet, names: Iterable[str]) -> None:
    """Refuse to keep or drop a column that is not there, before anything is written."""
    missing = dict.fromkeys(names)
    there: list[str] = []
    for name in data.columns() if missing else ():
        missing.pop(name, None)
        there.append(name)
        if not missing:
            return
    if missing:
        listed = f"Those that are there: {some(there)}." if there else "It has none."
        raise InputError(f"{path}: there is no column named {', '.join(map(repr, missing))}. {listed}")


# The columns that are added


def _columns(data: DataSet, outcomes: Ask, shape: Shape) -> Iterator[tuple[str, Kind]]:
    if shape.scores:
        yield "scalemt_passed", "flag"
        yield "scalemt_state", "text"
        yield "scalemt_failed_checks", "texts"
        for name in _names(data, outcomes) if shape.known is None else shape.known:
            yield f"scalemt_{name}", "number"
            yield f"scalemt_{name}_mean", "number"
    if shape.segments:
        yield "scalemt_segments", "segments"


def _names(data: DataSet, outcomes: Ask) -> list[str]:
    """Return the names of the scores that any segment has, those that are well known first."""
    found: set[str] = set()
    for _, made in _judged(data.records(), outcomes):
        found.update(name for outcome in made for name in _known(outcome))
    return [name for name in SCORES if name in found] + sorted(found.difference(SCORES))


def _known(outcome: Outcome) -> dict[str, float]:
    """Return the scores that are numbers: what is none was not understood, and counts as not known."""
    return {name: float(value) for name, value in outcome.scores.items() if isfinite(value)}


def _write(sink: Sink, record: Record, outcomes: Sequence[Outcome], names: Sequence[str], passed: bool) -> None:
    targets = iter([outcome.target for outcome in outcomes])
    texts = [text.filled(targets) for _, text in record.fields]
    extras = _extras(outcomes, passed) if names else {}
    if "scalemt_segments" in names:
        extras["scalemt_segments"] = _segments(record, outcomes)
    sink.add(record, texts, [extras.get(name) for name in names])


def _extras(outcomes: Sequence[Outcome], passed: bool) -> dict[str, Any]:
    """Return what is known of a record, its segments excepted, by the name of its column."""
    values: dict[str, list[float]] = {}
    for outcome in outcomes:
        for name, value in _known(outcome).items():
            values.setdefault(name, []).append(value)
    return {
        "scalemt_passed": passed,
        "scalemt_state": _state(outcomes),
        "scalemt_failed_checks": sorted({name for outcome in outcomes for name in outcome.checks}),
        **{f"scalemt_{name}": min(held) for name, held in values.items()},
        **{f"scalemt_{name}_mean": sum(held) / len(held) for name, held in values.items()},
    }


def _state(outcomes: Iterable[Outcome]) -> State:
    states = {outcome.state for outcome in outcomes}
    return "failed" if "failed" in states else "waiting" if "waiting" in states else "done"


def _segments(record: Record, outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    placed = [(place, segment) for place, field_text in record.fields for segment in field_text.segments]
    return [
        {
            "field": show(place),
            "source": segment.text,
            "translation": outcome.target.text if outcome.state == "done" else None,
            "scores": _known(outcome),
            "checks": list(outcome.checks),
            "origin": outcome.origin,
        }
        for (place, segment), outcome in zip(placed, outcomes, strict=True)
    ]


# Asking


def _judged(records: Iterator[Record], outcomes: Ask) -> Iterator[tuple[Record, list[Outcome]]]:
    """Yield the records, each with the outcomes of its segments."""
    for batch in _batches(records):
        segments = [record.segments for record in batch]
        flat = [segment for held in segments for segment in held]
        asked: list[Outcome] = []
        for start in range(0, len(flat), _BATCH):
            some_of_them = flat[start : start + _BATCH]
            made = outcomes(some_of_them)
            if len(made) != len(some_of_them):
                raise ValueError(f"{len(some_of_them)} segments were asked for, {len(made)} outcomes came")
            asked += made
        answers = iter(asked)
        for record, held in zip(batch, segments, strict=True):
            yield record, list(islice(answers, len(held)))


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Yield records until they have enough segments together, are as many, or large."""
    batch: list[Record] = []
    count = size = 0
    for record in records:
        batch.append(record)
        count += len(record.segments)
        size += record.row.size
        if max(count, len(batch)) >= _BATCH or size >= _SIZE:
            yield batch
            batch, count, size = [], 0, 0
    if batch:
        yield batch
