"""What an aligner is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

Words = Sequence[str]
"""One text, cut into the units that links are between."""

Alignment = tuple[tuple[int, int], ...]
"""Links (i, j) of a source word and a target word, both counted from 0, sorted, each once."""


@runtime_checkable
class Aligner(Protocol):
    """Finds which words of two texts stand for each other.

    An aligner that learns from the texts themselves is fitted once, on all that will be compared: systems that
    are aligned by different models cannot be compared. For the others `fit` does nothing.
    """

    name: str

    @property
    def signature(self) -> str:
        """One token without spaces: the kind, its version or weights, its settings, what it was fitted on."""
        ...

    def fit(self, sources: Sequence[Words], targets: Sequence[Words]) -> None:
        """Learn from N pairs of texts, in the place of what was learnt before."""
        ...

    def align(self, sources: Sequence[Words], targets: Sequence[Words], system: str = "") -> list[Alignment]:
        """Return the links of N pairs of texts; a text without words has none.

        Args:
            sources: N texts as words.
            targets: N texts as words.
            system: whose outputs the targets are, for aligners that only read what another tool has aligned.
        """
        ...
