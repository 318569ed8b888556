"""Streams of server-sent events: refused while nothing is sent, and kept alive while nothing happens.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""What a stream says of itself, so that no proxy keeps it back."""

_ALIVE = 10.0  # seconds between signs of life, so that no proxy gives the stream up


async def opened(items: AsyncIterator[T], patience: float = _ALIVE) -> AsyncIterator[T]:
    """Wait for the first item, and return all of them: what is refused at once has its status, and no stream.

    Args:
        items: what is sent.
        patience: seconds after which the stream begins without any.

    Raises:
        Exception: whatever kept the first item away.
    """
    first = asyncio.ensure_future(_next(items))
    try:
        done, _ = await asyncio.wait({first}, timeout=patience)
        if done and not isinstance(first.exception(), StopAsyncIteration):
            first.result()
    except BaseException:
        first.cancel()
        raise
    return _resumed(first, items)


async def _resumed(first: asyncio.Future[T], items: AsyncIterator[T]) -> AsyncIterator[T]:
    try:
        yield await first
        async for item in items:
            yield item
    except StopAsyncIteration:
        return
    finally:
        first.cancel()


async def alive(events: AsyncIterator[str], patience: float = _ALIVE) -> AsyncIterator[str]:
    """Yield events, and a comment whenever there is none for a while.

    Args:
        events: as they are sent.
        patience: seconds.
    """
    following: asyncio.Future[str] | None = None
    try:
        while True:
            following = following or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({following}, timeout=patience)
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
