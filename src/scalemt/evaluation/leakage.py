"""Whether a test set was seen: its segments, or nearly the same ones, in the memories and pools that were in use.

Garcia et al. 2023 (ICML) and Moslem et al. 2023 (EAMT) both choose demonstrations near to the text; where the test
set, or its near-duplicates, are among them, a score tells how well they were copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.evaluation.systems import TestSet
from scalemt.languages import base
from scalemt.memory import Memories, MemoryUse
from scalemt.memory.units import skeleton
from scalemt.text.protection import protect
from scalemt.types import Demonstration, Pair, Segment

NEAR = 90.0
"""Likeness in percent (`rapidfuzz.fuzz.ratio`) from which a segment counts as nearly the same."""


@dataclass(frozen=True)
class Overlap:
    """How much of a test set is known elsewhere.

    Args:
        where: what holds it.
        total: segments of the test set.
        exact: those that it holds as they are.
        near: those that it holds nearly so.
        examples: ids of some of them.
    """

    where: str
    total: int
    exact: int
    near: int
    examples: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.exact or self.near)

    def warning(self) -> str:
        """Return what a user should be told."""
        shown = ", ".join(self.examples)
        return (
            f"{self.exact} of {self.total} test segments are in {self.where}, and {self.near} more nearly so "
            f"({NEAR:g} % or more; segments {shown}). Scores with it in use measure how well it is copied: take "
            "them out of it, or measure on other segments."
        )


def in_memories(test_set: TestSet, memories: Sequence[MemoryUse], pair: Pair | None = None) -> list[Overlap]:
    """Return the overlap of a test set with each memory, those without any left out.

    The sources are looked for; where a test set has only references, they are looked for among the targets.

    Args:
        test_set: with sources or references.
        memories: what was in use.
        pair: the direction; by default that of the test set.

    Raises:
        InputError: a memory cannot be read.
    """
    found = []
    for use in memories:
        opened = Memories([MemoryUse(use.path)])
        scores = _best_scores(test_set, opened, pair or test_set.pair)
        found.append(_overlap(f"the memory {use.path.name}", test_set, scores))
    return [item for item in found if item]


def _best_scores(test_set: TestSet, memories: Memories, pair: Pair | None) -> list[float]:
    texts = test_set.sources or (test_set.references[0] if test_set.references else ())
    segments = [Segment(text) for text in texts]
    best = [0.0] * len(segments)
    for kept in {kept for store in memories.stores for kept in store.pairs()}:
        for direction in (kept, kept.reversed):
            if not _may_hold(direction, pair, bool(test_set.sources)):
                continue
            for place, row in enumerate(memories.search(segments, direction, 1, NEAR)):
                best[place] = max([best[place], *(match.score for match in row)])
    return best


def _may_hold(kept: Pair, pair: Pair | None, sources: bool) -> bool:
    """Whether the first side of a kept direction is the language that is looked for."""
    if pair is None or "und" in pair:
        return True
    return base(kept.source) == base(pair.source if sources else pair.target)


def in_pool(test_set: TestSet, pool: Sequence[Demonstration], name: str) -> Overlap | None:
    """Return the overlap of a test set with a pool of demonstrations, or None.

    Args:
        test_set: with sources; without them there is nothing to compare.
        pool: what was shown, or could be.
        name: of the pool, for the message.
    """
    from rapidfuzz import fuzz, process

    known = [_shape(item.source) for item in pool]
    scores = []
    for text in test_set.sources if known else ():
        best = process.extractOne(_shape(text), known, scorer=fuzz.ratio, score_cutoff=NEAR)
        scores.append(best[1] if best else 0.0)
    return _overlap(name, test_set, scores) or None


def _shape(text: str) -> str:
    return skeleton(protect(Segment(text)))


def _overlap(where: str, test_set: TestSet, scores: Sequence[float]) -> Overlap:
    hits = [place for place, score in enumerate(scores) if score >= NEAR]
    exact = sum(score >= 100 for score in scores)
    ids = test_set.ids or tuple(str(place) for place in range(1, len(scores) + 1))
    return Overlap(where, len(scores), exact, len(hits) - exact, tuple(ids[place] for place in hits[:5]))
