"""Which demonstrations stand in a prompt: one fixed list per direction, or the nearest to each source."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from scalemt.registry import Registry
from scalemt.types import Demonstration, Segment

SELECTORS = Registry(
    "selection of demonstrations",
    "scalemt.selectors",
    {
        "fixed": "scalemt.memory.selection:FixedSelector",
        "nearest": "scalemt.memory.selection:NearestSelector",
        "memory": "scalemt.memory.matching:MemorySelector",
    },
)


_MOST_ASKED = 500  # sources of the pool that tell which demonstrations are chosen often

# Kana and Han, Thai and Lao, Burmese, Khmer by the character; elsewhere words.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]|\w+")


class Selector(ABC):
    """Chooses up to `shots` demonstrations for each text from one pool.

    Args:
        pool: all demonstrations of the direction.
        shots: the most to show.
        seed: makes a drawn list repeatable.
    """

    name: str

    def __init__(self, pool: Sequence[Demonstration], shots: int, seed: int = 0) -> None:
        self.pool = list(pool)
        self.shots = min(shots, len(self.pool))
        self.seed = seed

    def choose(self, segments: Sequence[Segment]) -> list[list[Demonstration]]:
        """Return the demonstrations for each segment in the order they are shown."""
        rows = self.select([segment.text for segment in segments])
        return [[self.pool[index] for index in row] for row in rows]

    @abstractmethod
    def select(self, texts: Sequence[str]) -> list[list[int]]:
        """Return, for each text, the pool positions of its demonstrations in the order they are shown."""


class FixedSelector(Selector):
    """One list per direction, as the paper: drawn once by seed, in the order of the pool.

    A pool that holds no more than `shots` is shown whole and in its own order.
    """

    name = "fixed"

    def select(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the same positions for every text."""
        drawn = random.Random(self.seed).sample(range(len(self.pool)), self.shots)  # noqa: S311  # no secret
        return [sorted(drawn) for _ in texts]


class NearestSelector(Selector):
    """The demonstrations whose sources are most like the text by BM25, the most similar shown last.

    Those before it stand in an order that does not depend on the text, the ones most often chosen first: prompts
    then begin alike more often, and what they begin with is evaluated once.
    """

    name = "nearest"

    def select(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the positions for each text, the nearest last; ties keep the order of the pool."""
        if not self.shots:
            return [[] for _ in texts]
        ranks = self._ranks
        rows = [self._nearest(text) for text in texts]
        return [[*sorted(row[1:], key=lambda i: ranks[i]), row[0]] for row in rows]

    @cached_property
    def _ranks(self) -> list[int]:
        """The place of each demonstration when those come first that are most often among the nearest.

        Counted over (at most `_MOST_ASKED` of) the pool's own sources, so that it is the same for every run.
        """
        step = max(1, len(self.pool) // _MOST_ASKED)
        counts = Counter(i for item in self.pool[::step] for i in self._nearest(item.source))
        ordered = sorted(range(len(self.pool)), key=lambda i: (-counts[i], i))
        return [place for _, place in sorted(zip(ordered, range(len(ordered)), strict=True))]

    @cached_property
    def _index(self) -> Any:
        import bm25s

        index = bm25s.BM25()
        index.index([_tokens(item.source) for item in self.pool], show_progress=False)
        return index

    def _nearest(self, text: str) -> list[int]:
        """Return the positions of the nearest, best first."""
        # The index holds an empty token of its own, which no query may name.
        known = [token for token in _tokens(text) if token and token in self._index.vocab_dict]
        scores = self._index.get_scores(known) if known else [0.0] * len(self.pool)
        return sorted(range(len(self.pool)), key=lambda i: (-scores[i], i))[: self.shots]


def _tokens(text: str) -> list[str]:
    """Words in lower case; in scripts without spaces, characters, so that something can match at all."""
    words = _TOKEN.findall(text.lower())
    return words or [text.lower()]
