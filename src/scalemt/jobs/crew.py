"""Who translates for a run: what a crew is, what it is given, and whom it tells how it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from scalemt.jobs.answers import LedgerJournal
from scalemt.jobs.leases import Chunk, Leases
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.verdicts import Verdicts
from scalemt.retry import RetryBudget
from scalemt.types import Translation


class Watcher(Protocol):
    """Who is told how a run goes on; called from several threads."""

    def phase(self, name: str, total: int | None, done: int = 0) -> None:
        """Say that a phase begins: "reading", "translating" or "writing", of so many segments."""
        ...

    def tick(self, count: int) -> None:
        """Say that so many segments more are through."""
        ...

    def written(self) -> None:
        """Say that something was written into the ledger."""
        ...

    def note(self, text: str) -> None:
        """Say something that a user should know."""
        ...


class Silent:
    """A watcher who says nothing."""

    def phase(self, name: str, total: int | None, done: int = 0) -> None:
        """Do nothing."""

    def tick(self, count: int) -> None:
        """Do nothing."""

    def written(self) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Work:
    """What a crew is given.

    Args:
        ledger: of the job.
        journal: makes what writes down answers, given the prices of a million tokens of prompts and of answers.
        retries: tries after the first that are left to the job.
        watch: told how it goes on.
        why: a reason to begin nothing more, or "".
    """

    ledger: Ledger
    journal: Callable[[tuple[float, float]], LedgerJournal]
    retries: RetryBudget
    watch: Watcher
    why: Callable[[], str]


class Crew(Protocol):
    """Translates what there is to lease: in this process, or on a cluster."""

    @property
    def signature(self) -> str:
        """One line that says what translates.

        Raises:
            UsageError: something that the profile names cannot be used.
        """
        ...

    def round(self, leases: Leases, verdicts: Verdicts) -> bool:
        """Translate until nothing is left to lease, or something fails; return whether there was any."""
        ...

    def hurry(self) -> None:
        """Give up what is under way; called from a signal handler."""
        ...

    def close(self) -> None:
        """Let go of what was taken up for the run."""
        ...


def write_results(
    work: Work, chunk: Chunk, translations: Sequence[Translation], leases: Leases, verdicts: Verdicts
) -> None:
    """Write down what becomes of the translations of a chunk, and the retries that they took.

    Raises:
        PausedError: so many failed one after the other that a backend must be at fault.
    """
    results = verdicts.of(chunk, translations)
    if leases.commit(chunk, results, translations[0].signature if translations else ""):
        work.ledger.tally({"retries": verdicts.spent()})


def blame(work: Work, chunk: Chunk, fault: Exception, leases: Leases, verdicts: Verdicts) -> None:
    """Find out which segment of a chunk makes it fail: they are tried one by one."""
    if len(chunk.rows) > 1:
        leases.split(chunk)
    else:
        leases.commit(chunk, [verdicts.fault(chunk.rows[0], fault, work.ledger.settings)], "")
