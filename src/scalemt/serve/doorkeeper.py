"""Keeps connections from being held by clients that send slowly, or do not read what they are sent.

uvicorn bounds neither the time of a head, nor its size, nor how long an answer may wait to be read. Here all open
connections are looked at once a second; what a slow client can hold is bounded in number, in bytes and in time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Protocol, cast

from scalemt.serve.settings import Capacity

if TYPE_CHECKING:
    from uvicorn.config import HTTPProtocolType

logger = logging.getLogger("scalemt.serve")

RATE = 64 * 1024
"""Bytes a second: whoever sends or reads slower, beyond what `Capacity.arrival` allows, is not waited for."""

_LOOK_EVERY = 1.0  # seconds
_HEAD = 64 * 1024  # bytes of a request line and its headers
_PIPELINED = 8  # requests of a connection that wait for the one before
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


class _Guard(asyncio.Protocol):
    """What is added to a protocol of uvicorn's; `keeper` is put in by `guarded`."""

    keeper: Doorkeeper
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    arriving = 0.0
    """When the request that is on its way began to arrive; 0 while none is."""
    in_head = True
    head = body = 0
    taking = 0.0
    """When what waits to be sent must have been taken; 0 while nothing waits, or was just taken."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self.keeper.full:
            self.transport = cast("asyncio.Transport", transport)
            self.turn_away(503)
            return
        self.keeper.enter(self, self.loop)
        self.arriving = self.loop.time()
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.keeper.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.arriving = self.arriving or self.loop.time()
        self.head += len(data) * self.in_head
        super().data_received(data)
        if self.in_head and self.head > _HEAD:
            self.turn_away(431)

    def resume_writing(self) -> None:
        self.taking = 0.0
        super().resume_writing()

    def begun(self) -> None:
        """Note that a request begins to arrive."""
        self.arriving, self.in_head, self.head, self.body = self.loop.time(), True, 0, 0

    def arrived(self) -> None:
        """Note that all of a request is there; what comes next is another."""
        self.arriving, self.in_head, self.head = 0.0, True, 0

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
        # An answer may be on its way: this one would stand in the middle of it.
        if not self.transport.get_write_buffer_size():
            head = b"content-type: text/plain\r\nconnection: close\r\nretry-after: 5\r\n"
            length = b"content-length: %d\r\n\r\n" % len(text)
            self.transport.write(b"HTTP/1.1 %d %s\r\n" % (status, first) + head + length + text)
        self.transport.close()

    def _end(self, why: str) -> None:
        self.keeper.ended += 1
        logger.info("a connection was ended: its client %s", why)
        self.transport.abort()


def guarded(keeper: Doorkeeper) -> HTTPProtocolType:
    """Return the protocol that uvicorn is to use, by httptools where that is installed."""
    made: Any
    try:
        made = _by_httptools(keeper)
    except ImportError:
        made = _by_h11(keeper)
    chosen: HTTPProtocolType = made
    return chosen


def _by_httptools(keeper: Doorkeeper) -> type:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Watched(_Guard, HttpToolsProtocol):
        """uvicorn's protocol, with an eye on slow clients."""

        def on_message_begin(self) -> None:
            self.begun()
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self.in_head = False
            if len(self.pipeline) >= _PIPELINED:
                self._end("sends requests without end")
                return
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self.body += len(body)
            super().on_body(body)

        def on_message_complete(self) -> None:
            self.arrived()
            super().on_message_complete()

    Watched.keeper = keeper
    return Watched


def _by_h11(keeper: Doorkeeper) -> type:
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Watched(_Guard, H11Protocol):
        """uvicorn's protocol, with an eye on slow clients."""

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            state = self.conn.their_state
            if state is h11.SEND_BODY:
                self.in_head = False
                self.body += len(data)
            elif state is not h11.IDLE:
                self.arrived()
                self.body = 0

    Watched.keeper = keeper
    return Watched
