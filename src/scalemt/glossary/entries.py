"""What a glossary is: pairs of terms with a status, in one direction."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256

from scalemt import languages
from scalemt.errors import ConfigurationError
from scalemt.types import Pair, TermStatus

_GLOSS = re.compile(r"\s*[(（][^()（）]*[)）]")

FAULTS: frozenset[TermStatus] = frozenset({"deprecated", "forbidden"})
"""Translations that are listed so that they are not used."""


@dataclass(frozen=True, slots=True)
class TermEntry:
    """One translation of one term.

    Args:
        source: the term.
        target: its translation; of a term that is kept, the term itself.
        status: of the translation: to be used ("preferred", "admitted"), not to be used ("deprecated",
            "forbidden"), or "keep", where the term is not translated.
        case_sensitive: both sides are only known as they are written here.
        part_of_speech, domain, note: what the file says.
        concept: ties synonyms together; "" where the file has no concepts.
    """

    source: str
    target: str
    status: TermStatus = "preferred"
    case_sensitive: bool = False
    part_of_speech: str = ""
    domain: str = ""
    note: str = ""
    concept: str = ""

    @property
    def forms(self) -> tuple[TermEntry, ...]:
        """The entry without what its target has in brackets, then the entry.

        Lists explain a term there, as in "SARS (síndrome respiratória aguda grave)", or give an ending, as in
        "contagioso(a)": no translation should repeat that, but one that does is right too.
        """
        bare = _GLOSS.sub("", self.target).strip()
        if not bare or bare == self.target or self.status == "keep" or _GLOSS.search(self.source):
            return (self,)
        return (replace(self, target=bare), self)

    @property
    def is_fault(self) -> bool:
        """Whether this translation is listed so that it is not used."""
        return self.status in FAULTS


@dataclass(frozen=True, slots=True)
class Glossary:
    """Term entries of one direction.

    Args:
        entries: in the order of the file.
        source, target: canonical BCP-47 tags, "" where the file does not say.
        name: what signatures and messages call it.
    """

    entries: tuple[TermEntry, ...]
    source: str = ""
    target: str = ""
    name: str = ""

    @property
    def signature(self) -> str:
        """The name, the number of entries, and the first characters of the SHA-256 of all they say."""
        digest = sha256()
        digest.update(f"{self.source}>{self.target}".encode())
        for entry in self.entries:
            digest.update(repr(entry).encode("utf-8", "surrogatepass"))
        return f"{self.name or 'glossary'}[{len(self.entries)}.{digest.hexdigest()[:8]}]"

    def for_pair(self, pair: Pair) -> Glossary:
        """Return the glossary as it serves a direction: as it is, or with its sides swapped.

        Languages are compared without territory: a list into `pt` serves `pt-BR`. A file that names no languages
        fits every pair as it stands. In a swapped glossary the entries of translations that are not to be used are
        gone: they say nothing about how these are translated themselves.

        Raises:
            ConfigurationError: it is of other languages; the message names them.
        """
        forward = _fit(self.source, pair.source) + _fit(self.target, pair.target)
        backward = _fit(self.source, pair.target) + _fit(self.target, pair.source)
        if forward >= max(0.0, backward):
            return self
        if backward >= 0:
            return Glossary(tuple(_swapped(self.entries)), self.target, self.source, self.name)
        raise ConfigurationError(
            f"The glossary {self.name or 'given'} holds {self.source or 'any language'} to "
            f"{self.target or 'any language'}, not {pair.source} to {pair.target}. Give a glossary of that pair."
        )


def _fit(have: str, wanted: str) -> float:
    """Return how well a language serves: 1 the very one, 0.5 of another territory, 0 unknown, below 0 another."""
    if not have:
        return 0.0
    if have == wanted:
        return 1.0
    return 0.5 if languages.base(have) == languages.base(wanted) else -9.0


def _swapped(entries: tuple[TermEntry, ...]) -> list[TermEntry]:
    kept = [replace(entry, source=entry.target, target=entry.source) for entry in entries if not entry.is_fault]
    return list(dict.fromkeys(kept))
