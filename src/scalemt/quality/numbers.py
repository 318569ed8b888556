"""Numbers of two texts compared as people write them: separators, decades, clocks and centuries differ."""

from __future__ import annotations

import re
from collections import Counter

# Thousands in groups of three behind one kind of separator (comma, point, apostrophe, space, Arabic
# separator); Indian grouping has pairs before the last three.
_GROUPED = re.compile(r"(?<!\d)\d{1,3}(?:([.,'’٬\u00a0\u202f\u2009 ])\d{3}(?:\1\d{3})*|(?:,\d\d)+,\d{3})(?!\d)")
_DIGITS = re.compile(r"\d+")
_FRACTION = re.compile(r"(?<=\d)[.,:٫](?=\d)")
_ROMAN = re.compile(r"\b(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})(?<=[IVX])(?:e|è|ème|er)?\b")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10}

_SPELLED_UP_TO = 12


def differing_numbers(source: str, text: str) -> tuple[Counter[str], Counter[str]]:
    """Return the numbers that `text` lacks and those that it adds, as bare digits.

    1,000.50 and 1.000,50 are the same, so are 7 and 07, 10:30 and 10h30, and digits of any script. Not
    counted as a difference: 3 for 15 of a clock, 90 for 1990 of a decade, XIX for 19, and a number up to
    twelve that one side spells out.
    """
    missing, added = numbers(source) - numbers(text), numbers(text) - numbers(source)
    _pair_off(missing, added)
    _pair_off(missing, _romans(text))
    _pair_off(added, _romans(source))
    if not (missing and added):
        # With nothing in its place a small number is spelled out; with another in its place it is wrong.
        missing, added = _without_small(missing), _without_small(added)
    return missing, added


def numbers(text: str) -> Counter[str]:
    """Count the numbers of a text; the parts on both sides of a decimal point or a colon count by themselves.

    Which of "1.234" and "1,234" is a thousand depends on the language, which of "10.30" and "10:30" is a
    time too: so the sign is not asked. A part of zeros behind it (7.00, 7:00) says nothing and is left out.
    """
    joined = _GROUPED.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    found: Counter[str] = Counter()
    for chain in _FRACTION.sub("\x00", joined).split():
        # A text may hold a NUL of its own: only one between digits is the mark put in here.
        for part in re.findall(r"\d+(?:\x00\d+)*", chain):
            first, *rest = map(_bare, _DIGITS.findall(part))
            found.update([first, *(digits for digits in rest if digits != "0")])
    return found


def _bare(digits: str) -> str:
    """Return ASCII digits without leading zeros; as text, since Python reads no number of 5,000 digits."""
    return "".join(str(int(digit)) for digit in digits).lstrip("0") or "0"


def _without_small(found: Counter[str]) -> Counter[str]:
    return Counter({digits: n for digits, n in found.items() if len(digits) > 2 or int(digits) > _SPELLED_UP_TO})


def _pair_off(missing: Counter[str], others: Counter[str]) -> None:
    """Take from both what means the same."""
    for digits in list(missing.elements()):
        for other in list(others):
            if others[other] > 0 and _same(digits, other):
                missing[digits] -= 1
                others[other] -= 1
                break
    for counter in (missing, others):
        for digits in [key for key, count in counter.items() if count <= 0]:
            del counter[digits]


def _same(one: str, other: str) -> bool:
    if one == other or max(len(one), len(other)) > 4:
        return one == other
    low, high = sorted((int(one), int(other)))
    clock = low <= 12 and high == low + 12
    year = 1000 <= high <= 2100 and 0 < low == high % 100
    return clock or year


def _romans(text: str) -> Counter[str]:
    """Count Roman numerals from I to XXXIX: "siglo XIX"."""
    found: Counter[str] = Counter()
    for match in _ROMAN.findall(text):
        values = [_ROMAN_VALUES[letter] for letter in match.rstrip("eèmr")]
        signed = [-v if v < max(values[i:]) else v for i, v in enumerate(values)]
        found[str(sum(signed))] += 1
    return found
