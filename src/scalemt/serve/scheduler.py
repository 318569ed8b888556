"""Gives the workers what waits, in batches, and hands out what becomes of it.

Requests of one lane (variant and pair) share batches, since a model translates 32 sentences of different people in
little more time than one. Within a batch every request gets its turn, so that a long one does not keep the short
ones waiting; documents come last. What waits is bounded: behind that, requests are refused at once.

A segment may end the process that translates it. Those that were at work when one ended are suspects: each is done
alone, on a worker that does nothing else meanwhile. The second process that ends over it proves it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from scalemt.engine.backends import asks_generalist
from scalemt.errors import GeneralistError, ScalemtError, SpecialistError, UsageError
from scalemt.serve.crew import Crew, Hand, Running, WorkerDied
from scalemt.serve.line import Item, Line, Ticket, Watch, told_apart
from scalemt.serve.refusals import Busy
from scalemt.serve.settings import ServeSettings
from scalemt.serve.work import InternalError, Kind, Lane, Variant, changed, failed
from scalemt.types import Segment, Translation

logger = logging.getLogger("scalemt.serve")

_DEATHS = 2  # processes that may end over a segment
_PATIENCE = 0.5  # of the seconds in which a request must be answered: so long it may wait in line
_KILLS = "The process that translated this segment ended, twice. Its text is more than a model can take."
_FORGETTING = 0.1  # what the latest batch counts in the speed
_GATHERING = 0.1  # of the seconds of its last batch: so long a worker may wait for as many texts again
_GATHERED = 0.05  # seconds that it waits at most
_WORTH_IT = 4  # segments of a batch from which on that is done


class Observer(Protocol):
    """What is told of the work, for metrics."""

    def batch(self, lane: Lane, segments: int, seconds: float) -> None:
        """A batch came back."""

    def translated(self, lane: Lane, translation: Translation) -> None:
        """A segment is done, well or not."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What a worker did last: when it was done, how long that took, and how much it was."""

    began: float
    seconds: float
    segments: int
    characters: int


@dataclass(eq=False)
class Batch:
    """Segments of one lane that a worker has."""

    lane: Lane
    items: list[Item]
    hand: Hand
    running: Running

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return any(not item.ticket.over for item in self.items)


