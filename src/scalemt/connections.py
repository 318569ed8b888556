"""The HTTP connections of one backend: opened when first needed, and broken off when a run is cancelled."""

from __future__ import annotations

import socket
import weakref
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class Connections:
    """One `httpx.Client`, shared between threads.

    Args:
        make: makes the client; called at the first request, and again after `close`.
    """

    def __init__(self, make: Callable[[], httpx.Client]) -> None:
        self._make = make
        self._client: httpx.Client | None = None
        self._opening = Lock()
        self._breaks = 0
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send one request; see `httpx.Client.request` for options and exceptions."""
        breaks = self._breaks
        client = self._open()

        def trace(event: str, info: dict[str, Any]) -> None:
            """Keep each socket that is opened (httpx, "Request extensions": `trace`)."""
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                self._keep(info["return_value"].get_extra_info("socket"), breaks)

        return client.request(method, url, extensions={"trace": trace}, **options)

    @property
    def breaks(self) -> int:
        """How often requests were broken off so far."""
        return self._breaks

    def break_off(self) -> None:
        """End all requests under way: each raises `httpx.TransportError` in its own thread. Later ones work."""
        with self._opening:
            self._breaks += 1
            found = list(self._sockets)
        for one in found:
            _shut(one)

    def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        with self._opening:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _open(self) -> httpx.Client:
        with self._opening:
            if self._client is None:
                self._client = self._make()
                # Sockets of a backend that nobody closed are closed with it.
                weakref.finalize(self, self._client.close)
            return self._client

    def _keep(self, found: object, breaks: int) -> None:
        if not isinstance(found, socket.socket):
            return
        with self._opening:
            self._sockets.add(found)
        if breaks != self._breaks:  # broken off while it connected
            _shut(found)


def _shut(found: socket.socket) -> None:
    """Wake the thread that reads from a socket; closing would leave it to wait on."""
    with suppress(OSError):  # it may be closed already
        socket.socket.shutdown(found, socket.SHUT_RDWR)
