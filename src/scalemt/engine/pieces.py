"""Segments too long for a model are translated in pieces and joined again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scalemt.errors import InputError
from scalemt.text import split_long
from scalemt.types import Decision, Segment, Translation, Usage

_WIDE_END = re.compile(r"[。！？][」』”’）]*$")


@dataclass(frozen=True)
class Cut:
    """A segment with its pieces, the white space behind each, and that around the whole."""

    segment: Segment
    pieces: tuple[Segment, ...]
    gaps: tuple[str, ...]
    lead: str
    tail: str

    def join(self, translations: Sequence[Translation]) -> Translation:
        """Return one translation of the whole segment from those of its pieces."""
        joined = self._joined(translations)
        text = "" if joined.error else f"{self.lead}{joined.text}{self.tail}"
        return replace(joined, segment=self.segment, text=text)

    def _joined(self, translations: Sequence[Translation]) -> Translation:
        if len(translations) == 1:
            return translations[0]
        rows = zip(translations, self.pieces, self.gaps, strict=True)
        text = "".join(item.text + _gap(item.text, piece.text, gap) for item, piece, gap in rows).rstrip()
        error = next((item.error for item in translations if item.error), None)
        limit = max(len(piece.text) for piece in self.pieces)
        note = Decision("length", f"{len(translations)} pieces", f"longer than one piece of {limit} characters")
        return replace(
            translations[0],
            text=text,
            drafts=tuple(draft for item in translations for draft in item.drafts),
            candidates=tuple(candidate for item in translations for candidate in item.candidates),
            checks=tuple(check for item in translations for check in item.checks),
            decisions=(note, *(decision for item in translations for decision in item.decisions)),
            usage=sum((item.usage for item in translations), Usage()),
            error=error,
        )


def _gap(text: str, source: str, gap: str) -> str:
    """Return what follows a translated piece: the source's white space, as the target's script has it.

    Chinese and Japanese put no space between sentences, most other scripts do.
    """
    if _WIDE_END.search(text):
        return gap.strip(" ")
    return gap or (" " if _WIDE_END.search(source) else "")


def cut(segment: Segment, limit: int) -> Cut:
    """Cut a segment into pieces of at most `limit` characters; most are one piece."""
    body = segment.text.strip()
    lead, _, tail = segment.text.partition(body) if body else (segment.text, "", "")
    parts = split_long(body, limit)
    pieces = tuple(Segment(text, segment.id) for text, _ in parts)
    return Cut(segment, pieces, tuple(gap for _, gap in parts), lead, tail)


def as_segments(texts: Iterable[str | Segment]) -> Iterator[Segment]:
    """Yield segments; a plain string gets its position, from 1, as id.

    Raises:
        InputError: one text instead of several, or something that is no text.
    """
    if isinstance(texts, str):
        raise InputError("A single text was given where a list of texts is expected: write [text].")
    for number, text in enumerate(texts, 1):
        segment = text if isinstance(text, Segment) else Segment(text, str(number))
        _require_text(segment, number)
        yield segment


def _require_text(segment: Segment, number: int) -> None:
    # From the command line all is text by now; from a program anything can come.
    if not isinstance(segment.text, str):
        raise InputError(f"Text {number} is of the type {type(segment.text).__name__}; expected a string.")
    try:
        segment.text.encode()
    except UnicodeEncodeError as fault:
        raise InputError(f"Text {number}, character {fault.start + 1}: a lone surrogate is no text.") from None
