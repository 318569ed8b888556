"""How requests come in: bodies bounded in size and time, and requests that nobody waits for given up.

An ASGI middleware (https://asgi.readthedocs.io/en/latest/specs/www.html). It reads the whole body before the
application sees anything of it, so that a slow or endless one costs neither a place in the queue nor much memory,
and while the application works it listens for the client to go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scalemt.serve.refusals import Refusal, Slow, TooLarge, Unavailable
from scalemt.serve.settings import Capacity

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Answer = Callable[["Scope", Refusal], Any]
"""Makes the response of a refusal, in the form of the surface that was called."""


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
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken: list[bytes] = []
        try:
            try:
                async with asyncio.timeout(self._capacity.arrival):
                    if not await self._take(scope, receive, taken):
                        return
            except TimeoutError:
                seconds = self._capacity.arrival
                raise Slow(f"The request did not arrive within {seconds:g} s. Send it faster, or less.") from None
            await self._serve(scope, receive, send, b"".join(taken))
        except Refusal as refusal:
            response = self._answer(scope, refusal)
            # What was not read of the body would be taken for the next request.
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
        finally:
            self._held -= sum(map(len, taken))

    async def _take(self, scope: Scope, receive: Receive, taken: list[bytes]) -> bool:
        """Read the body; False where the client goes meanwhile."""
        most = self._capacity.upload if self._uploads(scope) else self._capacity.body
        length = 0
        _refuse_larger(_told_length(scope), most)
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            chunk = message.get("body", b"")
            length += len(chunk)
            _refuse_larger(length, most)
            if self._held + len(chunk) > self._capacity.buffered:
                raise Unavailable("The server holds as many requests as it can. Try again soon.", 5.0)
            taken.append(chunk)
            self._held += len(chunk)
            if not message.get("more_body"):
                return True

    async def _serve(self, scope: Scope, receive: Receive, send: Send, body: bytes) -> None:
        """Run the application, and cancel it when the client goes before it is done."""
        gone = asyncio.Event()
        given = False

        async def replay() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        serving = asyncio.ensure_future(_run(self._app(scope, replay, send)))
        listening = asyncio.ensure_future(listen())
        try:
            await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        finally:
            serving.cancel()
            listening.cancel()


async def _run(application: Awaitable[None]) -> None:
    await application


def _told_length(scope: Scope) -> int:
    """Return the length that the head announces; 0 where it says nothing usable."""
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() and len(value) < 19 else 0


def _refuse_larger(length: int, most: int) -> None:
    if length > most:
        raise TooLarge(f"The request is larger than the {most:,} bytes that this server takes. Send it in parts.")
