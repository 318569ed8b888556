"""JSON as text: each string with its path and its place, and strings written as the file writes them.

The grammar is that of RFC 8259, and nothing beyond it: no comments, no trailing commas, no NaN. Names that occur
twice in an object are both given. What is not a string is checked and passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from scalemt.errors import InputError

Path_ = tuple[str | int, ...]

DEPTH = 500  # objects and lists inside one another; Python's own reader gives up at about 1,000

# Possessive, so that a megabyte in one string neither backtracks nor fills the memory.
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_TOKEN = re.compile(rf"[ \t\n\r]*+(?:({_STRING})|([\[\]{{}},:])|({_NUMBER}|true|false|null))")
_INSIDE = re.compile(_STRING[1:-1])
_SPACE = re.compile(r"[ \t\n\r]*+")
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_WORD = re.compile(r"[\w.+-]{1,20}")
_LONE = re.compile(r"[\ud800-\udfff]")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY, _COLON, _NEXT, _END = range(7)
_EXPECTED = (
    "a value",
    "a value or ']'",
    "a name in double quotes or '}'",
    "a name in double quotes",
    "':'",
    "',' or the closing bracket",
    "the end",
)


@dataclass(frozen=True, slots=True)
class JsonString:
    """A string of a JSON text: `text[start:end]`, with its quotes.

    Args:
        start, end: where it stands.
        value: decoded; halves of surrogate pairs that stand alone are left as they are.
        path: names and list positions (from 0) from the outermost value; of a name, that of its member.
        key: it is the name of a member, not a value.
    """

    start: int
    end: int
    value: str
    path: Path_
    key: bool = False


def scan(text: str, path: Path, line: int = 1) -> Iterator[JsonString]:
    """Yield every string of a JSON text in order, names included.

    Args:
        text: one JSON value, white space around it.
        path: of the file, for messages.
        line: number of the first line of the text.

    Raises:
        InputError: not JSON, or nested deeper than `DEPTH`; the message names line and column.
    """
    return _Scanner(text, path, line).strings()


class _Scanner:
    def __init__(self, text: str, path: Path, line: int) -> None:
        self._text = text
        self._path = path
        self._line = line
        self._open: list[str] = []  # the closing brackets that are due
        self._at: list[str | int] = []  # one name or position for each
        self._state = _VALUE

    def strings(self) -> Iterator[JsonString]:
        text, position = self._text, 0
        match = _TOKEN.match
        while found := match(text, position):
            kind, position = found.lastindex or 0, found.end()
            start = found.start(kind)
            if kind == 1:
                yield self._string(start, position)
            elif kind == 2:
                self._mark(text[start], start)
            else:
                self._value(start)
        position = _SPACE.match(text, position).end()  # type: ignore[union-attr]
        if position < len(text) or self._state != _END:
            self._refuse(position)

    def _value(self, start: int) -> None:
        if self._state not in (_VALUE, _FIRST_ITEM):
            self._refuse(start)
        self._state = _NEXT if self._open else _END

    def _string(self, start: int, end: int) -> JsonString:
        raw = self._text[start + 1 : end - 1]
        value: str = json.loads(f'"{raw}"') if "\\" in raw else raw
        if self._state in (_KEY, _FIRST_KEY):
            self._at[-1] = value
            self._state = _COLON
            return JsonString(start, end, value, tuple(self._at), key=True)
        self._value(start)
        return JsonString(start, end, value, tuple(self._at))

    def _mark(self, mark: str, start: int) -> None:
        state = self._state
        if mark in "[{":
            self._value(start)
            if len(self._open) >= DEPTH:
                self._fail(start, f"more than {DEPTH} objects and lists stand inside one another")
            self._open.append("]" if mark == "[" else "}")
            self._at.append(0 if mark == "[" else "")
            self._state = _FIRST_ITEM if mark == "[" else _FIRST_KEY
        elif mark in "]}":
            first = _FIRST_ITEM if mark == "]" else _FIRST_KEY
            if state not in (_NEXT, first) or not self._open or self._open[-1] != mark:
                self._refuse(start)
            self._open.pop()
            self._at.pop()
            self._state = _NEXT if self._open else _END
        elif mark == "," and state == _NEXT:
            here = self._at[-1]
            if self._open[-1] == "]":
                self._at[-1] = int(here) + 1
                self._state = _VALUE
            else:
                self._state = _KEY
        elif mark == ":" and state == _COLON:
            self._state = _VALUE
        else:
            self._refuse(start)

    def _refuse(self, position: int) -> NoReturn:
        text = self._text
        due = _EXPECTED[self._state]
        if self._state == _NEXT:
            due = f"',' or {self._open[-1]!r}"
        if position >= len(text):
            self._fail(position, f"the text ends where {due} is due; it may have been cut off")
        here = text[position]
        if here == '"' and self._state in (_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY):
            self._fail(position, _fault_of_string(text, position))
        word = _WORD.match(text, position)
        shown = word[0] if word else here
        why = ""
        if here in "}]" and text[:position].rstrip().endswith(","):
            why = " JSON has no comma before a closing bracket."
        elif here in "/#":
            why = " JSON has no comments."
        elif here == "'":
            why = " JSON has double quotes only."
        elif self._state == _END and "\n" in text[:position].strip("{[\n\r\t "):
            why = " A file with one JSON value a line is read with --format jsonl."
        elif shown in ("NaN", "Infinity", "-Infinity"):
            why = f" {shown} is not a JSON value."
        self._fail(position, f"found {shown!r}, expected {due}.{why}".removesuffix("."))

    def _fail(self, position: int, what: str) -> NoReturn:
        line = self._line + self._text.count("\n", 0, position)
        column = position - self._text.rfind("\n", 0, position)
        raise InputError(f"{self._path}, line {line}, column {column}: not JSON: {what}.")


def _fault_of_string(text: str, start: int) -> str:
    """Say what is wrong with the string that begins at `start` and does not match."""
    held = _INSIDE.match(text, start + 1)
    end = held.end() if held else start + 1
    if end >= len(text):
        return "the string that begins here is not closed"
    if text[end] == "\\":
        return f"the string that begins here holds {text[end : end + 2]!r}, which is no escape of JSON"
    name = "a line break" if text[end] in "\r\n" else f"the control character U+{ord(text[end]):04X}"
    return f"the string that begins here holds {name}, which JSON writes as an escape"


def replaced(text: str, changes: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with the stretches `(start, end, new)`, in order, replaced."""
    pieces, position = [], 0
    for start, end, new in changes:
        pieces += [text[position:start], new]
        position = end
    return "".join([*pieces, text[position:]])


