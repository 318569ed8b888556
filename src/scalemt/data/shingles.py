"""Texts that are nearly the same, found without comparing each with each: MinHash and banding, then a look.

Source: Broder, "On the resemblance and containment of documents" (SEQUENCES 1997), for MinHash; Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", section 3.4, for the banding. No library does it: none is among
the dependencies, sixty lines are needed, and the likeness that counts is rapidfuzz's all the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

_SPACE = re.compile(r"\s+")
_WIDTH = 3  # characters of a shingle: words of short texts differ by an ending
# 32 bands of 3 find a pair whose shingles overlap by a half with 98.6 %, one of two thirds with 99.998 %.
_BANDS, _ROWS = 32, 3
_MOST_CHARACTERS = 2000  # of a text that are hashed: the beginnings of two long copies are copies too
_MOST_CANDIDATES = 64  # of one band that are looked at: texts made from one pattern share it by thousands
_SEED = 20_231_107


def shape(text: str) -> str:
    """Return what of a text is compared: composed, in small letters, with single spaces."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip().casefold()


class NearIndex:
    """Holds texts, and finds one that is nearly the same as another.

    Memory: about 4 kB a text (32 places in a table each, measured on sentences), and the text.

    Args:
        likeness: percent of rapidfuzz's ratio from which two texts are nearly the same. Below about 70 more and
            more are missed, since their shingles are too different to meet.
    """

    def __init__(self, likeness: float = 90.0) -> None:
        self._likeness = likeness
        self._texts: list[str] = []
        self._labels: list[str] = []
        self._bands: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str, label: str = "") -> None:
        """Keep a text; `label` is what `find` tells of it."""
        self._keep(shape(text), label)

    def find(self, text: str) -> tuple[str, float] | None:
        """Return label and likeness in percent of a kept text that is nearly the same, else None."""
        shown = shape(text)
        place = self._nearest(shown, _keys(shown), {})
        return (self._labels[place[0]], place[1]) if place else None

    def label(self, place: int) -> str:
        """Return what was told of the text in a place."""
        return self._labels[place]

    def places(self, text: str) -> tuple[int, ...]:
        """Return all places, from 0, of kept texts that are nearly the same as this one."""
        shown = shape(text)
        found: dict[int, float] = {}
        self._nearest(shown, _keys(shown), found)
        return tuple(found)

    def _keep(self, shown: str, label: str) -> None:
        number = len(self._texts)
        self._texts.append(shown)
        self._labels.append(label)
        for key in _keys(shown):
            held = self._bands.setdefault(key, [])
            if len(held) < _MOST_CANDIDATES:
                held.append(number)

    def _nearest(self, shown: str, keys: tuple[int, ...], found: dict[int, float]) -> tuple[int, float] | None:
        """Fill `found` with all that is near; return the nearest."""
        from rapidfuzz import fuzz

        seen = {number for key in keys for number in self._bands.get(key, ())}
        for number in sorted(seen):
            score = fuzz.ratio(shown, self._texts[number], score_cutoff=self._likeness)
            if score >= self._likeness and score:
                found[number] = score
        return max(found.items(), key=lambda item: (item[1], -item[0])) if found else None


@lru_cache(maxsize=8)  # a text that was looked for is kept next
def _keys(shown: str) -> tuple[int, ...]:
    """Return a number for each band; a text shorter than a shingle has the hash of itself."""
    import numpy as np

    codes = np.frombuffer(shown[:_MOST_CHARACTERS].encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if not len(codes):
        return ()
    multipliers, offsets, powers = _numbers()
    padded = np.pad(codes, (0, max(0, _WIDTH - len(codes)))).astype(np.uint64)
    rows = len(padded) - _WIDTH + 1
    # Overflow of 64 bits is meant: multiply-shift hashing.
    shingles = sum(padded[start : start + rows] * powers[start] for start in range(_WIDTH))
    hashed = (np.unique(shingles)[None, :] * multipliers[:, None] + offsets[:, None]) >> np.uint64(32)
    least = hashed.min(axis=1).reshape(_BANDS, _ROWS)
    mixed = (least * powers[:_ROWS]).sum(axis=1) ^ (np.arange(_BANDS, dtype=np.uint64) << np.uint64(58))
    return tuple(int(key) for key in mixed)


@lru_cache(maxsize=1)
def _numbers() -> tuple[Any, Any, Any]:
    """Return odd multipliers, offsets and powers, the same in each process."""
    import numpy as np

    drawn = np.random.default_rng(_SEED).integers(1, 2**63, size=2 * _BANDS * _ROWS + _WIDTH, dtype=np.uint64)
    odd = drawn | np.uint64(1)
    count = _BANDS * _ROWS
    return odd[:count], drawn[count : 2 * count], odd[2 * count :]
