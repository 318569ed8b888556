"""Messages between the server and a worker: pickled, each behind its length, over a pair of sockets.

Only processes of one server, started by it, hold the two ends: what is unpickled is their own.
"""

from __future__ import annotations

import asyncio
import copyreg
import io
import pickle
import socket
import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from operator import attrgetter
from threading import Lock
from typing import Any

from scalemt import types
from scalemt.serve import work

_LENGTH = struct.Struct("!Q")


def framed(message: object) -> bytes:
    """Return a message as it is sent.

    Raises:
        Exception: it holds something that cannot be pickled.
    """
    written = io.BytesIO()
    pickler = pickle.Pickler(written, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _reducers()
    pickler.dump(message)
    data = written.getbuffer()
    return b"".join((_LENGTH.pack(len(data)), data))


@cache
def _reducers() -> dict[type, Callable[[Any], Any]]:
    """Return how objects are taken to pieces.

    A dataclass with slots looks its fields up each time that one is pickled or unpickled, which takes four times
    as long as to make it anew from its values, and a translation holds fifty of them.
    """
    listed = [kind for home in (types, work) for kind in vars(home).values() if is_dataclass(kind)]
    plain = [kind for kind in listed if isinstance(kind, type) and all(one.init for one in fields(kind))]
    return {**copyreg.dispatch_table, **{kind: _reducer(kind) for kind in plain}}


def _reducer(kind: type) -> Callable[[Any], Any]:
    names = [one.name for one in fields(kind)]
    values = attrgetter(*names)
    if len(names) == 1:
        return lambda item: (kind, (values(item),))
    return lambda item: (kind, values(item))


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
