"""A text in units: words, signs, white space and spans, in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.text.spans import between, literal
from scalemt.types import Span

_UNIT = re.compile(r"\s+|\w+|[^\w\s]")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit; `word` is the number of the white-space word that it is a part of, -1 for none."""

    text: str
    word: int = -1
    span: Span | None = None

    @property
    def is_space(self) -> bool:
        """Whether it is white space."""
        return self.span is None and self.text.isspace()

    @property
    def is_word(self) -> bool:
        """Whether it is a word outside of spans, of letters or digits."""
        return self.span is None and any(sign.isalnum() for sign in self.text)

    @property
    def is_sign(self) -> bool:
        """Whether it is a punctuation mark or another sign outside of spans."""
        return self.span is None and not self.is_word and not self.is_space

    @property
    def is_filled(self) -> bool:
        """Whether it is content: a word, or a span that is no half of a pair of tags."""
        return self.is_word or (self.span is not None and self.span.role == "alone")


class Units:
    """A text in units.

    Args:
        text, spans: any text and its spans.
    """

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        ordered = sorted(spans, key=lambda span: span.start)
        extents = [found.span() for found in _WORD.finditer(text)]
        number = 0
        position = 0
        plain_words = [""] * len(extents)
        self.units: list[Unit] = []
        for span, plain in zip((*ordered, None), between(text, ordered), strict=True):
            for found in _UNIT.finditer(plain):
                start = position + found.start()
                while number < len(extents) and extents[number][1] <= start:
                    number += 1
                space = found[0].isspace() or number >= len(extents)
                self.units.append(Unit(found[0], -1 if space else number))
                if not space:
                    plain_words[number] += found[0]
            if span:
                self.units.append(Unit(literal(text, span), -1, span))
                position = span.end
        self.words = plain_words
        self._keys = {unit.span.key: index for index, unit in enumerate(self.units) if unit.span}

    def place(self, key: int) -> int:
        """Return where a span stands among the units, or -1."""
        return self._keys.get(key, -1)

    def signs(self, text: str) -> list[int]:
        """Return where a sign stands."""
        return [index for index, unit in enumerate(self.units) if unit.text == text and unit.is_sign]

    def filled(self, start: int, end: int) -> bool:
        """Whether there is anything but white space from one unit to another."""
        return any(not unit.is_space for unit in self.units[start:end])

    def insert(self, at: int, span: Span, held: str, spaced: tuple[bool, bool]) -> None:
        """Put a span before the unit `at`, apart from words and spans beside it where `spaced` says so."""
        before, after = self.units[:at], self.units[at:]
        made = [Unit(held, -1, span)]
        if spaced[0] and before and (before[-1].is_filled or before[-1].text in ".,;:!?)"):
            made.insert(0, Unit(" "))
        if spaced[1] and after and after[0].is_filled:
            made.append(Unit(" "))
        self.units = [*before, *made, *after]
        self._keys = {unit.span.key: index for index, unit in enumerate(self.units) if unit.span}
