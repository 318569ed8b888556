"""Dates and times of day as people write them, found in texts of several languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from scalemt.languages import base

_MONTHS = {
    "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "gl": "xaneiro febreiro marzo abril maio xuño xullo agosto setembro outubro novembro decembro",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
# English without a territory is taken for American, as its dates in figures mostly are.
_MONTH_FIRST = frozenset({"en", "en-US"})


class Date(NamedTuple):
    """A day."""

    year: int
    month: int
    day: int


class Found(NamedTuple):
    """Where something stands in a text, and what it is."""

    start: int
    end: int
    what: Date | int


def knows_months(tag: str) -> bool:
    """Whether the names of months are known in a language."""
    return base(tag) in _MONTHS


def in_words(date: Date, tag: str) -> str:
    """Return a date with the name of its month, "5 de março de 2024"."""
    language = base(tag)
    month = _MONTHS[language].split()[date.month - 1]
    if language in ("es", "gl", "pt"):
        return f"{date.day} de {month} de {date.year}"
    if language == "ca":
        return f"{date.day} {'d’' if month[0] in 'ao' else 'de '}{month} de {date.year}"
    if language == "de":
        return f"{date.day}. {month} {date.year}"
    return f"{'1er' if language == 'fr' and date.day == 1 else date.day} {month} {date.year}"


def dates(text: str, tag: str) -> list[Found]:
    """Return the days of a text that are named with day, month and year, in order."""
    found = sorted(_dates(text, tag))
    return [item for place, item in enumerate(found) if not place or item.start >= found[place - 1].end]


def _dates(text: str, tag: str) -> Iterator[Found]:
    for match in re.finditer(r"(?<![\d./-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d/-]|\.\d)", text):
        yield from _if_day(match, match[1], match[2], match[3])
    for match in re.finditer(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?![\d/-]|\.\d)", text):
        first, second = match[1], match[3]
        swapped = int(second) > 12 or (tag in _MONTH_FIRST and int(first) <= 12)
        yield from _if_day(match, match[4], *((first, second) if swapped else (second, first)))
    names = _month_numbers(tag)
    if not names:
        return
    months = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    joint = r"(?:\s+|\s*,\s*|\s+d['’]|\s+de\s+|\s+del\s+|\s+of\s+|\.\s*)"
    for match in re.finditer(
        rf"(?i)\b(\d{{1,2}})(?:st|nd|rd|th|er|º|ª)?{joint}({months})\b\.?{joint}(\d{{4}})(?!\d)", text
    ):
        yield from _if_day(match, match[3], names[match[2].casefold()], match[1])
    for match in re.finditer(rf"(?i)\b({months})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?!\d)", text):
        yield from _if_day(match, match[3], names[match[1].casefold()], match[2])


@cache
def _month_numbers(tag: str) -> dict[str, int]:
    return {name.casefold(): number for number, name in enumerate(_MONTHS.get(base(tag), "").split(), 1)}


def _if_day(match: re.Match[str], year: str, month: str | int, day: str) -> Iterator[Found]:
    date = Date(int(year), int(month), int(day))
    if 1 <= date.month <= 12 and 1 <= date.day <= 31:
        yield Found(*match.span(), date)


DATE_STYLES: dict[str, Callable[[Date, str], str]] = {
    "iso": lambda date, _: f"{date.year:04}-{date.month:02}-{date.day:02}",
    "dd/mm/yyyy": lambda date, _: f"{date.day:02}/{date.month:02}/{date.year:04}",
    "mm/dd/yyyy": lambda date, _: f"{date.month:02}/{date.day:02}/{date.year:04}",
    "dd.mm.yyyy": lambda date, _: f"{date.day:02}.{date.month:02}.{date.year:04}",
    "dd-mm-yyyy": lambda date, _: f"{date.day:02}-{date.month:02}-{date.year:04}",
    "long": in_words,
}

_HALVES = re.compile(r"(?i)(?<![\d:.,])(1[0-2]|0?[1-9])(?:[:.]([0-5]\d))?\s?([ap])\.?\s?m\b\.?")
_WHOLES = re.compile(r"(?<![\d:.,])([01]?\d|2[0-3])(?::|\s?h\s?)([0-5]\d)(?!\d|:\d|\s?[ap]\.?\s?m\b)")


def times(text: str) -> list[Found]:
    """Return the times of day whose half of the day is certain, as minutes since midnight, in order."""
    found = []
    for match in _HALVES.finditer(text):
        hour = int(match[1]) % 12 + (12 if match[3].lower() == "p" else 0)
        end = match.end()
        # A full stop behind "p.m." may be that of the sentence.
        if text[end - 1] == "." and not text[match.start() : end - 1].endswith((".m", ".M")):
            end -= 1
        found.append(Found(match.start(), end, 60 * hour + int(match[2] or 0)))
    for match in _WHOLES.finditer(text):
        hour = int(match[1])
        if hour == 0 or hour > 12 or match[1][0] == "0":
            found.append(Found(*match.span(), 60 * hour + int(match[2])))
    return sorted(found)


def as_clock(minutes: int, style: str) -> str:
    """Return a time of day as "15:30" (24h) or "3:30 PM" (12h)."""
    hour, minute = divmod(minutes, 60)
    if style == "24h":
        return f"{hour:02}:{minute:02}"
    return f"{hour % 12 or 12}:{minute:02} {'PM' if hour >= 12 else 'AM'}"
