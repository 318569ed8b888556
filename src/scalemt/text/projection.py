"""Put spans that a model lost back into a translation, by the words around them.

The words of source and translation are aligned (by the specialist's own alignment where it has one, else by
likeness and position); a pair of tags goes around the words that those inside became, all else beside the words
that it stood beside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from scalemt.text.spans import crossing, literal, rebuild
from scalemt.types import Segment, Span

_WORD = re.compile(r"\S+")
_LIKE = 70.0  # per cent of likeness from which two words count as the same


def project(
    source: Segment, text: str, spans: Sequence[Span], lost: Sequence[Span], alignment: Sequence[tuple[int, int]]
) -> tuple[str, tuple[Span, ...]] | None:
    """Return a translation with lost spans put back, or None where there is no telling where one belongs.

    Args:
        source: with all spans.
        text, spans: the translation with the spans that it holds, by the keys of the source.
        lost: spans of the source that are to be put in.
        alignment: pairs of white-space words (source outside of spans, translation outside of spans), from 0;
            empty where nobody knows.
    """
    if not lost or not text.strip():
        return None
    places = _Places(source, text, spans, alignment)
    inserted: list[tuple[int, int, Span]] = []
    for order, span in enumerate(lost):
        offset = places.offset(span)
        if offset is None:
            return None
        inserted.append((offset, order, span))
    made = _woven(source, text, spans, inserted)
    return None if crossing(*made) else made


class _Places:
    """Where in a translation the surroundings of a span went."""

    def __init__(
        self, source: Segment, text: str, spans: Sequence[Span], alignment: Sequence[tuple[int, int]]
    ) -> None:
        self._source = source
        self._words = _outside(source.text, source.spans)
        self._targets = _outside(text, spans)
        self._text = text
        words = [source.text[a:b] for a, b in self._words]
        targets = [text[a:b] for a, b in self._targets]
        pairs = list(alignment) or align(words, targets)
        self._map: dict[int, list[int]] = {}
        for one, other in pairs:
            if one < len(words) and other < len(targets):
                self._map.setdefault(one, []).append(other)

    def offset(self, span: Span) -> int | None:
        """Return the offset at which a span goes in, or None."""
        if not self._targets:
            return None
        if span.role != "alone":
            return self._edge(span)
        before = self._beside(span, -1)
        after = self._beside(span, 1)
        if after is not None:
            return self._targets[min(after)][0]
        if before is not None:
            return self._targets[max(before)][1]
        if not self._after(span):
            return len(self._text.rstrip())
        if not self._before(span):
            return self._targets[0][0]
        return self._relative(span) if span.kind == "tag" else None

    def _edge(self, span: Span) -> int:
        """A half of a pair: at the start or the end of the words that those inside the pair became."""
        other = next((item for item in self._source.spans if item.key == span.partner), None)
        if other:
            opening, closing = (span, other) if span.role == "open" else (other, span)
            inside = [n for n, (a, b) in enumerate(self._words) if a >= opening.end and b <= closing.start]
            hull = [target for n in inside for target in self._map.get(n, [])]
            if hull:
                return self._targets[min(hull)][0] if span.role == "open" else self._targets[max(hull)][1]
        return self._relative(span)

    def _before(self, span: Span) -> list[int]:
        return [n for n, (_, b) in enumerate(self._words) if b <= span.start]

    def _after(self, span: Span) -> list[int]:
        return [n for n, (a, _) in enumerate(self._words) if a >= span.end]

    def _beside(self, span: Span, step: int) -> list[int] | None:
        """The targets of the nearest words on one side, at most two words away."""
        near = self._before(span)[::-1] if step < 0 else self._after(span)
        for number in near[:2]:
            if number in self._map:
                return self._map[number]
        return None

    def _relative(self, span: Span) -> int:
        share = len(self._before(span)) / max(1, len(self._words))
        number = min(len(self._targets) - 1, round(share * len(self._targets)))
        if span.role == "close":
            return self._targets[max(0, number - 1)][1]
        return self._targets[number][0] if share < 1 else self._targets[-1][1]


def _outside(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return start and end of the words outside of spans."""
    edges = [(0, 0), *((span.start, span.end) for span in spans), (len(text), len(text))]
    found = []
    for (_, start), (end, _) in pairwise(edges):
        found += [match.span() for match in _WORD.finditer(text, start, end)]
    return found


def _woven(
    source: Segment, text: str, spans: Sequence[Span], inserted: Sequence[tuple[int, int, Span]]
) -> tuple[str, tuple[Span, ...]]:
    """Put spans into a text at offsets; at one place they stand in the order of the source."""
    rank = {"close": 0, "alone": 1, "open": 2}
    waiting = sorted(inserted, key=lambda item: (item[0], rank[item[2].role], item[1]))
    standing = sorted(spans, key=lambda span: span.start)
    pieces: list[str | tuple[Span, str]] = []
    position = 0
    for offset, span, held in _merged(waiting, standing, source, text):
        pieces.append(text[position:offset])
        if span.role == "alone" and span.kind != "tag" and held is not None and span in source.spans:
            pieces.append((span, held))
        else:
            pieces.append((span, held if held is not None else literal(text, span)))
        position = offset if held is not None else span.end
    pieces.append(text[position:])
    return rebuild(_spaced(pieces))


def _merged(
    waiting: Sequence[tuple[int, int, Span]], standing: Sequence[Span], source: Segment, text: str
) -> list[tuple[int, Span, str | None]]:
    """All spans in the order of the new text; `held` is None for those that stand there already."""
    items: list[tuple[tuple[int, int, int], int, Span, str | None]] = []
    for number, (offset, _, span) in enumerate(waiting):
        items.append(((offset, 0, number), offset, span, literal(source.text, span)))
    for number, span in enumerate(standing):
        items.append(((span.start, 1, number), span.start, span, None))
    return [(offset, span, held) for _, offset, span, held in sorted(items, key=lambda item: item[0])]


def _spaced(pieces: list[str | tuple[Span, str]]) -> list[str | tuple[Span, str]]:
    """Keep placeholders and words apart: what is put between two words needs a space on both sides."""
    made: list[str | tuple[Span, str]] = []
    for index, piece in enumerate(pieces):
        made.append(piece)
        if not isinstance(piece, tuple) or piece[0].kind == "tag":
            continue
        left = _last(made[:-1])
        right = next((item[1] if isinstance(item, tuple) else item for item in pieces[index + 1 :] if item), "")
        if left and left[-1].isalnum():
            made.insert(-1, " ")
        if right and isinstance(right, str) and right[0].isalnum():
            made.append(" ")
    return made


def _last(pieces: Sequence[str | tuple[Span, str]]) -> str:
    return next((item[1] if isinstance(item, tuple) else item for item in reversed(pieces) if item), "")


def align(source: Sequence[str], target: Sequence[str]) -> list[tuple[int, int]]:
    """Align words without any model: the same or alike words that stand at about the same place.

    A weak guide between unlike languages, a good one between a draft and its refinement.
    """
    from rapidfuzz import fuzz

    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for one, word in enumerate(source):
        best, best_at = 0.0, -1
        for other, candidate in enumerate(target):
            if other in taken:
                continue
            alike = fuzz.ratio(_bare(word), _bare(candidate))
            away = abs(one / max(1, len(source)) - other / max(1, len(target)))
            value = alike - 40 * away
            if alike >= _LIKE and value > best:
                best, best_at = value, other
        if best_at >= 0:
            pairs.append((one, best_at))
            taken.add(best_at)
    return pairs


def _bare(word: str) -> str:
    return word.strip(".,;:!?\"'()[]«»“”‘’…").lower() or word