class Scheduler:
    """Gives the workers batches of what waits.

    Args:
        settings: the bounds.
        observer: told of batches and segments.
        failed: see `Crew`.
    """

    def __init__(
        self, settings: ServeSettings, observer: Observer, failed: Callable[[ScalemtError], None] | None = None
    ) -> None:
        self._settings = settings
        self._observer = observer
        self.crew = Crew(settings, self._pump, failed)
        self._line = Line()
        self._suspects: deque[Item] = deque()
        self._batches: set[Batch] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.kind_of = lru_cache(1024)(self._kind_of)
        # Characters a second of one worker, as they were lately, and what each did last.
        self._speed: dict[Kind, float] = {"drafting": 2_000.0, "answering": 200.0}
        self._rests: dict[int, Rest] = {}
        self._gathering: asyncio.TimerHandle | None = None

    def translate(
        self, segments: Sequence[Segment], lane: Lane, watch: Watch | None = None, *, background: bool = False
    ) -> asyncio.Future[list[Translation]]:
        """Put segments in line; cancelling the future frees their places.

        Raises:
            Busy: the line is full.
        """
        future: asyncio.Future[list[Translation]] = asyncio.get_running_loop().create_future()
        if not segments:
            future.set_result([])
            return future
        ticket = Ticket(lane, self.kind_of(lane.variant), segments, future, watch, background)
        if not background:
            self._require_room(ticket)
        future.add_done_callback(lambda _: self._forget(ticket))
        self._line.add(ticket)
        self._pump()
        return future

    def _require_room(self, ticket: Ticket) -> None:
        waiting = self.waiting(ticket.kind)
        capacity = self._settings.capacity
        delay = waiting / (self._speed[ticket.kind] * max(1, self.crew.most(ticket.kind)))
        # A request that is longer than the line is served by an idle server all the same.
        if waiting and (waiting + ticket.characters > capacity.waiting or delay > _PATIENCE * capacity.seconds):
            patience = min(60.0, max(1.0, delay))
            raise Busy(
                f"The server has {waiting:,} characters in line and takes no more. Try again in {patience:.0f} s.",
                patience,
            )

    def waiting(self, kind: Kind) -> int:
        """Return how many characters wait that somebody waits for."""
        return self._line.characters(kind)

    def _kind_of(self, variant: Variant) -> Kind:
        """Tell whether a variant waits for a generalist."""
        profile = self._settings.profiles[variant.profile]
        if variant.changes:
            profile = changed(profile, dict(variant.changes))
        return "answering" if asks_generalist(profile) else "drafting"

    def _forget(self, ticket: Ticket) -> None:
        """Free the places of a ticket that is over, and stop batches that nobody waits for."""
        if ticket.waiting:
            self._line.drop(ticket)
        if len(ticket.done) < len(ticket.segments):
            for batch in self._batches:
                if not batch.wanted:
                    self.crew.cancel(batch.hand, batch.running)

    def _pump(self) -> None:
        """Give out work as long as there is some, and somebody to do it."""
        self._examine()
        kinds: tuple[Kind, ...] = ("drafting", "answering")
        for kind in kinds:
            for hand in self.crew.with_room(kind, self._gathers if kind == "drafting" else None):
                # A second batch of drafts waits at a worker, so that the worker need not wait for one; but as long
                # as it is small, it grows here.
                items = self._line.take(kind, full=kind == "drafting" and hand.load(kind) > 0)
                if not items:
                    break
                self._dispatch(hand, kind, items)

    def _gathers(self, hand: Hand) -> bool:
        """Whether a worker that has just done a batch had better wait for what comes in its stead.

        Those who were answered together ask again together. The first of them would be sent alone, at twice the
        cost, and the others would wait for it.
        """
        rest = self._rests.get(hand.place)
        waiting = self._line.characters("drafting")
        if hand.load("drafting") or rest is None or rest.segments < _WORTH_IT:
            return False
        if not 0 < waiting < rest.characters:
            return False
        left = rest.began + min(_GATHERING * rest.seconds, _GATHERED) - time.monotonic()
        if left <= 0:
            return False
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(left, self._gathered)
        return True

    def _gathered(self) -> None:
        self._gathering = None
        self._pump()

    def _examine(self) -> None:
        """Have the next suspect done, alone."""
        while self._suspects and self._suspects[0].ticket.over:
            self._suspects.popleft()
        if not self._suspects:
            self.crew.release()
            return
        kind = self._suspects[0].ticket.kind
        hand = self.crew.resting(kind)
        if hand:
            self._dispatch(hand, kind, [self._suspects.popleft()], alone=True)

    def _dispatch(self, hand: Hand, kind: Kind, items: list[Item], *, alone: bool = False) -> None:
        lane = items[0].ticket.lane
        segments = told_apart(items)
        running = self.crew.send(
            hand, kind, "translate", alone=alone, variant=lane.variant, pair=lane.pair, segments=segments
        )
        batch = Batch(lane, items, hand, running)
        self._batches.add(batch)
        following = asyncio.get_running_loop().create_task(self._follow(batch))
        self._tasks.add(following)
        following.add_done_callback(self._tasks.discard)

    async def _follow(self, batch: Batch) -> None:
        """Wait for a batch, and hand out what became of it."""
        try:
            self._hand_out(batch, await batch.running.future)
        except asyncio.CancelledError:
            self._line.put_back(batch.items)  # given up for the sake of another batch
        except WorkerDied as death:
            self._died(batch, death)
        except ScalemtError as fault:
            self._fail(batch, fault)
        except Exception as fault:
            logger.exception("the outcome of a batch could not be handed out")
            self._fail(batch, InternalError(f"The server met a fault of its own ({type(fault).__name__})."))
        finally:
            self._batches.discard(batch)
            self._pump()

    def _hand_out(self, batch: Batch, translations: Sequence[Translation]) -> None:
        self._measure(batch)
        for item, translation in zip(batch.items, translations, strict=True):
            self._observer.translated(batch.lane, translation)
            item.ticket.take(replace(translation, segment=item.segment), item.index)

    def _measure(self, batch: Batch) -> None:
        now = time.monotonic()
        rest = self._rests.get(batch.hand.place)
        seconds = max(1e-3, now - max(batch.running.began, rest.began if rest else 0.0))
        kind = batch.running.task.kind
        characters = sum(len(item.segment.text) for item in batch.items)
        if kind == "drafting":
            self._rests[batch.hand.place] = Rest(now, seconds, len(batch.items), characters)
        self._speed[kind] += _FORGETTING * (characters / seconds - self._speed[kind])
        self._observer.batch(batch.lane, len(batch.items), seconds)

    def _fail(self, batch: Batch, fault: ScalemtError) -> None:
        """Of a batch that failed as a whole: tell what is wrong, or try again in parts to see whose it is."""
        tickets = list(dict.fromkeys(item.ticket for item in batch.items))
        if isinstance(fault, InternalError):
            logger.error("a batch of %d segments failed: %s\n%s", len(batch.items), fault, fault.trace)
        if isinstance(fault, UsageError):
            for ticket in tickets:
                ticket.fail(fault)
        elif isinstance(fault, InternalError) and len(batch.items) > 1:
            self._suspects.extend(batch.items)
        elif len(tickets) == 1 or isinstance(fault, GeneralistError):
            for item in batch.items:
                self._give_up(item, fault)
        else:
            for ticket in tickets:
                ticket.apart = True
            self._line.put_back(batch.items)

    def _died(self, batch: Batch, death: WorkerDied) -> None:
        if not death.blamed:
            self._line.put_back(batch.items)
            return
        for item in batch.items:
            item.deaths += 1
            if item.deaths >= _DEATHS and batch.running.alone:
                self._give_up(item, SpecialistError(_KILLS))
            else:
                self._suspects.append(item)

    def _give_up(self, item: Item, fault: ScalemtError) -> None:
        translation = failed(item.segment, item.ticket.lane, fault)
        self._observer.translated(item.ticket.lane, translation)
        item.ticket.take(translation, item.index)
