"""Filters that know a glossary: terms on both sides of a pair, and frames into which only another term was put.

Quality control of synthetic pairs (Moslem et al., WMT 2023, arXiv 2310.14451, as mt-methods has it: both terms on
their sides, template-like repeats dropped). Both serve other corpora too, and neither is in the default chain.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from scalemt.data.filters.base import Filter, Item, Memory, Percent, StatefulFilter
from scalemt.data.shingles import NearIndex
from scalemt.glossary import TermFinder, load_glossary, missed, verify
from scalemt.types import Pair

_NUMBER = re.compile(r"\d[\d.,]*")
_HOLE = "…"  # no letter: what is left of a frame is what is compared


class Terms(Filter):
    """Drops pairs whose target lacks what the glossary wants for a term of the source; inflected forms will do.

    Args:
        glossary: CSV, TSV, TBX or UTX, in either direction.
        needed: drop a pair too whose source holds no term at all.
    """

    filter: Literal["terms"] = "terms"
    glossary: Annotated[str, Field(min_length=1)]
    needed: bool = False

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        found = _finder(self.glossary, item.pair).find(item.source)
        if not found:
            return "no term of the glossary stands in the source" if self.needed else ""
        wrong = missed(verify(found, item.target, item.pair))
        return f"{wrong[0].source} = {wrong[0].target} is not in the target" if wrong else ""

    def check(self) -> None:
        """See `Filter`."""
        load_glossary(self.glossary)


class Frames(StatefulFilter):
    """Drops a source that is one from before with another term or number in it, as models and templates make them.

    Args:
        glossary: its terms are taken out before sources are compared; without one, only numbers are.
        likeness: percent from which what is left is the same.
        most: pairs of one frame that stay.
    """

    filter: Literal["frames"] = "frames"
    glossary: str = ""
    likeness: Percent = 85.0
    most: Annotated[int, Field(ge=1)] = 1

    def state(self) -> Memory:
        """See `StatefulFilter`."""
        return _Frames(self)

    def check(self) -> None:
        """See `Filter`."""
        if self.glossary:
            load_glossary(self.glossary)


class _Frames(Memory):
    def __init__(self, step: Frames) -> None:
        self._step = step
        self._index = NearIndex(step.likeness)

    def judge(self, item: Item) -> str:
        frame = self._frame(item)
        places = self._index.places(frame)
        if len(places) >= self._step.most:
            return f"the frame of a pair before it ({self._index.label(places[0])})"
        self._index.add(frame, _short(item.source))
        return ""

    def learn(self, item: Item) -> None:
        self._index.add(self._frame(item), _short(item.source))

    def _frame(self, item: Item) -> str:
        text = item.source
        if self._step.glossary:
            for term in reversed(_finder(self._step.glossary, item.pair).find(text)):
                text = text[: term.start] + _HOLE + text[term.end :]
        return _NUMBER.sub("0", text)


@lru_cache(maxsize=8)
def _finder(glossary: str, pair: Pair) -> TermFinder:
    return TermFinder(load_glossary(glossary, pair), pair)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
