"""Whether a process that works on a job is still there."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

_DEAD_AFTER = 60.0  # seconds without a sign of life; on the same machine it is seen at once that a process is gone


def is_alive(host: str, process: int, start: str, beat: float) -> bool:
    """Whether a runner is at work, as far as can be seen from here."""
    if host == socket.gethostname() and Path("/proc/self").exists():
        return born(process) == start
    return time.time() - beat < _DEAD_AFTER


def born(process: int) -> str:
    """Return when a process began, in ticks since the machine did: numbers of processes are given anew."""
    with suppress(OSError, IndexError):
        # Fields 3 and 22 of /proc/PID/stat (man 5 proc); the name of the program, in parentheses, may hold spaces.
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
        # One that was killed is listed as a zombie until its parent asks for it.
        return "" if fields[0] in "ZX" else fields[19]
    return ""
