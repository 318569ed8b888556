"""Translate in this process: lease, translate, write down."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing

from scalemt.errors import PausedError, UsageError
from scalemt.jobs.crew import Work, blame, write_results
from scalemt.jobs.leases import Chunk, Leases
from scalemt.jobs.verdicts import Verdicts
from scalemt.jobs.working import Worker
from scalemt.types import Segment

_REMEMBERED = 1000  # segments before a chunk whose translations its prompts may show


class LocalCrew:
    """One engine in this process; see `Crew`."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._worker = Worker(work.ledger.settings, work.journal, work.retries, work.watch.note)

    @property
    def signature(self) -> str:
        """One line that says what translates; see `Crew.signature`."""
        return self._worker.signature

    def hurry(self) -> None:
        """Have calls under way given up."""
        self._worker.hurry()

    def close(self) -> None:
        """Keep what is loaded: the process ends soon."""

    def round(self, leases: Leases, verdicts: Verdicts) -> bool:
        """Translate until nothing is left to lease, or a batch fails; see `Crew.round`."""
        taken: deque[Chunk] = deque()
        first = leases.next()
        if first is None:
            return False
        try:
            if first.suspect:
                self._alone(first, taken, leases, verdicts)
            else:
                self._translate(first, taken, leases, verdicts)
        except (PausedError, UsageError):
            raise
        except Exception as fault:
            self._blame(fault, taken, leases, verdicts)
        return True

    def _translate(self, first: Chunk, taken: deque[Chunk], leases: Leases, verdicts: Verdicts) -> None:
        """Translate and write down chunk after chunk; `taken` holds those that were begun."""

        def batches() -> Iterator[Sequence[Segment]]:
            chunk: Chunk | None = first
            while chunk is not None:
                taken.append(chunk)
                yield chunk.segments
                chunk = None if self._work.why() else self._following(chunk, leases)

        with closing(self._worker.work(batches(), self._work.watch.tick, self._before(first))) as stream:
            for translations in stream:
                chunk = taken[0]
                write_results(self._work, chunk, translations, leases, verdicts)
                taken.popleft()
                self._work.watch.written()
                if self._work.why() and not self._work.ledger.settings.asks:
                    return  # drafts that were begun cost nothing: whoever stops need not wait for them

    def _alone(self, chunk: Chunk, taken: deque[Chunk], leases: Leases, verdicts: Verdicts) -> None:
        """Translate a suspect: it counts against it only if the process ends while it computes something of it."""
        with leases.exempt(chunk):
            self._worker.warm()
        with self._worker.awaiting(lambda: leases.exempt(chunk)):
            self._translate(chunk, taken, leases, verdicts)

    def _following(self, chunk: Chunk, leases: Leases) -> Chunk | None:
        """Lease the next chunk, if it may be worked on beside this one."""
        found = None if chunk.suspect else leases.next()
        # Where prompts show what stands before, only the one right behind goes together with it.
        apart = self._work.ledger.settings.profile.context > 0
        if found and (found.suspect or (apart and found.rows[0].number != chunk.rows[-1].number + 1)):
            leases.give_back(found)
            return None
        return found

    def _blame(self, fault: Exception, taken: deque[Chunk], leases: Leases, verdicts: Verdicts) -> None:
        """Have the segments of the batch that failed tried one by one, and give back those behind it."""
        blame(self._work, taken.popleft(), fault, leases, verdicts)
        for other in taken:
            leases.give_back(other)
        self._work.watch.written()

    def _before(self, chunk: Chunk) -> dict[str, str]:
        """Return what was translated right before a chunk, where prompts show that."""
        if not self._work.ledger.settings.profile.context:
            return {}
        number = chunk.rows[0].number
        rows = self._work.ledger.rows(
            "SELECT json_extract(segment, '$[0]'), text FROM segments WHERE id BETWEEN ? AND ? AND text IS NOT "
            "NULL ORDER BY id",
            (number - _REMEMBERED, number - 1),
        )
        return dict(rows)
