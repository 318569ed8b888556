"""What a person sees while a bench runs: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scalemt.evaluation.bench.running import Watcher

_EVERY = 10.0  # seconds between lines of a log


class Log:
    """Writes a line as each task begins and every ten seconds.

    Args:
        write: takes a line.
        clock: seconds that only rise; for tests.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._total = self._finished = self._fresh = 0
        self._label = ""
        self._started = self._told = clock()

    def start(self, total: int, finished: int) -> None:
        """Say how much there is, and how much of it an earlier run did."""
        self._total, self._finished = total, finished
        self._started = self._told = self._clock()
        self._write(f"{total} segments in all, {finished} of them done before.")

    def task(self, arm: str, test_set: str, pending: int) -> None:
        """Say what begins."""
        self._label = f"{arm} on {test_set}"
        self._write(f"{self._label}: {pending} segment{'' if pending == 1 else 's'}.")

    def advance(self, count: int) -> None:
        """Count, and write a line if the last one is old enough."""
        self._finished += count
        self._fresh += count
        now = self._clock()
        if count and now - self._told >= _EVERY:
            self._told = now
            rate = self._fresh / max(now - self._started, 1e-9)
            left = (self._total - self._finished) / rate
            self._write(
                f"{self._finished}/{self._total} segments, {self._label}, {rate:.2f} a second, {_span(left)} left."
            )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class _Bar:
    def __init__(self, progress: object) -> None:
        from rich.progress import Progress

        assert isinstance(progress, Progress)  # noqa: S101
        self._progress = progress
        self._task = progress.add_task("Planning", total=None, rate="")
        self._fresh = 0
        self._started = time.monotonic()

    def start(self, total: int, finished: int) -> None:
        self._started = time.monotonic()
        self._progress.update(self._task, total=total, completed=finished)

    def task(self, arm: str, test_set: str, pending: int) -> None:
        # The name of a set is anything; square brackets in it are no markup.
        self._progress.update(self._task, description=f"{arm} on {test_set}".replace("[", "\\["))

    def advance(self, count: int) -> None:
        self._fresh += count
        rate = self._fresh / max(time.monotonic() - self._started, 1e-9)
        self._progress.update(self._task, advance=count, rate=f"{rate:.2f}/s")


@contextmanager
def bar() -> Iterator[Watcher]:
    """Show a bar on standard error over all tasks, with rate and time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        # A batch of slow segments takes a minute; the estimate must not forget the ones before it.
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=600) as progress:
        yield _Bar(progress)
