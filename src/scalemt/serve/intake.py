"""How requests come in: bodies bounded in size and time, and requests that nobody waits for given up.

An ASGI middleware (https://asgi.readthedocs.io/en/latest/specs/www.html). It reads the whole body before the
application sees anything of it, so that a slow or endless one costs neither a place in the queue nor much memory,
and while the application works it listens for the client to go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scalemt.serve.doorkeeper import RATE
from scalemt.serve.refusals import InvalidRequest, Refusal, Slow, TooLarge, Unavailable
from scalemt.serve.settings import Capacity

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Answer = Callable[["Scope", Refusal], Any]
"""Makes the response of a refusal, in the form of the surface that was called."""

_LINGERING, _LINGERING_BYTES = 1.0, 32 * 2**20  # seconds that a refused body is read on, and how much of it
_UPLOADS = 0.5  # the share of all that is held that uploads may fill: large files leave room for small requests


@dataclass
class _Body:
    """What has been read of a body."""

    upload: bool
    whole: bool = False
    taken: list[bytes] = field(default_factory=list)


class Intake:
    """Reads bodies, and breaks off what nobody waits for.

    Args:
        app: what serves.
        capacity: bounds of bodies.
        answer: makes the response of a refusal.
        uploads: whether a request may be as large as an upload.
    """

    def __init__(self, app: ASGIApp, capacity: Capacity, answer: Answer, uploads: Callable[[Scope], bool]) -> None:
        self._app = app
        self._capacity = capacity
        self._answer = answer
        self._uploads = uploads
        self._held = {True: 0, False: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self._uploads(scope))
        try:
            if await self._take(scope, receive, body):
                await self._serve(scope, receive, send, b"".join(body.taken))
        except Refusal as refusal:
            await _refuse(self._answer(scope, refusal), scope, receive, send, linger=not body.whole)
        finally:
            self._held[body.upload] -= sum(map(len, body.taken))

    async def _take(self, scope: Scope, receive: Receive, body: _Body) -> bool:
        """Read the body; False where the client goes meanwhile."""
        most = self._capacity.upload if body.upload else self._capacity.body
        _require_plain(scope)
        _refuse_larger(_told_length(scope), most)
        length = 0
        until = asyncio.get_running_loop().time() + self._capacity.arrival
        try:
            async with asyncio.timeout_at(until) as limit:
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return False
                    chunk = message.get("body", b"")
                    body.whole = not message.get("more_body")
                    length += len(chunk)
                    _refuse_larger(length, most)
                    self._hold(chunk, body)
                    if body.whole:
                        return True
                    limit.reschedule(until + length / RATE)
        except TimeoutError:
            raise Slow(
                f"The request did not arrive in time: {length:,} bytes of it are here. Send it faster, or less."
            ) from None

    def _hold(self, chunk: bytes, body: _Body) -> None:
        most = self._capacity.buffered
        crowded = sum(self._held.values()) + len(chunk) > most
        if crowded or (body.upload and self._held[True] + len(chunk) > _UPLOADS * most):
            raise Unavailable("The server holds as many requests as it can. Try again soon.", 5.0)
        body.taken.append(chunk)
        self._held[body.upload] += len(chunk)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        """Run the application, and break it off when the client goes before it is answered."""
        gone = asyncio.Event()
        given = answered = False
        serving = asyncio.current_task()

        async def replay() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = answered or (message["type"] == "http.response.body" and not message.get("more_body"))
            await send(message)

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()
            # An answer that is complete ends the listening too.
            if serving and not answered:
                serving.cancel()

        listening = asyncio.get_running_loop().create_task(listen())
        try:
            await self._app(scope, replay, watched)
        except asyncio.CancelledError:
            if not gone.is_set() or not serving:
                raise
            serving.uncancel()
        finally:
            listening.cancel()


async def _refuse(response: Any, scope: Scope, receive: Receive, send: Send, *, linger: bool) -> None:
    """Send a refusal, and end the connection: what is left of a body would be taken for the next request.

    A client that still sends would see a broken connection, and not why: while the answer is on its way, what
    comes is read for a while, and thrown away.
    """

    async def held(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    response.headers["Connection"] = "close"
    await response(scope, receive, held)
    left = _LINGERING_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGERING):
            while linger and left > 0 and (message := await receive()).get("more_body"):
                left -= len(message["body"])
    await send({"type": "http.response.body", "body": b""})


def _require_plain(scope: Scope) -> None:
    coding = dict(scope["headers"]).get(b"content-encoding", b"identity")
    if coding.strip().lower() not in (b"identity", b""):
        refusal = InvalidRequest("A compressed body is not read here. Send it without Content-Encoding.")
        refusal.status = 415
        raise refusal


def _told_length(scope: Scope) -> int:
    """Return the length that the head announces; 0 where it says nothing usable."""
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() and len(value) < 19 else 0


def _refuse_larger(length: int, most: int) -> None:
    if length > most:
        raise TooLarge(f"The request is larger than the {most:,} bytes that this server takes. Send it in parts.")
