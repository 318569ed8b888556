"""Translated messages of gettext PO files as units; fuzzy and obsolete ones are left.

Source: GNU gettext manual, section 3 (the format of PO files).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scalemt.formats.base import FormatOptions
from scalemt.formats.po import Entry, _entries, _lines
from scalemt.memory.exchange.base import NO_LANGUAGE, NO_TARGET, UNSURE, Reading, near, tag_of
from scalemt.memory.units import Unit
from scalemt.types import Pair

_LANGUAGE = re.compile(r"^Language:\s*([\w@.-]+)\s*$", re.MULTILINE)
_SOURCE_LANGUAGE = re.compile(r"^X-Source-Language:\s*([\w@.-]+)\s*$", re.MULTILINE)


def read(reading: Reading) -> Iterator[Unit]:
    """Yield a unit for each translated message, and one more for its plural.

    The first form translates the singular, the last one the plural. The header names the target language, the
    source language is seldom told.

    Raises:
        InputError: a line is neither comment, keyword nor string, or no language is told; the message says where.
    """
    lines, _ = _lines(reading.path, FormatOptions(encoding=reading.options.encoding))
    reading.advance(reading.path.stat().st_size)
    header = ""
    for entry in _entries(lines, reading.path):
        if entry.is_header:
            header = entry.forms.get(0, "")
        else:
            yield from _units(entry, reading, header)


def _units(entry: Entry, reading: Reading, header: str) -> Iterator[Unit]:
    if not any(text.strip() for text in entry.forms.values()):
        reading.skipped[NO_TARGET] += 1
        return
    if "fuzzy" in entry.flags and not reading.options.unsure:
        reading.skipped[UNSURE] += 1
        return
    pair = _pair(reading, header)
    if pair is None:
        reading.skipped[NO_LANGUAGE] += 1
        return
    forms = [text for _, text in sorted(entry.forms.items())]
    sides = [(entry.singular or "", forms[0])]
    if entry.plural is not None:
        sides.append((entry.plural, forms[-1]))
    for source, target in sides:
        if source.strip() and target.strip():
            about = {"context": entry.context or "", "note": "\n".join(entry.comments)}
            yield Unit(source, target, pair, **reading.completed(about))
        else:
            reading.skipped[NO_TARGET] += 1


def _pair(reading: Reading, header: str) -> Pair | None:
    """Return the languages of a file, None where they are not those that are wanted."""
    told = [_told(header, pattern) for pattern in (_SOURCE_LANGUAGE, _LANGUAGE)]
    wanted = (reading.source, reading.target)
    if any(tag and other and not near(tag, other) for tag, other in zip(told, wanted, strict=True)):
        return None
    return reading.told(*told)


def _told(header: str, pattern: re.Pattern[str]) -> str:
    found = pattern.search(header)
    # sr@latin, de_DE.UTF-8: a modifier or an encoding behind the tag.
    return tag_of(re.split(r"[@.]", found[1])[0]) if found else ""
