"""What each caller has asked for lately, and in this month, against what it may ask for."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scalemt.errors import ConfigurationError
from scalemt.serve.keys import Caller
from scalemt.serve.refusals import QuotaSpent, RateLimited, TooLarge, Unavailable
from scalemt.serve.settings import Limits
from scalemt.transactions import transaction

_MINUTE = 60.0
_WRITE_EVERY = 1.0  # seconds
_PATIENCE = 0.2  # seconds to wait for another process that writes: everybody waits meanwhile
_MOST_CALLERS = 10_000  # whose rates are remembered
_MONTHS_KEPT = 24
# Requests and characters are whole numbers; a thousandth of one is what floating-point clocks may be wrong by.
_SLACK = 1e-3

_TABLE = (
    "CREATE TABLE IF NOT EXISTS usage (caller TEXT NOT NULL, month TEXT NOT NULL, characters INTEGER NOT NULL,"
    " PRIMARY KEY (caller, month)) WITHOUT ROWID"
)
_ADD = (
    "INSERT INTO usage VALUES (?, ?, max(0, ?)) ON CONFLICT (caller, month)"
    " DO UPDATE SET characters = max(0, characters + ?)"
)

_log = logging.getLogger(__name__)


class Bucket:
    """A token bucket of one minute's worth: what is taken flows back evenly, all of it within a minute.

    In no stretch of t seconds is more taken than limit x (1 + t / 60). The limit is given with each call, as it
    may be changed meanwhile.
    """

    __slots__ = ("_at", "_taken")

    def __init__(self) -> None:
        self._taken = 0.0
        self._at = 0.0

    def wait(self, amount: int, limit: int, at: float) -> float:
        """Return the seconds from `at` until an amount, which is no larger than the limit, can be taken."""
        over = self.taken(limit, at) + amount - limit
        return over * _MINUTE / limit if over > _SLACK else 0.0

    def take(self, amount: int, limit: int, at: float) -> None:
        """Take an amount for which there is no wait."""
        self._taken = self.taken(limit, at) + amount
        self._at = at

    def taken(self, limit: int, at: float) -> float:
        """Return what has not flown back yet."""
        return max(0.0, self._taken - max(0.0, at - self._at) * limit / _MINUTE)


@dataclass(slots=True)
class _State:
    """What is remembered of one caller; `used` is of `month`."""

    concurrent: int = 0
    requests: Bucket = field(default_factory=Bucket)
    characters: Bucket = field(default_factory=Bucket)
    month: str = ""
    used: int = 0


class Quotas:
    """Admits requests, or says why not and when they may come again.

    Rates and requests under way are held in memory, for the callers that came last. Characters of a month (UTC)
    are written to a SQLite file within a second, at most once a second, and when all ends: they survive a restart,
    and a kill -9 loses no more than what was admitted in the second before it, hardly more than one minute's worth
    of characters a caller. (Outside an event loop what waits to be written goes with the next request.) After a
    power cut the file may be some seconds older, but is whole. A full disk stops nobody: counting goes on in
    memory, and writing is tried each second.

    Args:
        path: of the SQLite file; None keeps nothing.
        clock: seconds, for rates.
        now: seconds since 1970, for months.

    Raises:
        ConfigurationError: the file cannot be used; the message says the mend.
    """

    def __init__(
        self,
        path: Path | None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._clock = clock
        self._now = now
        self._states: dict[str, _State] = {}  # the one that came last stands last
        self._unsaved: dict[tuple[str, str], int] = {}
        self._written = clock()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._in_trouble = False
        self._file = _opened(path, _month(now() - _MONTHS_KEPT * 31 * 86400))

    @contextmanager
    def admit(self, caller: Caller, characters: int, texts: int) -> Iterator[None]:
        """Let a request in, count it, and hold one of the caller's places until the block is left.

        A request that is refused counts for nothing. One that is larger than what a minute allows would wait for
        ever, and is too large therefore.

        Raises:
            TooLarge: more characters or texts than one request may hold.
            RateLimited: too many requests under way, or too many requests or characters in a minute; `retry_after`
                of the latter is when the same request can be admitted if no other comes before it.
            QuotaSpent: the characters of the month are used up.
            Unavailable: what was used in the month cannot be read now.
        """
        _check_size(caller.limits, characters, texts)
        state = self._state(caller.name)
        at = self._clock()
        _check_rates(caller.limits, state, characters, at)
        self._check_month(caller, state, characters)
        if caller.limits.per_minute:
            state.requests.take(1, caller.limits.per_minute, at)
        if caller.limits.characters_per_minute:
            state.characters.take(characters, caller.limits.characters_per_minute, at)
        self._count(caller.name, state, characters)
        state.concurrent += 1
        try:
            yield
        finally:
            state.concurrent -= 1

    def spend(self, caller: Caller, characters: int) -> None:
        """Count characters of a document, which are known only while it is read, against the month alone.

        Raises:
            QuotaSpent: the characters of the month are used up; nothing is counted.
            Unavailable: what was used in the month cannot be read now.
        """
        state = self._state(caller.name)
        self._check_month(caller, state, characters)
        self._count(caller.name, state, characters)

    def refund(self, caller: Caller, characters: int) -> None:
        """Give back characters of this month that were counted and not translated; rates are not given back."""
        state = self._state(caller.name)
        try:
            back = min(characters, self._used(caller.name, state))
        except Unavailable:  # which stands in the log
            return
        self._count(caller.name, state, -back)

    def usage(self, caller: Caller) -> tuple[int, int]:
        """Return the characters that a caller has used in this month, and how many it may; 0 is no limit.

        Raises:
            Unavailable: they cannot be read now.
        """
        return self._used(caller.name, self._state(caller.name)), caller.limits.monthly

    def flush(self) -> None:
        """Write what is not written yet; if it cannot be, that is told in the log, and tried again later."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._written = self._clock()
        if not self._unsaved:
            return
        try:
            with transaction(self._file):
                rows = [(name, month, count, count) for (name, month), count in self._unsaved.items()]
                self._file.executemany(_ADD, rows)
        except sqlite3.Error as fault:
            if not self._in_trouble:
                _log.error(
                    "Usage cannot be written to %s (%s). It is counted in memory meanwhile.", self._path, fault
                )
            self._in_trouble = True
            self._write_later()
            return
        self._unsaved.clear()
        if self._in_trouble:
            _log.warning("Usage can be written to %s again; nothing was lost.", self._path)
        self._in_trouble = False

    def close(self) -> None:
        """Write what is not written yet, and close the file."""
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._file.close()

    def _state(self, name: str) -> _State:
        state = self._states.pop(name, None) or _State()
        self._states[name] = state
        if len(self._states) > _MOST_CALLERS:
            # Those with requests under way stay; they are bounded by the connections of the server.
            idle = next((other for other, held in self._states.items() if not held.concurrent), name)
            if idle != name:
                del self._states[idle]
        return state

    def _check_month(self, caller: Caller, state: _State, characters: int) -> None:
        limit = caller.limits.monthly
        if not limit:
            return
        used = self._used(caller.name, state)
        if used + characters > limit:
            raise QuotaSpent(
                f"{used:,} of the {limit:,} characters that {caller.name} may have translated in {state.month} "
                f"(UTC) are used, and this needs {characters:,} more. Wait for the next month, or have whoever "
                "runs the server raise the limit."
            )

    def _used(self, name: str, state: _State) -> int:
        month = self._this_month()
        if state.month != month:
            try:
                query = "SELECT characters FROM usage WHERE caller = ? AND month = ?"
                row = self._file.execute(query, (name, month)).fetchone()
            except sqlite3.Error as fault:
                _log.error("Usage cannot be read from %s (%s).", self._path, fault)
                raise Unavailable("The server cannot read now what was used of the month.", 1.0) from None
            state.used = max(0, (row[0] if row else 0) + self._unsaved.get((name, month), 0))
            state.month = month
        return state.used

    def _count(self, name: str, state: _State, characters: int) -> None:
        month = self._this_month()
        if state.month == month:
            state.used = max(0, state.used + characters)
        self._unsaved[name, month] = self._unsaved.get((name, month), 0) + characters
        if self._clock() - self._written >= _WRITE_EVERY:
            self.flush()
        else:
            self._write_later()

    def _write_later(self) -> None:
        """Have it written when a second is over, where an event loop can see to that."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        # The timer of a loop that has ended will never ring.
        if self._timer is None or self._loop is not loop:
            self._loop = loop
            self._timer = loop.call_later(_WRITE_EVERY, self.flush)

    def _this_month(self) -> str:
        return _month(self._now())


def _check_size(limits: Limits, characters: int, texts: int) -> None:
    most = min((limit for limit in (limits.characters, limits.characters_per_minute) if limit), default=0)
    for count, limit, what in ((characters, most, "characters"), (texts, limits.texts, "texts")):
        if limit and count > limit:
            raise TooLarge(
                f"The request holds {count:,} {what}, and may hold {limit:,}. Send it in parts, or have whoever "
                "runs the server raise the limit."
            )


def _check_rates(limits: Limits, state: _State, characters: int, at: float) -> None:
    if limits.concurrent and state.concurrent >= limits.concurrent:
        raise RateLimited(
            f"{state.concurrent:,} requests are under way, and no more may be at a time. Wait for one to end.", 1.0
        )
    rates = (
        (state.requests, 1, limits.per_minute, "requests"),
        (state.characters, characters, limits.characters_per_minute, "characters"),
    )
    waits = [(bucket.wait(amount, limit, at), limit, what) for bucket, amount, limit, what in rates if limit]
    wait, limit, what = max(waits, default=(0.0, 0, ""))
    if wait:
        raise RateLimited(
            f"No more than {limit:,} {what} a minute may be sent. Send this again in {wait:.1f} seconds.", wait
        )


def _month(at: float) -> str:
    return time.strftime("%Y-%m", time.gmtime(at))


def _opened(path: Path | None, oldest: str) -> sqlite3.Connection:
    file: sqlite3.Connection | None = None
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # An application is often built in one thread and served in another; never by two at a time.
        file = sqlite3.connect(
            path or ":memory:", timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        file.execute("PRAGMA journal_mode = WAL").fetchone()
        # What is committed survives the process; the disk is waited for at checkpoints only, as requests wait too.
        file.execute("PRAGMA synchronous = NORMAL")
        with transaction(file):
            file.execute(_TABLE)
            file.execute("DELETE FROM usage WHERE month < ?", (oldest,))
    except (sqlite3.Error, OSError) as fault:
        if file is not None:
            file.close()
        raise ConfigurationError(
            f"The file of usage, {path}, cannot be used: {getattr(fault, 'strerror', None) or fault}. Make it "
            "writable, or move it away: without it the characters of this month count from nothing."
        ) from None
    return file
