"""What becomes of each translation of a job: it stands, is tried again, or is given up; and when to stop."""

from __future__ import annotations

from collections.abc import Sequence

from scalemt.errors import PausedError
from scalemt.jobs.answers import Limits
from scalemt.jobs.leases import Chunk, Result, Row
from scalemt.jobs.settings import Settings
from scalemt.retry import RetryBudget
from scalemt.types import Pair, Translation

_MOST_IN_A_ROW = 12  # segments whose first try failed, one after the other: then it is not the segments


class Verdicts:
    """Judges tries by what went wrong.

    A fault of the generalist (time-out, broken connection, nonsense) may pass, so the segment is tried again, by
    itself, until its attempts or the retries of the job are spent; then the draft stands in, where the gate let
    it, or the segment has failed. All other faults come back each time, and are final.

    Args:
        limits: attempts of a segment.
        retries: of the job.
    """

    def __init__(self, limits: Limits, retries: RetryBudget) -> None:
        self._attempts = limits.attempts
        self._retries = retries
        self._told = retries.spent
        self._in_a_row = 0

    def of(self, chunk: Chunk, translations: Sequence[Translation]) -> list[Result]:
        """Return what becomes of the translations of a chunk, one a row.

        Raises:
            PausedError: so many failed one after the other that the backend must be at fault.
        """
        faults = [_fault(item) for item in translations]
        for row, fault in zip(chunk.rows, faults, strict=True):
            self._count(row, fault)
        rows = zip(chunk.rows, translations, faults, strict=True)
        return [self._result(row, translation, fault) for row, translation, fault in rows]

    def fault(self, row: Row, fault: Exception, settings: Settings) -> Result:
        """Return what becomes of a segment whose translation raised something.

        Raises:
            PausedError: as for `of`.
        """
        said = str(fault) if str(fault) else type(fault).__name__
        if type(fault).__module__ != "scalemt.errors":
            said = f"{type(fault).__name__}: {said}"
        self._count(row, said)
        pair = Pair(settings.source, settings.target)
        return self._result(row, Translation(row.segment, "", settings.profile.method, pair, error=fault), said)

    def spent(self) -> int:
        """Return how many retries were spent since the last call."""
        spent = self._retries.spent - self._told
        self._told += spent
        return spent

    def _result(self, row: Row, translation: Translation, fault: str) -> Result:
        tries = row.attempts + 1
        if fault and tries < self._attempts and self._retries.take():
            return Result(row, "waiting", translation, fault)
        if not fault:
            reason = ""
        elif tries < self._attempts:
            reason = f"{fault} (try {tries}; the retries of the job are spent)"
        else:
            reason = f"{fault} (try {tries} of {self._attempts})"
        return Result(row, "failed" if translation.error else "done", translation, reason)

    def _count(self, row: Row, fault: str) -> None:
        if row.attempts:
            return
        self._in_a_row = self._in_a_row + 1 if fault else 0
        if self._in_a_row >= _MOST_IN_A_ROW:
            raise PausedError(
                f"{self._in_a_row} segments failed one after the other, the last one thus: {fault} Mend that, "
                "then resume the job; none of them counts as tried."
            )


def _fault(translation: Translation) -> str:
    """Return what went wrong with the generalist, or ""."""
    return next((item.reason for item in translation.decisions if item.step == "generalist"), "")
