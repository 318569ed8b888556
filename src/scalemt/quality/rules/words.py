"""Rules about words and signs that are to stand in a translation, or not."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from scalemt.quality.rules.base import Edit, Frame, Rule, cut, quoted
from scalemt.types import Pair

# Pictographs with what modifies and joins them, flags, keycaps; not the digits and signs that can become emoji.
_EMOJI = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u231a\u231b\u23e9-\u23f3]"
    "[\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff]*)+"
)
_CLOSING = ".,;:!?…)]}»”%"
_NAME = re.compile(r"(?<![.!?…:] )(?<!^)(?<![\"'“«(])\b[A-Z][\w&’-]{2,}(?: [A-Z][\w&’-]{2,})*\b")


class _Words(Rule):
    """A word or words, looked for as whole words."""

    several = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not self.value:
            raise self.wrong("a word")
        self.pattern = whole(self.value)


def whole(text: str, *, exact: bool = False) -> re.Pattern[str]:
    """Return a pattern that finds a text as whole words, in any case unless it is to be exact."""
    inner = r"\s+".join(map(re.escape, text.split()))
    before, after = (r"(?<!\w)" if text[:1].isalnum() else ""), (r"(?!\w)" if text[-1:].isalnum() else "")
    return re.compile(before + inner + after, 0 if exact else re.IGNORECASE)


class Avoid(_Words):
    """A word that must not stand in the translation."""

    name = "avoid"
    example = "avoid=utilizar"

    def say(self, pair: Pair) -> str:
        """Say the word."""
        return f"Do not use {quoted(self.value)}."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for the word."""
        return f"{quoted(self.value)} is there, and must not be used" if self.pattern.search(text) else ""

    def forbids(self, other: Rule) -> bool:
        """What is to stand there must not hold the word."""
        return isinstance(other, Use | Keep | Start | End) and bool(self.pattern.search(other.value))


class Use(_Words):
    """A word that must stand in the translation."""

    name = "use"
    example = "use=você"

    def say(self, pair: Pair) -> str:
        """Say the word."""
        return f"Use {quoted(self.value)}."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for the word."""
        return "" if self.pattern.search(text) else f"{quoted(self.value)} is not there, and must be used"

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a longer word of the reference that the source does not hold."""
        found = sorted({word for word in re.findall(r"\b[^\W\d_]{6,}\b", reference) if word.islower()})
        found = [word for word in found if word not in source.lower()]
        return [dice.choice(found)] if found else []


class Keep(_Words):
    """A word of the source that is not translated; in its exact form, as often as the source has it."""

    name = "keep"
    example = "keep=Open Files"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.pattern = whole(self.value, exact=True)

    def say(self, pair: Pair) -> str:
        """Say the word."""
        return f"Keep {quoted(self.value)} as it is."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Count the word on both sides."""
        due, found = len(self.pattern.findall(source)), len(self.pattern.findall(text))
        if found >= due:
            return ""
        return f"{quoted(self.value)} must be kept as it is" + (f", {due} times" if due > 1 else "")

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a name that both texts have."""
        names = dict.fromkeys(found[0] for found in _NAME.finditer(source))
        shared = [name for name in names if not cls(name).check(source, reference, pair)]
        return [dice.choice(shared)] if shared else []


class Without(Rule):
    """Signs that must not stand in the translation."""

    name = "without"
    example = "without=!?"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not self.value or any(sign.isalnum() or sign.isspace() for sign in self.value):
            raise self.wrong("signs in a row")

    def say(self, pair: Pair) -> str:
        """Say the signs."""
        return f"Use none of the signs {quoted(' '.join(self.value))}."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for the signs."""
        found = [sign for sign in dict.fromkeys(self.value) if sign in text]
        return f"{quoted(' '.join(found))} must not be used" if found else ""

    def forbids(self, other: Rule) -> bool:
        """What is to stand there must not hold the signs."""
        held = other.value if isinstance(other, Use | Keep | Start | End | Delimiter) else ""
        return super().forbids(other) or any(sign in held for sign in self.value)


class NoEmoji(Rule):
    """No emoji."""

    name = "no-emoji"
    example = "no-emoji"
    finishes = True

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        if self.value:
            raise self.wrong("nothing")

    def say(self, pair: Pair) -> str:
        """Say it."""
        return "Use no emoji."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for emoji."""
        return "there is an emoji" if _EMOJI.search(text) else ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Take them out, with one of the spaces around."""
        made = []
        for found in _EMOJI.finditer(text):
            start, end = found.span()
            if text[start - 1 : start] == " " and (end == len(text) or text[end] in f" {_CLOSING}"):
                start -= 1
            elif start == 0 and text[end : end + 1] == " ":
                end += 1
            made.append(Edit(start, end, ""))
        return made

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose it where the source has some."""
        return [""] if _EMOJI.search(source) else []


class Delimiter(Rule):
    """A sign that parts the text, as often as in the source."""

    name = "delimiter"
    example = "delimiter=|"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not self.value:
            raise self.wrong("what parts the text")

    def say(self, pair: Pair) -> str:
        """Say the sign."""
        return f"Keep every {quoted(self.value)} between the same parts as in the source."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Count it on both sides."""
        due, found = source.count(self.value), text.count(self.value)
        return (
            "" if due == found else f"{quoted(self.value)} is there {found} times, and in the source {due} times"
        )

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a sign that both texts have as often."""
        return [sign for sign in ("|", " / ", ";", " – ") if source.count(sign) == reference.count(sign) > 0]


class Start(Frame):
    """What stands before the translation."""

    name = "start"
    example = "start=Nota:"
    level = 1

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not self.value:
            raise self.wrong("a text")

    def say(self, pair: Pair) -> str:
        """Say the text."""
        return f"Begin with {quoted(self.value)}."

    def missing(self) -> str:
        """Say that it is not there."""
        return f"it does not begin with {quoted(self.value)}"

    def off(self, text: str) -> Sequence[Edit] | None:
        """Take it off the start, with the space behind it."""
        if not text.startswith(self.value):
            return None
        return cut(text, len(text) - len(text[len(self.value) :].lstrip()), len(text))

    def around(self, text: str) -> Sequence[Edit]:
        """Put it before the text, with a space."""
        return [Edit(0, len(text) - len(text.lstrip()), f"{self.value} ")]

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose signs that belong to no language."""
        return [dice.choice(["»", "#1:", "→", "(1)", "***"])]


class End(Frame):
    """What stands behind the translation."""

    name = "end"
    example = "end=[fim]"
    level = 1

    def __init__(self, value: str) -> None:
        super().__init__(value)
        if not self.value:
            raise self.wrong("a text")

    def say(self, pair: Pair) -> str:
        """Say the text."""
        return f"End with {quoted(self.value)}."

    def missing(self) -> str:
        """Say that it is not there."""
        return f"it does not end with {quoted(self.value)}"

    def off(self, text: str) -> Sequence[Edit] | None:
        """Take it off the end, with the space before it."""
        return cut(text, 0, len(text[: -len(self.value)].rstrip())) if text.endswith(self.value) else None

    def around(self, text: str) -> Sequence[Edit]:
        """Put it behind the text, with a space unless it begins with a sign that has none before it."""
        gap = "" if self.value[0] in _CLOSING else " "
        return [Edit(len(text.rstrip()), len(text), f"{gap}{self.value}")]

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose signs that belong to no language."""
        return [dice.choice(["[#]", "///", "(*)", "<<<"])]
