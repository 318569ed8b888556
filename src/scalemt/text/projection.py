"""Put spans that a model lost back into a translation, by the words around them.

The words of source and translation are aligned (by the specialist's own alignment where it has one, else by
likeness). A pair of tags goes around what the words inside it became, all else beside what it stood beside. A tag
without evidence goes to the same relative place; a placeholder is content, and is never put at random.
"""

from __future__ import annotations

from collections.abc import Sequence

from scalemt.text.alignment import align
from scalemt.text.spans import fault, literal, rebuild
from scalemt.text.units import Units
from scalemt.types import Segment, Span

_FAR = 0  # words between a lost placeholder and the one that tells its place, at most


def project(
    source: Segment, text: str, spans: Sequence[Span], lost: Sequence[Span], alignment: Sequence[tuple[int, int]]
) -> tuple[str, tuple[Span, ...]] | None:
    """Return a translation with lost spans put back, or None where there is no telling where one belongs.

    What is returned has no `fault`: all spans of the source, nested as pairs must be.

    Args:
        source: with all spans.
        text, spans: the translation with the spans that it holds, by the keys of the source.
        lost: spans of the source that are to be put in.
        alignment: pairs (white-space word of `source.text`, white-space word of `text`), from 0; empty where
            nobody knows.
    """
    if lost and not text.strip():
        return None
    weaving = _Weaving(source, text, spans, alignment)
    due = {span.key: span for span in lost}
    # A pair that encloses another opens before it: it is put in first, and the other stays inside of it.
    for span in sorted(lost, key=lambda span: span.start):
        if span.key not in due:
            continue
        half = _other_half(span, source)
        if half is None:
            done = weaving.put_alone(span)
        else:
            due.pop(half.key, None)
            done = weaving.put_pair(*((span, half) if span.role == "open" else (half, span)))
        if not done:
            return None
        del due[span.key]
    made = weaving.made()
    return None if fault(source.text, source.spans, *made) else made


def _other_half(span: Span, source: Segment) -> Span | None:
    if span.role == "alone":
        return None
    return next((other for other in source.spans if other.key == span.partner and other.role != span.role), None)


