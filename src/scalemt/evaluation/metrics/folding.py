"""Texts made comparable, and cut into words, for metrics that look for equal or contained text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Scripts that put no space between words: Thai, Lao, Tibetan, Myanmar, Khmer, Tai Le to Tai Tham, Balinese, kana,
# Bopomofo, ideographs, Yi, Javanese. A letter of these is a unit by itself.
_UNSPACED = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1b7f\u3005-\u3007\u3040-\u312f"
    r"\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua980-\ua9ff\uaa60-\uaa7f\uf900-\ufaff"
    r"\U0001b000-\U0001b16f\U00020000-\U000323af]"
)


def fold(text: str) -> str:
    """Return a text by which equal ones are known: NFKC, case folded, without format characters, spaces folded.

    Case folding follows the Unicode Standard, section 3.13 (default caseless matching, compatibility).
    """
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(character for character in composed if _kind(character) != "format").split())


def units(text: str) -> list[str]:
    """Cut a text into words, single letters where a script has no spaces, and single signs; white space goes.

    A word is a run of letters and digits. Marks and format characters stay with what they follow.
    """
    found: list[str] = []
    start, before = 0, "space"
    for position, character in enumerate(text):
        kind = _kind(character)
        if kind == "format" or (kind == "mark" and before != "space") or kind == before == "word":
            continue
        if before != "space":
            found.append(text[start:position])
        start, before = position, kind
    return found if before == "space" else [*found, text[start:]]


def words(text: str) -> list[str]:
    """Return those units of a text that are words or letters, without punctuation and symbols."""
    return [unit for unit in units(text) if unit[0].isalnum()]


def is_blank(text: str) -> bool:
    """Say whether a text shows nothing: white space, control and format characters only."""
    return all(_kind(character) in ("space", "format") for character in text)


@lru_cache(maxsize=2**16)
def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace():
        return "space"
    if category in ("Cf", "Cc"):
        return "format"
    if category[0] == "M":
        return "mark"
    if category[0] == "L" and _UNSPACED.match(character):
        return "letter"
    return "word" if character.isalnum() else "sign"
