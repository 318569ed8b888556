"""What waits to be translated, and how it is put together to batches.

Requests of one lane (variant and pair) share batches, since a model translates 32 sentences of different people in
little more time than one. Within a batch every request gets its turn, so that a long one does not keep the short
ones waiting; documents come last. What waits is bounded: behind that, requests are refused at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scalemt.errors import ScalemtError, SpecialistError, UsageError
from scalemt.methods import METHODS
from scalemt.serve.crew import Crew, Hand, Running, WorkerDied
from scalemt.serve.refusals import Busy
from scalemt.serve.settings import ServeSettings
from scalemt.serve.work import InternalError, Kind, Lane, Variant, failed
from scalemt.types import Segment, Translation

logger = logging.getLogger("scalemt.serve")

_TURN = 16  # segments that one request gives to a batch before others have their turn
_LARGEST = {"drafting": 64, "answering": 8}  # segments in a batch
_LONGEST = {"drafting": 6_000, "answering": 4_000}  # characters in a batch, where it has more than one segment
_DEATHS = 2  # processes that may end over a segment; the second time it is alone in its batch

Watch = Callable[[int, Translation], None]
"""Called with the position and the translation of each segment as it is done."""


class Observer(Protocol):
    """What is told of the work, for metrics."""

    def batch(self, lane: Lane, segments: int, seconds: float) -> None:
        """A batch came back."""

    def translated(self, lane: Lane, translation: Translation) -> None:
        """A segment is done, well or not."""


@dataclass(slots=True, eq=False)
class Item:
    """One segment of a ticket; `deaths` counts the processes that ended while they had it."""

    ticket: Ticket
    index: int
    segment: Segment
    deaths: int = 0


@dataclass(slots=True, eq=False)
class Ticket:
    """The segments of one request, waiting and done.

    Args:
        lane: what may share a batch with it.
        segments: N of them.
        future: gets the N translations, or what keeps all of them away.
        watch: told of each one.
        background: nobody is looking at it: it comes after those that somebody waits for.

    Attributes:
        waiting: segments in line; `characters` are theirs.
        done: translations by position.
    """

    lane: Lane
    segments: Sequence[Segment]
    future: asyncio.Future[list[Translation]]
    watch: Watch | None = None
    background: bool = False
    waiting: deque[Item] = field(default_factory=deque)
    characters: int = 0
    done: dict[int, Translation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting.extend(Item(self, index, segment) for index, segment in enumerate(self.segments))
        self.characters = sum(len(segment.text) for segment in self.segments)

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()

    def pop(self) -> Item:
        """Take the next segment out of the line."""
        item = self.waiting.popleft()
        self.characters -= len(item.segment.text)
        return item

    def put_back(self, item: Item) -> None:
        """Put a segment in front of the others."""
        self.waiting.appendleft(item)
        self.characters += len(item.segment.text)

    def take(self, translation: Translation, index: int) -> None:
        """Keep what became of one segment."""
        if self.over:
            return
        self.done[index] = translation
        if self.watch:
            self.watch(index, translation)
        if len(self.done) == len(self.segments):
            self.future.set_result([self.done[number] for number in range(len(self.segments))])

    def fail(self, error: Exception) -> None:
        """Give all of it up."""
        if not self.over:
            self.future.set_exception(error)


@dataclass(eq=False)
class Batch:
    """Segments of one lane that a worker has."""

    lane: Lane
    items: list[Item]
    hand: Hand
    running: Running
    began: float

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return any(not item.ticket.over for item in self.items)


class Scheduler:
    """Gives the workers batches of what waits.

    Args:
        settings: the bounds.
        observer: told of batches and segments.
    """

    def __init__(self, settings: ServeSettings, observer: Observer) -> None:
        self._settings = settings
        self._observer = observer
        self.crew = Crew(settings, self._pump)
        # The two queues of each lane: what somebody looks at, and documents.
        self._lanes: dict[bool, OrderedDict[Lane, deque[Ticket]]] = {False: OrderedDict(), True: OrderedDict()}
        self._batches: set[Batch] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        # Characters a second of one batch, as they were lately.
        self._speed: dict[Kind, float] = {"drafting": 2_000.0, "answering": 200.0}

    def translate(
        self, segments: Sequence[Segment], lane: Lane, watch: Watch | None = None, *, background: bool = False
    ) -> asyncio.Future[list[Translation]]:
        """Put segments in line; cancelling the future frees their places.

        Raises:
            Busy: the line is full.
        """
        future: asyncio.Future[list[Translation]] = asyncio.get_running_loop().create_future()
        ticket = Ticket(lane, segments, future, watch, background)
        if not segments:
            future.set_result([])
            return future
        if not background:
            self._require_room(ticket)
        future.add_done_callback(self._forget)
        self._lanes[background].setdefault(lane, deque()).append(ticket)
        self._pump()
        return future

    def _require_room(self, ticket: Ticket) -> None:
        kind = self.kind_of(ticket.lane.variant)
        waiting = self.waiting(kind)
        capacity = self._settings.capacity
        delay = waiting / (self._speed[kind] * max(1, self.crew.most(kind)))
        # A request that is longer than the line is served by an idle server all the same.
        if waiting and (waiting + ticket.characters > capacity.waiting or delay > capacity.seconds):
            patience = min(60.0, max(1.0, delay))
            raise Busy(
                f"The server has {waiting:,} characters in line and takes no more. Try again in {patience:.0f} s.",
                patience,
            )

    def waiting(self, kind: Kind, *, background: bool = False) -> int:
        """Return how many characters wait."""
        lanes = self._lanes[background]
        queues = (queue for lane, queue in lanes.items() if self.kind_of(lane.variant) == kind)
        return sum(ticket.characters for queue in queues for ticket in queue if not ticket.over)

    def kind_of(self, variant: Variant) -> Kind:
        """Tell whether a variant waits for a generalist."""
        method = dict(variant.changes).get("method") or self._settings.profiles[variant.profile].method
        return "answering" if METHODS.load(method).needs_generalist else "drafting"

    def _forget(self, _: object) -> None:
        """Stop batches that nobody waits for."""
        for batch in self._batches:
            if not batch.wanted:
                self.crew.cancel(batch.hand, batch.running)

    def _pump(self) -> None:
        """Give out work as long as there is some, and somebody to do it."""
        kinds: tuple[Kind, ...] = ("drafting", "answering")
        for kind in kinds:
            for hand in self.crew.with_room(kind):
                items = self._gather(kind)
                if not items:
                    break
                self._dispatch(kind, hand, items)

    def _gather(self, kind: Kind) -> list[Item]:
        """Take the next batch out of the lines: of the lane whose turn it is."""
        for background in (False, True):
            lanes = self._lanes[background]
            for lane in [lane for lane in lanes if self.kind_of(lane.variant) == kind]:
                queue = lanes.pop(lane)
                items = list(_taken(queue, _LARGEST[kind], _LONGEST[kind]))
                if queue:
                    lanes[lane] = queue  # behind the others
                if items:
                    return items
        return []

    def _dispatch(self, kind: Kind, hand: Hand, items: list[Item]) -> None:
        lane = items[0].ticket.lane
        segments = [item.segment for item in items]
        running = self.crew.send(hand, kind, "translate", variant=lane.variant, pair=lane.pair, segments=segments)
        batch = Batch(lane, items, hand, running, time.monotonic())
        self._batches.add(batch)
        waiting = asyncio.get_running_loop().create_task(self._follow(batch))
        self._tasks.add(waiting)
        waiting.add_done_callback(self._tasks.discard)

    async def _follow(self, batch: Batch) -> None:
        """Wait for a batch, and hand out what became of it."""
        try:
            translations = await batch.running.future
        except asyncio.CancelledError:
            self._put_back(batch.items)  # given up for the sake of another batch
        except WorkerDied:
            self._count_death(batch.items)
        except InternalError as fault:
            logger.error("a batch of %d segments failed: %s\n%s", len(batch.items), fault, fault.trace)
            self._fail(batch, fault)
        except ScalemtError as fault:
            self._fail(batch, fault)
        else:
            self._hand_out(batch, translations)
        finally:
            self._batches.discard(batch)
            self._pump()

    def _hand_out(self, batch: Batch, translations: Sequence[Translation]) -> None:
        seconds = max(1e-3, time.monotonic() - batch.began)
        self._observer.batch(batch.lane, len(batch.items), seconds)
        characters = sum(len(item.segment.text) for item in batch.items)
        kind = batch.running.task.kind
        self._speed[kind] += 0.1 * (characters / seconds - self._speed[kind])
        for item, translation in zip(batch.items, translations, strict=True):
            self._observer.translated(batch.lane, translation)
            item.ticket.take(translation, item.index)

    def _fail(self, batch: Batch, fault: ScalemtError) -> None:
        """Of a batch that failed as a whole: what is wrong with the request is told, the rest tried one by one."""
        if isinstance(fault, UsageError):
            for ticket in {item.ticket: None for item in batch.items}:
                ticket.fail(fault)
        elif len(batch.items) == 1:
            self._give_up(batch.items[0], fault)
        else:
            for item in batch.items:
                item.deaths = max(item.deaths, 1)
            self._put_back(batch.items)

    def _count_death(self, items: Sequence[Item]) -> None:
        for item in items:
            item.deaths += 1
        lost = [item for item in items if item.deaths > _DEATHS or (item.deaths == _DEATHS and len(items) == 1)]
        for item in lost:
            message = (
                "The process that translated this segment ended, twice. Its text stands in the way of a model."
            )
            self._give_up(item, SpecialistError(message))
        self._put_back([item for item in items if item not in lost])

    def _give_up(self, item: Item, fault: ScalemtError) -> None:
        translation = failed(item.segment, item.ticket.lane, fault)
        self._observer.translated(item.ticket.lane, translation)
        item.ticket.take(translation, item.index)

    def _put_back(self, items: Sequence[Item]) -> None:
        """Put segments in front of the others of their requests."""
        for item in reversed(items):
            ticket = item.ticket
            if ticket.over:
                continue
            ticket.put_back(item)
            queue = self._lanes[ticket.background].setdefault(ticket.lane, deque())
            if ticket not in queue:
                queue.appendleft(ticket)


def _taken(queue: deque[Ticket], most: int, longest: int) -> Iterator[Item]:
    """Take the segments of a batch from the tickets of a lane, in turns; those of no use any more are dropped."""
    count = length = 0
    while queue:
        ticket = queue.popleft()
        if ticket.over:
            continue
        for _ in range(min(_TURN, len(ticket.waiting))):
            item = ticket.waiting[0]
            alone = item.deaths > 0
            full = count >= most or length + len(item.segment.text) > longest or alone
            if count and full:
                queue.appendleft(ticket)
                return
            ticket.pop()
            count, length = count + 1, length + len(item.segment.text)
            yield item
            if alone:
                if ticket.waiting:
                    queue.append(ticket)
                return
        if ticket.waiting:
            queue.append(ticket)
