"""HTTP by hand: what no proper client would send."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

BODY = json.dumps({"text": "The house is old.", "source": "en", "target": "pt"}).encode()


def address(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


@contextmanager
def connected(url: str, seconds: float = 20.0) -> Iterator[socket.socket]:
    """Connect; nothing is waited for longer than so many seconds."""
    with socket.create_connection(address(url), timeout=seconds) as opened:
        yield opened


def request(
    path: str = "/v1/translate",
    *lines: str,
    body: bytes = BODY,
    method: str = "POST",
    length: int | None = None,
    host: str = "localhost",
) -> bytes:
    """Return a request as it is sent.

    Args:
        path, method, host, body: of the request.
        lines: more lines of its head.
        length: what Content-Length says; the truth where it is left out, no such line where it is below 0.
    """
    told = len(body) if length is None else length
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", *lines]
    if told >= 0:
        head.append(f"Content-Length: {told}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def answer(url: str, sent: bytes, seconds: float = 20.0) -> tuple[int, bytes]:
    """Send bytes and return status and body of the first answer; 0 where the connection is closed without any."""
    with connected(url, seconds) as opened:
        opened.sendall(sent)
        return read(opened)


def read(opened: socket.socket) -> tuple[int, bytes]:
    """Read one answer."""
    file = opened.makefile("rb")
    try:
        first = file.readline()
        if not first:
            return 0, b""
        status = int(first.split()[1])
        length = 0
        chunked = False
        while (line := file.readline().strip().lower()) != b"":
            name, _, value = line.partition(b":")
            if name == b"content-length":
                length = int(value)
            chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
        if not chunked:
            return status, file.read(length)
        parts = []
        while size := int(file.readline(), 16):
            parts.append(file.read(size))
            file.readline()
        file.readline()
        return status, b"".join(parts)
    except ConnectionError:
        return 0, b""


def is_closed(opened: socket.socket) -> bool:
    """Wait until the other side closes, and tell whether it did within the time of the socket."""
    try:
        while opened.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True
