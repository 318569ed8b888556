"""How texts become the words that are aligned."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Written without spaces between words (Unicode Standard Annex 14, class SA, and the Han scripts); Tibetan and
# Dzongkha put a mark between syllables.
_WITHOUT_SPACES = frozenset("zh yue ja th km lo my shn bo dz".split())


def by_character(tag: str) -> bool:
    """Whether white space tells nothing about the words of a language, given its BCP-47 tag."""
    return tag.split("-", maxsplit=1)[0] in _WITHOUT_SPACES


def split(text: str, characters: bool = False) -> tuple[str, ...]:
    """Return the white-space words of a text, or its characters.

    A character keeps the combining marks behind it: a Khmer vowel sign is no unit by itself. White space
    is no character.
    """
    return tuple(_characters(text)) if characters else tuple(text.split())


def _characters(text: str) -> list[str]:
    units: list[str] = []
    joined = False
    for character in text:
        if character.isspace():
            joined = False
        elif joined and unicodedata.category(character).startswith("M"):
            units[-1] += character
        else:
            units.append(character)
            joined = True
    return units


@lru_cache(maxsize=65536)
def bare(word: str) -> str:
    """Return a word without case and without the punctuation and symbols around it, in composed form (NFC).

    A word of nothing but punctuation stays as it is.
    """
    start, end = 0, len(word)
    while start < end and unicodedata.category(word[start])[0] in "PS":
        start += 1
    while end > start and unicodedata.category(word[end - 1])[0] in "PS":
        end -= 1
    return unicodedata.normalize("NFC", (word[start:end] or word).casefold())
