"""Asking a backend only what it has not been asked before: shared by all wrapped backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from scalemt.caching.store import CacheStore

T = TypeVar("T")


def found_in(store: CacheStore, keys: Sequence[bytes], decode: Callable[[Any], T | None]) -> dict[bytes, T]:
    """Return what the store holds under the keys; a value that is damaged counts as not there."""
    found = {}
    for key, value in store.get(keys).items():
        try:
            answer = decode(value)
        except ValueError:
            continue
        if answer is not None:
            found[key] = answer
    return found


def firsts(keys: Sequence[bytes], known: dict[bytes, T]) -> list[int]:
    """Return the positions to ask for: the first of each key that is not known."""
    places: dict[bytes, int] = {}
    for index, key in enumerate(keys):
        if key not in known:
            places.setdefault(key, index)
    return list(places.values())
