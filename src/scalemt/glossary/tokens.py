"""Texts cut into words with their places, as terms are looked for in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import regex

from scalemt.types import Span

# Scripts without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Tai Le to Tai Tham, kana, Bopomofo,
# ideographs, Yi. Each letter of these is a unit by itself, so that any substring can be a term.
_UNSPACED = (
    r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3005-\u3007\u3040-\u312f\u31a0-\u31bf"
    r"\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U0001b000-\U0001b16f"
    r"\U00020000-\U000323af"
)
_TOKEN = regex.compile(
    rf"(?P<letter>[[{_UNSPACED}]&&\p{{L}}][\p{{M}}\p{{Cf}}]*+)"
    rf"|(?P<word>[[\p{{L}}\p{{N}}]--[[{_UNSPACED}]&&\p{{L}}]][[\p{{L}}\p{{N}}\p{{M}}\p{{Cf}}]--[[{_UNSPACED}]&&\p{{L}}]]*+)"
    rf"|(?P<sign>[^\s\p{{Cf}}\p{{Cc}}]\p{{M}}*+)",
    regex.V1,
)
HYPHENS = frozenset("-\u2010\u2011\u2012\u2013")
_MARKS = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`", "'") | dict.fromkeys("\u2010\u2011", "-"))


class Token(NamedTuple):
    """One unit of a text: a word, a letter of an unspaced script, a sign, or a barrier that no term crosses."""

    start: int
    end: int
    text: str
    folded: str
    kind: Literal["word", "letter", "sign", "barrier"]


@lru_cache(maxsize=2**17)
def fold(text: str) -> str:
    """Return a text by which equal ones are known: NFKC, case folded, apostrophes, hyphens and spaces made one.

    Case folding follows the Unicode Standard, section 3.13 (default caseless matching, compatibility).
    """
    return _plain(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


@lru_cache(maxsize=2**17)
def composed(text: str) -> str:
    """Return a text by which texts are known that are equal in case too."""
    return _plain(unicodedata.normalize("NFKC", text))


def _plain(text: str) -> str:
    marked = text.translate(_MARKS)
    if not marked.isascii():
        marked = "".join(sign for sign in marked if unicodedata.category(sign) != "Cf")
    return " ".join(marked.split())


def tokenise(text: str, spans: Sequence[Span] = ()) -> list[Token]:
    """Return the units of a text; a hyphen between two words is left out, so that "face-mask" is "face mask".

    Args:
        text: any text.
        spans: stretches that are not looked into; what touches one is a barrier.
    """
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        start, end = match.span()
        if kind == "sign" and match[0] in HYPHENS and _inside(text, start):
            continue
        found.append(Token(start, end, match[0], fold(match[0]), kind))
    return _barred(found, spans) if spans else found


def _inside(text: str, place: int) -> bool:
    return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()


def _barred(tokens: Sequence[Token], spans: Sequence[Span]) -> list[Token]:
    ordered = sorted((span.start, span.end) for span in spans)
    found, place = [], 0
    for token in tokens:
        while place < len(ordered) and ordered[place][1] <= token.start:
            place += 1
        barred = place < len(ordered) and ordered[place][0] < token.end
        found.append(token._replace(kind="barrier", folded="") if barred else token)
    return found


@lru_cache(maxsize=2**17)
def term_tokens(term: str) -> tuple[Token, ...]:
    """Return the units of a term, as `tokenise` gives them."""
    return tuple(tokenise(term))
