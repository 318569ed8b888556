"""Rules about lengths."""

from __future__ import annotations

import math
import random
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from scalemt.quality.rules.base import Edit, Rule, Wants
from scalemt.types import Pair

_SHORTENING = frozenset({"length", "omission", "drift", "numbers", "addresses"})
_LENGTHENING = frozenset({"length", "addition", "drift"})
# Of scripts without spaces each letter counts as a word: nobody agrees on where their words end.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff"
_SHORT = 20  # characters of a source, below which a ratio says little
_WORDS = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]*[^\W{_UNSPACED}][^\s{_UNSPACED}]*")


def words(text: str) -> int:
    """Count words: by white space, those of signs alone left out; of scripts without spaces, letters."""
    return len(_WORDS.findall(text))


def characters(text: str) -> int:
    """Count characters."""
    return len(text)


class Amount(Rule):
    """At most or at least so many of something."""

    level = 1
    what: ClassVar[str]
    most: ClassVar[bool]

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.bound = self.number()

    @staticmethod
    @abstractmethod
    def count(text: str) -> int:
        """Count what is bounded."""

    def say(self, pair: Pair) -> str:
        """Say the bound."""
        return f"Use at {'most' if self.most else 'least'} {self.bound} {self.what}."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Count."""
        found = self.count(text)
        if found > self.bound if self.most else found < self.bound:
            return f"it has {found} {self.what}, and at {'most' if self.most else 'least'} {self.bound} are wanted"
        return ""

    def wants(self) -> Wants:
        """Want the bound of what is counted."""
        return Wants(self.what, most=self.bound) if self.most else Wants(self.what, least=self.bound)

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose what the reference keeps, and little more."""
        found = cls.count(reference)
        return [str(found if found < 10 else round(found * (1.05 if cls.most else 0.95)))] if found > 2 else []


class MaxWords(Amount):
    """At most so many words."""

    name = "max-words"
    example = "max-words=12"
    what = "words"
    most = True
    excuses = _SHORTENING
    count = staticmethod(words)


class MinWords(Amount):
    """At least so many words."""

    name = "min-words"
    example = "min-words=5"
    what = "words"
    most = False
    excuses = _LENGTHENING
    count = staticmethod(words)


class MaxCharacters(Amount):
    """At most so many characters."""

    name = "max-characters"
    example = "max-characters=80"
    what = "characters"
    most = True
    excuses = _SHORTENING
    count = staticmethod(characters)


class MinCharacters(Amount):
    """At least so many characters."""

    name = "min-characters"
    example = "min-characters=20"
    what = "characters"
    most = False
    excuses = _LENGTHENING
    count = staticmethod(characters)


class MaxRatio(Rule):
    """At most so many times as long as the source, in characters."""

    name = "max-ratio"
    example = "max-ratio=1.2"
    level = 1
    excuses = _SHORTENING

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", self.value) or not float(self.value):
            raise self.wrong("a number above 0")
        self.ratio = float(self.value)

    def say(self, pair: Pair) -> str:
        """Say the ratio."""
        return f"Let the translation be at most {self.value} times as long as the source, in characters."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Compare lengths."""
        most = int(self.ratio * len(source))
        return f"it has {len(text)} characters, and at most {most} are wanted" if len(text) > most else ""

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose what the reference keeps, in steps of a twentieth."""
        if len(source) < _SHORT or not reference:
            return []
        return [f"{math.ceil(20 * len(reference) / len(source)) / 20:g}"]


class Lines(Rule):
    """At most so many lines of at most so many characters each, as subtitles have them."""

    name = "lines"
    example = "lines=2x42"
    level = 1
    finishes = True
    excuses = _SHORTENING

    def __init__(self, value: str) -> None:
        super().__init__(value)
        found = re.fullmatch(r"([1-9]\d?)x([1-9]\d{0,3})", self.value)
        if not found:
            raise self.wrong("lines and the characters of each")
        self.lines, self.width = int(found[1]), int(found[2])

    def say(self, pair: Pair) -> str:
        """Say how much fits: the answer itself stands in one line."""
        return (
            f"Use at most {self.lines * self.width} characters: it is shown on {self.lines} lines of {self.width}."
        )

    def wants(self) -> Wants:
        """Want what fits."""
        return Wants("characters", most=self.lines * (self.width + 1) - 1)

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Count lines, and the characters of each."""
        found = text.split("\n")
        longest = max(map(len, found))
        if len(found) > self.lines or longest > self.width:
            return f"it does not fit on {self.lines} lines of {self.width} characters"
        return ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Break at spaces, into lines of about the same length."""
        gaps = [found.span() for found in re.finditer(r"[ \n]+", text)]
        for count in range(1, self.lines + 1):
            cuts = _breaks(gaps, len(text), count, self.width)
            if cuts is not None:
                broken = dict.fromkeys(cuts, "\n")
                return [
                    Edit(*gap, broken.get(gap, " "))
                    for gap in gaps
                    if text[gap[0] : gap[1]] != broken.get(gap, " ")
                ]
        return ()

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose what subtitles have, where the reference fits and needs a second line."""
        return ["2x42"] if 42 < len(reference) <= 80 else []


def _breaks(gaps: Sequence[tuple[int, int]], length: int, lines: int, width: int) -> list[tuple[int, int]] | None:
    """Return the gaps to break at so that no line is over the width; None where that cannot be done."""
    cuts: list[tuple[int, int]] = []
    start = 0
    for left in range(lines, 1, -1):
        aim = start + (length - start) / left
        fitting = [
            gap for gap in gaps if start < gap[0] <= start + width and length - gap[1] <= (left - 1) * width
        ]
        if not fitting:
            return None
        cut = min(fitting, key=lambda gap: abs(gap[0] - aim))
        cuts.append(cut)
        start = cut[1]
    return cuts if length - start <= width else None
