"""Where a corpus stands while it is worked on: a folder that survives a kill, with all that is needed to go on.

`state.json` is replaced as a whole, after what it tells of was written and synchronised; what a file of pairs
holds behind the byte that the state names was not finished, and is cut off.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import MISSING, fields
from pathlib import Path
from typing import IO, Any, Literal

from scalemt.errors import InputError, UsageError
from scalemt.memory.units import Unit, decoded_spans, encoded_spans
from scalemt.types import Pair

_SHAPE = 1  # of the state; another is not gone on with
_PLAIN = tuple(
    (item.name, item.default)
    for item in fields(Unit)
    if item.default is not MISSING and item.name not in ("id", "source_spans", "target_spans")
)


def packed(unit: Unit) -> str:
    """Return a unit as one line."""
    more = {name: value for name, default in _PLAIN if (value := getattr(unit, name)) != default}
    if spans := encoded_spans(unit):
        more["spans"] = spans
    return json.dumps([unit.source, unit.target, *unit.pair, more], ensure_ascii=False)


def unpacked(line: str) -> Unit:
    """Return the unit that `packed` wrote."""
    source, target, left, right, more = json.loads(line)
    source_spans, target_spans, codes = decoded_spans(more.pop("spans", ""))
    return Unit(
        source,
        target,
        Pair(left, right),
        **more,
        source_spans=source_spans,
        target_spans=target_spans,
        codes=codes,
    )


LOCK = "scalemt.lock"
"""Held while somebody works in a folder; where it lies, the folder is ours, to be cleared and removed."""

_MENDS = {
    "output": (
        "Name another output.",
        "Another process works on {}. Wait for it, or give another output with -o.",
        "Move them away, or give another output with -o.",
    ),
    "": (
        "Name another with --work.",
        "Another process works in {}. Wait for it, or name another folder with --work.",
        "Name an empty folder with --work, or one that is not there yet.",
    ),
}


@contextmanager
def held(folder: Path, *, beside: Literal["output", ""] = "", fresh: bool = False) -> Iterator[None]:
    """Hold a folder, which is made where there is none: two processes would mix what they write.

    Args:
        folder: of unfinished work.
        beside: "output" where it lies beside an output, "" where `--work` names it.
        fresh: delete what it holds.

    Raises:
        UsageError: another process holds it, it cannot be made, or it holds files that no work of ours left there,
            which clearing it would delete.
    """
    import fcntl

    unmade, busy, foreign = _MENDS[beside]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / LOCK).exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} holds other files than those of unfinished work. {foreign}")
        lock = (folder / LOCK).open("w")
    except OSError as fault:
        raise UsageError(f"{folder} cannot be made: {fault.strerror or fault}. {unmade}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(busy.format(folder)) from None
        if fresh:
            _clear(folder)
        try:
            yield
        finally:
            _leave(folder)


def _leave(folder: Path) -> None:
    """Remove a folder in which nothing came to be, while it is held still."""
    with suppress(OSError):  # removed by who held it; or a mount, which stays
        if [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            folder.rmdir()


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def is_held(folder: Path) -> bool:
    """Return whether a process holds a folder."""
    import fcntl

    try:
        with (folder / LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


class WorkFolder:
    """The folder beside an output in which it comes to be.

    Args:
        output: the file that is made.
        identity: hash of all that decides the result; work on another is not gone on with.
    """

    def __init__(self, output: str | Path, identity: str) -> None:
        place = Path(output)
        self.path = place.with_name(f"{place.name}.work")
        self._identity = identity

    @contextmanager
    def held(self, *, fresh: bool = False) -> Iterator[None]:
        """Hold the folder, which is made where there is none; `fresh` forgets what it held.

        Raises:
            UsageError: see `held`.
        """
        with held(self.path, beside="output", fresh=fresh):
            yield

    def state(self) -> dict[str, Any] | None:
        """Return what was told last, None at the beginning.

        Raises:
            UsageError: the folder is of other inputs or another chain.
        """
        try:
            told: dict[str, Any] = json.loads((self.path / "state.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        if told.get("shape") != _SHAPE or told.get("identity") != self._identity:
            raise UsageError(
                f"{self.path} holds unfinished work on other inputs, another chain or another version. Go on with "
                "what it was begun with, or begin anew with --fresh."
            )
        return told

    def tell(self, told: dict[str, Any]) -> None:
        """Replace the state, so that a kill at any moment leaves the old one or the new one."""
        partial = self.path / "state.json.partial"
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"shape": _SHAPE, "identity": self._identity, **told}, file, ensure_ascii=False)
            _synchronise(file)
        partial.replace(self.path / "state.json")

    def pairs_file(self, phase: int) -> Path:
        """Return where the pairs are that are left after a phase."""
        return self.path / f"phase-{phase}.jsonl"

    @contextmanager
    def writing(self, phase: int, offset: int) -> Iterator[PairsWriter]:
        """Open the file of a phase to be gone on with behind `offset` bytes; the rest is cut off."""
        path = self.pairs_file(phase)
        with path.open("r+b" if path.exists() else "w+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size < offset:
                raise InputError(f"{path} is shorter than its state says: begin anew with --fresh.")
            file.truncate(offset)
            file.seek(offset)
            yield PairsWriter(file)

    def units(self, phase: int, *, skip: int = 0) -> Iterator[Unit]:
        """Yield the units that are left after a phase, without the first `skip`."""
        with self.pairs_file(phase).open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file):
                if number >= skip:
                    yield unpacked(line)

    def forget(self, phase: int) -> None:
        """Remove the file of a phase that is needed no more."""
        if phase >= 0:
            self.pairs_file(phase).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


class PairsWriter:
    """Writes units behind each other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, unit: Unit) -> None:
        """Write one."""
        self._file.write(packed(unit).encode() + b"\n")

    def settled(self) -> int:
        """See that all is on the disk, and return how many bytes there are."""
        _synchronise(self._file)
        return self._file.tell()


def _synchronise(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
