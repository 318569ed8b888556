"""Records of CSV and TSV: written as text, so that cells that are not translated come out as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from scalemt.errors import InputError
from scalemt.formats import FormatOptions, csvtext
from scalemt.formats.jsontext import replaced
from scalemt.formats.table import Layout, TableFormat
from scalemt.jobs.records.base import DataSet, Kind, Plan, Record, Row, Sink, source_name, taken


@dataclass(frozen=True, slots=True)
class TableRow(Row):
    """A row, the positions of its cells that are translated, and what the columns are called."""

    cells: csvtext.Record
    translated: tuple[int, ...]
    names: Sequence[str]

    def values(self) -> dict[str, Any]:
        """Return the cells by the names of their columns; one that has none, by its number."""
        return {_name(self.names, at): cell.value for at, cell in enumerate(self.cells.cells)}

    @property
    def size(self) -> int:
        """The length of the row."""
        return len(self.cells.text)


def _name(names: Sequence[str], position: int) -> str:
    return names[position] if position < len(names) else str(position + 1)


class Table(DataSet):
    """A table as text; its header is no record, and empty lines are none where there are several columns."""

    def __init__(self, path: Path, options: FormatOptions, made: TableFormat) -> None:
        self._path = path
        self._options = options
        self.layout: Layout = made.layout(path, options)
        columns = self.layout.columns
        self.names = columns.titles if columns.named else tuple(map(str, range(1, len(columns.titles) + 1)))
        self.translated = tuple(columns.names)

    def columns(self) -> Iterator[str]:
        """Yield the names in the header, or the numbers of the columns."""
        yield from dict.fromkeys(self.names)

    def records(self) -> Iterator[Record]:
        """Yield a record a row."""
        for row, found in self.layout.rows(self._options):
            if row.number < self.layout.columns.first or not (row.cells or len(self.names) == 1):
                continue
            positions = tuple(position for position, _ in found)
            fields = tuple(((_name(self.names, position),), field) for position, field in found)
            yield Record(f"row {row.number}", TableRow(row, positions, self.names), fields)

    def head(self) -> Iterator[csvtext.Record]:
        """Yield what stands before the first record: a line that tells the delimiter, a header."""
        for row in self.layout.records():
            if row.number >= self.layout.columns.first:
                return
            yield row

    def sink(self, out: BinaryIO, plan: Plan) -> Sink:
        """Return what writes rows; the header is written at once."""
        kept = [at for at, name in enumerate(self.names) if plan.keeps(name)]
        sources = [at for at in self.translated if plan.both and at in kept]
        new = [*(source_name(self.names[at]) for at in sources), *(name for name, _ in plan.added)]
        if self.layout.columns.named and (why := taken([self.names[at] for at in kept], new)):
            raise InputError(f"{self._path}: {why}")
        made = _Rows(self, out, plan, kept, sources)
        out.write(self.layout.encoding.mark)
        for row in self.head():
            header = self.layout.columns.named and row.number == self.layout.columns.first - 1
            made.put(row, {}, new if header else None)
        return made

    def encoded(self, text: str) -> bytes:
        """Return a text in the encoding of the file."""
        return self.layout.encoding.encode(text, self._path)

    def check_width(self, row: csvtext.Record) -> None:
        """Refuse a row beside whose cells a column would stand in the wrong place."""
        if len(row.cells) > len(self.names):
            raise InputError(
                f"{self._path}, row {row.number} (line {row.line}): it has {len(row.cells)} cells, the first row "
                f"{len(self.names)}. Columns that are added would stand in the wrong place: mend the row, or add "
                "none."
            )


class _Rows(Sink):
    """Writes rows.

    Args:
        table: whose rows they are.
        out: where to.
        plan: which columns.
        kept: positions of the columns that stay.
        sources: positions of those whose source is written too.
    """

    def __init__(
        self, table: Table, out: BinaryIO, plan: Plan, kept: Sequence[int], sources: Sequence[int]
    ) -> None:
        self._table = table
        self._dialect = table.layout.dialect
        self._out = out
        self._plan = plan
        self._kept = kept
        self._sources = sources

    def add(self, record: Record, texts: Sequence[str | None], extras: Sequence[Any]) -> None:
        row = record.row
        assert isinstance(row, TableRow)  # noqa: S101  # a sink is given records of its own data set
        changes = {at: text for at, text in zip(row.translated, texts, strict=True) if text is not None}
        if self._plan.plain:
            self._out.write(self._replaced(row.cells, changes))
            return
        if self._plan.adds:
            self._table.check_width(row.cells)
        before = [row.cells.cells[at].value if at < len(row.cells.cells) else "" for at in self._sources]
        added = [_text(value, kind) for value, (_, kind) in zip(extras, self._plan.added, strict=True)]
        self.put(row.cells, changes, [*before, *added])

    def _replaced(self, row: csvtext.Record, changes: dict[int, str]) -> bytes:
        if not changes and row.data:
            return row.data
        made = [(row.cells[at].start, row.cells[at].end, self._written(row, at, changes)) for at in changes]
        return self._table.encoded(replaced(row.text, made))

    def put(self, row: csvtext.Record, changes: dict[int, str], new: Sequence[str] | None) -> None:
        """Write a row with its columns chosen and new ones behind them; with None as it is."""
        if new is None or self._plan.plain:
            self._out.write(row.data or self._table.encoded(row.text))
            return
        width = len(row.cells)
        beyond = [] if self._plan.keep else [at for at in range(len(self._table.names), width) if self._stays(at)]
        # A row that is too short has empty cells where others follow.
        kept = [at for at in self._kept if at < width or new]
        cells = [self._written(row, at, changes) for at in (*kept, *beyond)]
        cells += [self._dialect.write(text, False) for text in new]
        end = row.text[row.cells[-1].end if row.cells else 0 :]
        self._out.write(self._table.encoded(self._dialect.delimiter.join(cells) + end))

    def _stays(self, position: int) -> bool:
        return self._plan.keeps(str(position + 1))

    def _written(self, row: csvtext.Record, position: int, changes: dict[int, str]) -> str:
        if position >= len(row.cells):
            return ""
        cell = row.cells[position]
        text = changes.get(position)
        return row.text[cell.start : cell.end] if text is None else self._dialect.write(text, cell.quoted)


def _text(value: Any, kind: Kind) -> str:
    """Return a value as a cell: nothing for None, names parted by commas, truth values and segments as in JSON."""
    if value is None:
        return ""
    if kind == "texts":
        return ", ".join(value)
    return str(value) if kind == "text" else json.dumps(value, ensure_ascii=False)
