"""What a rule is: a wish that a program can verify (Tower+ and IF-MT, Rei et al., arXiv 2506.17080).

The paper's body was not read; of the generator of IF-MT it is known that rules must be objectively verifiable
("dates as …", not "more professional") and be called for by the source. The list of rules, their written form,
what is said of them in prompts, and that a program keeps some of them, were decided here.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from scalemt.errors import ConfigurationError
from scalemt.types import Pair


class Edit(NamedTuple):
    """What is put in the place of `text[start:end]`."""

    start: int
    end: int
    text: str


class Wants(NamedTuple):
    """What a rule wants of a measure, to see which rules cannot both be kept: at least, at most."""

    measure: str
    least: float = 0.0
    most: float = float("inf")


class Rule(ABC):
    """One rule with its value, `max-words=12`.

    A subclass sets the attributes and implements `say` and `check`. Its constructor refuses a value that it cannot
    have, by `wrong`.

    `several` says that a rule may be given more than once. `finishes` says that `edits` keep it without harm to
    the meaning, so that nobody need be asked for it. `excuses` names the checks of `quality/checks.py` that a
    translation which keeps the rule may fail because of it. `level` orders what is looked at: 0 the bare
    translation, 1 with what stands at its start and end, 2 with what it is wrapped in, 3 as a value of JSON.
    `prose` rules do not look at protected spans; the others do, but for tags.
    """

    name: ClassVar[str]
    example: ClassVar[str]
    several: ClassVar[bool] = False
    finishes: ClassVar[bool] = False
    excuses: ClassVar[frozenset[str]] = frozenset()
    level: ClassVar[int] = 0
    prose: ClassVar[bool] = False

    def __init__(self, value: str) -> None:
        self.value = value.strip()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"<rule {self.text}>"

    @property
    def text(self) -> str:
        """The rule as it is written."""
        return f"{self.name}={self.value}" if self.value else self.name

    @abstractmethod
    def say(self, pair: Pair) -> str:
        """Return the rule as an English sentence for a prompt."""

    @abstractmethod
    def check(self, source: str, text: str, pair: Pair) -> str:
        """Return a sentence that says how a translation breaks the rule, "" where it keeps it.

        A rule that nothing of the source calls for is kept.
        """

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Return what would make a translation keep the rule, in order; none where a program cannot."""
        return ()

    def wants(self) -> Wants | None:
        """Return what is wanted of a measure that other rules may want something else of."""
        return None

    def forbids(self, other: Rule) -> bool:
        """Whether the two cannot both be kept; of one name, two different values cannot."""
        return self.name == other.name and not self.several and self.text != other.text

    def require(self, pair: Pair) -> None:
        """Refuse a pair for which the rule cannot be checked.

        Raises:
            ConfigurationError: it cannot.
        """
        return

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Return values for which a source calls for the rule, and its reference keeps it or can be made to.

        They are for benchmarks; drawn values come from the dice.
        """
        return []

    def wrong(self, expected: str) -> ConfigurationError:
        """Return the fault of a value."""
        return ConfigurationError(f"The rule {self.text!r} needs {expected}, as in {self.example}.")

    def number(self, least: int = 1) -> int:
        """Return the value as a whole number.

        Raises:
            ConfigurationError: it is none, or too small.
        """
        if not self.value.isascii() or not self.value.isdigit() or int(self.value) < least:
            raise self.wrong(f"a whole number from {least}")
        return int(self.value)

    def one_of(self, *choices: str) -> str:
        """Return the value as one of several words.

        Raises:
            ConfigurationError: it is another one.
        """
        if self.value.lower() not in choices:
            raise self.wrong(f"one of {', '.join(choices)}")
        return self.value.lower()


class Frame(Rule):
    """A rule about what stands around the translation; rules of a lower level are about what is inside."""

    finishes = True

    @abstractmethod
    def around(self, text: str) -> Sequence[Edit]:
        """Return what puts the frame around a text, in order."""

    @abstractmethod
    def off(self, text: str) -> Sequence[Edit] | None:
        """Return what takes the frame off a text, in order; None where it is not there."""

    @abstractmethod
    def missing(self) -> str:
        """Return the sentence that says what is not there."""

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for the frame."""
        return self.missing() if self.off(text) is None else ""


def cut(text: str, start: int, end: int) -> list[Edit]:
    """Return what leaves only `text[start:end]`."""
    return [edit for edit in (Edit(0, start, ""), Edit(end, len(text), "")) if edit.start < edit.end]


def quoted(text: str) -> str:
    """Return a text of a rule as a prompt shows it: in quotes, so that it cannot pass for words of the prompt."""
    return f"“{text}”"