class Style:
    r"""How a file writes its strings, so that a new one looks like its neighbours.

    A character that the file writes only as an escape (`\/`, `\u003c`, `\u00e9`) is written as that escape; where
    it escapes every character beyond ASCII, others are escaped too, with its kind of hexadecimal digits. A file
    without such characters gets them as they are.

    Args:
        codec: encoding of the file; what it lacks is escaped.
    """

    def __init__(self, codec: str = "utf-8") -> None:
        self._codec = "" if codec.startswith("utf-") else codec
        self._escapes: set[str] = set()
        self._raw: set[str] = set()
        self._table: _Table | None = None

    @classmethod
    def of(cls, text: str, codec: str = "utf-8") -> Style:
        """Return the style of a whole text."""
        style = cls(codec)
        style.learn(text)
        return style

    def learn(self, text: str) -> None:
        """Take note of what a stretch of the file holds."""
        if "\\" in text:
            self._escapes.update(_ESCAPE.findall(text))
            text = _ESCAPE.sub("", text)
        self._raw.update(text)
        self._table = None

    @property
    def settled(self) -> bool:
        """Whether something beyond ASCII was seen, so that it is known how to write it."""
        return any(form[1] == "u" and form[2:].lower() >= "0080" for form in self._escapes) or any(
            character > "\x7f" for character in self._raw
        )

    def encode(self, value: str) -> str:
        """Return a string as the file would write it, with its quotes."""
        if self._table is None:
            self._table = _Table(self._escapes, self._raw, self._codec)
        return f'"{value.translate(self._table)}"'


class _Table(dict[int, str]):
    """Characters and how they are written; filled as they come."""

    def __init__(self, escapes: set[str], raw: set[str], codec: str) -> None:
        super().__init__()
        self._codec = codec
        units = sorted(form for form in escapes if form[1] == "u")
        wide = any(form[2:].lower() >= "0080" for form in units)
        self._ascii = wide and all(character <= "\x7f" for character in raw)
        digits = "".join(form[2:] for form in units)
        self._upper = any(digit in "ABCDEF" for digit in digits) and not any(digit in "abcdef" for digit in digits)
        # Short forms last: a file with both \n and \u000a gets the common one.
        for form in [*units, *sorted(escapes - set(units))]:
            character = json.loads(f'"{form}"')
            if character in _SHORT or character < " " or character not in raw:
                self[ord(character)] = form

    def __missing__(self, point: int) -> str:
        character = chr(point)
        self[point] = form = self._form(character)
        return form

    def _form(self, character: str) -> str:
        if character in _SHORT:
            return _SHORT[character]
        if (
            character < " "
            or _LONE.match(character)
            or (self._ascii and character > "\x7f")
            or self._lacks(character)
        ):
            data = character.encode("utf-16-be", "surrogatepass")
            units = [f"{data[at] << 8 | data[at + 1]:04x}" for at in range(0, len(data), 2)]
            return "".join(f"\\u{unit.upper() if self._upper else unit}" for unit in units)
        return character

    def _lacks(self, character: str) -> bool:
        if not self._codec:
            return False
        try:
            character.encode(self._codec)
        except UnicodeEncodeError:
            return True
        return False
