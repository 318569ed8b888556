"""From a ledger to files: each is written anew around its translations, and put in place only when it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import PausedError, UsageError
from scalemt.formats import Target
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.outcomes import Outcome
from scalemt.jobs.reading import Input, document, inputs
from scalemt.jobs.rows import OUTCOME, outcome
from scalemt.types import Segment

_TOGETHER = 500  # segments that are looked up at once


class Outcomes:
    """What a ledger knows of segments.

    Args:
        ledger: of a job whose files have been read.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._settings = ledger.settings

    def of(self, segments: Sequence[Segment]) -> list[Outcome]:
        """Return an outcome a segment, in order; one that the ledger does not hold is waiting."""
        keys = [self._settings.key(segment) for segment in segments]
        rows = self._ledger.among(f"SELECT key, {OUTCOME} FROM segments WHERE key", keys)  # noqa: S608
        found = {row[0]: row[1:] for row in rows}
        nothing = ("waiting", *[None] * 6)
        method = self._settings.profile.method
        return [
            outcome(found.get(one, nothing), segment, method) for one, segment in zip(keys, segments, strict=True)
        ]


def export(
    ledger: Ledger, folder: Path | None = None, *, partial: bool = False, tick: Callable[[int], None] | None = None
) -> list[Path]:
    """Write the translation of each file of a job, and return where they stand.

    Args:
        ledger: of the job.
        folder: where to write; None is the folder of the job.
        partial: also when some segments are not translated yet; those keep their source, as failed ones do.
        tick: told of each segment that was written.

    Raises:
        UsageError: the job is not done, or a file cannot be written.
        PausedError: the disk is full.
    """
    if not partial:
        require_done(ledger)
    outcomes = Outcomes(ledger)
    written = []
    for item in inputs(ledger):
        path = (folder or ledger.place) / item.name
        with in_place(path) as out:
            _write(ledger, item, outcomes, out, tick or (lambda _: None))
        written.append(path)
    return written


def missing(ledger: Ledger) -> list[Path]:
    """Return the files that should stand in the folder of a job that is done, and do not."""
    places = [ledger.place / item.name for item in inputs(ledger)]
    return [path for path in places if not path.exists()]


def require_done(ledger: Ledger) -> None:
    """Refuse what needs all translations while some are waiting.

    Raises:
        UsageError: it says how many.
    """
    counts = ledger.tallies()
    total = int(counts.get("segments", 0))
    waiting = total - int(counts.get("done", 0)) - int(counts.get("failed", 0))
    if ledger.state == "reading" or waiting:
        how_many = (
            "Not all files have been read." if ledger.state == "reading" else f"{waiting:,} of {total:,} wait."
        )
        raise UsageError(
            f"The job in {ledger.folder} is not done. {how_many} Finish it: scalemt job resume "
            f"{ledger.folder}; or write what there is with --partial, the rest in the source language."
        )


def _write(ledger: Ledger, item: Input, outcomes: Outcomes, out: BinaryIO, tick: Callable[[int], None]) -> None:
    read = document(ledger.settings, item.path)

    def targets() -> Iterator[Target]:
        segments = read.segments()
        while some := list(islice(segments, _TOGETHER)):
            for known in outcomes.of(some):
                yield known.target
            tick(len(some))

    read.format.write(item.path, read.options, targets(), out)


@contextmanager
def in_place(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its place only when all is written, and safely on the disk.

    Raises:
        UsageError: it cannot be written there.
        PausedError: the disk is full.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    except OSError as fault:
        with suppress(OSError):
            partial.unlink()
        if fault.errno in (28, 122):  # ENOSPC, EDQUOT
            raise PausedError(
                f"{path} cannot be written: {fault.strerror}. Make room on the disk, then resume."
            ) from None
        raise UsageError(f"{path} cannot be written: {fault.strerror or fault}.") from None
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
