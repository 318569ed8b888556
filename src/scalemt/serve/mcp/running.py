"""Calls of tools that are under way, by which a client can take one back that it made in another request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import anyio


class CallKey(NamedTuple):
    """What one call is known by: who made it, in which session, and the number that the client gave it."""

    caller: str
    session: str
    number: str


class Running:
    """The calls that are under way."""

    def __init__(self) -> None:
        self._scopes: dict[CallKey, anyio.CancelScope] = {}

    @contextmanager
    def held(self, key: CallKey | None) -> Iterator[anyio.CancelScope]:
        """Give the scope in which a call runs; it can be cancelled as long as the block lasts.

        Args:
            key: of the call; None of one that no other request can reach.
        """
        with anyio.CancelScope() as scope:
            if key is not None:
                self._scopes[key] = scope
            try:
                yield scope
            finally:
                if key is not None and self._scopes.get(key) is scope:
                    del self._scopes[key]

    def cancel(self, key: CallKey) -> None:
        """Break a call off, if it is under way."""
        if key in self._scopes:
            self._scopes[key].cancel()
