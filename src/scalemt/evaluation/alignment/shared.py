"""One fitted aligner for all systems of a test set, and the links it found, for all metrics that need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.evaluation.alignment.base import Aligner, Alignment, Words
from scalemt.evaluation.alignment.words import by_character, split
from scalemt.evaluation.systems import System, TestSet
from scalemt.types import Pair


@dataclass(frozen=True)
class AlignedSystem:
    """The N sources and N outputs of a system as words, and the links between them."""

    sources: tuple[Words, ...]
    targets: tuple[Words, ...]
    links: tuple[Alignment, ...]


class AlignmentCache:
    """Aligns each system once, by one model that was fitted on all of them.

    Args:
        aligner: finds the links.
        pair: the languages: those written without spaces are cut into characters. Unknown: white-space words.
    """

    def __init__(self, aligner: Aligner, pair: Pair | None = None) -> None:
        self.aligner = aligner
        self._characters = tuple(by_character(tag) for tag in pair) if pair else (False, False)
        self._found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], AlignedSystem] = {}
        self._learnt: tuple[TestSet, tuple[System, ...]] | None = None

    @property
    def signature(self) -> str:
        """The aligner's, and the unit of source and target: "word", "char", or both as "char-word"."""
        units = ["char" if characters else "word" for characters in self._characters]
        return f"aligner:{self.aligner.signature}|unit:{'-'.join(dict.fromkeys(units))}"

    def fit(self, test_set: TestSet, systems: Sequence[System]) -> None:
        """Fit the aligner on the sources with the outputs of all systems and with all references.

        A second call with the same texts does nothing: each metric that shares the links asks for it.
        """
        if self._learnt == (test_set, tuple(systems)):
            return
        self._learnt = test_set, tuple(systems)
        targets = [*(tuple(system.texts) for system in systems), *test_set.references]
        left = [self._split(text, 0) for text in test_set.sources]
        self.aligner.fit(
            [words for _ in targets for words in left],
            [self._split(text, 1) for texts in targets for text in texts],
        )
        self._found.clear()

    def align(self, system: System, test_set: TestSet) -> AlignedSystem:
        """Return the words and links of a system, aligned at the first call."""
        key = (system.name, test_set.sources, tuple(system.texts))
        if key not in self._found:
            sources = tuple(self._split(text, 0) for text in key[1])
            targets = tuple(self._split(text, 1) for text in key[2])
            links = tuple(self.aligner.align(sources, targets, system.name))
            self._found[key] = AlignedSystem(sources, targets, links)
        return self._found[key]

    def _split(self, text: str, side: int) -> Words:
        return split(text, self._characters[side])
