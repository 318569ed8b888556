"""What a server answers instead of a translation: a kind, the HTTP status that goes with it, and a sentence.

::

    Refusal
    ├── InvalidRequest   400   the request says something that cannot be done
    ├── Unauthorized     401   a key is needed
    ├── Forbidden        403   the key, or the origin, may not do this
    ├── NotFound         404   nothing of that name
    ├── Slow             408   the request did not arrive in time
    ├── NotDone          409   the result is asked for before it is there
    ├── TooLarge         413   more than one request may hold
    ├── Busy             429   the queue is full
    ├── RateLimited      429   this key asks too often
    ├── QuotaSpent       456   the characters of this key are used up (DeepL's status)
    ├── BackendFailed    502   what should have translated did not
    ├── Unavailable      503   nobody is there to translate, now
    └── Overdue          504   no translation within the time limit

Each surface writes them in its own form.
"""

from __future__ import annotations

import re
from math import ceil

from scalemt.errors import BackendError, ScalemtError, UsageError


class Refusal(ScalemtError):  # noqa: N818  # named for what is answered, as its kinds are
    """A request that is not served.

    Args:
        message: a full sentence.
        retry_after: seconds after which the same request may be served, where that is known.

    Attributes:
        status: of HTTP.
        kind: one word for programs.
    """

    status: int = 500
    kind: str = "internal"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """What goes into the head of the answer."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, ceil(self.retry_after)))}


class InvalidRequest(Refusal):  # the class is named for what is answered, as in HTTP
    """The request says something that cannot be done."""

    status, kind = 400, "invalid_request"


class Unauthorized(Refusal):
    """A key is needed, and none was given."""

    status, kind = 401, "unauthorized"


class Forbidden(Refusal):
    """The key, or the origin of the request, may not do this."""

    status, kind = 403, "forbidden"


class NotFound(Refusal):
    """There is nothing of that name."""

    status, kind = 404, "not_found"


class Slow(Refusal):
    """The request did not arrive in time."""

    status, kind = 408, "timeout"


class NotDone(Refusal):
    """A result is asked for before it is there."""

    status, kind = 409, "not_done"


class TooLarge(Refusal):
    """The request holds more than one request may hold."""

    status, kind = 413, "too_large"


class Busy(Refusal):
    """The queue is full: to wait in it would take too long."""

    status, kind = 429, "busy"


class RateLimited(Refusal):
    """A caller asks more often than it may."""

    status, kind = 429, "rate_limited"


class QuotaSpent(Refusal):
    """The characters that a key may have translated are used up."""

    status, kind = 456, "quota"


class BackendFailed(Refusal):
    """What should have translated did not."""

    status, kind = 502, "failed"


class Unavailable(Refusal):
    """Nobody is there to translate, for now."""

    status, kind = 503, "unavailable"


class Overdue(Refusal):
    """There was no translation within the time limit."""

    status, kind = 504, "deadline"


_ADDRESS = re.compile(r"\bhttps?://[^\s,;)\"'\\]*[^\s,;)\"'\\.:]")


def discreet(said: str) -> str:
    """Return what is said without the addresses in it: where a backend runs is nobody's business outside."""
    return _ADDRESS.sub("(an address)", said)


def as_refusal(fault: BaseException) -> Refusal:
    """Return what is answered for an exception; of one that nobody expected nothing is told.

    Args:
        fault: whatever was raised while a request was served.
    """
    if isinstance(fault, Refusal):
        return fault
    if isinstance(fault, UsageError):
        return InvalidRequest(str(fault))
    if isinstance(fault, BackendError):
        return BackendFailed(discreet(str(fault)))
    if isinstance(fault, TimeoutError):
        return Overdue("There was no translation within the time limit. Send less at once, or raise --time-limit.")
    # What stands in a foreign message, such as a path or a text, is nobody's business outside.
    return Refusal("The server met a fault of its own, which stands in its log under the id of this request.")


def refusal_of_kind(kind: str, message: str) -> Refusal:
    """Return the refusal of a kind, as it was told before; of one that nobody knows, that a backend failed."""
    return next((made for made in Refusal.__subclasses__() if made.kind == kind), BackendFailed)(message)
