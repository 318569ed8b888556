"""One retry loop for every client that speaks HTTP, and URLs that can be shown in messages.

The loop knows no HTTP library: it sees a response as something with a status and headers, so the ground
floor stays free of heavy imports.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Protocol, TypeVar, cast
from urllib.parse import urlsplit

from scalemt.limiter import Limiter, Visit

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Answers that may be different next time (RFC 9110; 425 is RFC 8470, 529 is "overloaded")."""

OVERLOAD_STATUSES = frozenset({429, 503, 529})
"""Those of them that say that there are too many requests, of this client or of all."""

_LONGEST_CLOSING = 600.0  # seconds; whoever asks for a day is asked again before it is over, but not at once


class HasStatus(Protocol):
    """What the loop reads of a response; `httpx.Response` has it."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, looked up without regard to case."""
        ...


R = TypeVar("R", bound=HasStatus)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is tried, and how long to wait between two tries.

    Args:
        attempts: tries in all, the first included.
        base: seconds before the second try; doubled for each one after it.
        cap: the longest wait in seconds. A server that asks for a longer one is not asked again.
        jitter: each wait is lengthened by a random share of up to this, so that clients do not march in step.
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 60.0
    jitter: float = 0.25

    def backoff(self, tries: int) -> float:
        """Seconds to wait after `tries` failed tries where the server named no time."""
        growing = self.base * 2.0 ** min(tries - 1, 60)
        return min(self.cap, growing * (1 + self.jitter * random.random()))  # noqa: S311 not a secret

    def wait_for(self, tries: int, retry_after: float | None) -> float | None:
        """Seconds to wait after `tries` failed tries, or None when it is not worth another."""
        if tries >= self.attempts:
            return None
        if retry_after is None:
            return self.backoff(tries)
        return retry_after if retry_after <= self.cap else None


class RetryBudget:
    """How many more tries a whole run may make, whatever for; safe to share between threads.

    Requests that are sent again after a fault and answers that are asked for again draw from the same one. Waiting
    because a server asks for it costs nothing.

    Args:
        most: tries after the first; None is no limit.
        spent: how many of them were made before.
    """

    def __init__(self, most: int | None, spent: int = 0) -> None:
        self.most = most
        self.spent = spent
        self._lock = Lock()

    def take(self) -> bool:
        """Take one try, or return False when none is left."""
        with self._lock:
            if self.most is not None and self.spent >= self.most:
                return False
            self.spent += 1
            return True


def send(
    request: Callable[[], R],
    policy: RetryPolicy,
    limiter: Limiter,
    *,
    retry_on: tuple[type[Exception], ...] = (OSError,),
    statuses: frozenset[int] = RETRY_STATUSES,
    budget: RetryBudget | None = None,
    group: object = None,
) -> R:
    """Run `request` until it answers something final, and return the last response whatever its status.

    Args:
        request: sends one request and returns its response.
        policy: tries and waits.
        limiter: shared by all requests to one server: it lets them pass, and makes all wait when one is refused
            for overload. A refusal costs a try only when no other request is answered either.
        retry_on: exceptions worth another try (for httpx: `httpx.TransportError`).
        statuses: HTTP statuses worth another try. `Retry-After` is honoured on all of them.
        budget: of the whole run; when it is spent, a fault is final.
        group: whose request it is, see `Limiter.enter`.

    Raises:
        Exception: what `request` raised on the last try, or at once if it is not in `retry_on`.
        CancelledError: the run was cancelled.
    """
    visit = limiter.enter(group)
    while limiter.admit(visit, policy.attempts):
        try:
            response = request()
        except retry_on:
            limiter.failed(visit)
            wait = policy.wait_for(limiter.tries(visit), None)
            if wait is None or not _may(budget):
                raise
        except BaseException:
            limiter.failed(visit)
            raise
        else:
            if response.status_code not in statuses:
                limiter.answered(visit)
                return response
            wanted = parse_retry_after(response.headers.get("retry-after"))
            if response.status_code in OVERLOAD_STATUSES:
                _refused(limiter, visit, policy, response, wanted)
                continue
            limiter.failed(visit)
            wait = policy.wait_for(limiter.tries(visit), wanted)
            if wait is None or not _may(budget):
                return response
        limiter.sleep(visit, wait)
    return cast("R", limiter.refusal)


def _may(budget: RetryBudget | None) -> bool:
    return budget is None or budget.take()


def _refused(limiter: Limiter, visit: Visit, policy: RetryPolicy, response: object, wanted: float | None) -> None:
    if wanted is not None and wanted > policy.cap:
        limiter.close(response, min(wanted, _LONGEST_CLOSING))
    else:
        limiter.refused(visit, response, wanted, policy.backoff)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3).

    Both forms are read, seconds and HTTP-date; a date gone by is 0.0, anything else None.
    """
    text = (value or "").strip()
    if text.replace(".", "", 1).isdecimal():  # some servers send fractions
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def redact(url: str) -> str:
    """Return the URL as it may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return "(a URL that cannot be read)"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else f"{host}{parts.path}"
