"""The tools over streamable HTTP, at `/mcp` of a real server, by the client of the PyPI package `mcp`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from serve.conftest import Guarded
from serve.mcp.using import fresh, text_of, use_all_tools, use_the_memory
from serve.serving import Served, served

pytestmark = pytest.mark.slow

MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])
_HEADS = {"Accept": "application/json, text/event-stream"}


@asynccontextmanager
async def _client(url: str, key: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    heads = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=heads, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def _call(texts: list[str]) -> dict[str, Any]:
    return _message("tools/call", name="translate", arguments={"texts": texts, "source": "en", "target": "pt"})


def _message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def _waiting(url: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("scalemt_waiting_characters "))


def _freed(url: str) -> bool:
    """Whether nothing waits any more, within a moment: far less than the work would take."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        if _waiting(url) == 0:
            return True
        time.sleep(0.05)
    return False


@MODES
def test_all_tools(open_server: str, mode: str) -> None:
    async def work() -> None:
        async with _client(open_server, mode=mode) as client:
            await use_all_tools(client)
            await use_the_memory(client)

    asyncio.run(work())


@MODES
def test_several_clients_at_once(open_server: str, mode: str) -> None:
    async def one(number: int) -> str:
        async with _client(open_server, mode=mode) as client:
            asked = {"texts": [f"The house number {number} is blue."], "source": "en", "target": "pt"}
            found = await asyncio.gather(*(client.call_tool("translate", asked) for _ in range(3)))
            assert len({text_of(item) for item in found}) == 1
            return text_of(found[0])

    async def work() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(4)))

    found = asyncio.run(work())
    assert all(str(number) in text for number, text in enumerate(found))


@MODES
def test_progress(open_server: str, mode: str) -> None:
    told: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async def work() -> None:
        async with _client(open_server, mode=mode) as client:
            await client.call_tool("translate", {"texts": fresh(150), "target": "pt"}, progress_callback=hear)

    asyncio.run(work())
    assert told
    assert told == sorted(set(told))
    assert {total for _, total in told} == {150}


@MODES
def test_what_is_taken_back_frees_its_places(open_server: str, mode: str) -> None:
    async def work() -> None:
        async with _client(open_server, mode=mode) as client:
            call = asyncio.create_task(client.call_tool("translate", {"texts": fresh(600), "target": "pt"}))
            await _under_way(open_server)
            call.cancel()
            await asyncio.wait({call})
            assert call.cancelled()
            assert await asyncio.to_thread(_freed, open_server)
            found = await client.call_tool("translate", {"texts": ["The house is blue."], "target": "pt"})
            assert text_of(found) == "A casa é azul."

    asyncio.run(work())


async def _under_way(url: str) -> None:
    for _ in range(200):
        if await asyncio.to_thread(_waiting, url):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing waits")


@pytest.mark.parametrize("heads", [{}, {"Mcp-Protocol-Version": "2025-06-18"}])
def test_a_client_that_goes_frees_its_places(open_server: str, heads: dict[str, str]) -> None:
    async def work() -> None:
        async with httpx.AsyncClient(timeout=60) as http:
            sent = http.post(f"{open_server}/mcp", json=_call(fresh(600)), headers=_HEADS | heads)
            call = asyncio.create_task(sent)
            await _under_way(open_server)
            call.cancel()
            with suppress(asyncio.CancelledError):
                await call
        assert await asyncio.to_thread(_freed, open_server)

    asyncio.run(work())


def test_nobody_takes_back_the_calls_of_another_session(open_server: str) -> None:
    async def work() -> None:
        async with httpx.AsyncClient(timeout=120) as http:
            mine = _HEADS | {"Mcp-Session-Id": "mine"}
            call = asyncio.create_task(http.post(f"{open_server}/mcp", json=_call(fresh(300)), headers=mine))
            await _under_way(open_server)
            cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
            for session in ({"Mcp-Session-Id": "other"}, {}):
                answer = await http.post(f"{open_server}/mcp", json=cancelled, headers=_HEADS | session)
                assert answer.status_code == 202
            await asyncio.sleep(0.3)
            assert await asyncio.to_thread(_waiting, open_server)
            await http.post(f"{open_server}/mcp", json=cancelled, headers=mine)
            assert await asyncio.to_thread(_freed, open_server)
            assert json.loads((await call).text.partition("data: ")[2])["error"]["code"] == -32800

    asyncio.run(work())


def test_keys_and_scopes(guarded_server: Guarded) -> None:
    async def names(key: str) -> list[str]:
        async with _client(guarded_server.url, key) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    async def refused(key: str) -> MCPError:
        with pytest.RaisesGroup(MCPError, flatten_subgroups=True) as caught:
            await names(key)
        (fault,) = (fault for fault in _leaves(caught.value) if isinstance(fault, MCPError))
        return fault

    async def evaluate(key: str) -> str:
        async with _client(guarded_server.url, key) as client:
            found = await client.call_tool("evaluate", {"hypotheses": ["a"], "references": ["a"]})
            assert found.is_error
            return text_of(found)

    assert len(asyncio.run(names(guarded_server.key))) == 10
    assert len(asyncio.run(names(guarded_server.reader))) == 4
    assert "lacks the scope evaluate" in asyncio.run(evaluate(guarded_server.reader))
    assert "was withdrawn" in str(asyncio.run(refused("scalemt_nobody")))
    assert "none was sent" in str(asyncio.run(refused("")))
    answer = httpx.post(f"{guarded_server.url}/mcp", json=_message("tools/list"), headers=_HEADS)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="scalemt"')


