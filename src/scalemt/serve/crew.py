"""The supervisor of the worker processes: starts them, hears what they say, and starts those anew that die."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from scalemt.serve.settings import ServeSettings
from scalemt.serve.work import Cancel, Kind, Notice, Outcome, Setup, Task

logger = logging.getLogger("scalemt.serve")

_QUICK = 10.0  # seconds; a worker that lives shorter is not started again at once
_LONGEST_PAUSE = 30.0  # seconds between two starts of a worker that keeps dying


class WorkerDied(Exception):  # noqa: N818  # what happened, not a fault of the one who asks
    """The process ended before the task was done."""


@dataclass
class Running:
    """A task that a worker has, and who waits for it."""

    task: Task
    future: asyncio.Future[Any]
    cancelled_at: float = 0.0


@dataclass
class Hand:
    """One worker process, through its lives.

    Args:
        place: its number, from 0; the first one answers, the others draft.
        setup: what it is told.
    """

    place: int
    setup: Setup
    process: subprocess.Popen[bytes] | None = None
    pipe: Connection | None = None
    ready: bool = False
    began: float = 0.0
    deaths: int = 0
    restarts: int = 0
    running: dict[int, Running] = field(default_factory=dict)
    # Sending may wait for a worker that reads slowly: the event loop must not.
    sender: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "sender"))

    def load(self, kind: Kind) -> int:
        """How many tasks of a kind it has."""
        return sum(item.task.kind == kind for item in self.running.values())

    def room(self, kind: Kind) -> int:
        """How many tasks of a kind it can take now."""
        if self.pipe is None or not self.ready:
            return 0
        if kind == "answering" and not self.setup.answers:
            return 0
        # Of what drafts, one is on its way while another is at work.
        most = {"drafting": 2, "answering": self.setup.lanes, "asking": 8}[kind]
        return most - self.load(kind)

    def lanes(self, kind: Kind) -> int:
        """How many batches of a kind it works on at a time."""
        return 1 if kind == "drafting" else self.setup.lanes * self.setup.answers


class Crew:
    """All workers of a server.

    Args:
        settings: how many workers, and what they serve.
        free: called, in the event loop, when a worker can take more.
    """

    def __init__(self, settings: ServeSettings, free: Callable[[], None]) -> None:
        self._settings = settings
        self._free = free
        self._numbers = itertools.count(1)
        self._closing = False
        self._told: set[str] = set()
        self._restarting: set[asyncio.Task[None]] = set()
        self.hands = [Hand(place, setup) for place, setup in enumerate(_setups(settings))]

    async def start(self) -> None:
        """Start all workers; they load models while the server already listens."""
        for hand in self.hands:
            self._start(hand)

    async def close(self) -> None:
        """End all workers; what they were at is lost."""
        self._closing = True
        for waiting in self._restarting:
            waiting.cancel()
        for hand in self.hands:
            if hand.process is not None:
                hand.process.terminate()
        for hand in self.hands:
            if hand.process is not None:
                await asyncio.to_thread(_ended, hand.process)
            hand.sender.shutdown(wait=False, cancel_futures=True)

    @property
    def ready(self) -> bool:
        """Whether somebody can translate."""
        return any(hand.ready for hand in self.hands)

    def ready_count(self) -> int:
        """Return how many workers can translate."""
        return sum(hand.ready for hand in self.hands)

    def restarts(self) -> int:
        """Return how many times workers were started again."""
        return sum(hand.restarts for hand in self.hands)

    @property
    def alive(self) -> bool:
        """Whether any worker process lives, ready or not."""
        return any(hand.process is not None and hand.process.poll() is None for hand in self.hands)

    def most(self, kind: Kind) -> int:
        """Return how many batches of a kind all workers together have under way."""
        return sum(hand.lanes(kind) for hand in self.hands)

    def with_room(self, kind: Kind) -> Iterator[Hand]:
        """Yield workers that can take a task of a kind, those with the least of it first; again after each."""
        while free := [hand for hand in self.hands if hand.room(kind) > 0]:
            # A worker that answers has its cores in use: the others draft as long as they can.
            yield min(free, key=lambda hand: (hand.load(kind), kind == "drafting" and hand.load("answering")))

    def send(self, hand: Hand, kind: Kind, name: str, **arguments: Any) -> Running:
        """Give a worker a task; `future` of what is returned has its value.

        The future raises `WorkerDied` where the process ends meanwhile, `asyncio.CancelledError` where the task
        was given up, and otherwise what the worker raised.
        """
        task = Task(next(self._numbers), kind, name, arguments)
        running = Running(task, asyncio.get_running_loop().create_future())
        hand.running[task.number] = running
        self._put(hand, task)
        return running

    def cancel(self, hand: Hand, running: Running) -> None:
        """Tell a worker that nobody waits for a task; one that does not listen is ended after the grace."""
        if running.cancelled_at or running.future.done():
            return
        running.cancelled_at = time.monotonic()
        self._put(hand, Cancel(running.task.number))
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.capacity.grace, self._insist, hand, running)

    def _insist(self, hand: Hand, running: Running) -> None:
        if hand.running.get(running.task.number) is not running or hand.process is None:
            return
        logger.warning("worker %d does not give up a task and is ended", hand.place)
        hand.process.kill()

    def _put(self, hand: Hand, message: object) -> None:
        pipe = hand.pipe
        if pipe is not None:
            hand.sender.submit(_send, pipe, message)

    def _start(self, hand: Hand) -> None:
        if self._closing:
            return
        mine, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "scalemt.serve.worker", str(theirs.fileno())]
            threads = str(hand.setup.threads)
            environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
            hand.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
        hand.pipe = Connection(mine.detach())
        hand.began, hand.ready = time.monotonic(), False
        self._put(hand, hand.setup)
        loop = asyncio.get_running_loop()
        Thread(target=self._listen, args=(hand, hand.pipe, loop), daemon=True).start()

    def _listen(self, hand: Hand, pipe: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Hear what a worker says, in a thread of its own, until it is gone."""
        while True:
            try:
                message = pipe.recv()
            except Exception:  # the end of the pipe, or half a message of a process that was killed
                break
            if not _in_loop(loop, self._hear, hand, message):
                return
        _in_loop(loop, self._died, hand, pipe)

    def _hear(self, hand: Hand, message: object) -> None:
        if isinstance(message, Notice):
            if message.ready:
                hand.ready = True
                logger.info("worker %d is ready after %.1f s", hand.place, time.monotonic() - hand.began)
            elif message.text not in self._told:
                self._told.add(message.text)
                logger.warning("worker %d: %s", hand.place, message.text)
        elif isinstance(message, Outcome):
            _settle(hand.running.pop(message.number, None), message)
        self._free()

    def _died(self, hand: Hand, pipe: Connection) -> None:
        """Tell those who wait, and start the worker again: at once, or later where it keeps dying."""
        hand.pipe, hand.ready = None, False
        pipe.close()
        code = _ended(hand.process) if hand.process else None
        lost, hand.running = list(hand.running.values()), {}
        if not self._closing:
            lived = time.monotonic() - hand.began
            hand.deaths = hand.deaths + 1 if lived < _QUICK else 0
            hand.restarts += 1
            pause = min(_LONGEST_PAUSE, 0.5 * 2**hand.deaths) if hand.deaths else 0.0
            logger.error(
                "worker %d ended (%s) after %.0f s with %d tasks; it is started again in %.1f s",
                *(hand.place, _how(code), lived, len(lost), pause),
            )
            again = asyncio.get_running_loop().create_task(self._again(hand, pause))
            self._restarting.add(again)
            again.add_done_callback(self._restarting.discard)
        for item in lost:
            if not item.future.done():
                item.future.set_exception(WorkerDied())

    async def _again(self, hand: Hand, pause: float) -> None:
        await asyncio.sleep(pause)
        self._start(hand)


def _setups(settings: ServeSettings) -> list[Setup]:
    """Return what each worker is told: the first answers, with all cores, and all of them draft."""
    cores = os.cpu_count() or 1
    count = settings.worker_count
    each = max(1, cores // count)
    return [
        Setup(settings.profiles, settings.configuration, each, cores, answers=place == 0) for place in range(count)
    ]


def _settle(running: Running | None, outcome: Outcome) -> None:
    if running is None or running.future.done():
        return
    if outcome.cancelled:
        running.future.cancel()
    elif outcome.error is not None:
        running.future.set_exception(outcome.error)
    else:
        running.future.set_result(outcome.value)


def _send(pipe: Connection, message: object) -> None:
    try:
        pipe.send(message)
    except (OSError, ValueError):
        return  # the process has gone; its listener says so


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> bool:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:  # the loop is closed: the server has ended
        return False
    return True


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process that has been told to go, and see to it that it does."""
    try:
        return process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _how(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
