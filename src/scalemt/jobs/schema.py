"""The tables of a ledger, and how its file is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from scalemt.errors import LedgerError, PausedError, ScalemtError

FILE_NAME = "scalemt-job.db"

LAYOUT = 2  # 2 since answers tell what was thought before them
PATIENCE = 60.0  # seconds to wait for another process that writes

TABLES = """
CREATE TABLE job (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE inputs (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, name BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
    digest TEXT NOT NULL, segments INTEGER);
CREATE TABLE segments (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, input INTEGER NOT NULL REFERENCES inputs (id),
    segment TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'waiting', attempts INTEGER NOT NULL DEFAULT 0,
    text TEXT, spans TEXT, draft TEXT, decisions TEXT, checks TEXT, terms TEXT, scores TEXT, origin TEXT,
    calls INTEGER, prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL, seconds REAL,
    signature INTEGER REFERENCES signatures (id), reason TEXT);
CREATE INDEX segments_failed ON segments (state) WHERE state = 'failed';
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    runner INTEGER REFERENCES runners (id), leases INTEGER NOT NULL DEFAULT 0);
CREATE INDEX chunks_in_order ON chunks (id) WHERE state = 'waiting';
CREATE INDEX chunks_by_leases ON chunks (leases, id) WHERE state = 'waiting';
CREATE INDEX chunks_by_runner ON chunks (runner) WHERE state = 'leased';
CREATE TABLE runners (
    id INTEGER PRIMARY KEY, host TEXT NOT NULL, process INTEGER NOT NULL, born TEXT NOT NULL, beat REAL NOT NULL);
CREATE TABLE signatures (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE answers (
    key BLOB PRIMARY KEY, text TEXT NOT NULL, finish TEXT NOT NULL, bound INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cost REAL NOT NULL,
    evaluated_tokens INTEGER, accepted_tokens INTEGER NOT NULL, thought TEXT) WITHOUT ROWID;
CREATE TABLE judgements (
    segment INTEGER NOT NULL REFERENCES segments (id), scorer TEXT NOT NULL, scores TEXT,
    PRIMARY KEY (segment, scorer)) WITHOUT ROWID;
CREATE TABLE tallies (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""
"""`chunks` are ranges of segments that are leased, translated and written together. `answers` are those of the
generalist by the hash of their prompt, written as they arrive. `judgements` are scores that were asked for later;
one without scores is a judge's answer in which there is no clear judgement. `tallies` are counts that are kept up
to date with each transaction, so that nobody has to count a million rows to see how far a job is."""

_RENEWALS = {1: "ALTER TABLE answers ADD COLUMN thought TEXT"}
"""What makes of a ledger of one layout one of the next."""


def connect(path: Path, *, create: bool, patience: float = PATIENCE) -> sqlite3.Connection:
    """Open the file of a ledger, and make it where that is asked for.

    Raises:
        LedgerError: there is none, it is none, or it cannot be opened.
    """
    if not create and not path.is_file():
        raise LedgerError(
            f"{path.parent} holds no job: there is no {path.name} in it. Begin one with scalemt job run."
        )
    try:
        read_only = not create and not os.access(path.parent, os.W_OK)
        if read_only:
            # To read write-ahead files SQLite must write beside them; here nobody else can be writing either.
            file = _connected(f"{path.absolute().as_uri()}?mode=ro&immutable=1", patience, uri=True)
        else:
            file = _connected(str(path), patience)
            # FULL: an answer that was paid for, and told of, outlives also a failure of the power.
            file.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;")
        known = file.execute("PRAGMA user_version").fetchone()[0]
        if known in _RENEWALS and not read_only:
            known = _renewed(file)
    except sqlite3.Error as fault:
        raise fault_of(fault, path) from None
    if known not in (0, LAYOUT) and not (known in _RENEWALS and read_only):
        file.close()
        raise LedgerError(f"{path} was written by another version of scalemt (layout {known}, here {LAYOUT}).")
    if known == 0 and not create:
        file.close()
        raise LedgerError(
            f"{path} was cut off while it was made: nothing is lost. Begin the job again by the same scalemt "
            "job run."
        )
    return file


def _renewed(file: sqlite3.Connection) -> int:
    """Bring a ledger of an older layout up to this one, and return the layout that it has."""
    # Whoever comes second, at the same time, finds it done.
    file.execute("BEGIN IMMEDIATE")
    try:
        known: int = file.execute("PRAGMA user_version").fetchone()[0]
        while known in _RENEWALS:
            file.execute(_RENEWALS[known])
            known += 1
            file.execute(f"PRAGMA user_version={known}")
    except BaseException:
        file.execute("ROLLBACK")
        raise
    file.execute("COMMIT")
    return known


def _connected(place: str, patience: float, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(place, timeout=patience, isolation_level=None, check_same_thread=False, uri=uri)


def fault_of(fault: sqlite3.Error, path: Path) -> ScalemtError:
    """Return an error of SQLite as a sentence with its mend; one that passes pauses a job."""
    said = str(fault)
    where = f"The ledger {path} cannot be used: {said}."
    kept = f"What was done until now is kept: scalemt job resume {path.parent} goes on"
    if "locked" in said or "busy" in said:
        return PausedError(f"{where} Another process has been writing to it for long. {kept} when it has ended.")
    if "full" in said:
        return PausedError(f"{where} {kept} when there is room on the disk again.")
    if "disk I/O" in said:
        return PausedError(f"{where} {kept} when the disk is in order.")
    if "readonly" in said or "unable to open" in said:
        return LedgerError(f"{where} Make the folder writable.")
    return LedgerError(f"{where} Restore it from a copy, or begin the job again in a new folder.")
