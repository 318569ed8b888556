"""Chains of processes joined by pipes that answer NUL-terminated items, one answer an item.

Every process is a child of ours, with no shell between, so each can be killed and reaped by its own id.
"""

from __future__ import annotations

import os
import selectors
import subprocess
from collections import deque
from collections.abc import Sequence
from itertools import count

from scalemt.errors import ScalemtError

TAIL = 4000
"""Bytes of standard error that are kept."""

_CHUNK = 1 << 16
_serial = count(1)


class ChainError(ScalemtError):
    """A process ended, or answered what it was not asked; starting the chain again may help."""


class ChainTimeoutError(ScalemtError):
    """A chain moved no byte for as long as it was allowed to."""


class Chain:
    """Processes joined by pipes, started at once and used until closed.

    Args:
        commands: the argument list of each process, first to last.
        timeout: seconds without a byte going in or out before the chain counts as hung.
    """

    def __init__(self, commands: Sequence[Sequence[str]], timeout: float) -> None:
        self._timeout = timeout
        self._complaints = bytearray()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._input = self._output = self._errors = -1
        errors_in = -1
        try:
            self._errors, errors_in = os.pipe()
            self._start(commands, errors_in)
        except BaseException:
            self.close()
            raise
        finally:
            if errors_in >= 0:
                os.close(errors_in)
        for descriptor in (self._input, self._output, self._errors):
            os.set_blocking(descriptor, False)

    def _start(self, commands: Sequence[Sequence[str]], errors: int) -> None:
        near, self._input = os.pipe()
        try:
            for command in commands:
                far, out = os.pipe()
                try:
                    self._processes.append(subprocess.Popen(command, stdin=near, stdout=out, stderr=errors))
                finally:
                    os.close(out)
                    os.close(near)
                    near = far
            self._output, near = near, -1
        finally:
            if near >= 0:
                os.close(near)

    @property
    def pids(self) -> list[int]:
        """The ids of the processes, first to last."""
        return [process.pid for process in self._processes]

    def complaints(self) -> bytes:
        """Return the end of what the chain wrote to standard error, and forget it."""
        self._drain(self._errors)
        taken = bytes(self._complaints)
        self._complaints.clear()
        return taken

    def exchange(self, items: Sequence[bytes]) -> list[bytes]:
        """Send items and return their answers, in order; reading and writing go on side by side.

        Raises:
            ChainError: a process ended before all was answered.
            ChainTimeoutError: nothing moved for `timeout` seconds.
        """
        data = memoryview(b"".join(item + b"\0" for item in items))
        received, answered = bytearray(), 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._errors, selectors.EVENT_READ)
            if data:
                selector.register(self._input, selectors.EVENT_WRITE)
            while answered < len(items):
                events = selector.select(self._timeout)
                if not events:
                    raise ChainTimeoutError(f"nothing came or went for {self._timeout:g} seconds")
                for key, _ in events:
                    if key.fd == self._input:
                        data = self._write(data)
                        if not data:
                            selector.unregister(self._input)
                    elif key.fd == self._errors:
                        if not self._drain(self._errors):
                            selector.unregister(self._errors)
                    else:
                        chunk = self._read()
                        answered += chunk.count(b"\0")
                        received += chunk
        return [bytes(answer) for answer in received.split(b"\0")[: len(items)]]

    def exchange_checked(self, items: Sequence[bytes]) -> list[bytes]:
        """As `exchange`, and sure that each answer belongs to its item.

        When one process of a chain dies, those behind it see the end of their input and each write one NUL
        more: an answer that nobody gave. So a marker is sent last, which passes through every stage as it is,
        and must come back last.
        """
        marker = f"[scalemt {next(_serial)}]".encode()
        *answers, last = self.exchange([*items, marker])
        if last.strip() != marker:
            raise ChainError("a process ended, and the answers no longer match the texts")
        return answers

    def _write(self, data: memoryview) -> memoryview:
        try:
            return data[os.write(self._input, data[:_CHUNK]) :]
        except BlockingIOError:
            return data
        except BrokenPipeError:
            raise ChainError("a process ended while texts were sent to it") from None

    def _read(self) -> bytes:
        try:
            chunk = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return b""
        if not chunk:
            raise ChainError("a process ended before it had answered all texts")
        return chunk

    def _drain(self, descriptor: int) -> bool:
        """Take what stands on standard error; return whether more can come."""
        while True:
            try:
                chunk = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self._complaints += chunk
            del self._complaints[:-TAIL]

    def close(self) -> None:
        """End all processes and reap them. May be called more than once."""
        for descriptor in (self._input, self._output, self._errors):
            if descriptor >= 0:
                os.close(descriptor)
        self._input = self._output = self._errors = -1
        for process in self._processes:
            process.kill()  # they hold nothing that would have to be saved
        for process in self._processes:
            process.wait()


class Spares:
    """A process that is wanted fresh again and again: the next ones load their data while one is in use.

    Args:
        command: its argument list.
        timeout: see `Chain`.
        ahead: how many to start ahead.
    """

    def __init__(self, command: Sequence[str], timeout: float, ahead: int) -> None:
        self._command = command
        self._timeout = timeout
        self._ready = deque(Chain([command], timeout) for _ in range(ahead))

    def take(self) -> Chain:
        """Return a process that has read nothing yet; the caller closes it."""
        self._ready.append(Chain([self._command], self._timeout))
        return self._ready.popleft()

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that wait."""
        return [pid for chain in self._ready for pid in chain.pids]

    def close(self) -> None:
        """End the processes that wait."""
        while self._ready:
            self._ready.popleft().close()
