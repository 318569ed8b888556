"""Protected spans as offsets: rewriting a text without losing them, and checking that none was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from scalemt.types import Segment, Span


def literal(text: str, span: Span) -> str:
    """Return what a span of a text holds."""
    return text[span.start : span.end]


def between(text: str, spans: Sequence[Span]) -> list[str]:
    """Return the texts before, between and behind the spans: one more than there are spans."""
    starts = [0, *(span.end for span in spans)]
    ends = [*(span.start for span in spans), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def prose(text: str, spans: Sequence[Span]) -> str:
    """Return a text without its spans, for whoever looks for words."""
    return " ".join(between(text, spans)) if spans else text


def rebuild(pieces: Iterable[str | tuple[Span, str]]) -> tuple[str, tuple[Span, ...]]:
    """Put a text together from plain pieces and spans with what they are to hold; offsets are made anew."""
    text, spans, length = [], [], 0
    for piece in pieces:
        span, held = piece if isinstance(piece, tuple) else (None, piece)
        if span is not None:
            spans.append(replace(span, start=length, end=length + len(held)))
        text.append(held)
        length += len(held)
    return "".join(text), tuple(spans)


def rewrite(
    text: str, spans: Sequence[Span], held: Callable[[Span, str], str], plain: Callable[[str], str] = str
) -> tuple[str, tuple[Span, ...]]:
    """Return the text with other content in its spans, and the spans where they then stand.

    Args:
        text: any text.
        spans: its spans.
        held: what a span is to hold, from the span and what it holds now.
        plain: what becomes of the text outside of spans.
    """
    outside = between(text, spans)
    pieces: list[str | tuple[Span, str]] = [plain(outside[0])]
    for span, following in zip(spans, outside[1:], strict=True):
        pieces += [(span, held(span, literal(text, span))), plain(following)]
    return rebuild(pieces)


def part(segment: Segment, start: int, end: int) -> Segment:
    """Return the part of a segment from `start` to `end`, with the spans that lie in it; no span may be cut."""
    inside = [span for span in segment.spans if span.start >= start and span.end <= end]
    moved = tuple(replace(span, start=span.start - start, end=span.end - start) for span in inside)
    return replace(segment, text=segment.text[start:end], spans=moved)


def shifted(spans: Iterable[Span], offset: int) -> tuple[Span, ...]:
    """Return spans moved by `offset` characters."""
    return tuple(replace(span, start=span.start + offset, end=span.end + offset) for span in spans)


def fault(source: str, spans: Sequence[Span], text: str, found: Sequence[Span]) -> str:
    """Return what is wrong with the spans of a translation, or an empty string.

    Each span of the source must stand in the translation exactly once and hold the same; a pair must open before
    it closes, and pairs must not cross.

    Args:
        source, spans: the source with its spans.
        text, found: the translation with the spans located in it.
    """
    due = Counter((span.key, literal(source, span)) for span in spans)
    there = Counter((span.key, literal(text, span)) for span in found)
    if lost := due - there:
        return f"{_listed(lost)} of the source is missing"
    if added := there - due:
        return f"{_listed(added)} is not in the source"
    return crossing(text, found)


def crossing(text: str, spans: Iterable[Span]) -> str:
    """Return which pair opens after it closes or crosses another, or an empty string."""
    waiting: list[Span] = []
    closed_by = {span.partner for span in spans if span.role == "close"}
    for span in spans:
        if span.role == "open" and span.key in closed_by:
            waiting.append(span)
        elif span.role == "close" and span.partner >= 0:
            if not waiting or waiting[-1].key != span.partner:
                return f"{literal(text, span)!r} stands where nothing of its own is open"
            waiting.pop()
    return f"{literal(text, waiting[-1])!r} is not closed" if waiting else ""


def emptied(source: Segment, text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the halves of pairs, as in the source, that hold words there and none in a translation."""
    due, there = _filled(source.text, source.spans), _filled(text, spans)
    lost = {key for key, filled in there.items() if not filled and due.get(key)}
    return tuple(span for span in source.spans if span.key in lost or span.partner in lost)


def _filled(text: str, spans: Sequence[Span]) -> dict[int, bool]:
    """Tell for each opening whether there are letters or digits between it and its partner."""
    closing = {span.partner: index for index, span in enumerate(spans) if span.role == "close"}
    outside = between(text, spans)
    return {
        span.key: any(map(str.isalnum, "".join(outside[index + 1 : closing[span.key] + 1])))
        for index, span in enumerate(spans)
        if span.role == "open" and span.key in closing
    }


def _listed(counted: Counter[tuple[int, str]]) -> str:
    return ", ".join(repr(held) for _, held in sorted(counted)[:3])
