"""How work on a corpus tells of its progress: a bar where a person watches, lines for log files."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from scalemt.data.cleaning import Watcher

_LINE_EVERY = 10.0  # seconds between two lines of progress where nobody watches


@contextmanager
def watching(total: int) -> Iterator[Watcher]:
    """Show how far it is: a bar where a person watches, a line now and then elsewhere.

    Args:
        total: bytes of the inputs, for a phase of unknown length.
    """
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[pairs]:,} pairs, {task.fields[speed]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar, total)


class _Lines:
    """A line of progress at most every ten seconds, for log files."""

    def __init__(self) -> None:
        self._name = ""
        self._total: int | None = None
        self._began = self._last = time.monotonic()
        self._first = 0

    def phase(self, name: str, total: int | None) -> None:
        self._name, self._total = name, total
        self._began, self._first = time.monotonic(), -1

    def move(self, pairs: int, bytes_read: int) -> None:
        if self._first < 0:  # neither what an earlier run has done nor the fitting of a filter counts as speed
            self._first, self._began = pairs, time.monotonic()
        if time.monotonic() - self._last >= _LINE_EVERY:
            self._last = time.monotonic()
            speed = (pairs - self._first) / max(self._last - self._began, 1e-9)
            of = f" of {self._total:,}" if self._total else ""
            told = f", {speed:,.0f}/s" if speed else ""
            click.echo(f"{self._name}: {pairs:,}{of} pairs{told}", err=True)

    def note(self, text: str) -> None:
        click.echo(f"Note: {text}", err=True)


class _Bar:
    """A bar for each phase."""

    def __init__(self, bar: Progress, size: int) -> None:
        self._bar = bar
        self._size = size
        self._task: TaskID | None = None
        self._by_bytes = True
        self._began = 0.0
        self._first = -1

    def phase(self, name: str, total: int | None) -> None:
        if self._task is not None:
            self._bar.stop_task(self._task)
        self._by_bytes = total is None
        shown = name if len(name) <= 40 else f"{name[:39]}…"
        self._task = self._bar.add_task(shown, total=self._size if total is None else total, pairs=0, speed=0.0)
        self._began, self._first = time.monotonic(), -1

    def move(self, pairs: int, bytes_read: int) -> None:
        if self._task is None:
            return
        if self._first < 0:
            self._first, self._began = pairs, time.monotonic()
        speed = (pairs - self._first) / max(time.monotonic() - self._began, 1e-9)
        done = bytes_read if self._by_bytes else pairs
        self._bar.update(self._task, completed=done, pairs=pairs, speed=speed)

    def note(self, text: str) -> None:
        self._bar.console.print(f"Note: {text}", markup=False, highlight=False)
