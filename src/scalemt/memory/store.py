"""The file of a translation memory: SQLite in write-ahead mode, read and written by any number of processes.

Source: https://www.sqlite.org/wal.html; that a file must not be used across a fork stands in
https://www.sqlite.org/howtocorrupt.html, section 2.6.
"""

from __future__ import annotations

import os
import sqlite3
import time
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any

from scalemt.errors import InputError, UsageError
from scalemt.languages import base
from scalemt.memory.units import Unit, decoded_spans, digest, encoded_spans, skeleton, swap
from scalemt.text.protection import protect
from scalemt.transactions import transaction
from scalemt.types import Pair, Segment

STAMP = "%Y-%m-%dT%H:%M:%SZ"  # of time.strftime: how units tell a time, always in UTC

_LAYOUT = 1
_PATIENCE = 30.0  # seconds to wait for another process that writes
_TOGETHER = 500  # ids in one query
_ROWS = 2000  # rows written by one statement
_COLUMNS = (
    "source, target, before, after, context, origin, creator, created, changed, quality, domain, note, spans"
)
_SELECT = "SELECT u.id, p.source, p.target, " + ", ".join(f"u.{name}" for name in _COLUMNS.split(", "))
_READ = f"{_SELECT} FROM units u JOIN pairs p ON p.id = u.pair"
# By id: with an index SQLite would sort all units of a pair for each page of them.
_SCAN = f"{_SELECT} FROM units u NOT INDEXED JOIN pairs p ON p.id = u.pair"
_TABLES = f"""
CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE pairs (id INTEGER PRIMARY KEY, source TEXT NOT NULL, target TEXT NOT NULL, UNIQUE (source, target));
CREATE TABLE units (
    id INTEGER PRIMARY KEY AUTOINCREMENT, pair INTEGER NOT NULL REFERENCES pairs (id),
    source_hash INTEGER NOT NULL, target_hash INTEGER NOT NULL, context_hash INTEGER NOT NULL,
    {_COLUMNS.replace("quality", "quality REAL")});
CREATE UNIQUE INDEX units_by_source ON units (pair, source_hash, target_hash, context_hash);
CREATE INDEX units_by_target ON units (pair, target_hash);
"""
_COUNT_CHANGE = (
    "INSERT INTO memory VALUES ('changes', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1"
)


@dataclass(frozen=True, slots=True)
class Added:
    """What became of units that were to be added: new ones, ones that were known (and are now newer), bad ones."""

    added: int = 0
    known: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class PairStats:
    """How many units of one pair there are, from how many sources, and when the oldest and newest were changed."""

    pair: Pair
    units: int
    sources: int
    oldest: str
    newest: str