class _Weaving:
    """A translation in units (words, signs, white space, spans) into which spans are put one after the other."""

    def __init__(
        self, source: Segment, text: str, spans: Sequence[Span], alignment: Sequence[tuple[int, int]]
    ) -> None:
        self._segment = source
        self._source = Units(source.text, source.spans)
        self._target = Units(text, spans)
        pairs = list(alignment) or align(self._source.words, self._target.words)
        self._links: dict[int, set[int]] = {}
        for one, other in pairs:
            self._links.setdefault(one, set()).add(other)

    def made(self) -> tuple[str, tuple[Span, ...]]:
        """Return the text with all spans that it has by now."""
        return rebuild([(unit.span, unit.text) if unit.span else unit.text for unit in self._target.units])

    # -- pairs -----------------------------------------------------------------------------------------------

    def put_pair(self, opening: Span, closing: Span) -> bool:
        """Put a pair around what the words inside it became; a half that is there already stays."""
        low, high = self._bounds(opening)
        there_open, there_close = self._target.place(opening.key), self._target.place(closing.key)
        if there_open >= 0:
            low = max(low, there_open + 1)
        if there_close >= 0:
            high = min(high, there_close)
        if low > high:
            return False
        start, end = self._hull(opening, closing, low, high)
        start, end = (low if there_open >= 0 else start), (high if there_close >= 0 else end)
        empty = start == end
        if there_close < 0:
            self._insert(end, closing, after=empty)
        if there_open < 0:
            self._insert(start, opening, before=empty)
        return True

    def _bounds(self, span: Span) -> tuple[int, int]:
        """Return between which units of the translation a span must stand: inside the pairs around it."""
        low, high = 0, len(self._target.units)
        for opening, closing in self._pairs():
            if opening.start < span.start < closing.start:
                start, end = self._target.place(opening.key), self._target.place(closing.key)
                if 0 <= start < end:
                    low, high = max(low, start + 1), min(high, end)
        return low, max(low, high)

    def _pairs(self) -> list[tuple[Span, Span]]:
        by_key = {span.key: span for span in self._segment.spans}
        return [
            (span, by_key[span.partner])
            for span in self._segment.spans
            if span.role == "open" and span.partner in by_key
        ]

    def _hull(self, opening: Span, closing: Span, low: int, high: int) -> tuple[int, int]:
        first, last = self._source.place(opening.key) + 1, self._source.place(closing.key)
        inside = range(first, last)
        if not self._source.filled(first, last):
            at = self._beside(opening, low, high, far=10**6)
            at = self._relative(first, low, high) if at is None else at
            return at, at
        scores = self._scores(inside)
        start, end = _heaviest(scores[low:high])
        start, end = start + low, end + low
        if start == end:
            start, end = self._share(first, last, low, high)
        start, end = self._balanced(start, end, inside, low, high)
        return self._with_signs(first, last, start, end, low, high)

    def _scores(self, inside: range) -> list[int]:
        """Return for each unit of the translation whether it comes from inside (1), outside (-1) or neither."""
        within = {self._source.units[index].word for index in inside if self._source.units[index].is_word}
        keys = {span.key for index in inside if (span := self._source.units[index].span)}
        mine = {other for word in within for other in self._links.get(word, ())}
        foreign = {other for word, others in self._links.items() if word not in within for other in others}
        scores = []
        for unit in self._target.units:
            if unit.span:
                weight = 1 if unit.span.key in keys else (-1 if unit.span.role == "alone" else 0)
            elif unit.is_word:
                weight = 1 if unit.word in mine else (-1 if unit.word in foreign else 0)
            else:
                weight = 0
            scores.append(weight)
        return scores

    def _share(self, first: int, last: int, low: int, high: int) -> tuple[int, int]:
        """Return the same share of the translation, in whole words, at least one where there is one."""
        start, end = self._relative(first, low, high), self._relative(last, low, high)
        words = [index for index in range(low, high) if self._target.units[index].is_filled]
        if not words:
            return low, low
        chosen = [index for index in words if start <= index < end]
        if not chosen:
            chosen = [min(words, key=lambda index: (abs(index - start), index))]
        return chosen[0], chosen[-1] + 1

    def _balanced(self, start: int, end: int, inside: range, low: int, high: int) -> tuple[int, int]:
        """Widen around pairs that belong inside, and draw back from others, until no pair crosses."""
        keys = {span.key for index in inside if (span := self._source.units[index].span)}
        for _ in range(2 * len(self._target.units)):
            crossing = self._crossing(start, end)
            if crossing is None:
                break
            index, other = crossing
            span = self._target.units[index].span
            if span and span.key in keys and low <= other < high:
                start, end = min(start, other), max(end, other + 1)
            elif other < start:
                start = index + 1
            else:
                end = index
        return start, max(start, end)

    def _crossing(self, start: int, end: int) -> tuple[int, int] | None:
        for index in range(start, end):
            span = self._target.units[index].span
            if span and span.partner >= 0 and span.role != "alone":
                other = self._target.place(span.partner)
                if other >= 0 and not start <= other < end:
                    return index, other
        return None

    def _with_signs(self, first: int, last: int, start: int, end: int, low: int, high: int) -> tuple[int, int]:
        """Take in the sign at an edge where the source has the same one inside."""
        units, given = self._target.units, self._source.units
        if (
            end < high
            and units[end].is_sign
            and given[last - 1].is_sign
            and given[last - 1].text == units[end].text
        ):
            end += 1
        if low < start and units[start - 1].is_sign and given[first].text == units[start - 1].text:
            start -= 1
        return start, end

    # -- one by one ------------------------------------------------------------------------------------------

    def put_alone(self, span: Span) -> bool:
        """Put one span beside what became of its neighbours; False where nothing tells the place of content."""
        low, high = self._bounds(span)
        content = span.kind != "tag"
        at = self._beside(span, low, high, far=_FAR if content else 10**6)
        if at is None and content:
            return False
        at = self._relative(self._source.place(span.key), low, high) if at is None else at
        self._insert(at, span, before=True, after=True)
        return True

    def _beside(self, span: Span, low: int, high: int, far: int) -> int | None:
        """Return the place behind what the left neighbour became, or before the right one: the nearer one."""
        home = self._source.place(span.key)
        left, right = self._anchor(home, -1, far), self._anchor(home, 1, far)
        if left is None and right is None:
            return None if far == _FAR else self._edge(home)
        if left is None or (right is not None and right[0] < left[0]):
            at = right[1] if right else low
        else:
            at = left[1] + 1
        return min(max(at, low), high)

    def _anchor(self, home: int, step: int, far: int) -> tuple[int, int] | None:
        """Return how many words away the nearest neighbour with a known place is, and that place."""
        units = self._source.units
        index, words = home + step, 0
        while 0 <= index < len(units) and words <= far:
            unit = units[index]
            places = self._places(index)
            if places:
                return words, max(places) if step < 0 else min(places)
            words += unit.is_word
            index += step
        return None

    def _places(self, index: int) -> list[int]:
        """Return the units of the translation that a unit of the source became, as far as that is known."""
        unit = self._source.units[index]
        if unit.span:
            place = self._target.place(unit.span.key)
            return [place] if place >= 0 else []
        if unit.is_word:
            linked = self._links.get(unit.word, set())
            return [at for at, other in enumerate(self._target.units) if other.is_word and other.word in linked]
        if unit.is_sign:
            ours, theirs = self._source.signs(unit.text), self._target.signs(unit.text)
            return [theirs[ours.index(index)]] if len(ours) == len(theirs) else []
        return []

    def _edge(self, home: int) -> int | None:
        """A span that nothing but white space parts from an edge of the source keeps to that edge."""
        if not self._source.filled(0, home):
            return 0
        return len(self._target.units) if not self._source.filled(home + 1, len(self._source.units)) else None

    def _relative(self, place: int, low: int, high: int) -> int:
        """Return the unit before which the same share of words stands, between the nearest known neighbours."""
        words = [index for index, unit in enumerate(self._source.units) if unit.is_word]
        targets = [index for index in range(low, high) if self._target.units[index].is_word]
        if not targets:
            return low
        share = sum(index < place for index in words) / max(1, len(words))
        number = round(share * len(targets))
        return targets[number] if number < len(targets) else targets[-1] + 1

    def _insert(self, at: int, span: Span, *, before: bool = False, after: bool = False) -> None:
        """Put a span in, with the white space that parts it from words in the source on the sides that count."""
        held = literal(self._segment.text, span)
        before = before and self._segment.text[: span.start][-1:].isspace()
        after = after and self._segment.text[span.end :][:1].isspace()
        self._target.insert(at, span, held, (before, after))


def _heaviest(scores: Sequence[int]) -> tuple[int, int]:
    """Return the stretch with the largest sum, as short as can be; (0, 0) where nothing is above 0."""
    best, found, total, start = 0, (0, 0), 0, 0
    for index, score in enumerate(scores):
        if total <= 0:
            total, start = 0, index
        total += score
        if score > 0 and total > best:
            best, found = total, (start, index + 1)
    start, end = found
    while start < end and scores[start] <= 0:
        start += 1
    return start, end
