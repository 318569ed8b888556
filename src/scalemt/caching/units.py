"""Sizes and ages as people write them: `500MB`, `1 GiB`, `30d`."""

from __future__ import annotations

import os
import re

from scalemt.errors import ConfigurationError

LIMIT_VARIABLE = "SCALEMT_CACHE_LIMIT"
DEFAULT_LIMIT = 2**30
_LEAST_LIMIT = 10**6  # an empty file has 30 kB, and one batch of drafts must fit

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LARGEST = 2**62


def read_size(text: str, what: str) -> int:
    """Return the bytes that `500MB`, `1GiB`, `2G` or `1000000` stands for; `what` names it in the message.

    Raises:
        ConfigurationError: no size.
    """
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,6})?)\s*([kmgt]?)(i?)b?", text.strip(), re.ASCII | re.IGNORECASE)
    if not match or (match[3] and not match[2]):
        raise ConfigurationError(f"{what} is {text[:40]!r}; expected a size such as 500MB or 2GiB.")
    units = _BINARY if match[3] else _SIZES
    return min(_LARGEST, int(float(match[1]) * units[match[2].lower()]))


def read_age(text: str, what: str) -> float:
    """Return the seconds that `30d`, `12h`, `2w` or `90m` stands for; `what` names it in the message.

    Raises:
        ConfigurationError: no age.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhdw])", text.strip(), re.ASCII | re.IGNORECASE)
    if not match:
        raise ConfigurationError(f"{what} is {text[:40]!r}; expected an age such as 30d, 12h or 2w.")
    return float(match[1]) * _AGES[match[2].lower()]


def size_limit() -> int:
    """Return the most bytes that the cache may take: `SCALEMT_CACHE_LIMIT`, or 1 GiB.

    Raises:
        ConfigurationError: the variable holds no size, or one below a megabyte.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    if not text.strip():
        return DEFAULT_LIMIT
    limit = read_size(text, LIMIT_VARIABLE)
    if limit < _LEAST_LIMIT:
        raise ConfigurationError(
            f"{LIMIT_VARIABLE} is {text!r}; at least 1MB is needed. --no-cache keeps nothing."
        )
    return limit


def shown_size(size: int) -> str:
    """Return a size for people, such as `3.4 MB`."""
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{size} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
