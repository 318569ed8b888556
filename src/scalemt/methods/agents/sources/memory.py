"""The translation memories in use, as a source: what confirmed translations have for a term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from scalemt.glossary import Glossary, TermEntry, TermFinder
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import fold
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit, swap
from scalemt.methods.agents.sources.base import Finding, Setting, Source, SourceMissingError
from scalemt.methods.agents.sources.parallel import going_with
from scalemt.types import Pair

_MOST_UNITS = 40  # that hold a term, of each memory
_MOST_OTHERS = 200  # of each memory, to tell what stands everywhere
_MOST_CONTEXTS = 2


class MemorySource(Source):
    """A unit that is the term itself gives its translation; of units that hold it, what their targets share."""

    trust = 0.8

    def __init__(self, setting: Setting, argument: str = "") -> None:
        if setting.memories is None:
            raise SourceMissingError("No translation memory is in use. Name one with --memory FILE.")
        self._pair = setting.pair
        self._memories = setting.memories
        self._forms = forms(setting.pair.source)
        self._others: list[Unit] | None = None
        self.name = f"memory {setting.memories.name}"

    def look_up(self, terms: Sequence[str]) -> list[list[Finding]]:
        """Return the translations of each term that the memories know or suggest, and sentences that hold it."""
        return [self._findings(term) for term in terms]

    def _findings(self, term: str) -> list[Finding]:
        finder = _finder(term, self._pair)
        held = [(name, unit) for name, unit in self._holding(term) if finder.find(unit.source)]
        found = [
            Finding("translation", unit.target, f"{name}, unit {unit.id}")
            for name, unit in held
            if fold(unit.source) == fold(term)
        ]
        longer = [(name, unit) for name, unit in held if fold(unit.source) != fold(term)]
        places = ", ".join(f"{unit.id}" for _, unit in longer[:4])
        others = [unit.target for unit in self._background() if not finder.find(unit.source)]
        targets = [unit.target for _, unit in longer]
        found += [
            Finding("translation", phrase, f"in units {places}")
            for phrase in going_with(targets, others, self._pair.target)
        ]
        found += [
            Finding("context", unit.source, f"{name}, unit {unit.id}") for name, unit in longer[:_MOST_CONTEXTS]
        ]
        return found

    def attested(self, translations: Sequence[str]) -> list[int]:
        """Return how many units hold each translation on their target side, of those that were looked at."""
        return [self._attested(text) for text in translations]

    def _attested(self, translation: str) -> int:
        finder = _finder(translation, self._pair.reversed)
        return sum(bool(finder.find(unit.target)) for _, unit in self._holding(translation))

    def _holding(self, text: str) -> list[tuple[str, Unit]]:
        """Return units that hold a text or its lemma on either side, each once, with the name of its memory."""
        needles = dict.fromkeys((fold(text), " ".join(map(self._forms.lemma, fold(text).split()))))
        found: dict[tuple[str, int], Unit] = {}
        for store in self._memories.stores:
            for needle in filter(None, needles):
                for unit in self._units(store, needle):
                    found.setdefault((store.path.name, unit.id), unit)
        return [(name, unit) for (name, _), unit in found.items()]

    def _units(self, store: MemoryStore, needle: str) -> Iterator[Unit]:
        for kept, swapped in store.fitting(self._pair):
            for unit in store.concordance(needle, kept, limit=_MOST_UNITS):
                yield swap(unit) if swapped else unit

    def _background(self) -> list[Unit]:
        if self._others is None:
            rows = (
                islice(store.sides(kept, 0, swapped=swapped), _MOST_OTHERS)
                for store in self._memories.stores
                for kept, swapped in store.fitting(self._pair)
            )
            self._others = [unit for _, unit in chain.from_iterable(rows)]
        return self._others


def _finder(term: str, pair: Pair) -> TermFinder:
    """Return what finds a term in any of its forms."""
    return TermFinder(Glossary((TermEntry(term, term),)), pair)
