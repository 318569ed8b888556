"""What a specialist is that learns from each corrected segment."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from scalemt.specialists.base import Specialist
from scalemt.types import Pair


@runtime_checkable
class LearningSpecialist(Specialist, Protocol):
    """A specialist whose next draft knows the segment that was corrected last (online learning).

    `model_id` is what stays the same while it learns, and changes when it is trained anew.
    """

    @property
    def model_id(self) -> str:
        """What a memory remembers the model by that it has taught."""
        ...

    def learn(self, source: str, target: str, pair: Pair) -> None:
        """Learn one confirmed translation, at once and for good.

        Raises:
            NoRoadError: the specialist does not cover the pair.
            InputError: there is nothing to learn from the pair of texts, or it is too long.
        """
        ...
