"""Demonstrations from translation memories: the units most like the text, the best last.

Source: Moslem et al., "Adaptive Machine Translation with Large Language Models", EAMT 2023: fuzzy matches as
demonstrations, the most similar one next to the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scalemt.memory.recall import DEFAULT_FLOOR, Match, Memories, placed
from scalemt.memory.selection import Selector
from scalemt.text.masking import mask
from scalemt.text.spans import literal, rewrite
from scalemt.types import Demonstration, Pair, Segment


class MemorySelector(Selector):
    """Shows up to `shots` units of the memories for each segment.

    Where no unit is like it enough, the demonstrations of another selector stand in.

    Args:
        memories: where units are looked for, anew for each batch, so that a correction counts at once.
        pair: the direction.
        shots: the most to show.
        floor: the least likeness, in percent.
        otherwise: chooses where nothing is like the text; None shows nothing then.
    """

    name = "memory"

    def __init__(
        self,
        memories: Memories,
        pair: Pair,
        shots: int,
        floor: float = DEFAULT_FLOOR,
        otherwise: Selector | None = None,
    ) -> None:
        super().__init__(otherwise.pool if otherwise else (), shots)
        self.shots = shots
        self.memories = memories
        self.pair = pair
        self.floor = floor
        self.otherwise = otherwise

    def choose(self, segments: Sequence[Segment]) -> list[list[Demonstration]]:
        """Return the nearest units of each segment as demonstrations, the best last."""
        matches = self.memories.search(segments, self.pair, self.shots, self.floor)
        without = [segment for segment, row in zip(segments, matches, strict=True) if not row]
        spare = iter(self.otherwise.choose(without) if self.otherwise and without else ())
        return [[demonstration(match) for match in reversed(row)] if row else next(spare, []) for row in matches]

    def select(self, texts: Sequence[str]) -> list[list[int]]:
        """Return what the other selector chooses: units of a memory have no place in a pool."""
        return self.otherwise.select(texts) if self.otherwise else [[] for _ in texts]


def demonstration(match: Match) -> Demonstration:
    """Return a unit as a prompt shows it: its inline codes numbered, as those of the segment will be."""
    segment = match.unit.segment
    target = match.unit.target
    masked = mask(segment, "typed")
    if segment.spans:
        tokens = {span.key: literal(masked.text, span) for span in masked.spans}
        target, _ = rewrite(target, placed(match.unit, segment), lambda span, text: tokens.get(span.key, text))
    return Demonstration(masked.text, target, likeness=round(match.score, 1), origin=match.memory)


def without_drafts(rows: Sequence[Sequence[Demonstration]]) -> list[list[Demonstration]]:
    """Return demonstrations whose drafts are not shown."""
    return [[replace(item, drafts=()) for item in row] for row in rows]
