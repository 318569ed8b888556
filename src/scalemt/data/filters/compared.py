"""Filters that compare a pair with others: duplicates, near-duplicates, and what a test set holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from scalemt.data.filters.base import Filter, Item, Memory, Percent, StatefulFilter
from scalemt.data.shingles import NearIndex, shape
from scalemt.errors import InputError
from scalemt.memory.units import digest


class Duplicates(StatefulFilter):
    """Drops what was there before, in capital or small letters and with any spaces.

    Args:
        by: the pair (both sides), or one side alone: then each source has one translation, the first.
    """

    filter: Literal["duplicates"] = "duplicates"
    by: Literal["pair", "source", "target"] = "pair"

    def state(self) -> Memory:
        """See `StatefulFilter`."""
        return _Seen(self.by)


class _Seen(Memory):
    """Hashes of 63 bits, about 70 bytes a pair: wrong once in 2,000 runs over a hundred million pairs."""

    def __init__(self, by: str) -> None:
        self._by = by
        self._seen: set[int] = set()

    def judge(self, item: Item) -> str:
        key = self._key(item)
        if key in self._seen:
            return f"the same {self._by} stands before it"
        self._seen.add(key)
        return ""

    def learn(self, item: Item) -> None:
        self._seen.add(self._key(item))

    def _key(self, item: Item) -> int:
        sides = {"source": item.source, "target": item.target}
        chosen = [shape(sides[self._by])] if self._by in sides else [shape(text) for text in sides.values()]
        return digest("\x00".join([*item.pair, *chosen]))


class Near(StatefulFilter):
    """Drops a pair of which both sides are nearly those of one that was kept before.

    Both, since two translations of one source teach more than one, and so do two sources of one translation. At
    90 % much that goes from software documentation says something else ("is greater than", "is less than").
    """

    filter: Literal["near"] = "near"
    likeness: Percent = 95.0

    def state(self) -> Memory:
        """See `StatefulFilter`."""
        return _Near(self.likeness)


class _Near(Memory):
    def __init__(self, likeness: float) -> None:
        self._likeness = likeness
        self._sources = NearIndex(likeness)
        self._targets: list[str] = []

    def judge(self, item: Item) -> str:
        from rapidfuzz import fuzz

        target = shape(item.target)
        for place in self._sources.places(item.source):
            if fuzz.ratio(target, self._targets[place], score_cutoff=self._likeness):
                return f"nearly the same as a pair before it ({self._sources.label(place)})"
        self._add(item, target)
        return ""

    def learn(self, item: Item) -> None:
        self._add(item, shape(item.target))

    def _add(self, item: Item, target: str) -> None:
        shown = item.source if len(item.source) <= 60 else item.source[:59] + "…"
        self._sources.add(item.source, shown)
        self._targets.append(target)


class Overlap(Filter):
    """Drops pairs of which a side is nearly one of a test set, so that a score there means something.

    Args:
        tests: files of test sets: text, one segment a line, in any of the languages; or TSV, TMX, PO and so on.
        likeness: percent from which a side counts as that of a test set.
        languages: source and target of files of pairs that do not say them; those of the corpus where left out.
    """

    filter: Literal["overlap"] = "overlap"
    tests: Annotated[tuple[str, ...], Field(min_length=1)]
    likeness: Percent = 90.0
    languages: tuple[str, str] = ("", "")

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        index = self._index()
        for side, text in (("source", item.source), ("target", item.target)):
            if found := index.find(text):
                return f"the {side} is {found[1]:.0f} % that of {found[0]}"
        return ""

    def check(self) -> None:
        """See `Filter`."""
        if not len(self._index()):
            raise InputError(
                f"{', '.join(self.tests)}: no text in it. Name files of test sets that hold segments."
            )

    def _index(self) -> NearIndex:
        return _held(self.tests, self.languages, self.likeness)


@lru_cache(maxsize=2)
def _held(tests: tuple[str, ...], languages: tuple[str, str], likeness: float) -> NearIndex:
    index = NearIndex(likeness)
    for test in tests:
        for number, text in _texts(test, languages):
            index.add(text, f"{Path(test).name}, segment {number}")
    return index


def _texts(test: str, languages: tuple[str, str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of each segment; of a file of pairs both sides."""
    from scalemt.lines import iterate_lines
    from scalemt.memory.exchange import SUFFIXES, read_units

    if Path(test).suffix.lower() not in SUFFIXES:
        yield from ((number, line) for number, line in enumerate(iterate_lines(test), 1) if line.strip())
        return
    for number, unit in enumerate(read_units(test, source=languages[0], target=languages[1]), 1):
        yield number, unit.source
        yield number, unit.target
