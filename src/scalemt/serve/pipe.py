"""Messages between the server and a worker: pickled, each behind its length, over a pair of sockets.

Only processes of one server, started by it, hold the two ends: what is unpickled is their own.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from threading import Lock
from typing import Any

_LENGTH = struct.Struct("!Q")


def framed(message: object) -> bytes:
    """Return a message as it is sent.

    Raises:
        Exception: it holds something that cannot be pickled.
    """
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


async def received(reader: asyncio.StreamReader) -> Any:
    """Wait for the next message, in an event loop.

    Raises:
        EOFError: the other end has gone, be it in the middle of a message.
        Exception: the message cannot be unpickled here.
    """
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        data = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError):
        raise EOFError from None
    return pickle.loads(data)  # noqa: S301  # see above


class Pipe:
    """The end of a process that may wait; several threads may send.

    Args:
        end: a connected socket.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._sending = Lock()

    def send(self, message: object) -> None:
        """Send a message.

        Raises:
            OSError: the other end has gone.
            Exception: the message cannot be pickled; nothing was sent.
        """
        data = framed(message)
        with self._sending:
            self._end.sendall(data)

    def receive(self) -> Any:
        """Wait for the next message.

        Raises:
            EOFError: the other end has gone.
            Exception: the message cannot be unpickled here.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        return pickle.loads(self._read(length))  # noqa: S301  # see above

    def _read(self, length: int) -> bytearray:
        data = bytearray(length)
        view, have = memoryview(data), 0
        while have < length:
            try:
                count = self._end.recv_into(view[have:])
            except OSError:
                raise EOFError from None
            if not count:
                raise EOFError
            have += count
        return data
