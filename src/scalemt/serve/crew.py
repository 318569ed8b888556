"""The supervisor of the worker processes: starts them, hears what they say, and starts those anew that die."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from scalemt.errors import BackendError, ScalemtError
from scalemt.serve.pipe import framed, how_ended, received, spawned
from scalemt.serve.settings import ServeSettings
from scalemt.serve.work import Cancel, InternalError, Kind, Misfit, Notice, Outcome, Ready, Setup, Task

logger = logging.getLogger("scalemt.serve")

_QUICK = 10.0  # seconds; a worker that lives shorter is not started again at once
_LONGEST_PAUSE = 30.0  # seconds between two starts of a worker that keeps dying
_MOST_DOUBLINGS = 6  # of that pause
_FIRST_TRIES = 3  # starts of a worker, where none was ever ready
_LOOK_EVERY = 1.0  # seconds between looks for tasks that take too long
_HUNG = 10.0  # times the seconds of a request: longer than any batch of drafts takes
_ENDING = 3.0  # seconds that a worker has to end
_MOST_TOLD = 1_000  # notices that are remembered, so that each is told once


class WorkerDied(Exception):  # noqa: N818  # what happened, not a fault of the one who asks
    """The process ended before the task was done; `blamed` says that the task may be why."""

    def __init__(self, *, blamed: bool) -> None:
        super().__init__()
        self.blamed = blamed


@dataclass(eq=False)
class Running:
    """A task that a worker has, and who waits for it; `alone`: nothing else is to be done beside it."""

    task: Task
    future: asyncio.Future[Any]
    alone: bool = False
    began: float = field(default_factory=time.monotonic)
    cancelled_at: float = 0.0

    def is_overdue(self, grace: float, seconds: float) -> bool:
        """Whether the worker must be ended for it.

        Args:
            grace: for what nobody waits for.
            seconds: in which a request must be answered.
        """
        age = time.monotonic() - self.began
        if self.task.kind == "answering":
            # Generalists keep to time-outs of their own; of those that are given up, they are told.
            return bool(self.cancelled_at) and time.monotonic() > self.cancelled_at + grace
        # What computes cannot be broken off, and ends soon; unless it hangs, when no request would be answered.
        return age > (max(grace, seconds) if self.cancelled_at else _HUNG * seconds)


@dataclass(eq=False)
class Hand:
    """One worker process, through its lives.

    Args:
        place: its number, from 0; the first one answers, the others draft.
        setup: what it is told.

    Attributes:
        ready: models are loaded.
        lanes: batches with a generalist that it can work on at a time.
        reserved: comes to rest, for a task that is to be alone.
        culprit: the task that it is being ended for.
        deaths: ends in a row, each soon after a start.
    """

    place: int
    setup: Setup
    process: subprocess.Popen[bytes] | None = None
    pipe: asyncio.StreamWriter | None = None
    ready: bool = False
    lanes: int = 0
    reserved: bool = False
    culprit: Running | None = None
    began: float = 0.0
    deaths: int = 0
    restarts: int = 0
    running: dict[int, Running] = field(default_factory=dict)

    def load(self, kind: Kind) -> int:
        """How many tasks of a kind it has."""
        return sum(item.task.kind == kind for item in self.running.values())

    def room(self, kind: Kind) -> int:
        """How many tasks of a kind it can take now."""
        if not self.ready or self.reserved:
            return 0
        # Of what drafts, one is on its way while another is at work; only a full one is sent ahead.
        most = {"drafting": 2, "answering": self.lanes * self.setup.answers, "asking": 8}[kind]
        return most - self.load(kind)

    def blamed(self) -> list[Running]:
        """The tasks that may be why the process ended: those that were at work, not those that waited behind."""
        if self.culprit:
            return [self.culprit]
        drafting = [item for item in self.running.values() if item.task.kind == "drafting"]
        return [item for item in self.running.values() if item not in drafting[1:]]


class Crew:
    """All workers of a server.

    Args:
        settings: how many workers, and what they serve.
        free: called, in the event loop, when a worker can take more.
        failed: called when no worker can ever serve what was told; the server is to end.
    """

    def __init__(
        self,
        settings: ServeSettings,
        free: Callable[[], None],
        failed: Callable[[ScalemtError], None] | None = None,
    ) -> None:
        self._settings = settings
        self._free = free
        self._failed = failed
        self._numbers = itertools.count(1)
        self._closing = False
        self._lived = False
        self._told: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: ScalemtError | None = None
        self.hands = [Hand(place, setup) for place, setup in enumerate(_setups(settings))]

    async def start(self) -> None:
        """Start all workers; they load models while the server already listens."""
        for hand in self.hands:
            await self._start(hand)
        self._keep(self._look())

    async def close(self) -> None:
        """End all workers; what they were at is lost."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        for hand in self.hands:
            if hand.pipe is not None:
                hand.pipe.close()  # at which a worker ends
        living = [hand.process for hand in self.hands if hand.process is not None]
        await asyncio.gather(*(asyncio.to_thread(_ended, process) for process in living))

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

    def processes(self) -> dict[int, int | None]:
        """Return the process of each worker by its number, None where there is none now."""
        return {hand.place: hand.process.pid if hand.process else None for hand in self.hands}

    def most(self, kind: Kind) -> int:
        """Return how many batches of a kind all workers together work on at a time."""
        if kind == "drafting":
            return len(self.hands)
        return sum(hand.lanes for hand in self.hands if hand.setup.answers)

    def with_room(self, kind: Kind, but: Callable[[Hand], bool] | None = None) -> Iterator[Hand]:
        """Yield workers that can take a task of a kind, those with the least of it first; again after each.

        Args:
            kind: of the task.
            but: tells which of them are passed over now.
        """
        while free := [hand for hand in self.hands if hand.room(kind) > 0 and not (but and but(hand))]:
            # A worker that answers has its cores in use: the others draft as long as they can.
            yield min(free, key=lambda hand: (hand.load(kind), kind == "drafting" and hand.load("answering")))

    def resting(self, kind: Kind) -> Hand | None:
        """Return a worker that does nothing, for a task that is to be alone; None until one has come to rest."""
        able = [hand for hand in self.hands if hand.ready and (kind != "answering" or hand.setup.answers)]
        chosen = min(able, key=lambda hand: (not hand.reserved, len(hand.running)), default=None)
        for hand in self.hands:
            hand.reserved = hand is chosen
        return chosen if chosen and not chosen.running else None

    def release(self) -> None:
        """Have the worker that came to rest do what the others do."""
        for hand in self.hands:
            hand.reserved = False

    def send(self, hand: Hand, kind: Kind, name: str, *, alone: bool = False, **arguments: Any) -> Running:
        """Give a worker a task; `future` of what is returned has its value.

        The future raises `WorkerDied` where the process ends meanwhile, `asyncio.CancelledError` where the task
        was given up, and otherwise what the worker raised.
        """
        task = Task(next(self._numbers), kind, name, arguments)
        running = Running(task, asyncio.get_running_loop().create_future(), alone)
        hand.running[task.number] = running
        try:
            self._put(hand, task)
        except Exception as fault:  # it cannot be pickled
            del hand.running[task.number]
            running.future.set_exception(InternalError(f"A task cannot be sent ({type(fault).__name__})."))
        return running

    def cancel(self, hand: Hand, running: Running) -> None:
        """Tell a worker that nobody waits for a task; one that does not listen is ended after a while."""
        if running.cancelled_at or running.future.done():
            return
        running.cancelled_at = time.monotonic()
        self._put(hand, Cancel(running.task.number))

    async def _look(self) -> None:
        """End workers whose tasks take too long."""
        capacity = self._settings.capacity
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for hand in self.hands:
                late = [
                    item for item in hand.running.values() if item.is_overdue(capacity.grace, capacity.seconds)
                ]
                if late and hand.process is not None and not hand.culprit:
                    hand.culprit = late[0]
                    logger.warning("worker %d does not end a task and is ended", hand.place)
                    hand.process.kill()

    def _put(self, hand: Hand, message: object) -> None:
        # What waits to be sent is bounded by what a worker takes; the buffer grows where one does not read.
        if hand.pipe is not None:
            hand.pipe.write(framed(message))

    def _keep(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, hand: Hand) -> None:
        threads = str(hand.setup.threads)
        hand.process, reader, hand.pipe = await spawned(
            "scalemt.serve.worker", OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads
        )
        hand.began = time.monotonic()
        self._put(hand, hand.setup)
        self._keep(self._listen(hand, reader))

    async def _listen(self, hand: Hand, reader: asyncio.StreamReader) -> None:
        """Hear what a worker says until it is gone; then have it started again."""
        while True:
            try:
                message = await received(reader)
            except EOFError:
                break
            except Exception as fault:
                logger.error("worker %d said what cannot be read (%s)", hand.place, type(fault).__name__)
                break
            self._hear(hand, message)
        hand.ready = False
        if hand.pipe is not None:
            hand.pipe.close()
            hand.pipe = None
        code = await asyncio.to_thread(_ended, hand.process) if hand.process else None
        pause = self._died(hand, code)
        while pause is not None:
            await asyncio.sleep(pause)
            try:
                await self._start(hand)
            except OSError as fault:  # no memory, no descriptors
                pause = _LONGEST_PAUSE
                logger.error("worker %d cannot be started: %s", hand.place, fault.strerror)
            else:
                return

    def _hear(self, hand: Hand, message: object) -> None:
        match message:
            case Outcome():
                _settle(hand.running.pop(message.number, None), message)
            case Ready():
                hand.ready, hand.lanes, self._lived = True, message.lanes, True
                logger.info("worker %d is ready after %.1f s", hand.place, time.monotonic() - hand.began)
            case Misfit():
                if hand.restarts:  # it could be served once
                    self._tell(hand, str(message.fault))
                else:
                    self._give_up(message.fault)
            case Notice():
                self._tell(hand, message.text)
        # Behind those who wait for the outcome: what they learn of the worker counts in what it is given next.
        asyncio.get_running_loop().call_soon(self._free)

    def _tell(self, hand: Hand, text: str) -> None:
        if text in self._told:
            return
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told.add(text)
        logger.warning("worker %d: %s", hand.place, text)

    def _give_up(self, fault: ScalemtError) -> None:
        if self.fault is None:
            self.fault = fault
            if self._failed:
                self._failed(fault)

    def _died(self, hand: Hand, code: int | None) -> float | None:
        """Tell those who wait; return the seconds until the worker is to be started again, None for never."""
        blamed, lost = hand.blamed(), list(hand.running.values())
        hand.running, hand.culprit, hand.reserved = {}, None, False
        pause = None if self._closing or self.fault else self._pause(hand, code, len(lost))
        for item in lost:
            if not item.future.done():
                item.future.set_exception(WorkerDied(blamed=item in blamed))
        return pause

    def _pause(self, hand: Hand, code: int | None, lost: int) -> float | None:
        lived = time.monotonic() - hand.began
        hand.deaths = hand.deaths + 1 if lived < _QUICK or not hand.lanes else 0
        hand.lanes = 0
        if hand.deaths >= _FIRST_TRIES and not self._lived:
            self._give_up(
                BackendError(
                    f"No worker lives long enough to load the models: the last one ended after {lived:.0f} s "
                    f"({how_ended(code)}). Signal 9 means that memory lacks: take fewer --workers, or smaller "
                    "models."
                )
            )
            return None
        hand.restarts += 1
        pause = min(_LONGEST_PAUSE, 0.5 * 2 ** min(hand.deaths, _MOST_DOUBLINGS)) if hand.deaths else 0.0
        logger.error(
            "worker %d ended (%s) after %.0f s with %d tasks; it is started again in %.1f s",
            *(hand.place, how_ended(code), lived, lost, pause),
        )
        return pause


def _setups(settings: ServeSettings) -> list[Setup]:
    """Return what each worker is told: all of them draft, the first answers too.

    A worker drafts with one thread: threads that wait for each other spin, and two of them on a busy machine of
    two cores draft at a tenth of the speed of one. More cores want more workers. A generalist in the process
    leaves a core to the others.
    """
    alone = max(1, (os.cpu_count() or 1) - 1)
    return [
        Setup(settings.profiles, settings.configuration, 1, alone, answers=place == 0)
        for place in range(settings.worker_count)
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


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process whose pipe is closed, and see to it that it ends."""
    try:
        return process.wait(_ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
