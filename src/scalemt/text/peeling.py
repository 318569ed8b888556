"""What stands at the edges of a text and need not go through a model: white space, tags around all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from scalemt.text.spans import part
from scalemt.types import Segment, Span

_WIDE_END = re.compile(r"[。！？][」』”’）]*$")


def peeled(segment: Segment) -> tuple[int, int]:
    """Return the stretch of a segment that is left without white space and tags at its edges.

    Of pairs only those are taken off that enclose all of it, and halves whose other half is elsewhere.
    """
    text, inside = segment.text, list(segment.spans)
    start, end = 0, len(text)
    while True:
        first, last = (inside[0], inside[-1]) if inside else (None, None)
        # White space inside of a span is the span's.
        left, right = (first.start, last.end) if first and last else (end, start)
        start = min(left, end - len(text[start:end].lstrip()))
        end = max(right, start + len(text[start:end].rstrip()))
        if first and first.kind == "tag" and first.start == start and is_single(first, inside):
            start = inside.pop(0).end
        elif last and last.kind == "tag" and last.end == end and is_single(last, inside):
            end = inside.pop().start
        elif first and last and _encloses(first, last, start, end):
            start, end = first.end, last.start
            inside = inside[1:-1]
        else:
            return start, end


def is_single(span: Span, spans: Sequence[Span]) -> bool:
    """Whether a span is no half of a pair, or the other half is not among these."""
    return span.role == "alone" or all(other.key != span.partner for other in spans)


def _encloses(first: Span, last: Span, start: int, end: int) -> bool:
    pair = first.kind == "tag" and first.role == "open" and first.partner == last.key and last.role == "close"
    return pair and first.start == start and last.end == end


def by_itself(segment: Segment, start: int, end: int) -> Segment:
    """Return a part of a segment in which halves of pairs stand alone whose other half is not in it."""
    made = part(segment, start, end)
    single = [
        replace(span, role="alone", partner=-1) if is_single(span, made.spans) else span for span in made.spans
    ]
    return replace(made, spans=tuple(single))


def gap_behind(text: str, source: str, gap: str) -> str:
    """Return what follows a translated sentence: the white space of the source, as the target's script has it.

    Chinese and Japanese put no space between sentences, most other scripts do.
    """
    if bool(_WIDE_END.search(text)) == bool(_WIDE_END.search(source)):
        return gap
    return gap.strip(" ") if _WIDE_END.search(text) else gap or " "