def _leaves(fault: BaseException) -> Iterator[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        for item in fault.exceptions:
            yield from _leaves(item)
    else:
        yield fault


def test_what_a_key_may_is_told_by_the_tool(guarded_server: Guarded) -> None:
    async def work() -> str:
        async with _client(guarded_server.url, guarded_server.poor) as client:
            found = await client.call_tool("translate", {"texts": ["The house is blue. " * 12], "target": "pt"})
            assert found.is_error
            return text_of(found)

    assert "of the 200 characters" in asyncio.run(work())


@pytest.mark.parametrize(
    ("heads", "body", "status"),
    [
        ({"Origin": "http://evil.example"}, b"{}", 403),
        ({"Host": "evil.example"}, b"{}", 403),
        ({"Accept": "text/html"}, b"{}", 406),
        ({"Content-Type": "text/plain"}, b"{}", 400),
        ({}, b"{", 400),
        ({}, b"[]", 400),
        ({}, b"[" * 100_000, 400),
        ({}, b'{"jsonrpc": "2.0", "id": 1, "method": 3}', 400),
        ({}, b"x" * 3_000_000, 413),
        ({"Mcp-Protocol-Version": "1999-01-01"}, b"{}", 400),
    ],
)
def test_what_is_refused(open_server: str, heads: dict[str, str], body: bytes, status: int) -> None:
    sent = _HEADS | {"Content-Type": "application/json"} | heads
    answer = httpx.post(f"{open_server}/mcp", content=body, headers=sent)
    assert answer.status_code == status
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_are_no_streams_and_no_sessions_to_end(open_server: str, method: str) -> None:
    answer = httpx.request(method, f"{open_server}/mcp", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == -32600


def test_a_session_is_known_to_every_server(open_server: str) -> None:
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    answer = httpx.post(f"{open_server}/mcp", json=_message("initialize", **about), headers=_HEADS)
    assert json.loads(answer.text.partition("data: ")[2])["result"]["protocolVersion"] == "2025-06-18"
    assert len(answer.headers["mcp-session-id"]) >= 32
    again = httpx.post(
        f"{open_server}/mcp", json=_message("tools/list"), headers=_HEADS | {"Mcp-Session-Id": "of-an-earlier-one"}
    )
    assert again.status_code == 200
    assert "mcp-session-id" not in again.headers


def test_a_text_of_several_lines_and_an_unknown_tool(open_server: str) -> None:
    async def work() -> None:
        async with _client(open_server) as client:
            found = await client.call_tool(
                "translate", {"texts": "The house is blue.\n\n\tThe cat sleeps.", "target": "pt"}
            )
            assert text_of(found) == "A casa é azul.\n\n\tO gato dorme."
            with pytest.raises(MCPError, match="no tool 'dance'"):
                await client.call_tool("dance", {})

    asyncio.run(work())


@MODES
def test_a_server_that_ends_answers_first(mode: str) -> None:
    async def work(url: str, pid: int) -> int:
        async with _client(url, mode=mode) as client:
            await client.list_tools()  # or the client asks for them behind the call, to check the result by
            call = asyncio.create_task(client.call_tool("translate", {"texts": fresh(20), "target": "pt"}))
            await asyncio.sleep(0.2)
            os.kill(pid, signal.SIGTERM)
            return len((await call).content)

    with served("--specialist", "bergamot", "--limit", "grace=60") as server:
        assert asyncio.run(work(server.url, server.process.pid)) == 20
        assert server.process.wait(60) == 0
        assert '"level": "error"' not in server.logged


@pytest.fixture(scope="module")
def talkative() -> Iterator[Served]:
    """A server that logs all it can, and lets one page elsewhere in."""
    with served(
        "--specialist", "bergamot", "--log-level", "debug", "--allow-origin", "https://chat.example"
    ) as made:
        yield made


@MODES
def test_the_log_tells_of_requests_and_not_of_texts(talkative: Served, mode: str) -> None:
    async def work() -> None:
        async with _client(talkative.url, mode=mode) as client:
            await client.call_tool("translate", {"texts": ["Nobody may see this secret."], "target": "pt"})

    asyncio.run(work())
    assert '"surface": "mcp"' in talkative.logged
    assert "secret" not in talkative.logged


@pytest.mark.parametrize("path", ["/mcp", "/v1/chat/completions"])
def test_a_page_that_is_let_in_may_send_what_its_library_sends(talkative: Served, path: str) -> None:
    asked = "authorization, content-type, mcp-protocol-version, x-stainless-lang"
    heads = {"Origin": "https://chat.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(talkative.url + path, headers=heads | {"Access-Control-Request-Headers": asked})
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, asked)
    forged = httpx.options(talkative.url + path, headers=heads | {"Access-Control-Request-Headers": 'a"; b'})
    assert forged.headers["access-control-allow-headers"].startswith("Authorization")
    called = httpx.post(talkative.url + path, json={}, headers=_HEADS | {"Origin": "https://chat.example"})
    assert called.headers["access-control-allow-origin"] == "https://chat.example"
    assert "Mcp-Session-Id" in called.headers["access-control-expose-headers"]
    stranger = httpx.options(talkative.url + path, headers=heads | {"Origin": "https://evil.example"})
    assert stranger.status_code == 403
