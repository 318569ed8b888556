"""What is told of a training while it goes on."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Is told how a training goes on."""

    def phase(self, name: str, total: int | None) -> None:
        """What is done now, and how many steps it has."""

    def move(self, done: int, told: dict[str, float]) -> None:
        """How many steps are done, with what is known of the last one: loss, learning_rate, tokens_per_second."""

    def note(self, text: str) -> None:
        """What a user should know."""
