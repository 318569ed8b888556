"""What a specialist says of the words of a masked text and its draft, carried over to the text with its spans.

Nothing but white space and spans differs between a masked text and its source, and between a draft and what is
restored from it. So a word is found again by the letters outside of spans, which stand in the same order on both
sides, and by the keys of the spans in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from scalemt.text.spans import between
from scalemt.types import Draft, Span, Word

_WORD = re.compile(r"\S+")

Text = tuple[str, Sequence[Span]]
"""A text and its spans, in order."""


class WordMap:
    """Which white-space words of one text became which of another.

    Args:
        first, second: the two texts.
    """

    def __init__(self, first: Text, second: Text) -> None:
        self._there = _places(*second)
        self._links: dict[int, set[int]] = {}
        for mark, numbers in _places(*first).items():
            for number in numbers:
                self._links.setdefault(number, set()).update(self._there.get(mark, ()))

    def __getitem__(self, word: int) -> set[int]:
        """Return the words of the second text that a word of the first one became."""
        return self._links.get(word, set())


def _places(text: str, spans: Sequence[Span]) -> dict[int, list[int]]:
    """Return the numbers of the words in which each letter outside of spans and each span stands.

    Letters are counted from 0; a span is -1 and its key taken off.
    """
    starts = word_starts(text)
    found: dict[int, list[int]] = {}
    letters = position = 0
    for span, plain in zip((*spans, None), between(text, spans), strict=True):
        for offset, letter in enumerate(plain, position):
            if not letter.isspace():
                found[letters] = [bisect_right(starts, offset) - 1]
                letters += 1
        if span:
            inside = text[span.start : span.end]
            last = span.start + len(inside.rstrip()) - 1
            first = span.end - len(inside.lstrip())
            if first <= last:
                found[-1 - span.key] = list(range(bisect_right(starts, first) - 1, bisect_right(starts, last)))
            position = span.end
    return found


def word_starts(text: str) -> list[int]:
    """Return where each white-space word of a text starts."""
    return [found.start() for found in _WORD.finditer(text)]


def carried_alignment(
    alignment: Iterable[tuple[int, int]], sources: WordMap, targets: WordMap
) -> tuple[tuple[int, int], ...]:
    """Return an alignment between other forms of the two texts that it is between."""
    links = {(one, other) for a, b in alignment for one in sources[a] for other in targets[b]}
    return tuple(sorted(links))


def carried_words(draft: Draft, masks: Sequence[Span], text: str, spans: Sequence[Span]) -> tuple[Word, ...]:
    """Return the words of a text restored from a draft, with their confidences.

    A word has the mean confidence of the drafted words that its letters outside of spans are from; one that is
    nothing but spans and signs has that of its neighbours, None where they have none.

    Args:
        draft: as the specialist gave it.
        masks: where the masks stand in it.
        text, spans: what was restored.
    """
    confidences = _by_word(draft)
    if confidences is None:
        return tuple(Word(word) for word in text.split())
    origins = WordMap((text, spans), (draft.text, masks))
    lettered = _numbers_with_letters(text, spans)
    own = [
        _mean([confidences[index] for index in sorted(origins[number])]) if number in lettered else None
        for number in range(len(text.split()))
    ]
    return _filled(text, own, lettered)


def _filled(text: str, own: Sequence[float | None], lettered: Collection[int]) -> tuple[Word, ...]:
    """Return the words of a text; those without letters are as sure as their neighbours."""
    filled = [
        sure if number in lettered else _mean([*own[max(0, number - 1) : number], *own[number + 1 : number + 2]])
        for number, sure in enumerate(own)
    ]
    return tuple(Word(word, sure) for word, sure in zip(text.split(), filled, strict=True))


def _numbers_with_letters(text: str, spans: Sequence[Span]) -> set[int]:
    """Return the numbers of the words that have a letter or digit outside of spans."""
    starts = word_starts(text)
    found: set[int] = set()
    position = 0
    for span, plain in zip((*spans, None), between(text, spans), strict=True):
        found |= {bisect_right(starts, at) - 1 for at, letter in enumerate(plain, position) if letter.isalnum()}
        position = span.end if span else position
    return found


def _by_word(draft: Draft) -> list[float | None] | None:
    """Return the confidence of each white-space word of a draft, None where its words are others."""
    words = draft.text.split()
    if [word.text for word in draft.words] == words:
        return [word.confidence for word in draft.words]
    if "".join(word.text for word in draft.words) != "".join(words):
        return None
    letters = [word.confidence for word in draft.words for _ in word.text]
    ends, found = 0, []
    for word in words:
        found.append(_mean(letters[ends : ends + len(word)]))
        ends += len(word)
    return found


def _mean(confidences: Iterable[float | None]) -> float | None:
    known = [confidence for confidence in confidences if confidence is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a segment and its draft, with where they start in the wholes."""

    source: str
    start: int
    draft: Draft
    at: int


def joined_alignment(parts: Sequence[Part], source: str, text: str) -> tuple[tuple[int, int], ...]:
    """Return the alignment of the whole texts."""
    ours, theirs = word_starts(source), word_starts(text)
    links: set[tuple[int, int]] = set()
    for item in parts:
        ones = [bisect_right(ours, item.start + offset) - 1 for offset in word_starts(item.source)]
        others = [bisect_right(theirs, item.at + offset) - 1 for offset in word_starts(item.draft.text)]
        links |= {(ones[a], others[b]) for a, b in item.draft.alignment if a < len(ones) and b < len(others)}
    return tuple(sorted(links))


def joined_words(parts: Sequence[Part], text: str) -> tuple[Word, ...]:
    """Return the words of a whole text with spans; what is in no part is as sure as its neighbours."""
    starts = word_starts(text)
    known: dict[int, list[float | None]] = {}
    for item in parts:
        sure = _by_word(item.draft) or [None] * len(item.draft.text.split())
        for offset, confidence in zip(word_starts(item.draft.text), sure, strict=True):
            known.setdefault(bisect_right(starts, item.at + offset) - 1, []).append(confidence)
    return _filled(text, [_mean(known.get(number, ())) for number in range(len(starts))], known)
