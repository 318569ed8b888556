"""Messages between the server and a worker: pickled, each behind its length, over a pair of sockets.

Only processes of one server, started by it, hold the two ends: what is unpickled is their own.
"""

from __future__ import annotations

import asyncio
import copyreg
import io
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
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


async def spawned(
    module: str, **environment: str
) -> tuple[subprocess.Popen[bytes], asyncio.StreamReader, asyncio.StreamWriter]:
    """Start a module of this package as a process, with a pipe to it.

    Args:
        module: by name; it takes its end of the pipe by `own_end`.
        environment: variables that differ from those of this process.

    Raises:
        OSError: it cannot be started.
    """
    mine, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", module, str(theirs.fileno())]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env={**os.environ, **environment}
            )
        except OSError:
            mine.close()
            raise
    return process, *(await asyncio.open_unix_connection(sock=mine, limit=2**20))


def own_end() -> Pipe:
    """Return the end of the pipe of a process that was started by `spawned`."""
    # A signal to the whole group (Ctrl-C, a supervisor) is for the server, which lets what is under way be done.
    # With SIG_IGN the processes of specialists would inherit it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    end = socket.socket(fileno=int(sys.argv[1]))
    # A process that a specialist starts must not keep it open when this one has gone.
    os.set_inheritable(end.fileno(), False)
    return Pipe(end)


def how_ended(code: int | None) -> str:
    """Return how a process ended, in words."""
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


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
