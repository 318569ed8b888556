"""Parquet: the named fields of data sets translated, whatever they are nested in, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from scalemt.errors import InputError
from scalemt.formats.arrowtext import Node, Slot, node_of, patterns
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.fieldpaths import Fields, Pattern, nowhere, show, untold
from scalemt.formats.fieldtext import field_text
from scalemt.formats.parquetfile import GroupWriter, Rows, opened, refusing, rows_of
from scalemt.types import Segment


class ParquetFormat(Format):
    """Parquet, by pyarrow (extra `parquet`). Ids are "row 7: messages[0].content", the first row being row 1."""

    name = "parquet"
    title = "Parquet"
    suffixes = (".parquet", ".pq")
    fidelity = (
        "Values, types, schema, its metadata, row groups, the order of columns and their compression stay; Arrow "
        "writes pages, statistics and indexes anew, and types of Parquet that it has no like of as its nearest."
    )
    streams = True
    takes_fields = True
    packaged = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        with opened(path) as file:
            chosen = ChosenFields(path, file, options)
            for rows in rows_of(path, file, chosen.columns):
                texts = TextRows(path, rows, chosen)
                for index in range(rows.batch.num_rows):
                    for slot in texts.strings(index):
                        name = f"{texts.name(index)}: {show(slot.place)}"
                        yield from field_text(slot.value, name, options).segments

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        with opened(path) as file:
            chosen = ChosenFields(path, file, options)
            with GroupWriter(out, file.schema_arrow, file) as writer:
                for rows in rows_of(path, file):
                    texts = TextRows(path, rows, chosen)
                    for index in range(rows.batch.num_rows):
                        for slot in texts.strings(index):
                            value = field_text(slot.value, "", options).filled(targets)
                            if value is not None:
                                slot.put(value)
                    writer.add(texts.rebuilt())
                    if rows.last:
                        writer.end_group()


class ChosenFields:
    """The fields of a file that are translated.

    Args:
        path: of the file.
        file: the same, open.
        options: their `fields`.

    Raises:
        InputError: none is given, or one that the schema does not have.
    """

    def __init__(self, path: Path, file: Any, options: FormatOptions) -> None:
        self.fields = Fields(options.fields)
        schema = file.schema_arrow
        found = [place for field in schema for place in patterns(field.type, (field.name,))]
        self.places = frozenset([place for place in found if self.fields.takes(place)])
        if not options.fields:
            there = f"A row holds {self.fields.listed or 'no strings'}"
            raise untold(path, "row", there, _longest(path, file, found))
        if unmet := self.fields.unmet:
            raise nowhere(path, unmet, " in any row", self.fields.listed)
        self.names = {str(place[0]) for place in self.places}
        # Columns are read by name; where two share one, pyarrow would give both at the place of the first.
        unique = len(set(schema.names)) == len(schema.names)
        self.columns = [name for name in schema.names if name in self.names] if unique else None


def _longest(path: Path, file: Any, found: list[Pattern]) -> Pattern | None:
    """Return the field that holds the longest string in the first row, for an example."""
    best, length = next(iter(found), None), 0
    for rows in rows_of(path, file):
        for name, column in zip(rows.batch.schema.names, rows.batch.columns, strict=True):
            for place in found:
                node = node_of(column, (name,), {place}) if place[0] == name and len(column) else None
                longest = max((len(slot.value) for slot in node.strings(0, (name,))), default=0) if node else 0
                if longest > length:
                    best, length = place, longest
        break
    return best


class TextRows:
    """Some rows, with the strings that are translated.

    Args:
        path: of the file, for messages.
        rows: read from it.
        chosen: which strings.

    Attributes:
        row_size: bytes of a row on the mean.

    Raises:
        InputError: a string is not UTF-8.
    """

    def __init__(self, path: Path, rows: Rows, chosen: ChosenFields) -> None:
        self.rows = rows
        self.row_size: int = rows.batch.nbytes // max(1, rows.batch.num_rows)
        self._path = path
        self._takes = chosen.fields.takes
        self._names = rows.batch.schema.names
        self._nodes: dict[int, Node] = {}
        for number, (name, column) in enumerate(zip(self._names, rows.batch.columns, strict=True)):
            with refusing(path, f", row {rows.first:,} or later, column {name}"):
                node = node_of(column, (name,), chosen.places)
            if node:
                self._nodes[number] = node

    def name(self, index: int) -> str:
        """Return what a row is called."""
        return f"row {self.rows.first + index}"

    def strings(self, index: int) -> Iterator[Slot]:
        """Yield the strings of a row that are translated, in the order of the schema."""
        for number, node in self._nodes.items():
            for slot in node.strings(index, (self._names[number],)):
                if self._takes(slot.place):
                    yield slot

    def rebuilt(self) -> list[Any]:
        """Return the columns with what was put into their strings.

        Raises:
            InputError: the type of a column cannot hold what was put.
        """
        columns = list(self.rows.batch.columns)
        for number, node in self._nodes.items():
            try:
                columns[number] = node.rebuilt()
            except InputError as fault:
                raise InputError(
                    f"{self._path}, {self.name(0)} or later, column {self._names[number]}: {fault}"
                ) from None
        return columns
