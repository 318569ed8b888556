"""Rules about how dates, times, numbers and temperatures are written."""

from __future__ import annotations

import random
import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scalemt.errors import ConfigurationError
from scalemt.languages import base, name
from scalemt.quality.rules.base import Edit, Rule
from scalemt.quality.rules.calendar import DATE_STYLES, Date, Found, as_clock, dates, knows_months, times
from scalemt.types import Pair

# Languages that write 1,234.5; most others write 1.234,5.
_POINT = frozenset("en zh ja ko th he hi bn ta te mr ur sw ms fil cy ga mt am my km".split())
_SIGNS = {"comma": ",", "point": ".", "space": "\u00a0", "none": ""}


class _Written(Rule):
    """Something of the source that must stand in the translation in one certain form."""

    finishes = True
    excuses = frozenset({"numbers"})
    what: str

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for each of the source in its wanted form."""
        for item in self.due(source, pair):
            wanted = self.form(item, pair)
            if not re.search(rf"(?i)(?<![\d.,:/-]){re.escape(wanted)}(?![\d:/-]|[.,]\d)", text):
                return f"the {self.what} of the source must be written as {wanted}"
        return ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Rewrite those of the translation that the source has too."""
        due = set(self.due(source, pair))
        made = [
            Edit(found.start, found.end, self.form(found.what, pair))
            for found in self.there(text, pair.target)
            if found.what in due
        ]
        # What is written in other capitals is kept as it is: another rule may have wanted them.
        return [edit for edit in made if text[edit.start : edit.end].lower() != edit.text.lower()]

    def due(self, source: str, pair: Pair) -> list[Date | int]:
        """Return what of a source must be written in a certain form."""
        return [found.what for found in self.there(source, pair.source)]

    @abstractmethod
    def there(self, text: str, tag: str) -> Sequence[Found]:
        """Find what stands in a text."""

    @abstractmethod
    def form(self, item: Date | int, pair: Pair) -> str:
        """Return how it must be written."""


class DateForm(_Written):
    """How dates with day, month and year are written."""

    name = "date"
    example = "date=iso"
    what = "date"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.style = self.one_of(*DATE_STYLES)

    def require(self, pair: Pair) -> None:
        """Refuse dates in words where the words are not known."""
        if self.style == "long" and not knows_months(pair.target):
            raise ConfigurationError(
                f"The rule date=long needs the names of months, and those of {name(pair.target)} are not known. "
                "Use another form of dates."
            )

    def say(self, pair: Pair) -> str:
        """Show a date."""
        return f"Write dates like {self.form(Date(2024, 12, 31), pair)}."

    def there(self, text: str, tag: str) -> Sequence[Found]:
        """Find dates."""
        return dates(text, tag)

    def form(self, item: Date | int, pair: Pair) -> str:
        """Write a date."""
        assert isinstance(item, Date)  # noqa: S101  # `there` finds nothing else
        return DATE_STYLES[self.style](item, pair.target)

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a form in figures where both texts have a date."""
        both = dates(source, pair.source) and dates(reference, pair.target)
        return [dice.choice(["iso", "dd/mm/yyyy", "dd.mm.yyyy"])] if both else []


class Clock(_Written):
    """How times of day are written."""

    name = "clock"
    example = "clock=24h"
    what = "time"

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.style = self.one_of("24h", "12h")

    def say(self, pair: Pair) -> str:
        """Show a time."""
        return f"Write times of day like {as_clock(930, self.style)}."

    def there(self, text: str, tag: str) -> Sequence[Found]:
        """Find times."""
        return times(text)

    def form(self, item: Date | int, pair: Pair) -> str:
        """Write a time."""
        assert isinstance(item, int)  # noqa: S101  # `there` finds nothing else
        return as_clock(item, self.style)

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a form where both texts have a time."""
        return [dice.choice(["24h", "12h"])] if times(source) and times(reference) else []


class Number(NamedTuple):
    """A number where it stands: its digits before and behind the decimal sign, and whether they are grouped."""

    start: int
    end: int
    whole: str
    fraction: str
    grouped: bool


_NUMBER = re.compile(
    r"(?<![\w.,:/-])\d{1,3}(?:([ \u00a0\u202f.,'’])\d{3})(?:\1\d{3})*(?:[.,]\d+)?|(?<![\w.,:/-])\d+(?:[.,]\d+)?"
)


def _numbers(text: str, tag: str) -> Iterator[Number]:
    """Find numbers, reading point and comma as a language writes them, where that makes sense."""
    decimal = "." if base(tag) in _POINT else ","
    for found in _NUMBER.finditer(text):
        if re.match(r"[\w/:-]|[.,]\d", text[found.end() : found.end() + 2]):
            continue  # part of a date, a version, an address
        digits = found[0]
        head, sign, tail = digits.rpartition(decimal)
        other = "," if decimal == "." else "."
        if not sign and digits.count(other) == 1 and len(digits.partition(other)[2]) != 3:
            head, sign, tail = digits.rpartition(other)  # 4.5 in a language with commas is no thousands
        if sign and len(head.rpartition(sign)[2]) == 3 and sign in head:
            head, sign, tail = digits, "", ""  # 1.234.567
        whole = re.sub(r"\D", "", head if sign else digits)
        yield Number(*found.span(), whole, tail if sign else "", len(whole) < len(head if sign else digits))


