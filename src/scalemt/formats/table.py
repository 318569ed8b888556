"""Tables as text: columns of CSV and TSV files, named by their header or by number."""

from __future__ import annotations

import re
import shlex
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import InputError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.csvtext import Dialect, Record, is_separator_line, records, sniff
from scalemt.formats.encoding import Encoding
from scalemt.formats.fieldpaths import show, some
from scalemt.formats.fieldtext import FieldText, field_text
from scalemt.formats.jsontext import replaced
from scalemt.formats.rows import Line, encoding_of, lines_of
from scalemt.types import Segment

_SAMPLE = 20_000  # lines, or
_SAMPLE_LENGTH = 1 << 22  # characters, that tell whether quotes mean something in a file with tabs


class TableFormat(Format):
    """A table as text. Columns are given by the names in its first row, or by number from 1.

    When one is given by name, the first row is a header and stays; if all are given by number, it is a row as any
    other. Ids are "row 12: title", the header being row 1.
    """

    streams = True
    takes_fields = True

    @abstractmethod
    def _dialect(self, path: Path, encoding: Encoding) -> Dialect:
        """Find out how a file parts and quotes its fields."""

    def layout(self, path: Path, options: FormatOptions) -> Layout:
        """Find out how a file is written, and which of its columns are translated.

        Raises:
            InputError: no column is given, or one that the file does not have.
        """
        encoding = encoding_of(path, options.encoding)
        dialect = self._dialect(path, encoding)
        columns = _columns(path, options, records(lines_of(path, encoding), dialect, path))
        return Layout(path, encoding, dialect, columns)

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        for _, fields in self.layout(path, options).rows(options):
            for _, field in fields:
                yield from field.segments

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        layout = self.layout(path, options)
        out.write(layout.encoding.mark)
        for record, fields in layout.rows(options):
            changes = []
            for number, field in fields:
                value = field.filled(targets)
                if value is not None:
                    cell = record.cells[number]
                    changes.append((cell.start, cell.end, layout.dialect.write(value, cell.quoted)))
            if changes or not record.data:
                out.write(layout.encoding.encode(replaced(record.text, changes), path))
            else:
                out.write(record.data)


class CsvFormat(TableFormat):
    """CSV (RFC 4180), parted by comma, semicolon, tab or bar: by whichever stands most often in the first line."""

    name = "csv"
    title = "CSV"
    suffixes = (".csv",)

    def _dialect(self, path: Path, encoding: Encoding) -> Dialect:
        first = next(lines_of(path, encoding), None)
        return Dialect(sniff(first.text, ",;\t|") if first else ",")


class TsvFormat(TableFormat):
    """Values parted by tabs, with quotes as in CSV where the file uses them so, else quotes mean nothing."""

    name = "tsv"
    title = "tab-separated values"
    suffixes = (".tsv", ".tab")

    def _dialect(self, path: Path, encoding: Encoding) -> Dialect:
        lines = _sample(path, encoding)
        literal, quoting = Dialect("\t", quotes=False), Dialect("\t")
        rows: list[Record] = []
        try:
            rows.extend(row for row in records(lines, quoting, path) if row.cells)
        except InputError:
            return literal
        cells = [(row, cell) for row in rows for cell in row.cells if cell.quoted]
        if not cells or any(row.text[cell.end - 1] != '"' for row, cell in cells):
            return literal
        # Both readings may be without fault; then the one whose rows are alike is right.
        even = len({len(row.cells) for row in rows}) == 1
        evenly = len({line.text.count("\t") for line in lines if line.text.strip("\r\n")}) == 1
        return literal if evenly and not even else quoting


