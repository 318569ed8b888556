"""CSV as text: records with the place of each field, as RFC 4180 and Python's csv module read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scalemt.errors import InputError
from scalemt.formats.rows import Line

_LONGEST = 1 << 24  # characters of one field; a quote that is never closed would swallow the file
_CLOSED = re.compile(r'[^"]*+(?:""[^"]*+)*+"')  # the rest of a quoted field
_SEPARATOR = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A field: `text[start:end]` of its record; `quoted` as it stands there, `value` without the quotes."""

    start: int
    end: int
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A record with its line break.

    Args:
        number: of the record, from 1, as a spreadsheet counts rows.
        line: of its first line, from 1.
        data, text: its bytes, and the same decoded.
        cells: its fields; none for an empty line.
    """

    number: int
    line: int
    data: bytes
    text: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are parted and quoted.

    Args:
        delimiter: one character.
        quotes: double quotes around a field mean something.
    """

    delimiter: str
    quotes: bool = True

    def write(self, value: str, quoted: bool) -> str:
        """Return a value as a field; it is quoted when it was, or when it has to be."""
        if not self.quotes:
            return re.sub(r"[\t\r\n]+", " ", value)
        if quoted or any(mark in value for mark in (self.delimiter, '"', "\r", "\n")):
            return '"' + value.replace('"', '""') + '"'
        return value


def sniff(line: str, delimiters: str) -> str:
    """Return which delimiter stands most often outside of quotes in the first line; the first of them in doubt.

    A line `sep=;`, which spreadsheets write, says it outright.
    """
    if told := _SEPARATOR.fullmatch(line):
        return told[1]
    bare = re.sub(r'"(?:[^"]|"")*+"?', "", line)
    return max(delimiters, key=bare.count)


def is_separator_line(text: str) -> bool:
    """Whether a line only tells the delimiter (`sep=;`)."""
    return bool(_SEPARATOR.fullmatch(text))


def records(lines: Iterable[Line], dialect: Dialect, path: Path) -> Iterator[Record]:
    r"""Yield the records of a file, one in memory at a time; `\r\n`, `\n` and `\r` end one.

    Args:
        lines: of the file.
        dialect: how it is written.
        path: for messages.

    Raises:
        InputError: a quote that is not closed.
    """
    return _Records(lines, dialect, path).all()


class _Records:
    def __init__(self, lines: Iterable[Line], dialect: Dialect, path: Path) -> None:
        mark = re.escape(dialect.delimiter)
        self._lines = iter(lines)
        self._quotes = dialect.quotes
        self._delimiter = dialect.delimiter
        self._path = path
        self._plain = re.compile(rf"[^{mark}\r\n]*+")
        self._quoted = re.compile(rf'"((?:[^"]|"")*+)"([^{mark}\r\n]*+)')

    def all(self) -> Iterator[Record]:
        number = 0
        for first in self._lines:
            text, data, position, line = first.text, first.data, 0, first.number
            whole = True
            while position < len(text):
                begin = position
                cells, text, position, data = self._cells(text, position, data, line)
                number += 1
                # A line of the file is a record, save where a lone \r ends records.
                whole = whole and begin == 0 and position == len(text)
                held = data if whole else b""
                yield Record(number, line, held, text[begin:position], _moved(cells, begin))
                line += text.count("\n", begin, position)

    def _cells(self, text: str, position: int, data: bytes, line: int) -> tuple[list[Cell], str, int, bytes]:
        """Return the fields from a position to the end of the record, and the text with the lines it took."""
        cells: list[Cell] = []
        if text[position] in "\r\n":
            return cells, text, _after_break(text, position), data
        while True:
            if self._quotes and text.startswith('"', position):
                at = line + text.count("\n", 0, position) if "\n" in text[:position] else line
                text, data = self._closed(text, position, data, at)
                found = self._quoted.match(text, position)
                assert found  # noqa: S101  # `_closed` has seen to it
                cells.append(Cell(position, found.end(), found[1].replace('""', '"') + found[2], True))
            else:
                found = self._plain.match(text, position)
                assert found  # noqa: S101  # it matches nothing too
                cells.append(Cell(position, found.end(), found[0], False))
            position = found.end()
            if not text.startswith(self._delimiter, position):
                return cells, text, _after_break(text, position), data
            position += 1

    def _closed(self, text: str, position: int, data: bytes, line: int) -> tuple[str, bytes]:
        """Return the text with as many lines more as the quoted field at a position goes over."""
        if _CLOSED.match(text, position + 1):
            return text, data
        texts, datas, length = [text], [data], len(text) - position
        for more in self._lines:
            texts.append(more.text)
            datas.append(more.data)
            length += len(more.text)
            if _CLOSED.match(more.text):
                return "".join(texts), b"".join(datas)
            if length > _LONGEST:
                break
        raise InputError(
            f"{self._path}, line {line}: the quote that opens a field here is not closed"
            f"{' within 16 million characters' if length > _LONGEST else ''}. Close it, or write a quote inside a "
            'quoted field twice (""). A file whose quotes mean nothing is read with --format tsv if tabs part its '
            "fields."
        )


def _after_break(text: str, position: int) -> int:
    return position + (2 if text.startswith("\r\n", position) else 1 if position < len(text) else 0)


def _moved(cells: Iterable[Cell], begin: int) -> tuple[Cell, ...]:
    if not begin:
        return tuple(cells)
    return tuple(Cell(cell.start - begin, cell.end - begin, cell.value, cell.quoted) for cell in cells)