class Decimal(Rule):
    """The sign before decimals."""

    name = "decimal"
    example = "decimal=comma"
    finishes = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.sign = _SIGNS[self.one_of("comma", "point")]

    def say(self, pair: Pair) -> str:
        """Show a number."""
        return f"Write decimals like 3{self.sign}5."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look at all numbers of the translation that the source has too."""
        wrong = self.edits(source, text, pair)
        return f"{text[wrong[0].start : wrong[0].end]} must be written as {wrong[0].text}" if wrong else ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Put the sign in; thousands that were parted by it get the other one."""
        due = {(item.whole, item.fraction) for item in _numbers(source, pair.source) if item.fraction}
        made = []
        for item in _numbers(text, pair.target):
            if (item.whole, item.fraction) not in due:
                continue
            before = text[item.start : item.end - len(item.fraction) - 1]
            other = "." if self.sign == "," else ","
            made.append(
                Edit(item.start, item.end, f"{before.replace(self.sign, other)}{self.sign}{item.fraction}")
            )
        return [edit for edit in made if text[edit.start : edit.end] != edit.text]

    def forbids(self, other: Rule) -> bool:
        """Thousands must not have the same sign."""
        return super().forbids(other) or (isinstance(other, Thousands) and other.sign == self.sign)

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose either sign where both texts have the same number with decimals."""
        mine = {(item.whole, item.fraction) for item in _numbers(source, pair.source) if item.fraction}
        theirs = {(item.whole, item.fraction) for item in _numbers(reference, pair.target)}
        return [dice.choice(["comma", "point"])] if mine & theirs else []


class Thousands(Rule):
    """What parts the thousands of numbers that are grouped in the source."""

    name = "thousands"
    example = "thousands=point"
    finishes = True

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.sign = _SIGNS[self.one_of(*_SIGNS)]

    def say(self, pair: Pair) -> str:
        """Show a number."""
        return f"Write thousands like 12{self.sign}000."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look at all numbers of the translation that the source has too."""
        wrong = self.edits(source, text, pair)
        return f"{text[wrong[0].start : wrong[0].end]} must be written as {wrong[0].text}" if wrong else ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Group the digits anew."""
        due = {item.whole for item in _numbers(source, pair.source) if item.grouped}
        made = []
        for item in _numbers(text, pair.target):
            if item.whole in due:
                digits = f"{int(item.whole):,}".replace(",", self.sign)
                behind = text[item.end - len(item.fraction) - 1 : item.end] if item.fraction else ""
                if behind[:1] == self.sign != "":
                    continue  # the number would have one sign for both
                made.append(Edit(item.start, item.end, digits + behind))
        return [edit for edit in made if text[edit.start : edit.end] != edit.text]

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose a sign where both texts have the same number of thousands."""
        mine = {item.whole for item in _numbers(source, pair.source) if item.grouped}
        theirs = {item.whole for item in _numbers(reference, pair.target)}
        return [dice.choice(sorted(_SIGNS))] if mine & theirs else []


_DEGREES = re.compile(r"(?<![\w.,])([-−–]?\d+(?:[.,]\d+)?)\s?[°º]\s?([CF])\b")


class Temperature(Rule):
    """The scale of temperatures, which are converted."""

    name = "temperature"
    example = "temperature=celsius"
    finishes = True
    excuses = frozenset({"numbers"})

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.scale = self.one_of("celsius", "fahrenheit")[0].upper()

    def say(self, pair: Pair) -> str:
        """Say the scale."""
        return f"Give temperatures in {self.value.lower()} (°{self.scale}), converted and rounded."

    def check(self, source: str, text: str, pair: Pair) -> str:
        """Look for each temperature of the source on the wanted scale, within one degree."""
        found = [degrees for _, degrees, scale in _temperatures(text) if scale == self.scale]
        for _, degrees, scale in _temperatures(source):
            due = degrees if scale == self.scale else _converted(degrees, scale)
            if not any(abs(due - other) <= 1 for other in found):
                return f"{degrees:g} °{scale} of the source must be given as {round(due)} °{self.scale}"
        return ""

    def edits(self, source: str, text: str, pair: Pair) -> Sequence[Edit]:
        """Convert those on the other scale; where the source gives both, they stay."""
        if {scale for _, _, scale in _temperatures(source)} == {"C", "F"}:
            return []
        return [
            Edit(*place, f"{round(_converted(degrees, scale))} °{self.scale}")
            for place, degrees, scale in _temperatures(text)
            if scale != self.scale
        ]

    @classmethod
    def proposals(cls, source: str, reference: str, pair: Pair, dice: random.Random) -> list[str]:
        """Propose the scale that the source does not have."""
        scales = {scale for _, _, scale in _temperatures(source)}
        if len(scales) != 1 or not _temperatures(reference):
            return []
        return ["fahrenheit" if scales == {"C"} else "celsius"]


def _temperatures(text: str) -> list[tuple[tuple[int, int], float, str]]:
    return [
        (found.span(), float(re.sub("[−–]", "-", found[1]).replace(",", ".")), found[2])
        for found in _DEGREES.finditer(text)
    ]


def _converted(degrees: float, scale: str) -> float:
    return degrees * 9 / 5 + 32 if scale == "C" else (degrees - 32) * 5 / 9
