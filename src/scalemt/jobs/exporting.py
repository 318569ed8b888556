"""Data sets of a job written for use: with scores, side by side, and without the records that are not good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from scalemt.documents import InContext
from scalemt.jobs.filtering import SCORES, Report, Shape, Thresholds, export_records
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.outcomes import Outcome
from scalemt.jobs.reading import document, inputs
from scalemt.jobs.writing import Outcomes, in_place, require_done
from scalemt.types import Segment


def export_data_sets(
    ledger: Ledger,
    shape: Shape,
    thresholds: Thresholds,
    folder: Path | None = None,
    *,
    dropped: Path | None = None,
    partial: bool = False,
) -> dict[Path, Report]:
    """Write each data set of a job with what its translations are worth; see `export_records`.

    Args:
        ledger: of the job.
        shape: which columns.
        thresholds: which records.
        folder: where to write; None is the folder of the job.
        dropped: a folder for the records that do not pass; None writes them nowhere.
        partial: also when some segments are not translated yet.

    Returns:
        What became of the records of each file that was written.

    Raises:
        UsageError: the job is not done, or a file has no records.
    """
    if not partial:
        require_done(ledger)
    settings = ledger.settings
    told = replace(shape, known=shape.known or _known(ledger))
    reports = {}
    for item in inputs(ledger):
        path = (folder or ledger.place) / item.name
        read = document(settings, item.path)
        with ExitStack() as stack:
            out = stack.enter_context(in_place(path))
            rest = stack.enter_context(in_place(dropped / item.name)) if dropped else None
            ask = _asking(Outcomes(ledger), InContext(settings.context))
            reports[path] = export_records(
                item.path, settings.format_name, read.options, ask, told, thresholds, out, rest
            )
    return reports


def _asking(outcomes: Outcomes, context: InContext) -> Callable[[Sequence[Segment]], list[Outcome]]:
    """Return what asks for segments with those before them, as the job has read them."""
    return lambda segments: outcomes.of([context.placed(segment) for segment in segments])


def _known(ledger: Ledger) -> tuple[str, ...]:
    """Return the names of the scores that the segments of a job have."""
    rows = ledger.rows("SELECT DISTINCT j.key FROM segments, json_each(segments.scores) AS j")
    found = {str(row[0]) for row in rows}
    return tuple(name for name in SCORES if name in found)
