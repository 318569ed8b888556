"""Bodies are bounded in size, time and sum; what nobody waits for is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scalemt.serve.intake import Intake
from scalemt.serve.refusals import Refusal
from scalemt.serve.settings import Capacity
from serve.core.loops import run

CAPACITY = Capacity(body=1_000, upload=5_000, buffered=6_000, arrival=0.2)


class Client:
    """One side of ASGI: says what it is told to, and keeps what it hears.

    Args:
        messages: the parts of the body; None waits for ever, a number so many seconds, "" goes.
    """

    def __init__(self, *messages: bytes | float | str | None) -> None:
        self.messages = list(messages)
        self.heard: list[Message] = []
        self.status = 0
        self.body = b""

    async def receive(self) -> Message:
        while True:
            if not self.messages:
                await asyncio.Event().wait()
            said = self.messages.pop(0)
            if isinstance(said, bytes):
                more = bool(self.messages) and self.messages[0] != "end"
                return {"type": "http.request", "body": said, "more_body": more}
            if said == "":
                return {"type": "http.disconnect"}
            if said != "end":
                await asyncio.sleep(float(said) if isinstance(said, int | float) else 3600)

    async def send(self, message: Message) -> None:
        self.heard.append(message)
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    @property
    def heads(self) -> dict[bytes, bytes]:
        return dict(self.heard[0]["headers"])


def refused(_: Scope, refusal: Refusal) -> Response:
    return JSONResponse({"error": refusal.kind}, refusal.status, refusal.headers)


def intake(app: ASGIApp) -> Intake:
    return Intake(app, CAPACITY, refused, lambda scope: scope["path"] == "/upload")


def scope(path: str = "/", **heads: str) -> Scope:
    listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in heads.items()]
    return {"type": "http", "path": path, "headers": listed}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await Response(message["body"])(scope, receive, send)


def asked(client: Client, app: ASGIApp = echo, path: str = "/", heads: dict[str, str] | None = None) -> Client:
    run(intake(app)(scope(path, **(heads or {})), client.receive, client.send))
    return client


def test_the_application_sees_the_whole_body() -> None:
    assert asked(Client(b"one ", b"two ", b"three")).body == b"one two three"
    assert asked(Client(b"")).status == 200


@pytest.mark.parametrize(
    ("client", "path", "heads", "status"),
    [
        (Client(b"x" * 1_001), "/", {}, 413),
        (Client(b"x" * 600, b"x" * 600), "/", {}, 413),
        (Client(b"x"), "/", {"content_length": "1001"}, 413),
        (Client(b"x"), "/", {"content_length": "9" * 100}, 200),
        (Client(b"x" * 1_001), "/upload", {}, 200),
        (Client(b"x" * 5_001), "/upload", {}, 413),
        (Client(b"x"), "/", {"content_encoding": "gzip"}, 415),
        (Client(b"x"), "/", {"content_encoding": "identity"}, 200),
        pytest.param(Client(b"x", None), "/", {}, 408, marks=pytest.mark.slow),
        pytest.param(Client(None), "/", {}, 408, marks=pytest.mark.slow),
    ],
)
def test_what_is_refused(client: Client, path: str, heads: dict[str, str], status: int) -> None:
    asked(client, path=path, heads=heads)
    assert client.status == status
    assert client.heads.get(b"connection") == (None if status == 200 else b"close")


def test_a_refused_body_is_read_on_so_that_its_sender_hears_why() -> None:
    client = Client(*[b"x" * 900] * 10)
    assert asked(client).status == 413
    assert client.messages == []
    assert client.heard[-1] == {"type": "http.response.body", "body": b""}


def test_who_goes_before_the_body_is_there_gets_no_answer() -> None:
    assert asked(Client(b"half", "")).heard == []


def test_large_files_leave_room_for_small_requests() -> None:
    held = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] == "/upload":
            await held.wait()
        await Response("done")(scope, receive, send)

    async def crowd() -> list[int]:
        made = intake(slow)
        clients = [(Client(b"x" * 1_400), "/upload") for _ in range(3)]
        waiting = [asyncio.create_task(made(scope(path), client.receive, client.send)) for client, path in clients]
        await asyncio.sleep(0.05)
        small = Client(b"x" * 900)
        await made(scope(), small.receive, small.send)
        held.set()
        await asyncio.gather(*waiting)
        again = Client(b"x" * 2_900)
        await made(scope("/upload"), again.receive, again.send)
        return [client.status for client, _ in clients] + [small.status, again.status]

    # Half of 6,000 bytes is for uploads: the third waits for nobody, and when all is done there is room again.
    assert run(crowd()) == [200, 200, 503, 200, 200]


def test_who_goes_breaks_off_what_is_done_for_it() -> None:
    seen: list[str] = []

    async def working(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    client = asked(Client(b"x", "end", 0.05, ""), working)
    assert (seen, client.heard) == (["cancelled"], [])


def test_the_application_can_hear_that_its_client_has_gone() -> None:
    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.request"
        message = await receive()
        assert message == {"type": "http.disconnect"}

    assert asked(Client(b"x", "end", 0.05, ""), listening).heard == []


def test_what_is_done_behind_a_complete_answer_is_not_broken_off() -> None:
    """uvicorn says "disconnect" when an answer is complete."""
    done: list[str] = []

    async def thorough(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await Response("answer")(scope, receive, send)
        await asyncio.sleep(0.1)
        done.append("cleared up")

    asked(Client(b"x", "end", 0.02, ""), thorough)
    assert done == ["cleared up"]


def test_the_end_of_the_server_is_not_taken_for_a_client_that_goes() -> None:
    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3600)

    async def ended() -> bool:
        client = Client(b"x")
        task = asyncio.create_task(intake(endless)(scope(), client.receive, client.send))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert run(ended())


def test_faults_of_the_application_pass_through() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asked(Client(b"x"), broken)


def test_other_protocols_pass_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    client = Client()
    call: Callable[..., Awaitable[Any]] = intake(app)
    run(call({"type": "lifespan"}, client.receive, client.send))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
