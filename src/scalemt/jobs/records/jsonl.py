"""Records of JSON Lines: written as text, so that numbers, escapes and names that stand twice stay as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from math import isinf
from pathlib import Path
from typing import Any, BinaryIO

from scalemt.errors import InputError
from scalemt.formats import FormatOptions
from scalemt.formats.fieldpaths import Place
from scalemt.formats.jsonl import fields_of, is_blank, style_of
from scalemt.formats.jsontext import JsonString, Style, replaced, scan
from scalemt.formats.rows import Line, encoding_of, lines_of
from scalemt.jobs.records.base import DataSet, Plan, Record, Row, Sink, source_name, taken

_LONE = "value"  # what the column is called of a line that holds no object
_LONG = 4000  # digits; Python refuses to read whole numbers that are a little longer

_SPACE = " \t\r\n"

Change = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class JsonRow(Row):
    """A line, and its strings that are translated."""

    line: Line
    strings: tuple[JsonString, ...]

    def values(self) -> dict[str, Any]:
        """Return the object; of another value, that as the column "value"."""
        value = json.loads(self.line.text, parse_float=_number, parse_int=_whole)
        return value if isinstance(value, dict) else {_LONE: value}

    @property
    def size(self) -> int:
        """The length of the line."""
        return len(self.line.text)


def _number(text: str) -> float | Decimal:
    value = float(text)
    return Decimal(text) if isinf(value) or Decimal(repr(value)) != Decimal(text) else value


def _whole(text: str) -> int | Decimal:
    return Decimal(text) if len(text) > _LONG else int(text)


class JsonLines(DataSet):
    """A file of JSON Lines; blank lines are no records."""

    def __init__(self, path: Path, options: FormatOptions) -> None:
        self.path = path
        self._options = options
        self._encoding = encoding_of(path, options.encoding)

    def columns(self) -> Iterator[str]:
        """Yield the names of the members, line by line."""
        seen: set[str] = set()
        for line in lines_of(self.path, self._encoding):
            if not is_blank(line):
                for member in members(line, self.path):
                    if member.name not in seen:
                        seen.add(member.name)
                        yield member.name

    def records(self) -> Iterator[Record]:
        """Yield a record a line."""
        for line, found in fields_of(self.path, self._encoding, self._options):
            if not is_blank(line):
                fields: tuple[tuple[Place, Any], ...] = tuple((string.path, field) for string, field in found)
                yield Record(f"line {line.number}", JsonRow(line, tuple(string for string, _ in found)), fields)

    def sink(self, out: BinaryIO, plan: Plan) -> Sink:
        """Return what writes lines."""
        out.write(self._encoding.mark)
        return _Lines(self, out, plan)

    def style(self) -> Style:
        """Return how the file writes its strings."""
        return style_of(self.path, self._encoding)

    def encoded(self, text: str) -> bytes:
        """Return a text in the encoding of the file."""
        return self._encoding.encode(text, self.path)

    def json(self, value: Any) -> str:
        """Return a value as JSON that the encoding of the file can hold."""
        return json.dumps(value, ensure_ascii=not self._encoding.codec.startswith("utf"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the object in a line.

    Args:
        name: decoded.
        key: as it stands there, with its quotes.
        start, end: where its value stands.
    """

    name: str
    key: str
    start: int
    end: int


def members(line: Line, path: Path) -> list[Member]:
    """Return the members of the object in a line, or its one value as a member "value"."""
    text = line.text
    first, end = _behind(text, 0), _before(text, len(text))
    if text[first] != "{":
        return [Member(_LONE, f'"{_LONE}"', first, end)]
    keys = [string for string in scan(text, path, line.number) if string.key and len(string.path) == 1]
    found = []
    for key, following in zip(keys, chain(keys[1:], [None]), strict=False):
        # Behind a name stand a colon and the value, and then the comma before the next name, or the brace.
        start = _behind(text, text.index(":", key.end) + 1)
        stop = _before(text, following.start if following else end)
        found.append(Member(key.value, text[key.start : key.end], start, _before(text, stop - 1)))
    return found


def _behind(text: str, position: int) -> int:
    """Return where the white space ends that begins at a position."""
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _before(text: str, position: int) -> int:
    """Return where the white space begins that ends at a position."""
    while position and text[position - 1] in _SPACE:
        position -= 1
    return position


class _Lines(Sink):
    def __init__(self, data: JsonLines, out: BinaryIO, plan: Plan) -> None:
        self._data = data
        self._out = out
        self._plan = plan
        self._style: Style | None = None

    def add(self, record: Record, texts: Sequence[str | None], extras: Sequence[Any]) -> None:
        row = record.row
        assert isinstance(row, JsonRow)  # noqa: S101  # a sink is given records of its own data set
        changes = []
        for string, text in zip(row.strings, texts, strict=True):
            if text is not None:
                self._style = self._style or self._data.style()
                changes.append((string.start, string.end, self._style.encode(text)))
        line = row.line
        if self._plan.plain:
            self._out.write(self._data.encoded(replaced(line.text, changes)) if changes else line.data)
        else:
            pieces = self._pieces(row, changes, extras)
            end = line.text[_before(line.text, len(line.text)) :].lstrip(" \t")
            self._out.write(self._data.encoded("{" + ", ".join(pieces) + "}" + end))

    def _pieces(self, row: JsonRow, changes: Sequence[Change], extras: Sequence[Any]) -> Iterator[str]:
        """Yield the members that the line has now, as text."""
        plan, line = self._plan, row.line
        held = [member for member in members(line, self._data.path) if plan.keeps(member.name)]
        translated = {str(string.path[0]) if _is_object(line) else _LONE for string in row.strings}
        sources = [member for member in held if plan.both and member.name in translated]
        new = [*dict.fromkeys(source_name(member.name) for member in sources), *(name for name, _ in plan.added)]
        if why := taken([member.name for member in held], new):
            raise InputError(f"{self._data.path}, line {line.number}: {why}")
        for member in held:
            inside = [
                (start - member.start, end - member.start, text)
                for start, end, text in changes
                if member.start <= start < member.end
            ]
            yield f"{member.key}: {replaced(line.text[member.start : member.end], inside)}"
        for member in sources:
            yield f"{self._data.json(source_name(member.name))}: {line.text[member.start : member.end]}"
        for (name, _), value in zip(plan.added, extras, strict=True):
            yield f"{self._data.json(name)}: {self._data.json(value)}"


def _is_object(line: Line) -> bool:
    return line.text.startswith("{", _behind(line.text, 0))
