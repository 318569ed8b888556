"""Run a job: have a crew translate, round by round, until all is done or something stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from scalemt.errors import ConfigurationError, PausedError, ScalemtError
from scalemt.jobs.answers import Deadline, LedgerJournal, Limits
from scalemt.jobs.crew import Crew, Silent, Watcher, Work
from scalemt.jobs.leases import BEAT, Leases
from scalemt.jobs.ledger import JobState, Ledger
from scalemt.jobs.local import LocalCrew
from scalemt.jobs.reading import read, require_unchanged
from scalemt.jobs.verdicts import Verdicts
from scalemt.jobs.writing import export, missing
from scalemt.retry import RetryBudget

_POLL = 0.5  # seconds between two looks at what other processes do


@dataclass(frozen=True)
class Ending:
    """How a run ended: the state of the job, and why."""

    state: JobState
    reason: str = ""
    interrupted: bool = False


class Runner:
    """Works on a job until it is done, or has to stop; others may work on it at the same time.

    Args:
        ledger: of the job; its files are registered.
        limits: of this run and of the job.
        watch: told how it goes on.
        crew: makes who translates; this process, if nothing else is said.
    """

    def __init__(
        self,
        ledger: Ledger,
        limits: Limits | None = None,
        watch: Watcher | None = None,
        crew: Callable[[Work], Crew] = LocalCrew,
    ) -> None:
        self._ledger = ledger
        self._limits = limits or Limits()
        self._watch: Watcher = watch or Silent()
        self._deadline = Deadline(self._limits.max_seconds)
        self._stop = ""  # why no more is begun
        self._asked_to_stop = self._cancelled = False
        self._make_crew = crew
        self._crew: Crew | None = None

    def stop(self, reason: str) -> None:
        """Begin nothing more; what is under way is finished. Safe to call from a signal handler."""
        self._stop = self._stop or reason
        self._asked_to_stop = True

    def hurry(self) -> None:
        """Have what is under way given up."""
        if self._crew:
            self._crew.hurry()

    def run(self) -> Ending:
        """Work until the end.

        Raises:
            LedgerError: a file or what translates is not what it was when the job began.
            UsageError: something that the profile names cannot be used.
        """
        require_unchanged(self._ledger)
        leases = Leases(self._ledger, self._limits.attempts)
        try:
            with _beating(leases, self._look):
                return self._run(leases)
        except PausedError as fault:
            return self._paused(str(fault))
        except KeyboardInterrupt:
            self._asked_to_stop = True
            return self._paused("Interrupted; what was under way was given up.")
        except ScalemtError as fault:
            self._turn("paused", str(fault))
            raise
        finally:
            _quietly(leases.end)

    def _run(self, leases: Leases) -> Ending:
        if self._ledger.state == "done" and not missing(self._ledger):
            return Ending("done", self._ledger.get("reason", ""))
        if not self._read():
            return self._paused(self._why())
        self._turn("running")
        self._translate(leases)
        if self._why():
            return self._paused(self._why())
        return self._finish(leases)

    def _read(self) -> bool:
        if self._ledger.state != "reading":
            return True
        self._watch.phase("reading", None)
        return read(self._ledger, self._watch.tick, lambda: bool(self._why()))

    def _journal(self, prices: tuple[float, float]) -> LedgerJournal:
        if self._limits.max_cost is not None and not any(prices):
            raise ConfigurationError(
                "A limit of cost needs prices: give the generalist price_prompt and price_completion in "
                "scalemt.toml, or limit its tokens with --max-tokens."
            )
        return LedgerJournal(self._ledger, self._limits, prices, self._why)

    def _translate(self, leases: Leases) -> None:
        counts = self._ledger.tallies()
        segments = int(counts.get("segments", 0))
        retries = RetryBudget(self._limits.retries(segments), int(counts.get("retries", 0)))
        crew = self._crew = self._make_crew(Work(self._ledger, self._journal, retries, self._watch, self._why))
        try:
            self._ledger.pin("signature", crew.signature, "What translates")
            self._watch.phase("translating", segments, int(counts.get("done", 0) + counts.get("failed", 0)))
            self._rounds(crew, leases, Verdicts(self._limits, retries))
        finally:
            crew.close()

    def _rounds(self, crew: Crew, leases: Leases, verdicts: Verdicts) -> None:
        while not self._why():
            if crew.round(leases, verdicts):
                continue
            if not leases.others() or not self._unfinished():
                return
            time.sleep(_POLL)  # another process works on the rest: should it die, this one takes over

    def _unfinished(self) -> bool:
        return bool(self._ledger.rows("SELECT 1 FROM chunks WHERE state != 'done' LIMIT 1"))

    def _finish(self, leases: Leases) -> Ending:
        """Write the files, unless another process has done so."""
        while not leases.may_write():
            time.sleep(_POLL)
        if self._ledger.state != "done":
            counts = self._ledger.tallies()
            self._watch.phase(
                "writing", sum(row[0] or 0 for row in self._ledger.rows("SELECT segments FROM inputs"))
            )
            export(self._ledger, tick=self._watch.tick)
            failed = int(counts.get("failed", 0))
            self._ledger.turn("done", f"{failed:,} segments failed." if failed else "")
        return Ending("done", self._ledger.get("reason", ""))

    def _look(self) -> None:
        """See whether somebody cancelled the job."""
        if self._ledger.state == "cancelled":
            self._cancelled = True
            self._stop = self._stop or "The job was cancelled."

    def _why(self) -> str:
        """Why no more is begun, or ""."""
        return self._stop or self._deadline.reached

    def _paused(self, reason: str) -> Ending:
        self._turn("paused", reason)
        return Ending("cancelled" if self._cancelled else "paused", reason, self._asked_to_stop)

    def _turn(self, state: JobState, reason: str = "") -> None:
        """Enter a state, unless somebody cancelled the job meanwhile; what cannot be written now is not."""

        def turn() -> None:
            with self._ledger.writing():
                held = self._ledger.state
                if held != "cancelled" and not (held == "reading" and state == "paused"):
                    self._ledger.turn(state, reason)
                elif held == "reading":
                    self._ledger.put("reason", reason)

        _quietly(turn)


@contextmanager
def _beating(leases: Leases, look: Callable[[], None]) -> Iterator[None]:
    """Give signs of life from a thread, and look what others want, while the work goes on."""
    over = Event()

    def beat() -> None:
        while not over.wait(BEAT / 5):
            _quietly(look)
            _quietly(leases.beat)

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _quietly(act: Callable[[], None]) -> None:
    """Do what helps others but must not hide what went wrong before: on a full disk nothing can be written."""
    try:
        act()
    except ScalemtError:
        return
