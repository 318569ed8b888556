"""Small real backends for tests of what stands above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scalemt.specialists import BaseSpecialist
from scalemt.types import Draft, Likelihood, Pair, Word


class DictionarySpecialist(BaseSpecialist):
    """Drafts word by word from a dictionary; unknown words stay and have confidence 0."""

    name = "dictionary"

    def __init__(self, tables: Mapping[Pair, Mapping[str, str]], signature: str = "dictionary[test]") -> None:
        self.tables = tables
        self.calls = 0
        self._signature = signature

    @property
    def signature(self) -> str:
        return self._signature

    def pairs(self) -> list[Pair]:
        return list(self.tables)

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        self.calls += 1
        resolved = self.resolve(pair)
        assert resolved is not None
        return [[self._one(text, resolved, path) for path in range(n)] for text in texts]

    def _one(self, text: str, pair: Pair, path: int) -> Draft:
        table = self.tables[pair]
        words = [Word(table.get(word, word), 0.9 if word in table else 0.0) for word in text.split()]
        if path:
            words.append(Word(f"#{path}", 0.5))
        return Draft(" ".join(word.text for word in words), tuple(words), -1.0, self.name, pair.target)


class ScoringDictionary(DictionarySpecialist):
    """A dictionary that also scores: the share of target words that it would have used itself."""

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        drafts = [items[0].text for items in self.draft(sources, pair)]
        return [
            Likelihood(-float(len(set(target.split()) ^ set(draft.split()))), max(1, len(target.split())))
            for draft, target in zip(drafts, targets, strict=True)
        ]


EN_PT = Pair("en", "pt")
PT_EN = Pair("pt", "en")
EU_EN = Pair("eu", "en")
WORDS = {"the": "a", "house": "casa", "is": "é", "blue": "azul", "green": "verde", "old": "velha"}


def english_portuguese() -> ScoringDictionary:
    """Both directions of a dictionary of six words."""
    return ScoringDictionary({EN_PT: WORDS, PT_EN: {value: key for key, value in WORDS.items()}})
