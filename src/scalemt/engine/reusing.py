"""Reuse: a segment that a memory holds exactly is not translated again."""

from __future__ import annotations

from collections.abc import Sequence

from scalemt.memory.recall import Match, Memories, carried
from scalemt.types import Candidate, Decision, Pair, Segment, Translation


class Reuse:
    """Finds what need not be translated.

    Args:
        memories: searched in their order; a context match is preferred to an exact one.
        pair: the direction.
        only_in_context: an exact match counts only where the text before it, or its key, is the same too.
    """

    def __init__(self, memories: Memories, pair: Pair, *, only_in_context: bool = False) -> None:
        self._memories = memories
        self._pair = pair
        self._only_in_context = only_in_context

    @property
    def signature(self) -> str:
        """What is reused."""
        return f"reuse:{'context' if self._only_in_context else 'exact'}"

    def translations(self, segments: Sequence[Segment], method: str) -> list[Translation | None]:
        """Return the translation of each segment that a memory holds, None for the others.

        The tags, placeholders and addresses of the segment stand in the places of those of the unit.
        """
        matches = self._memories.exact(segments, self._pair)
        return [
            self._reused(segment, match, method) if match else None
            for segment, match in zip(segments, matches, strict=True)
        ]

    def _reused(self, segment: Segment, match: Match, method: str) -> Translation | None:
        # A memory that is trusted less, by its penalty, has no exact matches.
        if match.score < 100 or (self._only_in_context and match.kind != "context"):
            return None
        target = carried(match, segment)
        if target is None:
            return None
        spans = target.spans
        about = f"unit {match.unit.id} of {match.memory}"
        why = f"{match.shown} match, {about}" + (f", changed {match.unit.changed}" if match.unit.changed else "")
        return Translation(
            segment,
            target.text,
            method,
            self._pair,
            candidates=(Candidate("memory", target.text, spans=spans),),
            decisions=(Decision("memory", "reused", why),),
            spans=spans,
        )
