"""What waits to be translated: the segments of each request, in lines from which batches are taken."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from scalemt.serve.refusals import as_refusal
from scalemt.serve.work import Kind, Lane
from scalemt.types import Segment, Translation

_TURN = 16  # segments that one request gives to a batch before others have their turn
_LARGEST: dict[Kind, int] = {"drafting": 64, "answering": 8}  # segments in a batch
_LONGEST: dict[Kind, int] = {"drafting": 9_000, "answering": 4_000}  # characters, of more than one segment
_CATCH_UP = 8  # one batch of so many is of documents, however many requests wait

Watch = Callable[[int, Translation], None]
"""Called with the position and the translation of each segment as it is done."""


@dataclass(slots=True, eq=False)
class Item:
    """One segment of a ticket; `deaths` counts the processes that ended while they were at it."""

    ticket: Ticket
    index: int
    segment: Segment
    deaths: int = 0


@dataclass(slots=True, eq=False)
class Ticket:
    """The segments of one request, waiting and done.

    Args:
        lane: what may share a batch with it.
        kind: whether it waits for a generalist.
        segments: N of them.
        future: gets the N translations, or what keeps all of them away.
        watch: told of each one.
        background: nobody is looking at it: it comes after those that somebody waits for.

    Attributes:
        apart: shares no batch, since one in which it was has failed.
        waiting: segments in line.
        done: translations by position.
    """

    lane: Lane
    kind: Kind
    segments: Sequence[Segment]
    future: asyncio.Future[list[Translation]]
    watch: Watch | None = None
    background: bool = False
    apart: bool = False
    waiting: deque[Item] = field(default_factory=deque)
    done: dict[int, Translation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.waiting.extend(Item(self, index, segment) for index, segment in enumerate(self.segments))

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()

    @property
    def characters(self) -> int:
        """Of the segments in line."""
        return sum(len(item.segment.text) for item in self.waiting)

    def take(self, translation: Translation, index: int) -> None:
        """Keep what became of one segment."""
        if self.over:
            return
        if translation.error:
            translation = replace(translation, error=as_refusal(translation.error))
        self.done[index] = translation
        if self.watch:
            try:
                self.watch(index, translation)
            except Exception as fault:  # of whoever asked: nobody else is to be kept from theirs
                self.fail(fault)
                return
        if len(self.done) == len(self.segments):
            self.future.set_result([self.done[number] for number in range(len(self.segments))])

    def fail(self, error: Exception) -> None:
        """Give all of it up."""
        if not self.over:
            self.future.set_exception(error)


class Line:
    """All tickets with segments that wait, in lanes; lanes take turns, and so do the tickets of one."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Kind, bool], OrderedDict[Lane, deque[Ticket]]] = {}
        self._characters: Counter[tuple[Kind, bool]] = Counter()
        self._taken: Counter[Kind] = Counter()

    def characters(self, kind: Kind, *, background: bool = False) -> int:
        """Return how many characters wait."""
        return self._characters[kind, background]

    def add(self, ticket: Ticket) -> None:
        """Put a new ticket behind the others."""
        self._queue(ticket).append(ticket)
        self._characters[ticket.kind, ticket.background] += ticket.characters

    def drop(self, ticket: Ticket) -> None:
        """Take out a ticket that nobody waits for any more."""
        if not ticket.waiting:
            return
        lanes = self._lanes[ticket.kind, ticket.background]
        lanes[ticket.lane].remove(ticket)
        if not lanes[ticket.lane]:
            del lanes[ticket.lane]
        self._characters[ticket.kind, ticket.background] -= ticket.characters
        ticket.waiting.clear()

    def put_back(self, items: Sequence[Item]) -> None:
        """Put segments in front of the others of their requests, and these in front of the others."""
        for item in reversed(items):
            ticket = item.ticket
            if ticket.over:
                continue
            if not ticket.waiting:
                self._queue(ticket).appendleft(ticket)
            ticket.waiting.appendleft(item)
            self._characters[ticket.kind, ticket.background] += len(item.segment.text)

    def take(self, kind: Kind, *, full: bool = False) -> list[Item]:
        """Take the next batch of a kind, of the lane whose turn it is; nothing where nothing waits.

        Args:
            kind: of the batch.
            full: only a batch that cannot grow any more is wanted.
        """
        catch_up = self._taken[kind] % _CATCH_UP == _CATCH_UP - 1
        for background in (True, False) if catch_up else (False, True):
            lanes = self._lanes.get((kind, background), OrderedDict())
            for lane in list(lanes):
                if full and not _is_full(lanes[lane], kind):
                    continue
                queue = lanes.pop(lane)
                items = list(_batch(queue, kind))
                if queue:
                    lanes[lane] = queue  # behind the others
                self._characters[kind, background] -= sum(len(item.segment.text) for item in items)
                self._taken[kind] += 1
                return items
        return []

    def _queue(self, ticket: Ticket) -> deque[Ticket]:
        lanes = self._lanes.setdefault((ticket.kind, ticket.background), OrderedDict())
        return lanes.setdefault(ticket.lane, deque())


def _batch(queue: deque[Ticket], kind: Kind) -> Iterator[Item]:
    """Take the segments of a batch from the tickets of a lane, in turns."""
    count = length = 0
    while queue:
        ticket = queue[0]
        if ticket.apart and count:
            return
        for _ in range(min(_TURN, len(ticket.waiting))):
            size = len(ticket.waiting[0].segment.text)
            if count and (count >= _LARGEST[kind] or length + size > _LONGEST[kind]):
                return
            count, length = count + 1, length + size
            yield ticket.waiting.popleft()
        queue.popleft()
        if ticket.waiting:
            queue.append(ticket)
        if ticket.apart:
            return


def _is_full(queue: deque[Ticket], kind: Kind) -> bool:
    """Whether a batch of a lane could not grow any more."""
    count = length = 0
    for ticket in queue:
        for item in ticket.waiting:
            count, length = count + 1, length + len(item.segment.text)
            if count >= _LARGEST[kind] or length >= _LONGEST[kind]:
                return True
    return False


def told_apart(items: Sequence[Item]) -> list[Segment]:
    """Return the segments of a batch, those of each request as a document of its own.

    What a method carries through a document must not go from one request to another.
    """
    tickets = {id(item.ticket): number for number, item in enumerate(items)}
    return [
        replace(item.segment, document=f"{tickets[id(item.ticket)]} {item.segment.document}".rstrip())
        for item in items
    ]
