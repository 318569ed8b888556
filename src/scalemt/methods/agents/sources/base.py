"""What a source is: it is asked what it knows of terms, and says where it has that from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scalemt.glossary import TermFinder
from scalemt.memory.recall import Memories
from scalemt.types import Pair

FindingKind = Literal["translation", "forbidden", "context"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a source says of a term.

    Args:
        kind: a "translation", one that must not be used ("forbidden"), or a "context" that the term stands in.
        text: the translation, or a sentence of the source language.
        place: where in the source it is said: headword and number, unit, file and line.
        sense: the meaning that it belongs to, as the source names it; translations of one sense are one meaning.
    """

    kind: FindingKind
    text: str
    place: str = ""
    sense: str = ""


@dataclass(frozen=True)
class Setting:
    """What a source is opened for.

    Args:
        pair: source and target.
        terms: of the glossary in use; None without one.
        memories: in use; None without.
    """

    pair: Pair
    terms: TermFinder | None = None
    memories: Memories | None = None


class SourceMissingError(Exception):
    """There is nothing to ask; the message says what is missing and what to do."""


class Source(ABC):
    """Knows something of terms of one language, in another one.

    A plug-in subclasses it and is registered by an entry point in the group `scalemt.sources`. It is opened as
    `Class(setting, argument)`, `argument` being what stands behind the colon of `name:argument`, else "".

    `name` is what provenance calls it, with a version where there is one. `trust` is how far what it says holds
    before anything is tested, 0 to 1; with `authority` the user has decided, and nothing is tested. A `quick`
    source is also asked for all words and phrases of a text, to find terms by what it knows. `faults` tell what of
    it could not be read.

    Raises:
        SourceMissingError: there is nothing to ask, such as no dictionary of the pair.
    """

    name: str
    trust: float = 0.5
    authority: bool = False
    quick: bool = False
    faults: Sequence[str] = ()

    @property
    def signature(self) -> str:
        """One token without spaces that says what answers; by default the name."""
        return self.name.replace(" ", "-").replace("|", "-")

    @abstractmethod
    def look_up(self, terms: Sequence[str]) -> list[list[Finding]]:
        """Return what is known of each term, as it stands in a text, the likeliest first."""

    def back(self, translations: Sequence[str]) -> list[list[str]]:
        """Return what each translation is in the source language, where that is known; by default nothing."""
        return [[] for _ in translations]

    def attested(self, translations: Sequence[str]) -> list[int]:
        """Return how many texts of the target language hold each translation; by default none."""
        return [0 for _ in translations]
