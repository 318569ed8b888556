"""Segments too long for a model are translated in pieces and joined again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scalemt.text import split_long
from scalemt.types import Decision, Segment, Translation, Usage


@dataclass(frozen=True)
class Cut:
    """A segment with its pieces, and the white space that stood behind each."""

    segment: Segment
    pieces: tuple[Segment, ...]
    gaps: tuple[str, ...]

    def join(self, translations: Sequence[Translation]) -> Translation:
        """Return one translation of the whole segment from those of its pieces."""
        if len(translations) == 1:
            return replace(translations[0], segment=self.segment)
        text = "".join(item.text + gap for item, gap in zip(translations, self.gaps, strict=True))
        error = next((item.error for item in translations if item.error), None)
        limit = max(len(piece.text) for piece in self.pieces)
        note = Decision("length", f"{len(translations)} pieces", f"longer than one piece of {limit} characters")
        return replace(
            translations[0],
            segment=self.segment,
            text="" if error else text.rstrip(),
            drafts=tuple(draft for item in translations for draft in item.drafts),
            candidates=tuple(candidate for item in translations for candidate in item.candidates),
            checks=tuple(check for item in translations for check in item.checks),
            decisions=(note, *(decision for item in translations for decision in item.decisions)),
            usage=sum((item.usage for item in translations), Usage()),
            error=error,
        )


def cut(segment: Segment, limit: int) -> Cut:
    """Cut a segment into pieces of at most `limit` characters; most are one piece."""
    parts = split_long(segment.text, limit)
    pieces = tuple(Segment(text, segment.id) for text, _ in parts)
    return Cut(segment, pieces, tuple(gap for _, gap in parts))


def as_segments(texts: Iterable[str | Segment]) -> Iterator[Segment]:
    """Yield segments; a plain string gets its position, from 1, as id."""
    for number, text in enumerate(texts, 1):
        yield text if isinstance(text, Segment) else Segment(text, str(number))
