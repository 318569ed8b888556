"""Keeps connections from being held by clients that send slowly, or do not read what they are sent.

uvicorn bounds neither the time of a head, nor its size, nor how long an answer may wait to be read. Here all open
connections are looked at once a second; what a slow client can hold is bounded in number, in bytes and in time.
"""

from __future__ import annotations

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from scalemt.serve.settings import Capacity

if TYPE_CHECKING:
    from uvicorn.config import HTTPProtocolType

logger = logging.getLogger("scalemt.serve")

RATE = 64 * 1024
"""Bytes a second: whoever sends or reads slower, beyond what `Capacity.arrival` allows, is not waited for."""

HEAD = 64 * 1024
"""Bytes of a request line and its headers."""

_LOOK_EVERY = 1.0  # seconds
_MARGIN = 2.0  # seconds in which the application itself says that a body did not arrive

_TEXTS = {
    408: b"Request Timeout\nThe head of the request did not arrive in time.\n",
    431: b"Request Header Fields Too Large\nThe head of the request is larger than 64 KiB.\n",
    503: b"Service Unavailable\nAs many connections are open as this server takes. Try again soon.\n",
}


class Guarded(Protocol):
    """A connection that can be looked at."""

    def look(self, now: float) -> None:
        """End it if its client is too slow."""
        ...


class Doorkeeper:
    """Knows all open connections.

    Args:
        capacity: how many there may be, and how long a request may take to arrive.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.ended = 0
        self._open: set[Guarded] = set()
        self._looking: asyncio.TimerHandle | None = None

    @property
    def count(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether there are as many as there may be."""
        return len(self._open) >= self.capacity.connections

    def enter(self, connection: Guarded, loop: asyncio.AbstractEventLoop) -> None:
        """Look at a connection from now on."""
        self._open.add(connection)
        if self._looking is None:
            self._looking = loop.call_later(_LOOK_EVERY, self._look, loop)

    def leave(self, connection: Guarded) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in list(self._open):
            connection.look(now)
        self._looking = loop.call_later(_LOOK_EVERY, self._look, loop) if self._open else None


class Guard(asyncio.Protocol):
    """What is added to a protocol of uvicorn's; `keeper` is put in by `guarded`."""

    keeper: Doorkeeper
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    arriving = 0.0
    """When the request that is on its way began to arrive; 0 while none is."""
    in_head = fresh = True
    head = body = 0
    taking = 0.0
    """When what waits to be sent must have been taken; 0 while nothing waits, or was just taken."""

    @property
    def busy(self) -> bool:
        """Whether a request is being answered."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a connection in, where there is room."""
        if self.keeper.full:
            self.transport = cast("asyncio.Transport", transport)
            self.turn_away(503)
            return
        self.keeper.enter(self, self.loop)
        self.arriving = self.loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self.keeper.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came, as long as heads are not too large."""
        self.arriving = self.arriving or self.loop.time()
        super().data_received(data)
        if self.arriving and self.in_head and not self.transport.is_closing():
            # What came with its beginning may be the end of another request; of a whole one the size is known.
            self.head += 0 if self.fresh else len(data)
            self.fresh = False
            if self.head > HEAD:
                self.turn_away(431)

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self.taking = 0.0
        super().resume_writing()

    def begun(self) -> None:
        """Note that a request begins to arrive."""
        self.arriving, self.in_head, self.fresh, self.head, self.body = self.loop.time(), True, True, 0, 0

    def arrived(self) -> None:
        """Note that all of a request is there; what comes next is another."""
        self.arriving, self.in_head = 0.0, True

    def look(self, now: float) -> None:
        """End the connection if its client is too slow."""
        patience = self.keeper.capacity.arrival
        size = self.transport.get_write_buffer_size()
        if not size:
            self.taking = 0.0
        elif not self.taking:
            self.taking = now + max(patience, size / RATE)
        elif now > self.taking:
            self._end("does not read its answer")
            return
        if not self.arriving or self.transport.is_closing():
            return
        if self.in_head and now > self.arriving + patience:
            self.turn_away(408)
        elif now > self.arriving + patience + self.body / RATE + _MARGIN:
            self._end("sends too slowly")

    def turn_away(self, status: int) -> None:
        """Answer with few words, and close."""
        first, _, text = _TEXTS[status].partition(b"\n")
        self.keeper.ended += 1
        # An answer that is on its way, or awaited, would be taken for another.
        if not self.transport.get_write_buffer_size() and not self.busy:
            head = b"content-type: text/plain\r\nconnection: close\r\nretry-after: 5\r\n"
            length = b"content-length: %d\r\n\r\n" % len(text)
            self.transport.write(b"HTTP/1.1 %d %s\r\n" % (status, first) + head + length + text)
        self.transport.close()

    def _end(self, why: str) -> None:
        self.keeper.ended += 1
        logger.info("a connection was ended: its client %s", why)
        self.transport.abort()
        self.forsake()

    def forsake(self) -> None:
        """Tell the requests of the connection that nobody waits for them any more."""


def guarded(keeper: Doorkeeper) -> HTTPProtocolType:
    """Return the protocol that uvicorn is to use, by httptools where that is installed."""
    try:
        module = import_module("scalemt.serve.by_httptools")
    except ImportError:
        module = import_module("scalemt.serve.by_h11")
    chosen: Any = type("Watched", (module.Watched,), {"keeper": keeper})
    return cast("HTTPProtocolType", chosen)
