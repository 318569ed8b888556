"""From which language into which: told by the name of a model, or by a sentence that is written for a chat model.

Nothing here is an instruction that is followed: two languages are read by a small fixed grammar, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scalemt import languages
from scalemt.errors import UnknownLanguageError
from scalemt.serve.asking import AUTO
from scalemt.serve.tongues import Tongues
from scalemt.types import Pair

FORMS = (
    '"Translate from English to Portuguese"',
    '"Translate to pt-BR"',
    '"English -> Portuguese"',
    '"Target language: pt"',
)
"""What a sentence may say, for messages; other words may stand around it."""

_READ = 4_000  # characters of a message that are looked at
_TRIED = 40  # places in it where a direction may stand
_LONGEST = 3  # words of a language's name
_ARROWS = ("->", "=>", "→", ">")
_ARROW = re.compile("|".join(_ARROWS))
_CLAUSE = re.compile(r"[.!?;\n](?=\s|$)|\n")
_TOKEN = re.compile(rf"\([^()\n]{{1,40}}\)|{_ARROW.pattern}|[:=,]|[^\W_][\w'’-]*")
_CODE = re.compile(r"[a-z]{2}(?:[-_][a-z0-9]{2,8}){0,3}|[a-z]{3}[-_][a-z]{4}", re.IGNORECASE)
# Codes that are words of English sentences: they are languages where no doubt is left, as in "en -> it".
_WORDS = frozenset("am an as be do go he hi id if in is it me my no of or so to us we".split())


@dataclass(frozen=True, slots=True)
class Direction:
    """Languages as far as they were told: codes of any standard; a source may be "auto"."""

    source: str | None = None
    target: str | None = None

    def or_else(self, other: Direction) -> Direction:
        """Return the direction with what another one tells of what this one leaves out."""
        return Direction(self.source or other.source, self.target or other.target)


def of_code(text: str, tongues: Tongues) -> Direction | None:
    """Read a direction in codes: "en>pt-BR", "en-pt", "en_pt", ">pt", or a target alone, "pt-BR".

    A hyphen stands between two languages or inside of one. In the spelling of BCP-47 (`pt-BR`, `zh-Hant`) it
    stands inside; else between, if that is a pair that can be translated.

    Args:
        text: what stands behind the name of a profile.
        tongues: what can be translated.

    Returns:
        None where it is no direction.
    """
    if found := _ARROW.search(text):
        source, target = text[: found.start()].strip(), text[found.end() :].strip()
        known = languages.find(target) and (source.lower() in ("", AUTO) or languages.find(source))
        return Direction(source.lower() if source.lower() == AUTO else source or None, target) if known else None
    text = text.strip()
    whole = languages.find(text)
    if whole and text.replace("_", "-") == whole and not text.islower():
        return Direction(target=text)
    halves = [item for item in _halves(text) if item.target and languages.find(item.target)]
    served = next((item for item in halves if item.source == AUTO or _is_served(item, tongues)), None)
    if served or whole:
        return served or Direction(target=text)
    # A pair that cannot be translated is refused as such, and not as the name of a model.
    return next((item for item in halves if languages.find(item.source or "")), None)


def _halves(text: str) -> Iterator[Direction]:
    for found in re.finditer(r"[-_]", text):
        source, target = text[: found.start()], text[found.end() :]
        yield Direction(AUTO if source.lower() == AUTO else source, target)


def _is_served(direction: Direction, tongues: Tongues) -> bool:
    source, target = languages.find(direction.source or ""), languages.find(direction.target or "")
    return bool(source and target and tongues.serves(Pair(source, target)))


def of_sentence(text: str, tongues: Tongues) -> Direction | None:
    """Read a direction off a message for a chat model; see `FORMS` for what is understood.

    Languages are English names or codes. The first clause that tells a target counts.

    Args:
        text: a message; only its beginning is looked at.
        tongues: what can be translated: names are taken for these languages, or one of FLORES-200.

    Returns:
        None where it tells no target.
    """
    reader = _Reader(tongues)
    source: str | None = None
    for clause in _CLAUSE.split(text[:_READ]):
        tokens = _TOKEN.findall(clause)
        told = reader.labelled(tokens)
        source = source or told.source
        if told.target:
            return Direction(source, told.target)
        if found := reader.directed(tokens):
            return found
    return None


class _Reader:
    """Finds languages among the words of a clause."""

    def __init__(self, tongues: Tongues) -> None:
        self._bases = {languages.base(tag) for pair in tongues.pairs for tag in pair}
        self._left = _TRIED

    def labelled(self, tokens: Sequence[str]) -> Direction:
        """Read "source language: English, target language: Portuguese"."""
        found: dict[str, str] = {}
        for place in self._places(tokens, (":", "=")):
            before = [word.lower() for word in tokens[max(0, place - 2) : place]]
            label = before[0] if before[-1:] == ["language"] else before[-1] if before else ""
            language = self._first(tokens[place + 1 :], sure=True)
            if label in ("source", "target") and language:
                found.setdefault(label, language)
        return Direction(found.get("source"), found.get("target"))

    def directed(self, tokens: Sequence[str]) -> Direction | None:
        """Read "from English to Portuguese", "translate into Portuguese", "en -> pt"."""
        for place in self._places(tokens, ("to", "into", *_ARROWS)):
            before, after = tokens[:place], tokens[place + 1 :]
            if tokens[place] in _ARROWS:
                source, target = self._last(before, sure=True), self._first(after, sure=True)
                if source and target:
                    return Direction(source, target)
                continue
            sure = self._follows_from(before)
            source = self._last(before, sure=sure)
            target = self._first(after, sure=sure and bool(source))
            asked = any(word.lower().startswith("translat") for word in before)
            if target and (source or asked):
                return Direction(source, target)
        return None

    def _places(self, tokens: Sequence[str], wanted: Sequence[str]) -> Iterator[int]:
        """Yield where one of some tokens stands, as long as there is time for it."""
        for place, token in enumerate(tokens):
            if token.lower() in wanted and self._left:
                self._left -= 1
                yield place

    @staticmethod
    def _follows_from(before: Sequence[str]) -> bool:
        """Whether one word stands behind "from": what it says is a language then, also where it is a word."""
        return len(before) > 1 and before[-2].lower() == "from" and bool(_CODE.fullmatch(before[-1]))

    def _first(self, tokens: Sequence[str], *, sure: bool) -> str | None:
        """Return the language whose name or code some words begin with."""
        sizes = range(min(_LONGEST, len(tokens)), 0, -1)
        return next((found for size in sizes if (found := self._language(tokens[:size], sure=sure))), None)

    def _last(self, tokens: Sequence[str], *, sure: bool) -> str | None:
        """Return the language whose name or code some words end with."""
        if tokens and tokens[-1].lower() == AUTO and sure:
            return AUTO
        sizes = range(min(_LONGEST, len(tokens)), 0, -1)
        return next((found for size in sizes if (found := self._language(tokens[-size:], sure=sure))), None)

    def _language(self, words: Sequence[str], *, sure: bool) -> str | None:
        if not all(word[0].isalnum() or word[0] == "(" for word in words):
            return None
        spelt = " ".join(words)
        tag = languages.find(spelt)
        if tag is None:
            return None
        if len(words) == 1 and _CODE.fullmatch(spelt):
            return spelt if sure or spelt.lower() not in _WORDS else None
        return spelt if len(spelt) > 3 and self._is_usual(tag) else None

    def _is_usual(self, tag: str) -> bool:
        """Whether a name is meant as a language: many a word is the name of a small one."""
        if languages.base(tag) in self._bases:
            return True
        try:
            languages.to_flores(tag)
        except UnknownLanguageError:
            return False
        return True
