"""What a training tells of itself while it goes on, whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Args:
        step, steps: updates done, and to do at most.
        epoch: passes through the corpora.
        loss: mean of the updates since the last time, in nats a token, smoothing counted.
        rate: the learning rate.
        speed: target tokens a second.
        left: seconds to the last step at this speed.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    rate: float
    speed: float
    left: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement on dev.

    Args:
        step: after which update.
        loss: in nats a token.
        seconds: that it took.
        chrf: chrF++ of greedy translations, None where only the loss is measured.
        best: the highest chrF++ so far; None where chrf is.
    """

    step: int
    loss: float
    seconds: float
    chrf: float | None = None
    best: float | None = None


class Watcher(Protocol):
    """Is told what goes on."""

    def phase(self, name: str) -> None:
        """Something that takes a while begins."""

    def moved(self, done: int, of: int) -> None:
        """So many of the lines, or whatever the phase goes through, are done."""

    def progress(self, told: Progress) -> None:
        """Some updates more are done."""

    def measured(self, told: Measured) -> None:
        """The model was measured on dev."""

    def note(self, text: str) -> None:
        """Something that is worth a line."""


class Silent:
    """A watcher that says nothing."""

    def phase(self, name: str) -> None:
        """See `Watcher`."""

    def moved(self, done: int, of: int) -> None:
        """See `Watcher`."""

    def progress(self, told: Progress) -> None:
        """See `Watcher`."""

    def measured(self, told: Measured) -> None:
        """See `Watcher`."""

    def note(self, text: str) -> None:
        """See `Watcher`."""
