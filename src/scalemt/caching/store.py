"""The file of the cache: SQLite, shared by any number of threads and processes, and never a reason to fail.

It is in write-ahead mode (https://www.sqlite.org/wal.html): readers wait for nobody, writers one for another.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from scalemt.caching.units import DEFAULT_LIMIT
from scalemt.errors import UsageError
from scalemt.transactions import transaction

FILE_NAME = "cache.sqlite"

T = TypeVar("T")
Row = tuple[Any, ...]

_LAYOUT = 1  # of the tables; what a key means is another matter, and stands in the key
_PATIENCE = 10.0  # seconds to wait for another process that writes
_COARSE = 3600  # seconds; the time of last use is no more exact, or each read would be a write
_TOGETHER = 500  # keys in one query, below the 999 variables that old SQLite allows
_LARGEST_VALUE = 2**24  # bytes; an answer that long is no translation
_FILL = 0.9  # of the limit, after making room

_TABLES = (
    "CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY NOT NULL, kind TEXT NOT NULL, value BLOB NOT NULL,"
    " size INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS entries_used ON entries (used)",
)

_inherited: list[sqlite3.Connection] = []


@dataclass(frozen=True)
class KindStats:
    """How many entries of one kind there are, their bytes, and when the oldest was made (seconds since 1970)."""

    kind: str
    entries: int
    bytes: int
    oldest: int


@dataclass(frozen=True)
class CacheStats:
    """What the cache holds; `bytes` is what its files take on disk, `limit` what they may."""

    path: Path
    bytes: int
    limit: int
    kinds: tuple[KindStats, ...]

    @property
    def entries(self) -> int:
        """The number of all entries."""
        return sum(kind.entries for kind in self.kinds)


class CacheStore:
    """JSON values under 32-byte keys, in one file; those used longest ago go when it grows beyond its limit.

    `get` and `put` never raise: where the file is damaged, locked or cannot be written, one notice says so, and
    from then on nothing is found and nothing kept. The file is opened at the first use.

    Args:
        path: of the file; made, with its folder, for the user's eyes only.
        limit: bytes that the file may take.
        notice: told once if the cache cannot be used.
    """

    def __init__(
        self, path: Path, limit: int = DEFAULT_LIMIT, notice: Callable[[str], None] | None = None
    ) -> None:
        self.path = path
        self.limit = limit
        self._notice = notice or (lambda _: None)
        # One connection behind one lock, not one a thread: threads come and go, each query takes well below a
        # millisecond, and there is nothing to win as writers wait for each other anyway.
        self._lock = RLock()
        self._open: list[sqlite3.Connection] = []
        self._owner = 0
        self._left_aside = False
        self._finalizer = weakref.finalize(self, _close_all, self._open)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Any]:
        """Return the values of those keys that are known."""
        return self._tried(lambda file: self._get(file, list(dict.fromkeys(keys))), {}) if keys else {}

    def put(self, kind: str, values: Mapping[bytes, Any]) -> None:
        """Keep values, in one transaction; those that JSON cannot hold, or beyond 16 MiB, are left out."""
        now = int(time.time())
        rows = [(key, kind, data, len(data), now, now) for key, data in _encoded(values)]
        if rows:
            self._tried(lambda file: self._put(file, rows), None)

    def stats(self) -> CacheStats:
        """Return what the file holds; nothing where there is none.

        Raises:
            UsageError: the file cannot be read; the message says what to do.
        """
        query = "SELECT kind, COUNT(*), SUM(size), MIN(created) FROM entries GROUP BY kind ORDER BY kind"
        rows = self._asked(lambda file: file.execute(query).fetchall()) if self.path.exists() else []
        kinds = tuple(KindStats(*row) for row in rows)
        return CacheStats(self.path, self.size_on_disk(), self.limit, kinds)

    def clear(self, kind: str | None = None, older_than: float | None = None) -> int:
        """Remove entries, give their place back to the disk, and return how many there were.

        Args:
            kind: only those of this kind.
            older_than: only those made more than this many seconds ago.

        Raises:
            UsageError: the file cannot be read or written; with neither condition a damaged one is removed.
        """
        if not self.path.exists():
            return 0
        whole = kind is None and older_than is None
        before = int(time.time() - older_than) if older_than is not None else None
        try:
            return self._asked(lambda file: self._clear(file, kind, before))
        except UsageError as fault:
            if not whole or not isinstance(fault.__cause__, sqlite3.DatabaseError) or _passing(fault.__cause__):
                raise
            self._remove()
            return 0

    def size_on_disk(self) -> int:
        """Return the bytes that the file and its side files take."""
        return sum(path.stat().st_size for path in _files(self.path) if path.exists())

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            _close_all(self._open)

    def _tried(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Do something with the file, or say once that it cannot be used."""
        with self._lock:
            if self._left_aside:
                return otherwise
            try:
                return action(self._connection())
            except (sqlite3.Error, OSError) as fault:
                self._left_aside = True
                message = f"The cache {self.path} is left aside for this run: {_why(fault)}. {_mend(fault)}"
        self._notice(message)
        return otherwise

    def _asked(self, action: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return action(self._connection())
            except (sqlite3.Error, OSError) as fault:
                message = f"The cache {self.path} cannot be used: {_why(fault)}. {_mend(fault)}"
                raise UsageError(message) from fault

    def _connection(self) -> sqlite3.Connection:
        if self._open and self._owner != os.getpid():
            # A forked process must neither use nor close what its parent has opened
            # (https://www.sqlite.org/howtocorrupt.html, section 2.6).
            _inherited.extend(self._open)
            self._open.clear()
        if not self._open:
            self._open.append(_opened(self.path))
            self._owner = os.getpid()
        return self._open[0]

    def _get(self, file: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, Any]:
        rows: list[Row] = []
        for some in _chunks(keys):
            query = f"SELECT key, value, used FROM entries WHERE key IN ({_marks(some)})"  # noqa: S608 - only marks
            rows += file.execute(query, some).fetchall()
        now = int(time.time())
        stale = [key for key, _, used in rows if used < now - _COARSE]
        for some in _chunks(stale):
            query = f"UPDATE entries SET used = ? WHERE key IN ({_marks(some)})"  # noqa: S608 - only marks
            with transaction(file):
                file.execute(query, [now, *some])
        return {key: value for key, data, _ in rows if (value := _decoded(data)) is not None}

    def _put(self, file: sqlite3.Connection, rows: list[Row]) -> None:
        with transaction(file):
            file.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)", rows)
        if _size_in_use(file) > self.limit:
            self._make_room(file)

    def _make_room(self, file: sqlite3.Connection) -> None:
        with transaction(file):
            # Of several processes that find the file too large, the first has made room for all.
            excess = _size_in_use(file) - int(_FILL * self.limit)
            if excess > 0:
                file.executemany("DELETE FROM entries WHERE key = ?", list(_oldest(file, excess)))
        _give_back(file)

    def _clear(self, file: sqlite3.Connection, kind: str | None, before: int | None) -> int:
        conditions = [("kind = ?", kind), ("created < ?", before)]
        chosen = [(text, value) for text, value in conditions if value is not None]
        where = f" WHERE {' AND '.join(text for text, _ in chosen)}" if chosen else ""
        with transaction(file):
            removed = file.execute(f"DELETE FROM entries{where}", [value for _, value in chosen]).rowcount  # noqa: S608
        _give_back(file)
        return int(removed)

    def _remove(self) -> None:
        with self._lock:
            _close_all(self._open)
            for path in _files(self.path):
                path.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # What was translated stands in it in clear text: SQLite gives its side files the same mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    file = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _patiently(lambda: _prepare(file))
        file.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        file.close()
        raise
    return file


