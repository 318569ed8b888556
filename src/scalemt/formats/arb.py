"""Application Resource Bundles (.arb) of Flutter: JSON whose values are ICU messages.

Source: Application Resource Bundle specification (github.com/google/app-resource-bundle), RFC 8259.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import read_text
from scalemt.formats.icutext import IcuText
from scalemt.formats.jsontext import JsonString, Style, replaced, scan
from scalemt.text.icu import IcuError
from scalemt.types import Segment

_DESCRIPTION = 2  # length of the path of a description: ("@key", "description")


@dataclass
class _About:
    """What the file says of its messages: descriptions, and names of arguments."""

    notes: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, strings: list[JsonString]) -> _About:
        about = cls()
        for string in strings:
            first, *rest = string.path
            if not isinstance(first, str) or not first.startswith("@") or first.startswith("@@"):
                continue
            if rest == ["description"] and not string.key:
                about.notes[first[1:]] = string.value
            elif len(rest) == _DESCRIPTION and rest[0] == "placeholders" and string.key:
                about.arguments.setdefault(first[1:], set()).add(str(rest[1]))
        return about


class ArbFormat(Format):
    """Messages of an ARB file; its metadata is copied, and its locale becomes that of the translation."""

    name = "arb"
    title = "ARB"
    suffixes = (".arb",)

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        text, _ = read_text(path, options.encoding)
        strings = list(scan(text, path))
        about = _About.of(strings)
        for string in filter(_is_message, strings):
            yield from _segments(string, about)

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        data = path.read_bytes()
        text, encoding = read_text(path, options.encoding)
        strings = list(scan(text, path))
        about = _About.of(strings)
        style = Style.of(text, encoding.codec)
        changes = []
        for string in strings:
            value = string.value
            if string.path == ("@@locale",) and not string.key and options.target:
                value = options.target.replace("-", "_")
            elif _is_message(string):
                value = _translated(string, about, targets, options.target)
            if value != string.value:
                changes.append((string.start, string.end, style.encode(value)))
        # Some encodings have two ways to write a character: what did not change is never encoded anew.
        out.write(encoding.mark + encoding.encode(replaced(text, changes), path) if changes else data)


def _is_message(string: JsonString) -> bool:
    return not string.key and len(string.path) == 1 and not str(string.path[0]).startswith("@")


def _message(string: JsonString, about: _About) -> IcuText | None:
    """Return a message in its leaves, or None where it is none: then it is plain text."""
    try:
        return IcuText.of(string.value, frozenset(about.arguments.get(str(string.path[0]), ())))
    except IcuError:
        return None


def _segments(string: JsonString, about: _About) -> list[Segment]:
    name = str(string.path[0])
    note = about.notes.get(name, "")
    message = _message(string, about)
    if message:
        return message.segments(name, note)
    if not any(map(str.isalpha, string.value)):
        return []
    return [Segment(string.value, name, syntax=("icu",), note=note)]


def _translated(string: JsonString, about: _About, targets: Iterator[Target], language: str) -> str:
    message = _message(string, about)
    if message:
        return message.rebuilt(targets, language)
    return next(targets).text if _segments(string, about) else string.value
