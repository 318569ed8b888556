"""Java properties: keys, comments and the layout stay; values are segments.

Source: java.util.Properties.load, and JEP 226 (UTF-8 property resource bundles) for the encoding: a file that is
not valid UTF-8 is ISO-8859-1. One that is pure ASCII may be read as either: there new letters are written as
`\\uXXXX`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import Encoding, decode, find_encoding
from scalemt.types import Segment

_NATURAL = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_KEY = re.compile(r"[ \t\f]*((?:\\[^\r\n]|[^\\=:\s])*)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+|)")
_CONTINUED = re.compile(r"\\(?:\r\n|\n|\r)[ \t\f]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_ESCAPED = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f"}
_MESSAGE = re.compile(r"\{\d")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value: where it stands, its key, and the comment above."""

    start: int
    end: int
    key: str
    raw: str
    note: str

    @property
    def segment(self) -> Segment:
        """The value as a translator sees it; in a MessageFormat pattern an apostrophe is written twice."""
        text = _plain(self.raw)
        text = text.replace("''", "'") if _is_message(text) else text
        return Segment(text, self.key, syntax=("java",), note=self.note)


class PropertiesFormat(Format):
    """Values of resource bundles."""

    name = "properties"
    title = "Java properties"
    suffixes = (".properties",)

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        text, _, _ = _text(path, options)
        for entry in _entries(text):
            yield entry.segment

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        text, encoding, ascii_only = _text(path, options)
        made, position = [], 0
        for entry in _entries(text):
            target = next(targets)
            if target.text != entry.segment.text:
                made += [text[position : entry.start], _escape(entry, target.text, encoding, ascii_only)]
                position = entry.end
        out.write(encoding.mark + encoding.encode("".join((*made, text[position:])), path))


def _text(path: Path, options: FormatOptions) -> tuple[str, Encoding, bool]:
    data = path.read_bytes()
    encoding = find_encoding(data[:4], options.encoding, path)
    if not options.encoding and not encoding.mark:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            encoding = Encoding("latin-1")
    body = data[len(encoding.mark) :]
    return decode(body, encoding, path), encoding, not options.encoding and not encoding.mark and body.isascii()


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the entries whose value holds a letter or a digit."""
    position, notes = 0, list[str]()
    while found := _NATURAL.match(text, position):
        line = found[0]
        if not line.strip(" \t\f\r\n"):
            notes = []
        elif line.lstrip(" \t\f")[0] in "#!":
            notes.append(line.strip().lstrip("#! "))
        else:
            end = _logical_end(text, position)
            key = _KEY.match(text, position)
            start = min(key.end(), end) if key else end
            raw = text[start:end]
            if any(character.isalnum() for character in _plain(raw)):
                name = _plain(key[1]) if key else ""
                yield _Entry(start, end, name, raw, " ".join(notes))
            position, notes = end, []
            ending = re.compile(r"\r\n|\n|\r|").match(text, end)
            position = ending.end() if ending else end
            continue
        position = found.end()


def _logical_end(text: str, position: int) -> int:
    """Return where the value of a logical line ends: an odd number of backslashes continues it."""
    while True:
        found = _NATURAL.match(text, position)
        if not found:
            return position
        body = found[0].rstrip("\r\n")
        if (len(body) - len(body.rstrip("\\"))) % 2 == 0 or found.end() == len(text):
            return position + len(body)
        position = found.end()


def _plain(raw: str) -> str:
    text = _CONTINUED.sub(lambda found: found[0] if _odd(raw, found.start()) else "", raw)
    text = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2]), text
    )
    # Two escapes may be the halves of one character beyond the first plane.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _letter(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2])


def _odd(raw: str, place: int) -> bool:
    """Whether the backslash at `place` is itself escaped."""
    before = raw[:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _is_message(text: str) -> bool:
    return bool(_MESSAGE.search(text)) and "'" not in text.replace("''", "")


def _escape(entry: _Entry, text: str, encoding: Encoding, ascii_only: bool) -> str:
    if _MESSAGE.search(text) and _is_message(_plain(entry.raw)):
        text = text.replace("'", "''")
    text = "".join(_ESCAPED.get(character, character) for character in text)
    if text.startswith(" "):
        text = "\\" + text
    if ascii_only or encoding.codec in ("latin-1", "iso8859-1"):
        highest = 0x7F if ascii_only else 0xFF
        text = "".join(_unicode(character) if ord(character) > highest else character for character in text)
    return text


def _unicode(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))