class MemoryStore:
    """Confirmed translations in one SQLite file.

    Args:
        path: of the file.
        create: make the file where there is none.

    Raises:
        InputError: there is no such file, or it is no memory; the message says what to do.
    """

    def __init__(self, path: str | Path, *, create: bool = False) -> None:
        self.path = Path(path)
        if not self.path.is_file() and not create:
            raise InputError(
                f"There is no translation memory {self.path}. "
                f"Make one with: scalemt memory import {self.path} FILE"
            )
        self._lock = RLock()
        self._pairs: dict[Pair, int] = {}
        try:
            self._file, self.uuid = self._opened(create)
        except (sqlite3.Error, OSError) as fault:
            raise InputError(f"{self.path} cannot be used as a translation memory: {_why(fault)}.") from None

    def _opened(self, create: bool) -> tuple[sqlite3.Connection, str]:
        try:
            return self._connected(f"{self.path.absolute().as_uri()}?mode=rw{'c' if create else ''}", create)
        except sqlite3.OperationalError:
            if create or not self._only_readable():
                raise
            # On a disk that cannot be written SQLite cannot keep its side files, and needs none.
            return self._connected(f"{self.path.absolute().as_uri()}?mode=ro&immutable=1", create)

    def _only_readable(self) -> bool:
        """Whether nothing can change the file, and all of it is in the file itself."""
        log = self.path.with_name(f"{self.path.name}-wal")
        fixed = not os.access(self.path, os.W_OK) or not os.access(self.path.absolute().parent, os.W_OK)
        return fixed and not (log.exists() and log.stat().st_size)

    def _connected(self, address: str, create: bool) -> tuple[sqlite3.Connection, str]:
        # Threads share the connection, one at a time behind the lock.
        file = sqlite3.connect(address, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, uri=True)
        try:
            return file, _prepared(file, create)
        except BaseException:
            file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def add(self, units: Iterable[Unit]) -> Added:
        """Keep units, all of them or, after an error, none.

        A unit with the same languages, source, target and context as a known one renews its dates, quality and
        origin. One with an empty side is refused, and so is one that holds lone surrogates, which are no text.

        Raises:
            UsageError: the file cannot be written.
        """
        waiting = iter(units)
        given = refused = 0
        with self._writing() as file:
            before = _count(file)
            while chunk := list(islice(waiting, _ROWS)):
                fit = [unit for unit in chunk if _is_fit(unit)]
                self._add(file, fit)
                given += len(fit)
                refused += len(chunk) - len(fit)
            added = _count(file) - before
            if given:
                file.execute(_COUNT_CHANGE)
        return Added(added, given - added, refused)

    def _add(self, file: sqlite3.Connection, units: Sequence[Unit]) -> None:
        now = stamp()
        marks = ", ".join("?" * (4 + _COLUMNS.count(",") + 1))
        file.executemany(
            f"INSERT INTO units (pair, source_hash, target_hash, context_hash, {_COLUMNS}) VALUES ({marks})"  # noqa: S608
            " ON CONFLICT DO UPDATE SET changed = excluded.changed, origin = excluded.origin,"
            " creator = excluded.creator, quality = coalesce(excluded.quality, quality),"
            " domain = excluded.domain, note = excluded.note, spans = excluded.spans,"
            " source = excluded.source, target = excluded.target"
            # An import of what is known already must not make it look newer than a correction made since.
            " WHERE excluded.changed >= changed",
            [self._row(unit, now) for unit in units],
        )

    def _row(self, unit: Unit, now: str) -> tuple[object, ...]:
        changed = unit.changed or unit.created or now
        key = "\0".join((unit.before, unit.after, unit.context))
        return (
            self._pair_id(unit.pair),
            digest(skeleton(unit.segment)),
            digest(skeleton(protect(Segment(unit.target, spans=unit.target_spans)))),
            digest(key) if key.strip("\0") else 0,
            unit.source,
            unit.target,
            unit.before,
            unit.after,
            unit.context,
            unit.origin,
            unit.creator,
            unit.created or changed,
            changed,
            unit.quality,
            unit.domain,
            unit.note,
            encoded_spans(unit),
        )

    def _pair_id(self, pair: Pair) -> int:
        if pair not in self._pairs:
            self._file.execute("INSERT OR IGNORE INTO pairs (source, target) VALUES (?, ?)", pair)
            row = self._file.execute("SELECT id FROM pairs WHERE source = ? AND target = ?", pair).fetchone()
            self._pairs[pair] = int(row[0])
        return self._pairs[pair]

    def pairs(self) -> list[Pair]:
        """Return the pairs that units are kept of."""
        rows = self._all(
            "SELECT source, target FROM pairs WHERE EXISTS (SELECT 1 FROM units WHERE pair = pairs.id) "
            "ORDER BY source, target"
        )
        return [Pair(*row) for row in rows]

    def fitting(self, pair: Pair) -> list[tuple[Pair, bool]]:
        """Return the kept pairs that serve a direction, and whether their sides are swapped for it.

        Territories must be the same, or be missing on one side: `en->pt` is served by units of `en->pt-BR`, but
        `en->pt-PT` is not.
        """
        straight = [(kept, False) for kept in self.pairs() if _fits(kept, pair)]
        return straight + [(kept, True) for kept in self.pairs() if _fits(kept.reversed, pair)]

    def newest_id(self, pair: Pair | None = None) -> int:
        """Return the largest id among the units of a kept pair, 0 where there are none.

        Without a pair, at once, the largest that any unit has ever had: ids are not given twice.
        """
        if pair is None:
            rows = self._all("SELECT seq FROM sqlite_sequence WHERE name = 'units'")
        else:
            rows = self._all(
                "SELECT MAX(id) FROM units WHERE pair = (SELECT id FROM pairs WHERE source = ? AND target = ?)",
                pair,
            )
        return int(rows[0][0] or 0) if rows else 0

    def changes(self) -> int:
        """Return how many times units were added, renewed or removed, by whomever."""
        rows = self._all("SELECT value FROM memory WHERE key = 'changes'")
        return int(rows[0][0]) if rows else 0

    def sides(self, pair: Pair, after: int, *, swapped: bool) -> Iterator[tuple[int, Unit]]:
        """Yield ids and units of a kept pair with ids above `after`, in order; memory holds a few at a time."""
        while True:
            rows = self._all(
                f"{_SCAN} WHERE p.source = ? AND p.target = ? AND u.id > ? ORDER BY u.id LIMIT ?",
                (*pair, after, _ROWS),
            )
            if not rows:
                return
            for row in rows:
                unit = _unit(row)
                yield unit.id, swap(unit) if swapped else unit
            after = int(rows[-1][0])

    def units(self, pair: Pair | None = None) -> Iterator[Unit]:
        """Yield all units, or those of one kept pair, by id."""
        for kept in self.pairs() if pair is None else [pair]:
            for _, unit in self.sides(kept, 0, swapped=False):
                yield unit

    def get(self, ids: Sequence[int]) -> dict[int, Unit]:
        """Return the units of ids; those that were removed are missing."""
        found: dict[int, Unit] = {}
        for start in range(0, len(ids), _TOGETHER):
            chunk = ids[start : start + _TOGETHER]
            marks = ", ".join("?" * len(chunk))
            rows = self._all(
                f"{_READ} WHERE u.id IN ({marks})",
                chunk,
            )
            found |= {int(row[0]): _unit(row) for row in rows}
        return found

    def exact(self, skeletons: Sequence[str], pair: Pair, *, swapped: bool) -> dict[str, list[Unit]]:
        """Return the units of a kept pair whose source (target, where swapped) has one of the skeletons.

        The units are given with the sides swapped where `swapped` says so, the newest first.
        """
        asked = set(skeletons)
        side = "target_hash" if swapped else "source_hash"
        found: dict[str, list[Unit]] = {}
        hashes = [digest(text) for text in asked]
        for start in range(0, len(hashes), _TOGETHER):
            chunk = hashes[start : start + _TOGETHER]
            marks = ", ".join("?" * len(chunk))
            rows = self._all(
                f"{_READ} WHERE p.source = ? AND p.target = ? AND u.{side} IN ({marks}) "
                "ORDER BY changed DESC, u.id DESC",
                (*pair, *chunk),
            )
            for row in rows:
                unit = swap(_unit(row)) if swapped else _unit(row)
                text = skeleton(unit.segment)
                # A hash may lie, a text does not.
                if text in asked:
                    found.setdefault(text, []).append(unit)
        return found

    def concordance(self, text: str, pair: Pair | None = None, *, limit: int = 50) -> list[Unit]:
        """Return units that hold a text on either side, whatever its case, the newest first."""
        needle = _folded(text)
        with self._lock:
            self._file.create_function("holds", 1, lambda value: needle in _folded(value), deterministic=True)
            where, given = ("", ()) if pair is None else ("AND p.source = ? AND p.target = ? ", pair)
            rows = self._all(
                f"{_READ} WHERE (holds(u.source) OR holds(u.target)) {where}"
                "ORDER BY changed DESC, u.id DESC LIMIT ?",
                (*given, limit),
            )
        return [_unit(row) for row in rows]

    def remove(self, ids: Iterable[int]) -> int:
        """Remove units by id, and return how many there were."""
        with self._writing() as file:
            before = file.total_changes
            file.executemany("DELETE FROM units WHERE id = ?", ((number,) for number in ids))
            removed = file.total_changes - before
            if removed:
                file.execute(_COUNT_CHANGE)
        return removed

    def tells_context(self) -> bool:
        """Whether any unit says what stands around it, or has a key of its document."""
        return bool(self._all("SELECT 1 FROM units WHERE context_hash != 0 LIMIT 1"))

    def mark(self, name: str) -> int:
        """Return the number kept under a name, such as that of the last unit taught to a specialist; else 0."""
        rows = self._all("SELECT value FROM memory WHERE key = ?", (f"mark:{name}",))
        return int(rows[0][0]) if rows else 0

    def set_mark(self, name: str, number: int) -> None:
        """Keep a number under a name."""
        with self._writing() as file:
            file.execute("INSERT OR REPLACE INTO memory VALUES (?, ?)", (f"mark:{name}", str(number)))

    def stats(self) -> list[PairStats]:
        """Return the numbers of each pair."""
        rows = self._all(
            "SELECT p.source, p.target, COUNT(*), COUNT(DISTINCT source_hash), MIN(changed), MAX(changed) "
            "FROM units u JOIN pairs p ON p.id = u.pair GROUP BY p.id ORDER BY p.source, p.target"
        )
        return [PairStats(Pair(row[0], row[1]), *row[2:]) for row in rows]

    def repeated(self, *, keep_contexts: bool = False) -> list[int]:
        """Return the ids of units of whose languages, source and target another, newer one is kept.

        They differ only by their context; with `keep_contexts` only those that have none are given.
        """
        rows = self._all(
            "SELECT id FROM (SELECT id, context_hash, ROW_NUMBER() OVER (PARTITION BY pair, source_hash, "
            "target_hash ORDER BY changed DESC, id DESC) AS place FROM units) "
            "WHERE place > 1 AND (context_hash = 0 OR NOT ?)",
            (keep_contexts,),
        )
        return [int(row[0]) for row in rows]

    def superseded(self) -> list[int]:
        """Return the ids of units of which a newer one with the same source and context is kept."""
        rows = self._all(
            "SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY pair, source_hash, context_hash "
            "ORDER BY changed DESC, id DESC) AS place FROM units) WHERE place > 1"
        )
        return [int(row[0]) for row in rows]

    def size_on_disk(self) -> int:
        """Return the bytes of the file and its side files."""
        paths = [self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))]
        return sum(path.stat().st_size for path in paths if path.exists())

    def _all(self, query: str, given: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        with self._lock:
            try:
                return self._file.execute(query, given).fetchall()
            except sqlite3.Error as fault:
                raise UsageError(f"The translation memory {self.path} cannot be read: {_why(fault)}.") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with transaction(self._file):
                    yield self._file
            except sqlite3.Error as fault:
                self._pairs.clear()
                raise UsageError(
                    f"The translation memory {self.path} cannot be written: {_why(fault)}. Nothing was changed."
                ) from None
            except BaseException:
                self._pairs.clear()
                raise


def _prepared(file: sqlite3.Connection, create: bool) -> str:
    """Make the tables where there are none, and return what the memory calls itself."""
    tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables and not create:
        raise sqlite3.DatabaseError("it is empty")
    if not tables:
        file.execute("PRAGMA journal_mode = WAL")
        with transaction(file):
            # Another process may have made the tables in the meantime.
            if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'units'").fetchone():
                for statement in _TABLES.split(";"):
                    file.execute(statement)
                about = [("layout", str(_LAYOUT)), ("uuid", uuid.uuid4().hex), ("changes", "0")]
                file.executemany("INSERT INTO memory VALUES (?, ?)", about)
    elif not {"memory", "units", "pairs"} <= tables:
        raise sqlite3.DatabaseError("it is a database of something else")
    file.execute("PRAGMA synchronous = NORMAL")
    told = dict(file.execute("SELECT key, value FROM memory"))
    if told.get("layout") != str(_LAYOUT):
        raise sqlite3.DatabaseError(f"its layout is {told.get('layout')}, made by another version of scalemt")
    return str(told["uuid"])


def _count(file: sqlite3.Connection) -> int:
    return int(file.execute("SELECT COUNT(*) FROM units").fetchone()[0])


def stamp() -> str:
    """Return the time now as units hold it."""
    return time.strftime(STAMP, time.gmtime())


def _unit(row: Sequence[object]) -> Unit:
    number, source_language, target_language, source, target, *about, spans = row
    pair = Pair(str(source_language), str(target_language))
    values: Any = (source, target, pair, number, *about, *decoded_spans(str(spans or "")))
    return Unit(*values)


def _is_fit(unit: Unit) -> bool:
    if not (unit.source.strip() and unit.target.strip()):
        return False
    texts = (unit.source, unit.target, unit.before, unit.after, unit.context, unit.origin, unit.creator)
    try:
        "".join((*texts, unit.created, unit.changed, unit.domain, unit.note, *unit.codes.values())).encode()
    except UnicodeEncodeError:
        return False
    return True


def _folded(text: str) -> str:
    """Return a text in which a word is found whatever its case: of Turkish, the four letters i are one."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return folded.replace("i\u0307", "i").replace("ı", "i")


def _fits(kept: Pair, wanted: Pair) -> bool:
    return all(_near(one, other) for one, other in zip(kept, wanted, strict=True))


def _near(one: str, other: str) -> bool:
    return one == other or (base(one) == base(other) and (one == base(one) or other == base(other)))


def _why(fault: Exception) -> str:
    return str(fault).rstrip(".") or type(fault).__name__
