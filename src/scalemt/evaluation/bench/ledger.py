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

from scalemt.drafts import draft_from_json
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
        try:
            with self.path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as fault:
            fault.filename = str(self.path)  # a full disk does not tell what it was that did not fit
            raise
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
        aside = []
        for number, line in enumerate(whole.split(b"\n") if end else (), 1):
            row = _parsed(line)
            if row is not None:
                self._rows[row["key"]] = row
            elif line.strip():
                aside.append(number)
        if aside:
            more = f", as are {len(aside) - 1} further lines" if len(aside) > 1 else ""
            self.notes.append(f"{self.path}, line {aside[0]} is no row of a bench and is left aside{more}.")


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return a row that holds all that a summary reads, or None."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and _is_whole(row) else None


_KINDS = {"key": str, "id": str, "translation": str, "usage": dict, "drafts": list}
_TABLES = {
    "decisions": ("step", "outcome"),
    "candidates": ("origin", "text"),
    "checks": ("name",),
    "steps": ("worker",),
}
_LARGEST = 1e15  # no number of tokens or seconds is that large


def _is_whole(row: dict[str, Any]) -> bool:
    if not all(isinstance(row.get(name), kind) for name, kind in _KINDS.items()):
        return False
    if not all(map(_is_number, (row.get("batch"), row.get("seconds"), *row["usage"].values()))):
        return False
    for name, fields in _TABLES.items():
        table = row.get(name, [])
        if not isinstance(table, list) or not all(_is_table_row(item, fields) for item in table):
            return False
    try:
        return all(draft_from_json(item, "a ledger") for item in row["drafts"])
    except InputError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_table_row(item: object, fields: Sequence[str]) -> bool:
    return isinstance(item, dict) and all(isinstance(item.get(name), str) for name in fields)


def fell_back(row: Mapping[str, Any]) -> bool:
    """Whether the generalist failed, so that something else stands in for its answer, or nothing."""
    return any(item["step"] == "generalist" for item in row["decisions"])


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
        ConfigurationError: the folder is no folder or cannot be written to, or another process runs a bench in it.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file; expected a folder for the results of the bench.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK_NAME).open("a+", encoding="utf-8")
    except OSError as fault:
        told = f"{folder} cannot be written to: {fault.strerror or fault}"
        raise ConfigurationError(f"{told}. Give another folder for the results with -o.") from None
    with lock as file:
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
