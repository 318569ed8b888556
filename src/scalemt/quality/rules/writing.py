"""Rules about how a translation is written: capitals, quotation marks, what it is wrapped in."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence

from scalemt.languages import base
from scalemt.quality.rules.base import Edit, Frame, Rule, cut, quoted
from scalemt.quality.rules.words import Keep
from scalemt.types import Pair

_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LONG = 4  # letters of the words that title case begins with a capital; shorter ones may have one
_MARKS = '"“”„‟«»「」'
_MARK = re.compile(f"[{_MARKS}]")
_SPACES = (" ", "\u00a0", "\u202f")
_STYLES = {
    "straight": ('"', '"'),
    "curly": ("“", "”"),
    "guillemets": ("«", "»"),
    "french": ("«\u00a0", "\u00a0»"),
    "german": ("„", "“"),
    "corner": ("「", "」"),
}


class Casing(Rule):
    """Capital letters: all (upper), none (lower), of longer words (title), or as in a sentence."""

    name = "casing"
    example = "casing=upper"
    finishes = True
    prose = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.style = self.one_of("upper", "lower", "title", "sentence")

    def say(self, pair: Pair) -> str:
        """Say the style."""
        return {
            "upper": "Write everything in capital letters.",
            "lower": "Write everything in small letters.",
            "title": "Begin every word but short ones with a capital letter, as in a title.",
            "sentence": "Use capital letters as in a sentence, not as in a title.",
        }[self.style]

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Compare with what it would be."""
        if self.style != "sentence":
            wrong = [text[edit.start : edit.end] for edit in self.edits(source, text, pair)]
            return f"{quoted(wrong[0])} is not in {self.style} case" if wrong else ""
        found = [word[0] for word in _LETTERS.finditer(text)]
        if found and found[0][0] != found[0][0].upper():
            return "it does not begin with a capital letter"
        long = [word for word in found[1:] if len(word) >= _LONG]
        capitals = [word for word in long if word[0] != word[0].lower()]
        return "it is written like a title" if len(capitals) >= 3 and len(capitals) > 0.6 * len(long) else ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Change the letters of words; which words of a title are names cannot be told, and they stay."""
        found = list(_LETTERS.finditer(text))
        wanted: Callable[[str], str]
        if self.style in ("upper", "lower"):
            wanted = _uppered(pair.target) if self.style == "upper" else _lowered(pair.target)
        else:
            found = [
                word
                for place, word in enumerate(found)
                if not place or (self.style == "title" and len(word[0]) >= _LONG)
            ]
            raised = _uppered(pair.target)

            def wanted(word: str) -> str:
                return raised(word[0]) + word[1:]

        changed = [(word, wanted(word[0])) for word in found]
        return [Edit(*word.span(), made) for word, made in changed if made != word[0]]

    def forbids(self, other: Rule) -> bool:
        """A word that must stand in another case cannot."""
        if isinstance(other, Keep) and self.style in ("upper", "lower"):
            return other.value != (other.value.upper() if self.style == "upper" else other.value.lower())
        return super().forbids(other)

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose any but that of a sentence, which texts have anyway."""
        return [dice.choice(["upper", "lower", "title"])] if _LETTERS.search(reference) else []


def _uppered(tag: str) -> Callable[[str], str]:
    if base(tag) in ("tr", "az"):
        return lambda word: word.replace("i", "İ").upper()
    return str.upper


def _lowered(tag: str) -> Callable[[str], str]:
    if base(tag) in ("tr", "az"):
        return lambda word: word.replace("I", "ı").replace("İ", "i").lower()
    return str.lower


