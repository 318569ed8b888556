"""Who is told how a training goes on."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Is told how a training goes on."""

    def begin(self, steps: int, done: int) -> None:
        """The first `done` of so many steps were done before."""

    def step(self, number: int, told: dict[str, float]) -> None:
        """What is known at a step: loss, seconds; scores where dev was measured (step 0 is before training)."""

    def note(self, text: str) -> None:
        """What a user should know."""


class Silent:
    """A watcher that tells nobody."""

    def begin(self, steps: int, done: int) -> None:
        """Nothing."""

    def step(self, number: int, told: dict[str, float]) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
