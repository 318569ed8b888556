"""Streams of server-sent events: refused while nothing is sent, kept alive while nothing happens, ended with care.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Generic, TypeVar

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

T = TypeVar("T")

# No proxy is to keep the stream back.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_ALIVE = 10.0  # seconds between signs of life, so that no proxy gives the stream up


class Opened(Generic[T]):
    """What is sent in a stream: asked for before the stream begins, and given up when it ends, wherever it is.

    Args:
        items: what is sent.
    """

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self._items = items
        self._asked = asyncio.ensure_future(_next(items))
        self._waiting = True

    @classmethod
    async def of(cls, items: AsyncGenerator[T, None], patience: float = _ALIVE) -> Opened[T]:
        """Wait for the first item: what is refused at once has its status, and no stream.

        Args:
            items: what is sent.
            patience: seconds after which the stream begins without any.

        Raises:
            Exception: whatever kept the first item away.
        """
        made = cls(items)
        try:
            done, _ = await asyncio.wait({made._asked}, timeout=patience)
            if done and not isinstance(made._asked.exception(), StopAsyncIteration):
                made._asked.result()
        except BaseException:
            await made.aclose()
            raise
        return made

    def __aiter__(self) -> Opened[T]:
        return self

    async def __anext__(self) -> T:
        if not self._waiting:
            self._asked = asyncio.ensure_future(_next(self._items))
        self._waiting = False
        return await self._asked

    async def aclose(self) -> None:
        """Give up what is not sent yet."""
        self._asked.cancel()
        await asyncio.wait({self._asked})
        if not self._asked.cancelled():
            self._asked.exception()  # seen, also where nobody asked any more
        await self._items.aclose()


class EventStream(StreamingResponse):
    """An answer of server-sent events.

    Args:
        source: what is sent; closed with the stream, whatever ends it.
        events: the same, as it is written.
    """

    def __init__(self, source: Opened[T], events: AsyncIterator[str]) -> None:
        super().__init__(_alive(events), media_type="text/event-stream", headers=_HEADERS)
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Generators that were dropped, or never begun, would leave what they wait for at work.
            await self._source.aclose()


async def _alive(events: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield events, and a comment whenever there is none for a while."""
    following: asyncio.Future[str] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({following}, timeout=_ALIVE)
            if not done:
                yield ": alive\n\n"
                continue
            try:
                event = following.result()
            except StopAsyncIteration:
                return
            following = None
            yield event
    finally:
        if following:
            following.cancel()


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
