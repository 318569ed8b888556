"""Chunks of pairs put before the filters that look at one pair alone, by several processes, in order."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from threading import Thread

from scalemt.data.filters import Filter, Item
from scalemt.errors import PausedError
from scalemt.memory.units import Unit
from scalemt.types import Pair

CHUNK = 500
"""Pairs that are judged together: a tenth of a second of work, so that messages between processes cost nothing."""

_AHEAD = 3  # chunks that wait for each process

Row = tuple[str, str, str, str]
Verdict = tuple[int, str]
"""The step that dropped a pair, and why; the number of steps where it stays."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A chunk with a verdict for each unit, and the processor time of each step."""

    units: list[Unit]
    verdicts: list[Verdict]
    seconds: list[float]


def judge(units: Iterable[Unit], steps: Sequence[Filter], workers: int) -> Iterator[Judged]:
    """Yield chunks in order, each judged by all steps up to the first that drops a pair.

    Args:
        units: read as they are needed; a few chunks for each process are held.
        steps: none is stateful or fitted.
        workers: processes; 1, or a corpus of one chunk, is done by this one.

    Raises:
        PausedError: a process was ended from outside.
    """
    waiting = iter(units)
    first = list(islice(waiting, CHUNK))
    chunks = _chunks(first, waiting)
    if workers < 2 or not steps or len(first) < CHUNK:
        for chunk in chunks:
            yield Judged(chunk, *judged_rows(_rows(chunk), steps))
        return
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (tuple(steps),))
    try:
        yield from _in_order(pool, chunks, workers * _AHEAD)
    except BrokenProcessPool:
        raise PausedError(
            "A process that judged pairs was ended from outside, perhaps for want of memory. What was done is "
            "kept: run the same command again, with --workers 1 if memory is short."
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, chunks: Iterator[list[Unit]], ahead: int) -> Iterator[Judged]:
    sent: deque[tuple[list[Unit], Future[tuple[list[Verdict], list[float]]]]] = deque()
    for chunk in chunks:
        sent.append((chunk, pool.submit(_judged_there, _rows(chunk))))
        if len(sent) >= ahead:
            done, future = sent.popleft()
            yield Judged(done, *future.result())
    for done, future in sent:
        yield Judged(done, *future.result())


def _chunks(first: list[Unit], waiting: Iterator[Unit]) -> Iterator[list[Unit]]:
    chunk = first
    while chunk:
        yield chunk
        chunk = list(islice(waiting, CHUNK))


def _rows(chunk: Sequence[Unit]) -> list[Row]:
    return [(unit.source, unit.target, *unit.pair) for unit in chunk]


def judged_rows(rows: Sequence[Row], steps: Sequence[Filter]) -> tuple[list[Verdict], list[float]]:
    """Return a verdict for each row, and the processor time of each step."""
    seconds = [0.0] * len(steps)
    verdicts = []
    for source, target, left, right in rows:
        item = Item(source, target, Pair(left, right))
        verdict = (len(steps), "")
        began = time.process_time()
        for number, step in enumerate(steps):
            reason = step.judge(item)
            now = time.process_time()
            seconds[number] += now - began
            began = now
            if reason:
                verdict = (number, reason)
                break
        verdicts.append(verdict)
    return verdicts, seconds


# What a process of the pool holds.
_held: tuple[Filter, ...] = ()


def _begin(steps: tuple[Filter, ...]) -> None:
    global _held  # noqa: PLW0603  # of a process that does nothing else
    _held = steps
    # Ctrl-C reaches the whole group: the parent tells the pool, and says so once.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the parent was killed: it could not say so, and the pool would wait for ever."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _judged_there(rows: list[Row]) -> tuple[list[Verdict], list[float]]:
    return judged_rows(rows, _held)
