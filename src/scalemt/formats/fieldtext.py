"""One field of a record as segments, by `FormatOptions.selective`, and the field anew from their targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from scalemt.errors import UsageError
from scalemt.formats.base import FormatOptions, Target
from scalemt.text.selective import Part, cut, inline, protected, speaks
from scalemt.text.spans import literal, rewrite
from scalemt.types import Segment, Span

_MODES = ("structure", "prompt", "off")
_REMEMBERED_LENGTH = 10_000  # characters; longer ones are cut anew, lest they fill the memory
_LONE = re.compile(r"[\ud800-\udfff]")  # JSON can write half of a surrogate pair; no text can hold it


@dataclass(frozen=True, slots=True)
class FieldText:
    """A field in pieces: what is copied, and segments.

    Args:
        value: the field as it was.
        pieces: strings that are copied, and segments with what each of their spans really holds, by key.
    """

    value: str
    pieces: tuple[str | tuple[Segment, dict[int, str]], ...]

    @property
    def segments(self) -> list[Segment]:
        """What is to be translated; nothing where the field has no word."""
        return [piece[0] for piece in self.pieces if not isinstance(piece, str)]

    def filled(self, targets: Iterator[Target]) -> str | None:
        """Return the field with one target a segment, or None when that changes nothing.

        Raises:
            StopIteration: there are fewer targets than segments.
        """
        texts = []
        for piece in self.pieces:
            if isinstance(piece, str):
                texts.append(piece)
            else:
                texts.append(_filled(next(targets), piece[1]))
        value = "".join(texts)
        return None if value == self.value else value


def _filled(target: Target, held: dict[int, str]) -> str:
    def restored(span: Span, text: str) -> str:
        return held.get(span.key, text)

    return rewrite(target.text, target.spans, restored)[0]


def field_text(value: str, name: str, options: FormatOptions) -> FieldText:
    """Cut a field into segments.

    Args:
        value: any string, also with halves of surrogate pairs.
        name: of the field; of several segments each gets " #1", " #2" … behind it as its id.
        options: `selective` says how.

    Raises:
        UsageError: there is no such way.
    """
    if options.selective not in _MODES:
        raise UsageError(f"selective is {options.selective!r}; it is one of {', '.join(_MODES)}.")
    text = _LONE.sub("\N{REPLACEMENT CHARACTER}", value)
    if options.selective != "structure":
        spans = protected(text) if options.selective == "prompt" else ()
        return FieldText(value, (_piece(value, text, 0, spans, name),))
    pieces: list[str | tuple[Segment, dict[int, str]]] = []
    position = 0
    for part in _cut(text):
        if part.copied:
            pieces.append(value[position : position + len(part.text)])
        else:
            piece = _piece(value, part.text, position, inline(part.text), name)
            if part.wrapped and not isinstance(piece, str):
                piece = (replace(piece[0], breaks="soft"), piece[1])
            pieces.append(piece)
        position += len(part.text)
    return FieldText(value, tuple(_numbered(pieces)))


def _cut(text: str) -> Sequence[Part]:
    """Cut a text; one is often cut twice, when its segments are read and when it is written anew."""
    return _remembered(text) if len(text) <= _REMEMBERED_LENGTH else cut(text)


@lru_cache(maxsize=2048)
def _remembered(text: str) -> Sequence[Part]:
    return tuple(cut(text))


def _piece(
    value: str, text: str, start: int, spans: tuple[Span, ...], name: str
) -> str | tuple[Segment, dict[int, str]]:
    """Return a stretch of a field as a segment, or as it is when it has no word."""
    real = value[start : start + len(text)]
    if real != text:
        spans = _with_lone(real, spans)
    if not speaks(text, spans):
        return real
    return Segment(text, name, spans), {span.key: literal(real, span) for span in spans}


def _with_lone(real: str, spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Return the spans with one more for each half of a surrogate pair outside of them."""
    taken = {at for span in spans for at in range(span.start, span.end)}
    found = [match.start() for match in _LONE.finditer(real) if match.start() not in taken]
    added = [Span(at, at + 1, "code", len(spans) + number) for number, at in enumerate(found)]
    return tuple(sorted((*spans, *added), key=lambda span: span.start))


def _numbered(
    pieces: list[str | tuple[Segment, dict[int, str]]],
) -> Iterator[str | tuple[Segment, dict[int, str]]]:
    several = sum(not isinstance(piece, str) for piece in pieces) > 1
    number = 0
    for piece in pieces:
        if isinstance(piece, str) or not several:
            yield piece
        else:
            number += 1
            yield replace(piece[0], id=f"{piece[0].id} #{number}"), piece[1]
