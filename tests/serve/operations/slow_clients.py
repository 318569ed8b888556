"""Clients that hold connections: half a head, half a body, never reading; hundreds of them in one thread."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from serve.operations.raw import address, request

HALF_A_HEAD = b"POST /v1/translate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Slow: "
HALF_A_BODY = request(body=b'{"text": "The house', length=1_000)
MUCH = request("/openapi.json", method="GET", body=b"") * 8
"""What is answered with more than a megabyte."""


@dataclass
class Crowd:
    """Many connections, none of which does any more than it did at first.

    Args:
        url: of the server.
        sent: what each of them sends at once; they take turns.
        drip: bytes that each sends one by one afterwards, with as many seconds between them as `every` says.
    """

    url: str
    sent: tuple[bytes, ...]
    drip: bytes = b""
    every: float = 0.5
    closed: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __enter__(self) -> Crowd:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10_000), hard))
        self._begun = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._live(),))
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()
        for opened in self._open:
            opened.close()

    async def _live(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        await self._over.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def come(self, count: int) -> None:
        """Open so many connections, and send what each of them sends."""
        for _ in range(0, count, 100):
            self._do(self._some(min(100, count)))

    async def _some(self, count: int) -> None:
        await asyncio.gather(*(self._one(self.sent[number % len(self.sent)]) for number in range(count)))

    async def _one(self, sent: bytes) -> None:
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # what is not read must wait at the server
        opened.setblocking(False)
        self._open.append(opened)
        await self._loop.sock_connect(opened, address(self.url))
        await self._loop.sock_sendall(opened, sent)
        if sent is not MUCH:
            self._tasks += [self._loop.create_task(do(opened)) for do in (self._drip, self._ended)]

    async def _drip(self, opened: socket.socket) -> None:
        with suppress(OSError):
            for byte in self.drip:
                await asyncio.sleep(self.every)
                await self._loop.sock_sendall(opened, bytes([byte]))

    async def _ended(self, opened: socket.socket) -> None:
        with suppress(OSError):
            while await self._loop.sock_recv(opened, 4096):
                pass
        self.closed += 1

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(60)
