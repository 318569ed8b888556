"""How a training tells of itself: a live view for people, plain lines for log files."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.training.watching import Measured, Progress, Watcher

_BARS = "▁▂▃▄▅▆▇█"
_WIDTH = 60  # values of a curve that are shown
_LINE_EVERY = 10.0  # seconds between two lines of progress, where nobody watches


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
    """A line for whatever is told; of progress one every ten seconds, and the last."""

    def __init__(self) -> None:
        self._phase = ""
        self._last = -math.inf

    def phase(self, name: str) -> None:
        """See `Watcher`."""
        self._phase, self._last = name, -math.inf
        click.echo(f"{name} …", err=True)

    def moved(self, done: int, of: int) -> None:
        """See `Watcher`."""
        if self._due(last=done == of):
            click.echo(f"{self._phase}: {done:,} of {of:,}", err=True)

    def progress(self, told: Progress) -> None:
        """See `Watcher`."""
        if self._due(last=told.step == told.steps):
            click.echo(
                f"update {told.step:,} of {told.steps:,}, pass {told.epoch:.1f}: loss {told.loss:.3f}, "
                f"{told.speed:,.0f} tokens/s, {clock(told.left)} left",
                err=True,
            )

    def _due(self, *, last: bool) -> bool:
        now = time.monotonic()
        if last or now - self._last >= _LINE_EVERY:
            self._last = now
            return True
        return False

    def measured(self, told: Measured) -> None:
        """See `Watcher`."""
        click.echo(f"update {told.step:,}: dev {figures(told)}, measured in {told.seconds:.0f} s", err=True)

    def note(self, text: str) -> None:
        """See `Watcher`."""
        click.echo(text, err=True)


class View:
    """A table that is drawn anew: what is done, loss, chrF++ with its curve, speed, time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._phase = ""
        self._moved: tuple[int, int] | None = None
        self._now: Progress | None = None
        self._losses: list[float] = []
        self._measured: list[Measured] = []
        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=False)
        self._live.start()

    def phase(self, name: str) -> None:
        """See `Watcher`."""
        self._phase, self._moved = name, None
        self._show()

    def moved(self, done: int, of: int) -> None:
        """See `Watcher`."""
        self._moved = (done, of)
        self._show()

    def progress(self, told: Progress) -> None:
        """See `Watcher`."""
        self._now = told
        self._losses.append(told.loss)
        self._show()

    def measured(self, told: Measured) -> None:
        """See `Watcher`."""
        self._measured.append(told)
        self._show()

    def note(self, text: str) -> None:
        """See `Watcher`."""
        self._live.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the last picture standing."""
        self._live.stop()

    def _show(self) -> None:
        self._live.update(self._table())

    def _table(self) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_row(self._phase, "{:,} of {:,}".format(*self._moved) if self._moved else "")
        now = self._now
        if now:
            table.add_row("update", f"{now.step:,} of {now.steps:,}, pass {now.epoch:.1f}")
            table.add_row("loss", f"{now.loss:.3f}  {curve(self._losses)}")
        if self._measured:
            scores = [told.loss if told.chrf is None else told.chrf for told in self._measured]
            table.add_row("dev", f"{figures(self._measured[-1])}  {curve(scores)}")
        if now:
            table.add_row("speed", f"{now.speed:,.0f} tokens/s, {clock(now.left)} left, rate {now.rate:.2e}")
        return table


def figures(told: Measured) -> str:
    """Return what was measured on dev."""
    loss = f"loss {told.loss:.3f}"
    return loss if told.chrf is None else f"chrF++ {told.chrf:.2f} (best {told.best:.2f}), {loss}"


def curve(values: list[float]) -> str:
    """Return values as a row of bars, the last ones if there are many."""
    shown = values[-_WIDTH:]
    low, high = min(shown), max(shown)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[int((value - low) * scale)] for value in shown)


def clock(seconds: float) -> str:
    """Return a time as h:mm:ss, "?" where it is not known."""
    if seconds == math.inf:
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
