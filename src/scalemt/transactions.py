"""Transactions of SQLite files that several processes write to (https://www.sqlite.org/lang_transaction.html)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[None]:
    """Write all that is done inside, or, after an error, nothing.

    Args:
        file: a connection without an isolation level of its own.

    Raises:
        sqlite3.Error: another process writes for longer than the connection waits, or the file cannot be written.
    """
    # IMMEDIATE: a transaction that begins by reading cannot wait for its turn to write.
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        # After some faults, a full disk among them, SQLite has rolled back by itself.
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise
