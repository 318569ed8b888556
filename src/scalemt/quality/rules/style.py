"""Rules about how people are addressed, and about regional varieties, by the marks of `quality/attributes.py`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ClassVar

from scalemt import languages
from scalemt.errors import ConfigurationError, UnknownLanguageError
from scalemt.quality.attributes import Attribute, Verdict, formality_of, judged_languages, variety_of
from scalemt.quality.rules.base import Rule, quoted
from scalemt.types import Pair

_JUDGES: dict[Attribute, Callable[[str, str], Verdict]] = {"formality": formality_of, "variety": variety_of}


class _Judged(Rule):
    """An attribute that marks in the text tell; a text without marks keeps the rule."""

    attribute: ClassVar[Attribute]

    def require(self, pair: Pair) -> None:
        """Refuse languages that cannot be judged."""
        known = judged_languages(self.attribute)
        if languages.base(pair.target) not in known:
            raise ConfigurationError(
                f"The rule {self.text} cannot be checked in {languages.name(pair.target)}, only in: "
                f"{', '.join(known)}."
            )

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for marks of another value."""
        found = _JUDGES[self.attribute](text, pair.target)
        if found.value in (None, self.wanted()):
            return ""
        return f"{quoted(found.markers[0])} and the like are {self.told(str(found.value))}"

    def wanted(self) -> str:
        """Return the value that a text is to have."""
        return self.value

    def told(self, value: str) -> str:
        """Return a value as a person would call it."""
        return value


class Honorifics(_Judged):
    """How people are addressed."""

    name = "honorifics"
    example = "honorifics=formal"
    attribute = "formality"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.one_of("formal", "informal")

    def say(self, pair: Pair) -> str:
        """Say how."""
        return f"Address people {'formally' if self.wanted() == 'formal' else 'informally'}."

    def wanted(self) -> str:
        """Return "formal" or "informal"."""
        return self.value.lower()

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose what the reference has, where somebody is addressed in it."""
        if languages.base(pair.target) not in judged_languages("formality"):
            return []
        found = formality_of(reference, pair.target).value
        return [found] if found else []


class VarietyRule(_Judged):
    """Which regional variety the translation is in."""

    name = "variety"
    example = "variety=pt-PT"
    attribute = "variety"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        try:
            self.tag = languages.parse(self.value)
        except UnknownLanguageError:
            raise self.wrong("the tag of a variety") from None

    def require(self, pair: Pair) -> None:
        """Refuse languages that cannot be judged, and a variety of another language."""
        super().require(pair)
        if languages.base(self.tag) != languages.base(pair.target):
            raise ConfigurationError(f"The rule {self.text} asks for another language than {pair.target}.")

    def say(self, pair: Pair) -> str:
        """Name the variety."""
        return f"Write in {languages.name(self.tag)}."

    def wanted(self) -> str:
        """Return the tag of the variety."""
        return self.tag

    def told(self, value: str) -> str:
        """Name a variety."""
        return languages.name(value)

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose the variety that the reference shows."""
        if languages.base(pair.target) not in judged_languages("variety"):
            return []
        found = variety_of(reference, pair.target).value
        return [found] if found else []
