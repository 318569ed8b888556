"""Files of a server: written whole or not at all, for its user's eyes only, by one process at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_private(path: Path, data: bytes) -> None:
    """Write a file in one step: whoever reads it, also after a crash, finds the former content or all of this.

    A new file is for its owner alone; one that was there keeps its mode, and its owner where this process may give
    it away: what root writes must stay readable to the user that a server runs as. A link stays a link.

    Raises:
        OSError: it cannot be written.
    """
    place = path.resolve()
    before = place.stat() if place.exists() else None
    number, name = tempfile.mkstemp(prefix=f".{place.name}.", suffix=".partial", dir=place.parent)
    try:
        with os.fdopen(number, "wb") as file:
            if before is not None and hasattr(os, "fchown"):  # Windows has neither
                with suppress(PermissionError):
                    os.fchown(number, before.st_uid, before.st_gid)
                os.fchmod(number, before.st_mode & 0o777)
            file.write(data)
            file.flush()
            os.fsync(number)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync(place.parent)


def _sync(folder: Path) -> None:
    """Have the disk know of a new name; where folders cannot be opened (Windows), it does so by itself."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing a file while this one reads and writes it.

    The lock is a file beside it, which stays: a lock on the file itself would be lost when it is replaced.

    Raises:
        OSError: the lock cannot be made.
    """
    number = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with suppress(ImportError):  # Windows has no such locks: there one command at a time must change it
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
