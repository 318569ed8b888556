"""Filters that look at one pair of texts alone: length, ratio, letters, script, copies, numbers, tags, language.

The checks on translations (`scalemt.quality.checks`) are used wherever they tell what is asked here, so that what
a corpus teaches is what the gate lets through later.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from scalemt import languages
from scalemt.data.filters.base import Filter, Item, Share
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.coverage import columns
from scalemt.quality.language import foreign
from scalemt.text.protection import protect
from scalemt.types import Segment, SpanKind

_SIDES = ("source", "target")
# Scripts of ISO 15924 that are several of Unicode's.
_SCRIPTS = {
    "Hans": ("Han",), "Hant": ("Han",), "Jpan": ("Han", "Hiragana", "Katakana"), "Kore": ("Hangul", "Han"),
    "Hrkt": ("Hiragana", "Katakana"),
}  # fmt: skip

_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
# What UTF-8 is mostly taken for. Not Mac Roman, in which the Catalan "’í" is the bytes of an Armenian letter.
_ENCODINGS = ("cp1252", "latin-1", "cp1250", "cp1251")


def _sides(item: Item) -> tuple[tuple[str, str, str], ...]:
    """Return name, text and language of both sides."""
    return tuple(zip(_SIDES, (item.source, item.target), item.pair, strict=True))


def _failed(item: Item, *names: str) -> str:
    """Return the first complaint of these checks of `quality`."""
    verdicts = run_checks(Subject(item.source, item.target, item.pair), names)
    return next((check.detail for check in verdicts if not check.passed), "")


class Length(Filter):
    """Drops what is empty, too short or too long, and texts with a chain of characters that is no word."""

    filter: Literal["length"] = "length"
    least: Annotated[int, Field(ge=1)] = 1
    most: Annotated[int, Field(ge=1)] = 1000
    word: Annotated[int, Field(ge=1)] = 200

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        for side, text, tag in _sides(item):
            if not text.strip():
                return f"the {side} is empty"
            if not self.least <= len(text) <= self.most:
                return f"the {side} has {len(text):,} characters"
            longest = 0 if _unspaced(tag) else max(map(len, text.split()))
            if longest > self.word:
                return f"the {side} has a word of {longest:,} characters"
        return ""


def _unspaced(tag: str) -> bool:
    from scalemt.evaluation.alignment.words import by_character

    return by_character(tag)


class Encoding(Filter):
    """Drops texts that were read in a wrong encoding (`seÃ±al` for `señal`), and what holds control characters.

    A stretch beyond ASCII that is UTF-8 all through when its letters are taken for bytes of another encoding is
    hardly ever anything else.
    """

    filter: Literal["encoding"] = "encoding"

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        for side, text, _ in _sides(item):
            if text.isascii() and not _NO_TEXT.search(text):
                continue
            if found := _NO_TEXT.search(text):
                return f"the {side} holds U+{ord(found[0]):04X}"
            for run in _BEYOND_ASCII.findall(text):
                if right := _repaired(run):
                    return f"the {side} holds {run[:20]!r}, which was {right[:20]!r}"
        return ""


def _repaired(run: str) -> str:
    """Return what a stretch was before it was read in a wrong encoding, "" where that is not so."""
    for name in _ENCODINGS:
        try:
            found = run.encode(name).decode("utf-8")
        except UnicodeError:
            continue
        if found.isprintable():
            return found
    return ""


class Ratio(Filter):
    """Drops pairs of which one side is far longer than the other, in columns (East Asian characters count double).

    LMT (arXiv 2511.07003) cleans with OpusFilter's ratio of 3. `grace` columns are let pass on top of it, since
    short texts vary more.
    """

    filter: Literal["ratio"] = "ratio"
    most: Annotated[float, Field(ge=1.0)] = 3.0
    grace: Annotated[int, Field(ge=0)] = 15

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        widths = columns(item.source), columns(item.target)
        low, high = sorted(widths)
        return f"{widths[0]} columns against {widths[1]}" if high > self.most * low + self.grace else ""


class Letters(Filter):
    """Drops texts that are made of figures and signs: `least` is the share of letters of what is no space."""

    filter: Literal["letters"] = "letters"
    least: Share = 0.3

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        for side, text, _ in _sides(item):
            solid = sum(not character.isspace() for character in text)
            # Vowel signs of Indic scripts are marks, no letters: they count as what they stand on.
            letters = sum(
                character.isalpha() or (ord(character) > 0x2FF and _is_mark(character)) for character in text
            )
            if letters < self.least * solid:
                return f"{letters} letters among {solid} characters of the {side}"
        return ""


def _is_mark(character: str) -> bool:
    import unicodedata

    return unicodedata.category(character).startswith("M")


class Script(Filter):
    """Drops texts whose letters are not of the script of their language; tags and addresses do not count."""

    filter: Literal["script"] = "script"
    least: Share = 0.7

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        for side, text, tag in _sides(item):
            script = languages.script(tag)
            pattern = _letters_of(script)
            if pattern is None:
                continue
            letters = [character for character in _bare(text) if character.isalpha()]
            right = sum(pattern.match(character) is not None for character in letters)
            if letters and right < self.least * len(letters):
                return f"{right} of {len(letters)} letters of the {side} are {script}"
        return ""


@lru_cache(maxsize=256)
def _letters_of(script: str) -> Any:
    """Return a pattern of the letters of a script, None for one that Unicode does not name."""
    import regex

    names = _SCRIPTS.get(script, (script,))
    try:
        return regex.compile("[" + "".join(rf"\p{{Script={name}}}" for name in names) + "]") if script else None
    except regex.error:
        return None


def _bare(text: str) -> str:
    """Return a text without its protected spans."""
    segment = protect(Segment(text))
    made, position = [], 0
    for span in segment.spans:
        made.append(text[position : span.start])
        position = span.end
    return "".join([*made, text[position:]])


class Copy(Filter):
    """Drops what was left as it is: sides that are alike by 98 % and more, from four words on.

    Args:
        short: drop shorter ones too, where both sides are the same. Many are right in interface text ("OK").
    """

    filter: Literal["copy"] = "copy"
    short: bool = False

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        if self.short and item.source.strip().casefold() == item.target.strip().casefold():
            return "both sides are the same"
        return _failed(item, "copy")


class Repetition(Filter):
    """Drops targets that say the same four times in a row, where the source does not."""

    filter: Literal["repetition"] = "repetition"

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        return _failed(item, "repetition")


class Numbers(Filter):
    """Drops pairs whose numbers or addresses differ, as the checks of the gate tell it."""

    filter: Literal["numbers"] = "numbers"

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        return _failed(item, "numbers", "addresses")


class Tags(Filter):
    """Drops pairs of which one side has tags or placeholders that the other lacks; their order is free."""

    filter: Literal["tags"] = "tags"
    kinds: tuple[SpanKind, ...] = ("tag", "placeholder")

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        source, target = (self._held(text) for _, text, _ in _sides(item))
        if missing := source - target:
            return f"{next(iter(missing))} of the source is missing"
        if added := target - source:
            return f"{next(iter(added))} is not in the source"
        return ""

    def _held(self, text: str) -> Counter[str]:
        spans = protect(Segment(text)).spans
        return Counter(text[span.start : span.end] for span in spans if span.kind in self.kinds)


class Language(Filter):
    """Drops texts that the identifier is nearly sure of that they are in another language.

    Texts of less than 25 letters and languages that it does not know are let through.
    """

    filter: Literal["language"] = "language"
    sides: tuple[Literal["source", "target"], ...] = ("source", "target")

    def judge(self, item: Item) -> str:
        """See `Filter`."""
        for side, text, tag in _sides(item):
            if side in self.sides and (told := foreign(_bare(text), tag)):
                return f"the {side} {told}"
        return ""
