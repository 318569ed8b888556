"""How many requests to one server are under way: at most a ceiling, fewer when the server is overloaded.

Additive increase, multiplicative decrease, as TCP avoids congestion (RFC 5681, section 3.1): a refusal halves the
limit, a run of answers raises it by one. What a server says to one request holds for all of them: when it asks
to wait, nobody sends. The retry loop (`scalemt.retry`) asks here before it sends and tells what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from threading import Condition

_FIRST_PATIENCE = 20  # answers at the highest limit that has held, before one more is tried
_MOST_PATIENCE = 640


class Clock:
    """The time, and how to wait for it; tests put in one of their own."""

    def now(self) -> float:
        """Seconds, from any start, never backwards."""
        return time.monotonic()

    def wait(self, condition: Condition, seconds: float | None) -> None:
        """Wait until the condition is notified, or until the seconds have passed; None waits without end."""
        condition.wait(seconds)


@dataclass(slots=True)
class Visit:
    """One request with all its tries; `number` is its turn, which it keeps when it is refused.

    `group` is whose request it is. `life`, `answered` and `dry` are those of the limiter when the request came,
    and `epoch` when it was last sent. `refusals` and `faults` count what became of its tries.
    """

    number: int
    group: object
    life: int
    answered: int
    dry: int
    epoch: int = 0
    refusals: int = 0
    faults: int = 0


class Limiter:
    """Lets requests pass in turn; safe to share between threads, and meant to be.

    Args:
        ceiling: most requests under way; the limit begins there and never exceeds it.
        clock: the time.
    """

    def __init__(self, ceiling: int, clock: Clock | None = None) -> None:
        self.ceiling = ceiling
        self._clock = clock or Clock()
        self._changed = Condition()
        self._limit = self._held = ceiling  # allowed now, and the most that has done no harm
        self._patience = _FIRST_PATIENCE
        self._under_way = self._most = 0
        self._numbers = self._epoch = 0
        self._lives: dict[object, int] = {}
        self._run = self._answered = self._dry = self._refusals = 0
        self._paused_until = self._closed_until = 0.0
        self._waiting: set[int] = set()
        self._refusal: object = None

    @property
    def limit(self) -> int:
        """Requests that may be under way now."""
        return self._limit

    @property
    def most(self) -> int:
        """The most requests that ever were under way at a time."""
        return self._most

    @property
    def refusals(self) -> int:
        """How often a request was refused for overload."""
        return self._refusals

    @property
    def refusal(self) -> object:
        """The last response that refused a request: the answer to those that are not sent any more."""
        return self._refusal

    def enter(self, group: object = None) -> Visit:
        """Return the turn of a new request.

        Args:
            group: whose it is: those of a group are cancelled together.
        """
        with self._changed:
            self._numbers += 1
            return Visit(self._numbers, group, self._lives.get(group, 0), self._answered, self._dry)

    def admit(self, visit: Visit, attempts: int) -> bool:
        """Wait until the request may be sent.

        Args:
            attempts: after how many `tries` it is given up. Being refused while others are answered is none; that
                is only bounded, at twice the number.

        Returns:
            Whether it may be sent; otherwise `refusal` is its answer.

        Raises:
            CancelledError: the run was cancelled.
        """
        with self._changed:
            self._waiting.add(visit.number)
            try:
                while (wait := self._wait_of(visit)) is None or wait > 0:
                    if self._is_hopeless(visit, attempts):
                        return False
                    self._clock.wait(self._changed, wait)
                    self._check(visit)
                if self._is_hopeless(visit, attempts):
                    return False
            finally:
                self._waiting.discard(visit.number)
                self._changed.notify_all()
            visit.epoch = self._epoch
            self._under_way += 1
            self._most = max(self._most, self._under_way)
            return True

    def tries(self, visit: Visit) -> int:
        """Return how often the request failed by itself, or was refused when no other was answered either."""
        with self._changed:
            return self._tries(visit)

    def sleep(self, visit: Visit, seconds: float) -> None:
        """Wait for a reason of this request's own.

        Raises:
            CancelledError: the run was cancelled.
        """
        with self._changed:
            end = self._clock.now() + seconds
            while (left := end - self._clock.now()) > 0:
                self._check(visit)
                self._clock.wait(self._changed, left)
            self._check(visit)

    def failed(self, visit: Visit) -> None:
        """The request ended in a way that says nothing of the server's load.

        Raises:
            CancelledError: the run was cancelled, which is why it ended.
        """
        with self._changed:
            self._leave()
            visit.faults += 1
            self._check(visit)

    def answered(self, visit: Visit) -> None:
        """The server took the request; after a run of such answers one more may be under way."""
        with self._changed:
            self._leave()
            self._answered += 1
            self._dry = 0
            if visit.epoch != self._epoch:  # sent when the limit was another
                return
            self._run += 1
            if self._limit < self.ceiling and self._run >= self._run_needed():
                self._limit += 1
                self._held = max(self._held, self._limit)
                self._run = 0

    def refused(
        self, visit: Visit, response: object, retry_after: float | None, backoff: Callable[[int], float]
    ) -> None:
        """The server is overloaded: allow half as many requests, and let all wait as it asks.

        Args:
            retry_after: seconds that the server asked for, if it did.
            backoff: seconds to wait by the number of tries, where it did not.
        """
        with self._changed:
            self._leave()
            self._refusals += 1
            self._refusal = response
            visit.refusals += 1
            if visit.epoch == self._epoch:  # one of many sent at once stands for all of them
                self._reduce()
            if retry_after is not None:
                self._pause(retry_after)
            elif not self._under_way:
                # With others under way there is a server at work, and the next answer frees a place.
                self._pause(backoff(max(1, self._tries(visit))))

    def close(self, response: object, seconds: float) -> None:
        """Send nothing for so long that waiting is no use; all requests get this response meanwhile."""
        with self._changed:
            self._leave()
            self._refusals += 1
            self._refusal = response
            self._closed_until = self._clock.now() + seconds
            self._changed.notify_all()

    def cancel(self, group: object = None) -> None:
        """End the waiting of all requests of a group; those that enter from now on are not concerned."""
        with self._changed:
            self._lives[group] = self._lives.get(group, 0) + 1
            self._changed.notify_all()

    def _leave(self) -> None:
        self._under_way -= 1
        self._changed.notify_all()

    def _reduce(self) -> None:
        early = self._run < self._patience
        self._patience = min(2 * self._patience, _MOST_PATIENCE) if early else _FIRST_PATIENCE
        self._held = max(1, self._limit - 1)
        self._limit = max(1, self._limit // 2)
        self._epoch += 1
        self._dry += 1
        self._run = 0

    def _run_needed(self) -> int:
        """Up to what has held the limit grows quickly, beyond it with ever more patience."""
        return self._limit if self._limit < self._held else self._patience

    def _pause(self, seconds: float) -> None:
        self._paused_until = max(self._paused_until, self._clock.now() + seconds)

    def _wait_of(self, visit: Visit) -> float | None:
        """Seconds until the request may be sent, or None when that depends on others."""
        self._check(visit)
        if visit.number != min(self._waiting) or self._under_way >= self._limit:
            return None
        return max(0.0, self._paused_until - self._clock.now())

    def _tries(self, visit: Visit) -> int:
        """Its own faults, and rounds of refusals since it came or, if later, since any request was answered."""
        rounds = self._dry if self._answered > visit.answered else self._dry - visit.dry
        return visit.faults + rounds

    def _is_hopeless(self, visit: Visit, attempts: int) -> bool:
        spent = self._tries(visit) >= attempts or visit.refusals >= 2 * attempts
        return spent or self._closed_until > self._clock.now()

    def _check(self, visit: Visit) -> None:
        if visit.life != self._lives.get(visit.group, 0):
            raise CancelledError
