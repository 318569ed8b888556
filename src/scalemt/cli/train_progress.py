"""How a training tells of itself: a live view for people, plain lines for log files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.training.watching import Measured, Progress, Watcher

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60  # values of a curve that are shown


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[Watcher]:
    """Give a watcher: live where somebody looks at standard error, else lines on it, or nothing."""
    if quiet:
        from scalemt.training.watching import Silent

        yield Silent()
        return
    if not sys.stderr.isatty():
        yield Lines()
        return
    view = View()
    try:
        yield view
    finally:
        view.close()


class Lines:
    """A line for whatever is told."""

    def phase(self, name: str) -> None:
        """See `Watcher`."""
        click.echo(f"{name} …", err=True)

    def progress(self, told: Progress) -> None:
        """See `Watcher`."""
        click.echo(
            f"update {told.step:,} of {told.steps:,}, pass {told.epoch:.1f}: loss {told.loss:.3f}, "
            f"{told.speed:,.0f} tokens/s, {clock(told.left)} left",
            err=True,
        )

    def measured(self, told: Measured) -> None:
        """See `Watcher`."""
        click.echo(
            f"update {told.step:,}: dev chrF++ {told.chrf:.2f} (best {told.best:.2f}), loss {told.loss:.3f}, "
            f"measured in {told.seconds:.0f} s",
            err=True,
        )

    def note(self, text: str) -> None:
        """See `Watcher`."""
        click.echo(text, err=True)


class View:
    """A table that is drawn anew: what is done, loss, chrF++ with its curve, speed, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._phase = ""
        self._now: Progress | None = None
        self._losses: list[float] = []
        self._scores: list[float] = []
        self._best = 0.0
        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=False)
        self._live.start()

    def phase(self, name: str) -> None:
        """See `Watcher`."""
        self._phase = name
        self._show()

    def progress(self, told: Progress) -> None:
        """See `Watcher`."""
        self._now = told
        self._losses.append(told.loss)
        self._show()

    def measured(self, told: Measured) -> None:
        """See `Watcher`."""
        self._scores.append(told.chrf)
        self._best = told.best
        self._show()

    def note(self, text: str) -> None:
        """See `Watcher`."""
        self._live.console.print(text)

    def close(self) -> None:
        """Leave the last picture standing."""
        self._live.stop()

    def _show(self) -> None:
        self._live.update(self._table())

    def _table(self) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_row(self._phase, "")
        now = self._now
        if now:
            table.add_row("update", f"{now.step:,} of {now.steps:,}, pass {now.epoch:.1f}")
            table.add_row("loss", f"{now.loss:.3f}  {curve(self._losses)}")
        if self._scores:
            table.add_row("dev chrF++", f"{self._scores[-1]:.2f}  {curve(self._scores)}  best {self._best:.2f}")
        if now:
            table.add_row("speed", f"{now.speed:,.0f} tokens/s, {clock(now.left)} left, rate {now.rate:.2e}")
        return table


def curve(values: list[float]) -> str:
    """Return values as a row of bars, the last ones if there are many."""
    shown = values[-_WIDTH:]
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[int((value - low) * scale)] for value in shown)


def clock(seconds: float) -> str:
    """Return a time as h:mm:ss, "?" where it is not known."""
    if seconds == float("inf"):
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