def _sample(path: Path, encoding: Encoding) -> list[Line]:
    """Return the first lines of a file, without the last ones where they may be part of a longer field."""
    lines, length = [], 0
    for line in lines_of(path, encoding):
        lines.append(line)
        length += len(line.text)
        if len(lines) >= _SAMPLE or length >= _SAMPLE_LENGTH:
            # A line that holds as many quotes as one needs to open and close fields is a place to stop at.
            while len(lines) > 1 and lines[-1].text.count('"') % 2 == 0 and len(lines) > _SAMPLE - 200:
                lines.pop()
            return lines[:-1] or lines
    return lines


@dataclass(frozen=True)
class Columns:
    """The columns that are translated.

    Args:
        names: what a segment's id calls a column, by its position from 0.
        first: number of the first record that is translated.
        titles: the first row, without the white space around each field.
        named: that row is a header.
    """

    names: dict[int, str]
    first: int
    titles: tuple[str, ...] = ()
    named: bool = False

    def of(self, record: Record) -> Iterator[tuple[int, str]]:
        """Yield position and name of the columns of a record that are translated; short records lack some."""
        if record.number >= self.first:
            for position, name in self.names.items():
                if position < len(record.cells):
                    yield position, name


@dataclass(frozen=True)
class Layout:
    """How a file is written, and which of its columns are translated."""

    path: Path
    encoding: Encoding
    dialect: Dialect
    columns: Columns

    def records(self) -> Iterator[Record]:
        """Yield all records, the header and what stands before it included."""
        return records(lines_of(self.path, self.encoding), self.dialect, self.path)

    def rows(self, options: FormatOptions) -> Iterator[tuple[Record, list[tuple[int, FieldText]]]]:
        """Yield all records, each with the positions of its fields that are translated, and those fields."""
        for record in self.records():
            yield (
                record,
                [
                    (number, field_text(record.cells[number].value, f"row {record.number}: {name}", options))
                    for number, name in self.columns.of(record)
                ],
            )


def _columns(path: Path, options: FormatOptions, rows: Iterator[Record]) -> Columns:
    """Return the columns that the options name.

    Raises:
        InputError: none is named, or one that the file does not have.
    """
    header = next(
        (row for row in rows if row.cells and not (row.number == 1 and is_separator_line(row.text))), None
    )
    if header is None:
        return Columns({}, 1)
    titles = [cell.value.strip() for cell in header.cells]
    listed = some(f"{number} {title!r}" for number, title in enumerate(titles, 1))
    if not options.fields:
        longest = max(range(len(titles)), key=lambda number: len(titles[number]))
        example = shlex.quote(titles[longest]) if titles[longest] and "," not in titles[longest] else "1"
        raise InputError(
            f"{path}: which columns hold text is not told. The first row has: {listed}. Name those to translate, "
            f"by name (the first row is then a header and stays) or by number: --fields {example}."
        )
    names: dict[int, str] = {}
    named = False
    for wanted in options.fields:
        if re.fullmatch(r"[0-9]{1,9}", wanted):
            names[int(wanted) - 1] = f"column {int(wanted)}"
            continue
        named = True
        found = [at for at, title in enumerate(titles) if title == wanted] or [
            at for at, title in enumerate(titles) if title.casefold() == wanted.strip().casefold()
        ]
        if not found:
            raise InputError(f"{path}: there is no column named {wanted!r}. The first row holds: {listed}.")
        names |= dict.fromkeys(found, show((wanted,)))
    _check_numbers(path, names, header, rows)
    return Columns(dict(sorted(names.items())), header.number + named, tuple(titles), named)


def _check_numbers(path: Path, names: dict[int, str], header: Record, rows: Iterator[Record]) -> None:
    """Refuse a column that no row has, before the work begins; the first row nearly always has all."""
    if min(names) < 0:
        raise InputError(f"{path}: columns are numbered from 1; there is no column 0.")
    widest = max(names)
    width = len(header.cells)
    while width <= widest:
        row = next(rows, None)
        if row is None:
            raise InputError(f"{path}: no row has a column {widest + 1}; the widest one has {width}.")
        width = max(width, len(row.cells))
