"""Which demonstrations stand in a prompt: one fixed list per direction, or the nearest to each source."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from scalemt.registry import Registry
from scalemt.types import Demonstration

SELECTORS = Registry(
    "selection of demonstrations",
    "scalemt.selectors",
    {
        "fixed": "scalemt.memory.selection:FixedSelector",
        "nearest": "scalemt.memory.selection:NearestSelector",
    },
)


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
    """The demonstrations whose sources are most like the text by BM25, the most similar shown last."""

    name = "nearest"

    def select(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the positions for each text, the nearest last; ties keep the order of the pool."""
        if not self.shots:
            return [[] for _ in texts]
        index = self._index()
        return [self._nearest(index, text) for text in texts]

    def _index(self) -> Any:
        import bm25s

        if not hasattr(self, "_built"):
            self._built = bm25s.BM25()
            self._built.index([_tokens(item.source) for item in self.pool], show_progress=False)
        return self._built

    def _nearest(self, index: Any, text: str) -> list[int]:
        # The index holds an empty token of its own, which no query may name.
        known = [token for token in _tokens(text) if token and token in index.vocab_dict]
        scores = index.get_scores(known) if known else [0.0] * len(self.pool)
        ranked = sorted(range(len(self.pool)), key=lambda i: (-scores[i], i))
        return sorted(ranked[: self.shots], key=lambda i: (scores[i], i))


def _tokens(text: str) -> list[str]:
    """Words in lower case; in scripts without spaces, characters, so that something can match at all."""
    words = _TOKEN.findall(text.lower())
    return words or [text.lower()]
