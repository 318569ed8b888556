"""How a job tells of its progress: a bar for people, lines for log files, JSON events for programs."""

from __future__ import annotations

import json
import sys
import time
from threading import Lock
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.status import Status

_LINE_EVERY = 10.0  # seconds
_LOOK_EVERY = 0.5  # seconds between two looks into the ledger


class Telling:
    """Counts what goes on in this run; a subclass shows it.

    Args:
        ledger: where tokens, cost and shares are read from.
        every: seconds between two times that something is shown.
    """

    def __init__(self, ledger: Ledger, every: float) -> None:
        self._ledger = ledger
        self._every = every
        self._lock = Lock()
        self._phase = ""
        self._total: int | None = None
        self._began = self._last = 0.0
        self._before = self._done = 0

    def phase(self, name: str, total: int | None, done: int = 0) -> None:
        """Begin to count anew; see `Watcher`."""
        with self._lock:
            self._phase, self._total = name, total
            self._before = self._done = done
            self._began = self._last = time.monotonic()
            self.begin()

    def tick(self, count: int) -> None:
        """Count; see `Watcher`."""
        with self._lock:
            self._done += count
            if self._total is not None:
                self._done = min(self._done, self._total)  # a segment that is tried again is counted again
            self.move(count)
            if time.monotonic() - self._last >= self._every:
                self._last = time.monotonic()
                self.show()

    def written(self) -> None:
        """See `Watcher`; all is shown from time to time."""

    def note(self, text: str) -> None:
        """Tell it on standard error."""
        say(text)

    def close(self) -> None:
        """Show no more."""

    @property
    def rate(self) -> float:
        """Segments a second, in this phase of this run."""
        return (self._done - self._before) / max(1e-9, time.monotonic() - self._began)

    @property
    def left(self) -> float | None:
        """Seconds that the rest of this phase will take at this rate, where that can be told."""
        if self._total is None or self.rate <= 0:
            return None
        return (self._total - self._done) / self.rate

    def status(self) -> Status:
        """Look into the ledger."""
        from scalemt.jobs.status import status_of

        return status_of(self._ledger)

    def begin(self) -> None:
        """Show that a phase begins."""

    def move(self, count: int) -> None:
        """Show that so many segments more are through; called often."""

    def show(self) -> None:
        """Show how far the job is; called from time to time."""


class Bar(Telling):
    """A bar with rate, time left, tokens, cost and the shares of the candidates."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, _LOOK_EVERY)
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def begin(self) -> None:
        """Put up a bar for the phase."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.close()
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(self._phase.capitalize(), total=self._total, completed=self._done, told="")
        self._bar.start()

    def move(self, count: int) -> None:
        """Move the bar."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self._done)

    def show(self) -> None:
        """Renew what stands behind the bar."""
        if self._bar and self._task is not None:
            left = "" if self.left is None else f"  {duration(self.left)} left"
            told = shares(self.status()) if self._phase == "translating" else ""
            self._bar.update(self._task, told=f"{self.rate:,.1f}/s{left}  {told}")

    def note(self, text: str) -> None:
        """Tell it above the bar."""
        if self._bar:
            self._bar.console.print(f"Note: {text}", markup=False, highlight=False)
        else:
            say(text)

    def close(self) -> None:
        """Take the bar down."""
        if self._bar:
            self._bar.stop()
        self._bar = None


class LogLines(Telling):
    """A line every ten seconds on standard error."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, _LINE_EVERY)

    def begin(self) -> None:
        """Say what begins."""
        of = f": {self._done:,} of {self._total:,} segments are done" if self._total is not None else ""
        self._print(f"{self._phase}{of}")

    def show(self) -> None:
        """Say how far it is."""
        of = f" of {self._total:,}" if self._total is not None else ""
        left = "" if self.left is None else f", {duration(self.left)} left"
        told = f"; {shares(self.status())}" if self._phase == "translating" else ""
        self._print(f"{self._phase}: {self._done:,}{of} segments, {self.rate:,.1f}/s{left}{told}")

    @staticmethod
    def _print(text: str) -> None:
        click.echo(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}", err=True)


class Events(Telling):
    """JSON objects on standard output, one a line."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, 1.0)

    def begin(self) -> None:
        """Tell that a phase begins."""
        self.event("phase", phase=self._phase, total=self._total, done=self._done)

    def show(self) -> None:
        """Tell how far it is."""
        left = None if self.left is None else round(self.left, 1)
        self.event(
            "progress", phase=self._phase, total=self._total, through=self._done, rate=round(self.rate, 2),
            seconds_left=left, **self.status().as_json(),
        )  # fmt: skip

    def note(self, text: str) -> None:
        """Tell it as an event."""
        self.event("note", text=text)

    @staticmethod
    def event(name: str, **fields: Any) -> None:
        """Print one event."""
        click.echo(json.dumps({"event": name, "time": round(time.time(), 3), **fields}, ensure_ascii=False))


def telling(ledger: Ledger, *, as_json: bool) -> Telling:
    """Return what suits whoever is watching."""
    if as_json:
        return Events(ledger)
    return Bar(ledger) if sys.stderr.isatty() else LogLines(ledger)


def duration(seconds: float) -> str:
    """Return a time for people: "1 h 20 min", "45 s"."""
    if seconds >= 3600:
        return f"{seconds // 3600:,.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s" if seconds >= 60 else f"{seconds:.0f} s"


def shares(status: Status) -> str:
    """Return where translations came from, and what they cost, in a few words."""
    total = sum(status.origins.values())
    told = [f"{name} {count / total:.0%}" for name, count in sorted(status.origins.items())] if total else []
    if status.tokens:
        told.append(f"{status.tokens:,} tokens")
    if status.cost:
        told.append(f"cost {status.cost:.4f}")
    if status.failed:
        told.append(f"{status.failed:,} failed")
    return ", ".join(told)
