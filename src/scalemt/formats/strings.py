"""Strings files of iOS and macOS: `"key" = "value";`, with comments; everything but the values stays.

Source: Apple, Resource Programming Guide, "String Resources" (old-style property lists).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import InputError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import read_text
from scalemt.types import Segment

_SPACE = re.compile(r"[\s\ufeff]*+")
_COMMENT = re.compile(r"/\*(.*?)\*/|//([^\r\n]*)", re.DOTALL)
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"|([\w.$/:-]++)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[Uu]([0-9A-Fa-f]{4})|([0-7]{3})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b", "a": "\a", "v": "\v", "0": "\0"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A quoted value: where it stands inside its quotes, its key, and the comment above."""

    start: int
    end: int
    key: str
    raw: str
    note: str

    @property
    def segment(self) -> Segment:
        """The value as a translator sees it."""
        return Segment(_plain(self.raw), self.key, syntax=("objc",), note=self.note)


class StringsFormat(Format):
    """Values of .strings files."""

    name = "strings"
    title = "iOS strings"
    suffixes = (".strings",)

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        text, _ = read_text(path, options.encoding)
        for entry in _entries(text, path):
            yield entry.segment

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        text, encoding = read_text(path, options.encoding)
        made, position = [], 0
        for entry in _entries(text, path):
            target = next(targets)
            if target.text != entry.segment.text:
                made += [text[position : entry.start], _escaped(target.text)]
                position = entry.end
        out.write(encoding.mark + encoding.encode("".join((*made, text[position:])), path))


def _entries(text: str, path: Path) -> Iterator[_Entry]:
    """Yield the entries whose value holds a letter or a digit.

    Raises:
        InputError: something else than `"key" = "value";` or a comment.
    """
    position, note = 0, ""
    while True:
        position, said = _skipped(text, position)
        note = said or note
        if position >= len(text):
            return
        key = _STRING.match(text, position)
        if not key:
            raise _fault(text, position, path, "a key in double quotes or a comment")
        position, _ = _skipped(text, key.end())
        value = None
        if text.startswith("=", position):
            position, _ = _skipped(text, position + 1)
            value = _STRING.match(text, position)
            if not value:
                raise _fault(text, position, path, "a value in double quotes")
            position, _ = _skipped(text, value.end())
        if not text.startswith(";", position):
            raise _fault(text, position, path, "a semicolon")
        position += 1
        if value and value[1] is not None and any(character.isalnum() for character in _plain(value[1])):
            name = _plain(key[1]) if key[1] is not None else key[2]
            yield _Entry(value.start(1), value.end(1), name, value[1], note)
        note = ""


def _skipped(text: str, position: int) -> tuple[int, str]:
    """Return where white space and comments end, and what the last comment says."""
    note = ""
    while True:
        space = _SPACE.match(text, position)
        position = space.end() if space else position
        comment = _COMMENT.match(text, position)
        if not comment:
            return position, note
        note = " ".join((comment[1] or comment[2] or "").split())
        position = comment.end()


def _fault(text: str, position: int, path: Path, expected: str) -> InputError:
    line = text.count("\n", 0, position) + 1
    found = repr(text[position : position + 30]) if position < len(text) else "the end of the file"
    return InputError(f"{path}, line {line}: expected {expected}, found {found}. Mend the file there.")


def _plain(raw: str) -> str:
    def letter(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        return chr(int(found[2], 8)) if found[2] else _LETTERS.get(found[3], found[3])

    text = _ESCAPE.sub(letter, raw)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("\0", "\\U0000")
