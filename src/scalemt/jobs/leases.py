"""Which process works on which chunk: leases that end with the process that holds them."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.jobs.ledger import Ledger
from scalemt.jobs.processes import born, is_alive
from scalemt.jobs.rows import RESULT, result_of, segment_from_row
from scalemt.types import Segment, Translation

BEAT = 5.0  # seconds between two signs of life
_FIRST_SUSPICION = 4  # leases of a chunk that ended with their process: then its segments are tried one by one

# Runners of this process, by ledger: one that could not sign off, on a full disk, must not be waited for.
_AT_WORK: set[tuple[Path, int]] = set()

_SET = ", ".join(f"{name} = ?" for name in RESULT)
_WRITE = f"UPDATE segments SET state = ?, attempts = ?, signature = ?, {_SET} WHERE id = ?"  # noqa: S608


@dataclass(frozen=True)
class Row:
    """A segment of a chunk: its number in the ledger, and how often it was tried in vain."""

    number: int
    segment: Segment
    attempts: int


@dataclass(frozen=True)
class Chunk:
    """Segments that are translated together; `leases` counts this lease and those that came to nothing."""

    number: int
    rows: tuple[Row, ...]
    leases: int

    @property
    def segments(self) -> list[Segment]:
        """What is to be translated."""
        return [row.segment for row in self.rows]

    @property
    def suspect(self) -> bool:
        """Whether so many processes ended with it that it is worked on with nothing beside it."""
        return self.leases > _FIRST_SUSPICION


@dataclass(frozen=True)
class Result:
    """What becomes of one row: "waiting" means that it is tried again, by itself."""

    row: Row
    state: str
    translation: Translation
    reason: str = ""


class Leases:
    """The leases of one runner.

    Args:
        ledger: of the job.
        most: leases of a single segment that may end with their process before it is given up.
    """

    def __init__(self, ledger: Ledger, most: int) -> None:
        self._ledger = ledger
        self._most = most
        self._order = "id" if ledger.settings.profile.context else "leases, id"
        with ledger.writing() as file:
            told = (socket.gethostname(), os.getpid(), born(os.getpid()), time.time())
            added = file.execute("INSERT INTO runners (host, process, born, beat) VALUES (?, ?, ?, ?)", told)
            self.runner = int(added.lastrowid or 0)
        _AT_WORK.add((ledger.place, self.runner))

    def beat(self) -> None:
        """Give a sign of life."""
        with self._ledger.writing() as file:
            file.execute("UPDATE runners SET beat = ? WHERE id = ?", (time.time(), self.runner))

    def end(self) -> None:
        """Give back all chunks that were not finished, and be gone."""
        _AT_WORK.discard((self._ledger.place, self.runner))
        with self._ledger.writing() as file:
            self._give_back(file, [self.runner], ended=False)
            file.execute("DELETE FROM runners WHERE id = ?", (self.runner,))

    def next(self) -> Chunk | None:
        """Lease a chunk, or return None when there is none that nobody works on."""
        with self._ledger.writing() as file:
            self._bury(file)
            while found := self._waiting(file):
                if self._is_fit(file, *found):
                    return self._leased(file, *found)
        return None

    def take(self, number: int) -> Chunk | None:
        """Lease one chunk, and anew where this runner holds it: whoever worked on it for this runner has died.

        Returns:
            None if it is done, in other hands, or under suspicion and to be worked on otherwise.
        """
        with self._ledger.writing() as file:
            found = file.execute(
                "SELECT id, first, last, leases FROM chunks WHERE id = ? AND "
                "(state = 'waiting' OR (state = 'leased' AND runner = ?))",
                (number, self.runner),
            ).fetchone()
            if found is None or not self._is_fit(file, *found):
                return None
            return self._leased(file, *found)

    def open(self, after: int, most: int) -> list[int]:
        """Return numbers of chunks, in order, that nobody else works on; those that died are buried first."""
        with self._ledger.writing() as file:
            self._bury(file)
            rows = file.execute(
                "SELECT id FROM chunks WHERE state != 'done' AND id > ? AND (state = 'waiting' OR runner = ?) "
                "ORDER BY id LIMIT ?",
                (after, self.runner, most),
            ).fetchall()
        return [int(row[0]) for row in rows]

    def segments(self, chunks: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
        """Yield the segments of chunks as they stand in the ledger, by the number of the chunk."""
        for number in chunks:
            found = self._ledger.rows(
                "SELECT s.segment FROM chunks c JOIN segments s ON s.id BETWEEN c.first AND c.last WHERE c.id = ? "
                "ORDER BY s.id",
                (number,),
            )
            yield number, [str(row[0]) for row in found]

    def commit(self, chunk: Chunk, results: Sequence[Result], signature: str) -> bool:
        """Write the results of a chunk.

        Returns:
            False if the lease was lost meanwhile: another process has done the work, and nothing is written.

        Raises:
            PausedError: the disk is full, or another process writes without end.
        """
        with self._ledger.writing() as file:
            kept = file.execute(
                "UPDATE chunks SET state = 'done' WHERE id = ? AND runner = ? AND state = 'leased'",
                (chunk.number, self.runner),
            )
            if not kept.rowcount:
                return False
            file.execute("INSERT OR IGNORE INTO signatures (text) VALUES (?)", (signature,))
            known = file.execute("SELECT id FROM signatures WHERE text = ?", (signature,)).fetchone()[0]
            columns = [result_of(item.translation) for item in results]
            rows = zip(results, columns, strict=True)
            file.executemany(_WRITE, [_values(item, filled, known) for item, filled in rows])
            again = [item.row.number for item in results if item.state == "waiting"]
            file.executemany("INSERT INTO chunks (first, last) VALUES (?, ?)", [(one, one) for one in again])
            self._ledger.tally(_counts(results, columns))
        return True

    def split(self, chunk: Chunk) -> None:
        """Have the segments of a chunk tried one by one."""
        with self._ledger.writing() as file:
            split(file, chunk.number)

    def give_back(self, chunk: Chunk) -> None:
        """Have a chunk leased by whoever comes next; nothing is said against its segments."""
        with self._ledger.writing() as file:
            file.execute(
                "UPDATE chunks SET state = 'waiting', runner = NULL, leases = leases - 1 "
                "WHERE id = ? AND state = 'leased' AND runner = ?",
                (chunk.number, self.runner),
            )

    @contextmanager
    def exempt(self, chunk: Chunk) -> Iterator[None]:
        """Hold nothing against a chunk if the process ends meanwhile: it waits, and computes nothing of it."""
        self._count(chunk, -1)
        try:
            yield
        finally:
            self._count(chunk, 1)

    def may_write(self) -> bool:
        """Take the place of the one process that writes the files; False while another one has it."""
        with self._ledger.writing() as file:
            self._bury(file)
            holder = self._ledger.get("writer")
            if (
                holder not in (None, self.runner)
                and file.execute("SELECT 1 FROM runners WHERE id = ?", (holder,)).fetchone()
            ):
                return False
            self._ledger.put("writer", self.runner)
        return True

    def others(self) -> int:
        """Return how many other processes work on the job."""
        with self._ledger.writing() as file:
            self._bury(file)
            found = file.execute("SELECT COUNT(*) FROM runners WHERE id != ?", (self.runner,)).fetchone()
        return int(found[0])

    def _count(self, chunk: Chunk, more: int) -> None:
        with self._ledger.writing() as file:
            file.execute(
                "UPDATE chunks SET leases = leases + ? WHERE id = ? AND state = 'leased' AND runner = ?",
                (more, chunk.number, self.runner),
            )

    def _is_fit(self, file: Any, number: int, first: int, last: int, leases: int) -> bool:
        """Whether a chunk may be worked on as it is; one under suspicion is split, or given up."""
        if leases < _FIRST_SUSPICION + (self._most if first == last else 0):
            return True
        if first == last:
            self._give_up(file, number, first, leases)
        else:
            split(file, number)
        return False

    def _leased(self, file: Any, number: int, first: int, last: int, leases: int) -> Chunk:
        file.execute(
            "UPDATE chunks SET state = 'leased', runner = ?, leases = leases + 1 WHERE id = ?",
            (self.runner, number),
        )
        return Chunk(number, tuple(self._rows(first, last)), leases + 1)

    def _waiting(self, file: Any) -> tuple[int, int, int, int] | None:
        """Return the next chunk: of those that fewest processes ended with, the first.

        So a process that is killed again and again as soon as it has begun does not meet the same segments each
        time. Where prompts show what stands before, the order of the segments goes before that.
        """
        found: tuple[int, int, int, int] | None = file.execute(
            f"SELECT id, first, last, leases FROM chunks WHERE state = 'waiting' ORDER BY {self._order} LIMIT 1"  # noqa: S608
        ).fetchone()
        return found

    def _rows(self, first: int, last: int) -> Iterator[Row]:
        found = self._ledger.rows(
            "SELECT id, segment, attempts FROM segments WHERE id BETWEEN ? AND ? ORDER BY id", (first, last)
        )
        for number, segment, attempts in found:
            yield Row(number, segment_from_row(segment), attempts)

    def _bury(self, file: Any) -> None:
        """Take the leases of processes that are gone."""
        listed = file.execute("SELECT id, host, process, born, beat FROM runners WHERE id != ?", (self.runner,))
        dead = [row[0] for row in listed.fetchall() if not (is_alive(*row[1:]) and self._is_at_work(*row))]
        if dead:
            self._give_back(file, dead, ended=True)
            file.executemany("DELETE FROM runners WHERE id = ?", [(number,) for number in dead])

    def _is_at_work(self, runner: int, host: str, process: int, *_: Any) -> bool:
        here = (host, process) == (socket.gethostname(), os.getpid())
        return not here or (self._ledger.place, runner) in _AT_WORK

    @staticmethod
    def _give_back(file: Any, runners: Sequence[int | None], *, ended: bool) -> None:
        """Those of a process that ended by itself say nothing against their segments."""
        less = 0 if ended else 1
        file.executemany(
            "UPDATE chunks SET state = 'waiting', runner = NULL, leases = leases - ? "
            "WHERE state = 'leased' AND runner = ?",
            [(less, number) for number in runners],
        )

    def _give_up(self, file: Any, chunk: int, segment: int, leases: int) -> None:
        reason = (
            f"{leases - _FIRST_SUSPICION} times the process ended while this segment was translated by itself."
        )
        file.execute("UPDATE segments SET state = 'failed', reason = ? WHERE id = ?", (reason, segment))
        file.execute("UPDATE chunks SET state = 'done' WHERE id = ?", (chunk,))
        self._ledger.tally({"failed": 1})


def reopen(ledger: Ledger) -> None:
    """Have a job that was paused or cancelled worked on again."""
    with ledger.writing() as file:
        if ledger.state not in ("done", "running"):
            begun = file.execute("SELECT 1 FROM chunks LIMIT 1").fetchone()
            ledger.turn("running" if begun else "reading")


def try_again(ledger: Ledger, *, fallbacks: bool = False) -> int:
    """Have failed segments translated anew, each by itself, and return how many they are.

    Args:
        ledger: of the job.
        fallbacks: also those that another candidate stands in for, because the generalist failed.
    """
    chosen = "state = 'failed' OR (state = 'done' AND reason IS NOT NULL)" if fallbacks else "state = 'failed'"
    with ledger.writing() as file:
        rows = file.execute(f"SELECT id, state, origin FROM segments WHERE {chosen} ORDER BY id").fetchall()  # noqa: S608
        file.executemany("INSERT INTO chunks (first, last) VALUES (?, ?)", [(row[0], row[0]) for row in rows])
        file.executemany(
            "UPDATE segments SET state = 'waiting', attempts = 0, reason = NULL WHERE id = ?",
            [(row[0],) for row in rows],
        )
        file.executemany("DELETE FROM judgements WHERE segment = ?", [(row[0],) for row in rows])
        less: Counter[str] = Counter()
        for _, state, origin in rows:
            less[state] -= 1
            if state == "done":
                less["fallbacks"] -= 1
                less[f"origin {origin}"] -= 1
        ledger.tally(less)
        if rows:
            ledger.turn("running")
    return len(rows)


def split(file: Any, chunk: int) -> None:
    """Put a chunk of one segment in the place of each segment of a chunk."""
    first, last = file.execute("SELECT first, last FROM chunks WHERE id = ?", (chunk,)).fetchone()
    file.execute("UPDATE chunks SET state = 'done' WHERE id = ?", (chunk,))
    alone = [(number, number, _FIRST_SUSPICION) for number in range(first, last + 1)]
    file.executemany("INSERT INTO chunks (first, last, leases) VALUES (?, ?, ?)", alone)


def _values(item: Result, filled: dict[str, Any], signature: int) -> list[Any]:
    done = item.state == "done"
    values = filled | {"reason": item.reason or filled["reason"], "text": filled["text"] if done else None}
    attempts = item.row.attempts + (not done or bool(item.reason))
    return [item.state, attempts, signature, *(values[name] for name in RESULT), item.row.number]


def _counts(results: Sequence[Result], columns: Sequence[dict[str, Any]]) -> Counter[str]:
    """Return what a commit adds to the tallies."""
    counts: Counter[str] = Counter()
    for item, filled in zip(results, columns, strict=True):
        if item.state == "waiting":
            counts["again"] += 1
            continue
        counts[item.state] += 1
        counts["characters"] += len(item.row.segment.text)
        if item.state == "done":
            counts[f"origin {filled['origin']}"] += 1
            counts["fallbacks"] += bool(item.reason)
    return counts
