"""Whether a translation leaves something out or puts something in (SWIE and OVERMISS, arXiv 2308.12674).

The paper trains models against under- and over-translation, and measures both by word alignment; its metric was
not read. What stands here finds both at inference:

- against a draft: both texts are in one language, and their words are aligned by likeness. Between two links there
  is a gap; a gap with words on one side and none on the other is what one text says and the other does not.
- against the source: by the links of an aligner, or by a translation back into its language. Function words and
  short ones link to anything or nothing: only words of four letters and more count, by their letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scalemt.text.alignment import align, alike, bare_word
from scalemt.types import Draft

LEAST = 0.9
"""Columns by which a text must differ from its draft, over the draft's to the power 0.75, to be refused.

Chosen on lines 1 to 400 of FLORES dev so that of human references at most one in a hundred is refused (English and
Portuguese, Basque to English, Spanish to Catalan; `benchmarks/coverage.py` measures it on the others)."""

_GRACE = 20  # columns: short texts vary more
_POWER = 0.75  # a share of the length is too strict for short texts, a plain number of letters for long ones
_GAP = 1.5  # a letter of a content word in a gap, with the short words beside it, in columns
_LONGER = 1.1  # times the source: what a draft may lack that left something out; some languages are wordier
_SHORTEST = 4  # letters of a word that counts
_UNLINKED = 15  # letters; of 800 drafts of Bergamot four have as many in a row, and two of them lack the words
_UNSPACED = 15  # letters a white-space word, above which a text is not written in words


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words `start` to `end` of a text, counted from 0 by white space; `weight` is that of those that count."""

    start: int = 0
    end: int = 0
    weight: int = 0

    def shown(self, words: Sequence[str]) -> str:
        """Return the words for a message."""
        text = " ".join(words[self.start : self.end])
        return repr(text if len(text) <= 60 else text[:57] + "…")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a source its translation accounts for, and the longest stretch that it does not."""

    share: float
    gap: Stretch


@dataclass(frozen=True, slots=True)
class Difference:
    """What one of two texts says and the other does not; `size` is to be compared with `LEAST`."""

    size: float
    gap: Stretch


NOTHING = Difference(0.0, Stretch())


def omission(source: str, text: str, draft: str) -> str:
    """Say what of the draft a text leaves out, "" where nothing is missing for sure."""
    found = left_out(source, text, draft)
    return f"nothing stands for {found.gap.shown(draft.split())} of the draft" if found.size > LEAST else ""


def addition(source: str, text: str, draft: str) -> str:
    """Say what of a text stands for nothing of the draft or the source, "" where nothing does for sure."""
    found = put_in(source, text, draft)
    return f"{found.gap.shown(text.split())} stands for nothing of the source" if found.size > LEAST else ""


def left_out(source: str, text: str, draft: str) -> Difference:
    """Return what a draft says and a text does not.

    The text must be shorter than the draft and than the source: a draft may have put something in.
    """
    room = min(columns(draft), columns(source)) - columns(text)
    if room <= _GRACE or not _are_words(draft, text):
        return NOTHING
    return _difference(room, widest_gap(draft.split(), text.split()), draft)


def put_in(source: str, text: str, draft: str) -> Difference:
    """Return what a text says, and neither a draft nor the source does.

    The text must be longer than the draft and than the source: a draft may have left something out.
    """
    room = columns(text) - max(columns(draft), _LONGER * columns(source))
    if room <= _GRACE or not _are_words(draft, text):
        return NOTHING
    return _difference(room, widest_gap(text.split(), draft.split(), source.split()), draft)


def _difference(room: float, gap: Stretch, draft: str) -> Difference:
    return Difference(min(room, _GAP * gap.weight) / columns(draft) ** _POWER, gap)


def _are_words(*texts: str) -> bool:
    """Whether texts are written with spaces between words: in others a gap cannot be told from another wording."""
    return all(len(text) <= _UNSPACED * len(text.split()) for text in texts)


def columns(text: str) -> int:
    """Count characters, those of East Asian scripts double: they say as much as two to four Latin letters."""
    return len(text) + sum(unicodedata.east_asian_width(character) in "WF" for character in text)


def weight(word: str) -> int:
    """Return the letters of a word that says something by itself, 0 for a short one; numbers always count."""
    bare = bare_word(word)
    return len(bare) if len(bare) >= _SHORTEST or any(map(str.isdigit, bare)) else 0


def widest_gap(words: Sequence[str], others: Sequence[str], known: Iterable[str] = ()) -> Stretch:
    """Return the stretch of a text that weighs most against what stands in its place in another text.

    Args:
        words, others: two texts of one language.
        known: words that count as found, whichever text they are of.
    """
    links = align(words, others)
    mine = _without_like(words, [*others, *known])
    theirs = _without_like(others, words)
    widest = Stretch()
    for (one, other), (next_one, next_other) in pairwise([(-1, -1), *links, (len(words), len(others))]):
        alone = [place for place in range(one + 1, next_one) if place in mine]
        instead = sum(weight(others[place]) for place in range(other + 1, next_other) if place in theirs)
        found = sum(weight(words[place]) for place in alone) - instead
        if found > widest.weight:
            widest = Stretch(alone[0], alone[-1] + 1, found)
    return widest


def _without_like(words: Sequence[str], others: Sequence[str]) -> set[int]:
    """Return the places of words that nothing anywhere in the others is like, each of which serves once."""
    pool = [bare_word(other) for other in others]
    left = set()
    for place, word in enumerate(words):
        bare = bare_word(word)
        found = next((index for index, other in enumerate(pool) if alike(bare, other)), None)
        if found is None:
            left.add(place)
        else:
            del pool[found]
    return left


def by_links(words: Sequence[str], linked: Collection[int]) -> Coverage:
    """Return how much of a text an aligner has found a counterpart for.

    Args:
        words: of the text.
        linked: the places of those with a link.
    """
    total = sum(map(weight, words))
    missing = sum(weight(word) for place, word in enumerate(words) if place not in linked)
    widest, start, current = Stretch(), 0, 0
    for place, word in enumerate(words):
        if place in linked and weight(word):
            current = 0
        elif place not in linked and weight(word):
            start = start if current else place
            current += weight(word)
            widest = max(widest, Stretch(start, place + 1, current), key=lambda found: found.weight)
    return Coverage(1 - missing / total if total else 1.0, widest)


def unlinked(source: str, draft: Draft) -> str:
    """Return the longest stretch of a source that no word of its draft was written for, "" for a short or no one.

    Args:
        source: the text.
        draft: of a specialist that tells its alignment; of others nothing is known.
    """
    if not draft.alignment:
        return ""
    words = source.split()
    gap = by_links(words, {one for one, _ in draft.alignment}).gap
    return gap.shown(words) if gap.weight >= _UNLINKED else ""


def by_back_translation(source: str, back: str) -> tuple[Coverage, Coverage]:
    """Return how much of a source its translation accounts for, and of the translation the source.

    The share is what the widest gap leaves, times the length of the other text where that is the shorter one: both
    together tell more than each (AUC .93 to .96 for .86 to .93 of the gap and .93 to .95 of the lengths).

    Args:
        source: the text.
        back: its translation, translated back by a specialist.
    """
    return _against(source, back), _against(back, source)


def _against(text: str, other: str) -> Coverage:
    words = text.split()
    gap = widest_gap(words, other.split())
    total = sum(map(weight, words))
    shorter = min(1.0, columns(other) / columns(text)) if text else 1.0
    return Coverage((1 - gap.weight / total if total else 1.0) * shorter, gap)
