"""Recorded: drafts made elsewhere, read from JSON Lines or given in memory, handed out by position."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from scalemt.drafts import draft_from_json
from scalemt.errors import ConfigurationError, InputError, SpecialistError
from scalemt.lines import read_jsonl
from scalemt.specialists.base import BaseSpecialist
from scalemt.types import Draft, Pair


class RecordedSpecialist(BaseSpecialist):
    """Drafts made elsewhere: the i-th line belongs to the i-th text, whatever the pair.

    Args:
        path: a JSON Lines file with a draft object a line, or an array of them for several paths.
        drafts: the same in memory, one list a text.

    Raises:
        InputError: the file cannot be read, or a line is no draft; the message names file, line and field.
        ConfigurationError: neither or both of `path` and `drafts` are given.
    """

    name = "recorded"

    def __init__(self, path: str | Path | None = None, *, drafts: Sequence[Sequence[Draft]] | None = None) -> None:
        if (path is None) == (drafts is None):
            raise ConfigurationError("Recorded drafts come from a file or from memory: give path or drafts.")
        self._where = str(path) if path is not None else "the drafts given"
        rows = _read(path) if path is not None else {i: list(row) for i, row in enumerate(drafts or (), 1)}
        empty = [number for number, row in rows.items() if not row]
        if empty:
            raise InputError(f"{self._where}, line {empty[0]}: no draft; expected at least one.")
        self._lines = list(rows)  # blank lines of the file are passed over, and messages name lines of the file
        self._drafts = list(rows.values())

    @property
    def signature(self) -> str:
        """A hash of all drafts."""
        digest = sha256(repr(self._drafts).encode()).hexdigest()[:8]
        return f"recorded[sha256:{digest}]"

    def cache_key(self, pair: Pair) -> str:
        """Return "": drafts belong to positions, not to texts."""
        return ""

    def pairs(self) -> list[Pair]:
        """Return nothing: the drafts do not say which pair they are for."""
        return []

    def supports(self, pair: Pair) -> bool:
        """Take every pair."""
        return True

    @property
    def paths(self) -> int | None:
        """How many drafts each text has, or None where that differs from text to text."""
        counts = {len(row) for row in self._drafts}
        return counts.pop() if len(counts) == 1 else None

    def all_drafts(self) -> list[list[Draft]]:
        """Return every recorded draft, one list a text."""
        return [list(row) for row in self._drafts]

    def at(self, positions: Sequence[int]) -> list[list[Draft]]:
        """Return the drafts of the lines at `positions`, rising from 0.

        Raises:
            InputError: there are fewer lines; the message names both numbers.
        """
        if positions and positions[-1] >= len(self._drafts):
            self.require(positions[-1] + 1)
        return [list(self._drafts[position]) for position in positions]

    def require(self, count: int) -> None:
        """Check that there are drafts for `count` texts.

        Raises:
            InputError: another number; the message names both.
        """
        if len(self._drafts) != count:
            raise InputError(
                f"{self._where} holds drafts for {len(self._drafts)} segments, and there are {count} segments "
                "to translate. Each line of drafts belongs to the segment of the same number, empty ones included."
            )

    def draft(self, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        """Return the first `n` drafts of each text; empty texts have a line of their own too.

        Raises:
            InputError: the number of texts is another than that of lines, or a line has fewer than `n` drafts.
            SpecialistError: `n` is below 1.
        """
        if n < 1:
            raise SpecialistError(f"{self.name} was asked for {n} drafts a text; ask for at least 1.")
        self.require(len(texts))
        for number, row in zip(self._lines, self._drafts, strict=True):
            if len(row) < n:
                raise InputError(f"{self._where}, line {number}: {len(row)} drafts; {n} are asked for.")
        return [row[:n] for row in self._drafts]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        return self.draft(texts, pair, n)


def _read(path: str | Path) -> dict[int, list[Draft]]:
    """Return the drafts of each line that holds any, by the number of the line."""
    rows = {}
    for number, value in read_jsonl(path):
        where = f"{path}, line {number}"
        if isinstance(value, list):
            rows[number] = [draft_from_json(item, f"{where}, draft {i}") for i, item in enumerate(value, 1)]
        else:
            rows[number] = [draft_from_json(value, where)]
    return rows
