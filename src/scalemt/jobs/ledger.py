"""The ledger of a job: one SQLite file that knows of each segment what became of it.

Source: https://www.sqlite.org/wal.html. Any number of processes may read it, and those that write take turns.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any, Literal

from scalemt.errors import LedgerError, UsageError
from scalemt.jobs.processes import is_alive
from scalemt.jobs.schema import FILE_NAME, LAYOUT, PATIENCE, TABLES, connect, fault_of
from scalemt.jobs.settings import Settings
from scalemt.transactions import transaction

_TOGETHER = 500  # keys in one question

JobState = Literal["reading", "running", "paused", "cancelled", "done"]
"""Of a job: its files are being read, it is worked on, it waits for somebody, was cancelled, or is done."""


class Ledger:
    """The open file; safe to share between the threads of a process.

    Args:
        folder: of the job, as it is shown; the file stands in it as `scalemt-job.db`.
        file: an open connection.

    `place` is the folder wherever the process goes.
    """

    def __init__(self, folder: Path, file: sqlite3.Connection) -> None:
        self.folder = folder
        self.place = folder.absolute()
        self.path = folder / FILE_NAME
        self._file = file
        self._lock = RLock()
        self._settings: Settings | None = None

    @classmethod
    def create(
        cls,
        folder: Path,
        settings: Settings,
        fill: Callable[[Ledger], None] = lambda _: None,
        *,
        patience: float = PATIENCE,
    ) -> Ledger:
        """Open the ledger of a folder, and make it where there is none.

        Args:
            folder: of the job.
            settings: of the job.
            fill: writes what a new ledger holds from its first moment on.
            patience: seconds to wait for another process that writes.

        Raises:
            LedgerError: the folder holds another job (the message says in what they differ), or cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise LedgerError(f"The folder {folder} cannot be made: {fault.strerror or fault}.") from None
        ledger = cls(folder, connect(folder / FILE_NAME, create=True, patience=patience))
        with ledger.writing() as file:
            if not file.execute("PRAGMA user_version").fetchone()[0]:
                for statement in TABLES.split(";"):
                    file.execute(statement)
                file.execute(f"PRAGMA user_version={LAYOUT}")
                ledger.put("settings", settings.as_json())
                ledger.put("state", "reading")
                ledger.put("began", time.time())
                fill(ledger)
        different = ledger.settings.differences(settings)
        if different and ledger.start_over(settings):
            return ledger
        if different:
            ledger.close()
            raise LedgerError(
                f"{folder} holds another job: {'; '.join(different)}. Go on with it by scalemt job resume "
                f"{folder}, or give another folder with -o."
            )
        ledger.renew(settings)
        return ledger

    def renew(self, settings: Settings) -> None:
        """Take over what may change from run to run (threads, time-outs, keys, prices) from equal settings."""
        with self.writing():
            self.put("settings", replace(settings, folder=self.settings.folder).as_json())
            self._settings = None

    @classmethod
    def open(cls, folder: Path, *, patience: float = PATIENCE) -> Ledger:
        """Open the ledger of a folder.

        Raises:
            LedgerError: it holds none, or one that cannot be used.
        """
        return cls(folder, connect(folder / FILE_NAME, create=False, patience=patience))

    @classmethod
    def of_files(cls, folder: Path) -> Ledger:
        """Open the ledger of a job that translates files.

        Raises:
            LedgerError: it holds none, or one that cannot be used.
            UsageError: it is that of a synthesis, whose own command goes on with it.
        """
        ledger = cls.open(folder)
        if ledger.get("synthesis"):
            ledger.close()
            raise UsageError(
                f"{folder} holds what `scalemt data synthesise` has asked. Give that command again: it goes on; "
                f"`scalemt job status {folder}` says how far it is."
            )
        return ledger

    def start_over(self, settings: Settings) -> bool:
        """Forget all that was read with other settings, or from files that changed, while nothing is translated.

        Returns:
            Whether it was so: once there is a translation or an answer, or while a process works, nothing is.
        """
        with self.writing() as file:
            begun = file.execute(
                "SELECT 1 FROM answers UNION ALL SELECT 1 FROM segments WHERE state != 'waiting' LIMIT 1"
            ).fetchone()
            runners = file.execute("SELECT host, process, born, beat FROM runners").fetchall()
            if begun or any(is_alive(*runner) for runner in runners):
                return False
            for table in ("segments", "inputs", "chunks", "tallies"):
                file.execute(f"DELETE FROM {table}")  # noqa: S608
            file.execute("DELETE FROM job WHERE name = 'signature'")
            self.put("settings", settings.as_json())
            self._settings = None
            self.turn("reading")
        return True

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all that is done inside, or nothing; within a transaction it is part of that one.

        Raises:
            PausedError: the disk is full, or another process writes without end.
            LedgerError: the file cannot be written.
        """
        with self._lock:
            if self._file.in_transaction:
                yield self._file
                return
            try:
                with transaction(self._file):
                    yield self._file
            except sqlite3.Error as fault:
                raise fault_of(fault, self.path) from fault

    def rows(self, question: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows that a question gives.

        Raises:
            LedgerError: the file cannot be read.
        """
        with self._lock:
            try:
                return self._file.execute(question, values).fetchall()
            except sqlite3.Error as fault:
                raise fault_of(fault, self.path) from fault

    def among(self, question: str, keys: Sequence[bytes]) -> Iterator[Any]:
        """Yield the rows of a question that ends in a column whose values are to be among many keys."""
        for start in range(0, len(keys), _TOGETHER):
            some = keys[start : start + _TOGETHER]
            yield from self.rows(f"{question} IN ({','.join('?' * len(some))})", some)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value that was put down by name."""
        found = self.rows("SELECT value FROM job WHERE name = ?", (name,))
        return json.loads(found[0][0]) if found else default

    def put(self, name: str, value: Any) -> None:
        """Put down a value by name."""
        with self.writing() as file:
            file.execute("INSERT OR REPLACE INTO job VALUES (?, ?)", (name, json.dumps(value)))

    @property
    def settings(self) -> Settings:
        """What was pinned when the job began."""
        if self._settings is None:
            self._settings = Settings.from_json(self.get("settings"))
        return self._settings

    @property
    def state(self) -> JobState:
        """How far the job is."""
        state: JobState = self.get("state")
        return state

    def turn(self, state: JobState, reason: str = "") -> None:
        """Enter a state, with the reason why."""
        with self.writing():
            self.put("state", state)
            self.put("reason", reason)
            self.put("turned", time.time())

    def pin(self, name: str, value: Any, what: str) -> None:
        """Put down a value once, and refuse another one later.

        Raises:
            LedgerError: it was another one; `what` says what it is of.
        """
        with self.writing():
            known = self.get(name)
            if known is None:
                self.put(name, value)
            elif known != value:
                raise LedgerError(
                    f"{what} changed since the job in {self.folder} began: {_changed(known, value)}. A job "
                    "must end as it began: put back what it was, or begin a new one in another folder."
                )

    def tally(self, counts: Mapping[str, float]) -> None:
        """Add to counts by name."""
        with self.writing() as file:
            file.executemany(
                "INSERT INTO tallies VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                [(name, count) for name, count in counts.items() if count],
            )

    def tallies(self) -> dict[str, float]:
        """Return all counts."""
        return {str(name): float(value) for name, value in self.rows("SELECT name, value FROM tallies")}


def _changed(known: Any, value: Any) -> str:
    """Say what differs between two signatures, part by part."""
    if not (isinstance(known, str) and isinstance(value, str)):
        return f"it was {known!r} and is now {value!r}"
    before, after = known.split("|"), value.split("|")
    gone = ", ".join(part for part in before if part not in after)
    new = ", ".join(part for part in after if part not in before)
    return f"it was {gone or 'without'} and is now {new or 'without'}"
