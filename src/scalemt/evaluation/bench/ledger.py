"""What a bench has finished, one JSON line a segment, so that nothing is translated twice."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from scalemt.errors import ConfigurationError, InputError

LOCK_NAME = "bench.lock"


class Ledger:
    """One append-only file of finished segments; the last row of a key counts.

    A row is what `scalemt translate --json` prints, with "key" (what decided it, see `segment_key`) and "batch"
    (how many segments were translated with it, whose mean time its "seconds" are). Rows of other keys, made by
    another model or from another source, stay in the file and are not counted. Only one process may hold the
    folder (see `locked`).

    Args:
        path: the file; made at the first append.

    Raises:
        InputError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []
        self.fresh: set[str] = set()  # keys of the rows that this process has written
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._load()

    def find(self, key: str) -> Mapping[str, Any] | None:
        """Return the newest row of a key, or None."""
        return self._rows.get(key)

    def append(self, rows: Sequence[tuple[str, Mapping[str, Any]]], batch: int) -> None:
        """Write finished rows by key, and wait until the disk has them."""
        full = [{"key": key, "batch": batch, **row} for key, row in rows]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in full)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        self._rows |= {row["key"]: row for row in full}
        self.fresh |= {key for key, _ in rows}

    def _load(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as fault:
            raise InputError(f"{self.path} cannot be read: {fault.strerror or fault}.") from None
        whole, end, torn = data.rpartition(b"\n")
        if torn:
            # The process was killed while it wrote; what is appended next must not stand on the same line.
            os.truncate(self.path, len(whole) + len(end))
            self.notes.append(f"The last line of {self.path} was not written to its end and is dropped.")
        for number, line in enumerate(whole.split(b"\n") if end else (), 1):
            self._take(line, number)

    def _take(self, line: bytes, number: int) -> None:
        row = _parsed(line)
        if row is not None:
            self._rows[row["key"]] = row
        elif line.strip():
            self.notes.append(
                f"{self.path}, line {number} is no row of a bench and is left aside; its segment is done again."
            )


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return a row that holds all that a summary reads, or None."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kinds = {"key": str, "id": str, "translation": str, "batch": int, "seconds": float | int, "usage": dict,
             "decisions": list, "candidates": list, "drafts": list}  # fmt: skip
    if isinstance(row, dict) and all(isinstance(row.get(name), kind) for name, kind in kinds.items()):
        return row
    return None


def segment_key(deciding: str, identity: str, text: str) -> str:
    """Return 20 hexadecimal digits for one segment under one configuration.

    Args:
        deciding: everything about the configuration that can change the result.
        identity: the id of the segment in its test set.
        text: its source.
    """
    return sha256("\x1f".join((deciding, identity, text)).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def file_name(*parts: str) -> str:
    """Return a name for a file that tells `parts`, whatever they hold; different parts never share one."""
    plain = "--".join(re.sub(r"[^\w.+-]+", "_", part).strip(".") for part in parts)
    if plain == "--".join(parts) and len(plain) <= 100 and not any("--" in part for part in parts):
        return plain
    digest = sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain[:80]}-{digest[:8]}"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one run; the system itself lets go of it when the process ends, however it ends.

    Raises:
        ConfigurationError: the folder is no folder, or another process runs a bench in it.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file; expected a folder for the results of the bench.")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_NAME).open("a+", encoding="utf-8") as file:
        _take_lock(file, folder)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _take_lock(file: IO[str], folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such locks: there the user must see to it
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        other = file.read().strip() or "unknown"
        raise ConfigurationError(
            f"Another bench (process {other}) is running in {folder}. Wait for it, or give another folder with -o."
        ) from None