def _prepare(file: sqlite3.Connection) -> None:
    (found,) = file.execute("PRAGMA user_version").fetchone()
    if found == _LAYOUT:
        return
    if found != 0:
        raise sqlite3.DatabaseError(f"it is of layout {found}, and this scalemt knows {_LAYOUT}")
    # Both stay with the file; the first must come before the first table.
    file.execute("PRAGMA auto_vacuum = INCREMENTAL")
    file.execute("PRAGMA journal_mode = WAL").fetchone()
    with transaction(file):
        for table in _TABLES:
            file.execute(table)
        file.execute(f"PRAGMA user_version = {_LAYOUT}")


def _patiently(action: Callable[[], T]) -> T:
    """Do what SQLite does not wait for by itself: of two processes that make the file at once one is refused."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return action()
        except sqlite3.OperationalError as fault:
            if not _passing(fault) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _size_in_use(file: sqlite3.Connection) -> int:
    numbers = [
        file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    ]
    return int((numbers[0] - numbers[1]) * numbers[2])


def _oldest(file: sqlite3.Connection, excess: int) -> Iterator[tuple[bytes]]:
    """Yield the keys of the entries used longest ago, until they hold `excess` bytes."""
    for key, size in file.execute("SELECT key, size FROM entries ORDER BY used, rowid"):
        if excess <= 0:
            return
        excess -= size + 2 * len(key)
        yield (key,)


def _give_back(file: sqlite3.Connection) -> None:
    # `execute` takes one step of a statement without result columns, and this one frees a page a step.
    file.executescript("PRAGMA incremental_vacuum")
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _encoded(values: Mapping[bytes, Any]) -> Iterator[tuple[bytes, bytes]]:
    for key, value in values.items():
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except (TypeError, ValueError, RecursionError):
            continue
        data = text.encode("utf-8", "surrogatepass")
        if len(data) <= _LARGEST_VALUE:
            yield key, data


def _decoded(data: object) -> Any:
    try:
        return json.loads(data.decode("utf-8", "surrogatepass")) if isinstance(data, bytes) else None
    except (ValueError, RecursionError):
        return None


def _chunks(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (keys[start : start + _TOGETHER] for start in range(0, len(keys), _TOGETHER))


def _marks(keys: Sequence[bytes]) -> str:
    return ",".join("?" * len(keys))


def _files(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))]


def _passing(fault: BaseException) -> bool:
    return isinstance(fault, sqlite3.OperationalError) and ("locked" in str(fault) or "busy" in str(fault))


def _why(fault: Exception) -> str:
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault)


def _mend(fault: Exception) -> str:
    if _passing(fault):
        return "Another process has been writing to it for long."
    if isinstance(fault, sqlite3.DatabaseError) and not isinstance(fault, sqlite3.OperationalError):
        return "`scalemt cache clear` removes it."
    return "Make it writable, or name another folder in SCALEMT_CACHE_DIR."


def _close_all(files: list[sqlite3.Connection]) -> None:
    while files:
        files.pop().close()
