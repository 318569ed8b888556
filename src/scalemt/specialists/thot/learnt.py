"""The segments that a model has learnt since it was trained: a file beside it, shared by all processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import ModelError

LEARNT = "learnt.jsonl"


@dataclass(frozen=True, slots=True)
class Learnt:
    """One confirmed translation."""

    source: str
    target: str


class LearntFile:
    """Appends to, and reads on in, `learnt.jsonl`.

    A line is written whole under a lock; one that a crash has torn is dropped by whoever writes next.

    Args:
        folder: of the model.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LEARNT
        self._offset = 0
        self._digest = sha256()
        self.count = 0

    @property
    def state(self) -> str:
        """How many segments were read, and eight digits that tell them from others."""
        return f"{self.count}:{self._digest.hexdigest()[:8]}" if self.count else "0"

    def fresh(self) -> list[Learnt]:
        """Return what was appended since the last call, by this process or another.

        Raises:
            ModelError: the file cannot be read, or a line of it is not what was written.
        """
        try:
            if not self._path.exists() or self._path.stat().st_size <= self._offset:
                return []
            with self._path.open("rb") as file:
                return self._read(file)
        except OSError as fault:
            raise ModelError(f"{self._path} cannot be read: {fault.strerror or fault}.") from None

    @contextmanager
    def appending(self) -> Iterator[LearntAppender]:
        """Hold the file for writing; `missed` are the segments that others have appended before.

        Raises:
            ModelError: the file cannot be written or read.
        """
        try:
            file = self._path.open("a+b")
        except OSError as fault:
            raise ModelError(
                f"{self._path} cannot be written ({fault.strerror or fault}): what is learnt must be kept there. "
                "Give the model a folder that can be written to."
            ) from None
        with file:
            _lock(file)
            yield LearntAppender(self, file, self._read(file))

    def _read(self, file: BinaryIO) -> list[Learnt]:
        file.seek(self._offset)
        data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        found = [self._parsed(line, self.count + number) for number, line in enumerate(whole.splitlines(), 1)]
        self._advance(whole, len(found))
        return found

    def _advance(self, written: bytes, count: int) -> None:
        self._offset += len(written)
        self._digest.update(written)
        self.count += count

    def _parsed(self, line: bytes, number: int) -> Learnt:
        try:
            row = json.loads(line)
            return Learnt(str(row["source"]), str(row["target"]))
        except (ValueError, KeyError, TypeError):
            raise ModelError(
                f'{self._path}, line {number}: expected {{"source": …, "target": …}}. Remove the line; what it '
                "taught is lost, the other segments are kept."
            ) from None


@dataclass(frozen=True)
class LearntAppender:
    """The file while it is held; see `LearntFile.appending`."""

    learnt: LearntFile
    file: BinaryIO
    missed: list[Learnt]

    def append(self, item: Learnt) -> None:
        """Write one segment to the end."""
        line = json.dumps({"source": item.source, "target": item.target}, ensure_ascii=False) + "\n"
        written = line.encode("utf-8", "replace")  # half of a surrogate pair can stand in no file
        self.file.truncate(self.learnt._offset)  # what a crash has torn
        self.file.write(written)
        self.file.flush()
        self.learnt._advance(written, 1)


def _lock(file: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such locks: there one process at a time must learn
        return
    fcntl.flock(file, fcntl.LOCK_EX)
