"""Aligning the words of two texts without any model, where a specialist cannot tell its own alignment.

A heuristic: words that are the same or look alike (names, numbers, cognates), signs, and about the same place in
the text; links do not cross. It says nothing of words that look different, which is most words of unlike
languages: it is there for anchors, not for a full alignment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_LIKE = 0.6  # of two words of four letters and more; below it chance likenesses outnumber cognates
_AWAY = 0.5  # taken from a likeness for words at opposite ends of their texts
_MOST_CELLS = 250_000
_DIGITS = re.compile(r"\d+")


def align(source: Sequence[str], target: Sequence[str]) -> list[tuple[int, int]]:
    """Return links (source word, target word), both counted from 0, rising on both sides.

    Args:
        source, target: words; empty ones are never linked.
    """
    if not source or not target or len(source) * len(target) > _MOST_CELLS:
        return []
    likeness = _likenesses(source, target)
    best = [[0.0] * (len(target) + 1) for _ in range(len(source) + 1)]
    for one in range(len(source) - 1, -1, -1):
        row, below, alike = best[one], best[one + 1], likeness[one]
        for other in range(len(target) - 1, -1, -1):
            linked = below[other + 1] + alike[other] if alike[other] else 0.0
            row[other] = max(below[other], row[other + 1], linked)
    return _links(likeness, best)


def _links(likeness: Sequence[Sequence[float]], best: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    links = []
    one = other = 0
    while one < len(likeness) and other < len(likeness[0]):
        alike = likeness[one][other]
        if alike and best[one][other] == best[one + 1][other + 1] + alike:
            links.append((one, other))
            one, other = one + 1, other + 1
        elif best[one][other] == best[one + 1][other]:
            one += 1
        else:
            other += 1
    return links


def _likenesses(source: Sequence[str], target: Sequence[str]) -> list[list[float]]:
    """Return for each two words how sure they stand for each other, 0 where nothing speaks for it."""
    ones, others = [bare_word(word) for word in source], [bare_word(word) for word in target]
    return [
        [
            _placed(alike(word, candidate), one / len(source), other / len(target))
            for other, candidate in enumerate(others)
        ]
        for one, word in enumerate(ones)
    ]


def _placed(likeness: float, one: float, other: float) -> float:
    return max(0.0, likeness - _AWAY * abs(one - other)) if likeness else 0.0


@lru_cache(maxsize=16384)
def alike(word: str, other: str) -> float:
    """Return how sure two words, both as `bare_word` has them, stand for each other; 0 where nothing says so."""
    if not word or not other:
        return 0.0
    if word == other:
        return 1.0 if len(word) > 2 or word.isdigit() else 0.7
    numbers = _DIGITS.findall(word)
    if numbers or _DIGITS.search(other):
        return 0.9 if numbers == _DIGITS.findall(other) else 0.0
    if min(len(word), len(other)) < 4:
        return 0.0
    from rapidfuzz import fuzz

    ratio = float(fuzz.ratio(word, other)) / 100.0
    return ratio if ratio >= _LIKE else 0.0


@lru_cache(maxsize=16384)
def bare_word(word: str) -> str:
    """Return a word without case, accents and the signs around it; a word of signs stays."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return re.sub(r"^\W+|\W+$", "", letters) or letters.strip()