class Quotes(Rule):
    """Which double quotation marks are used, where there are any."""

    name = "quotes"
    example = "quotes=guillemets"
    finishes = True
    prose = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.style = self.one_of(*_STYLES)

    def say(self, pair: Pair) -> str:
        """Show the marks."""
        opening, closing = _STYLES[self.style]
        return f"Use {opening}…{closing} as quotation marks."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for other marks, and for marks without their spaces."""
        wrong = self.edits(source, text, pair)
        if wrong:
            return f"{text[wrong[0].start : wrong[0].end]} is another quotation mark than wanted"
        mine = "".join(_STYLES[self.style]).replace("\u00a0", "")
        odd = [mark for mark in text if mark in _MARKS and mark not in mine]
        return f"{odd[0]} is another quotation mark than wanted" if odd else ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Take marks in turn for opening and closing ones; where one is missing nobody can tell them apart."""
        places = [found.span() for found in _MARK.finditer(text)]
        made = []
        for number, (begin, end) in enumerate(places if len(places) % 2 == 0 else ()):
            closes = number % 2
            # The spaces inside of guillemets belong to them.
            if not closes and text[begin] == "«" and text[end : end + 1] in _SPACES:
                end += 1  # noqa: PLW2901
            elif closes and text[begin] == "»" and text[begin - 1] in _SPACES:
                begin -= 1  # noqa: PLW2901
            wanted = _STYLES[self.style][closes]
            if re.sub("[ \u202f]", "\u00a0", text[begin:end]) != wanted:
                made.append(Edit(begin, end, wanted))
        return made

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose marks where both texts quote something."""
        counts = [sum(text.count(mark) for mark in _MARKS) for text in (source, reference)]
        return [dice.choice(sorted(_STYLES))] if all(counts) and counts[1] % 2 == 0 else []


class Wrap(Frame):
    """What the translation is wrapped in; `…` stands for it."""

    name = "wrap"
    example = "wrap=<p>…</p>"
    level = 2

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.before, sign, self.after = self.value.replace("...", "…").partition("…")
        if not sign or not (self.before or self.after):
            raise self.wrong("what stands around …")

    def say(self, pair: Pair) -> str:
        """Say what stands around."""
        return (
            f"Write {quoted(self.before)} right before the translation and {quoted(self.after)} right behind it."
        )

    def missing(self) -> str:
        """Say that it is not there."""
        return f"it is not wrapped in {quoted(f'{self.before}…{self.after}')}"

    def off(self, text: str) -> Sequence[Edit] | None:
        """Take both ends off."""
        framed = text.startswith(self.before) and text.endswith(self.after)
        if not framed or len(text) < len(self.before) + len(self.after):
            return None
        return cut(text, len(self.before), len(text) - len(self.after))

    def around(self, text: str) -> Sequence[Edit]:
        """Put both ends on."""
        return [Edit(0, 0, self.before), Edit(len(text), len(text), self.after)]

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose tags and brackets."""
        return [dice.choice(["<p>…</p>", "[[…]]", "<li>…</li>", "{{…}}"])]


class Json(Frame):
    """An object with the translation as the value of its only key."""

    name = "json"
    example = "json=translation"
    level = 3

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.key = self.value or "translation"
        if not re.fullmatch(r"[\w .-]+", self.key):
            raise self.wrong("a key")

    def say(self, pair: Pair) -> str:
        """Show the object."""
        return f'Answer with a JSON object in one line: {{"{self.key}": "…"}}.'

    def missing(self) -> str:
        """Say that it is not there."""
        return f'it is no JSON object with the one key "{self.key}"'

    def off(self, text: str) -> Sequence[Edit] | None:
        """Take the value out, its escapes resolved."""
        try:
            found = json.loads(text)
        except ValueError:
            return None
        if not isinstance(found, dict) or list(found) != [self.key] or not isinstance(found[self.key], str):
            return None
        opened = re.match(r'\s*\{\s*"[^"]*"\s*:\s*"', text)
        closed = re.search(r'"\s*\}\s*$', text)
        if not opened or not closed:
            return None
        first, last = cut(text, opened.end(), closed.start())
        escapes = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.").finditer(text, opened.end(), closed.start())
        inner = [Edit(*escape.span(), json.loads(f'"{escape[0]}"')) for escape in escapes]
        return [first, *inner, last]

    def around(self, text: str) -> Sequence[Edit]:
        """Escape what JSON wants escaped, and put the object around."""
        odd = re.finditer(r'["\\\x00-\x1f]', text)
        inner = [Edit(*sign.span(), json.dumps(sign[0])[1:-1]) for sign in odd]
        return [Edit(0, 0, f'{{"{self.key}": "'), *inner, Edit(len(text), len(text), '"}')]

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a key."""
        return [dice.choice(["translation", "text", pair.target])]
