"""Records of Parquet: written column by column, as Arrow holds them, with the types of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from scalemt.errors import InputError
from scalemt.formats import FormatOptions
from scalemt.formats.arrowtext import Slot
from scalemt.formats.fieldpaths import show
from scalemt.formats.fieldtext import field_text
from scalemt.formats.parquet import ChosenFields, TextRows
from scalemt.formats.parquetfile import GroupWriter, opened, rows_of
from scalemt.jobs.records.base import DataSet, Kind, Plan, Record, Row, Sink, source_name, taken


@dataclass(frozen=True, slots=True)
class ArrowRow(Row):
    """A row by its index among those that were read with it, and its strings that are translated."""

    texts: TextRows
    index: int
    slots: tuple[Slot, ...]

    def values(self) -> dict[str, Any]:
        """Return the values by column."""
        batch = self.texts.rows.batch.slice(self.index, 1)
        return {name: _value(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}

    @property
    def size(self) -> int:
        """The mean of the rows that were read with it."""
        return self.texts.row_size


def _value(column: Any) -> Any:
    try:
        return column[0].as_py()
    except (ValueError, OverflowError):  # nanoseconds or years that Python's own times do not have
        return str(column[0])


class ParquetData(DataSet):
    """A Parquet file; it is open until it is left."""

    def __init__(self, path: Path, options: FormatOptions) -> None:
        self._path = path
        self._options = options
        self._open = ExitStack()
        with ExitStack() as stack:
            self.file: Any = stack.enter_context(opened(path))
            self._chosen = ChosenFields(path, self.file, options)
            self._open = stack.pop_all()

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        self._open.close()

    def columns(self) -> Iterator[str]:
        """Yield the names in the schema."""
        yield from dict.fromkeys(self.file.schema_arrow.names)

    def records(self) -> Iterator[Record]:
        """Yield a record a row."""
        for rows in rows_of(self._path, self.file):
            texts = TextRows(self._path, rows, self._chosen)
            for index in range(rows.batch.num_rows):
                name = texts.name(index)
                slots = tuple(texts.strings(index))
                fields = [field_text(slot.value, f"{name}: {show(slot.place)}", self._options) for slot in slots]
                places = [slot.place for slot in slots]
                yield Record(name, ArrowRow(texts, index, slots), tuple(zip(places, fields, strict=True)))

    def sink(self, out: BinaryIO, plan: Plan) -> Sink:
        """Return what writes rows."""
        names = self.file.schema_arrow.names
        kept = [at for at, name in enumerate(names) if plan.keeps(name)]
        sources = [at for at in kept if plan.both and names[at] in self._chosen.names]
        new = [*(source_name(names[at]) for at in sources), *(name for name, _ in plan.added)]
        if why := taken([names[at] for at in kept], new):
            raise InputError(f"{self._path}: {why}")
        return _ArrowSink(self.file, out, plan, kept, sources)


def _type(kind: Kind) -> Any:
    """Return the Arrow type of a column that is added."""
    import pyarrow as pa

    texts = pa.list_(pa.field("element", pa.string()))  # as Parquet calls the items of lists
    simple = {"flag": pa.bool_(), "text": pa.string(), "texts": texts, "number": pa.float64()}
    if kind != "segments":
        return simple[kind]
    members = [(name, pa.string()) for name in ("field", "source", "translation")]
    members += [("scores", pa.map_(pa.string(), pa.float64())), ("checks", texts), ("origin", pa.string())]
    return pa.list_(pa.field("element", pa.struct(members)))


def _pairs(values: Sequence[Any]) -> list[Any]:
    """Return values as Arrow takes them: a map is a list of pairs."""
    if not any(isinstance(value, list) and value and isinstance(value[0], dict) for value in values):
        return list(values)
    return [[{**segment, "scores": list(segment["scores"].items())} for segment in value] for value in values]


class _ArrowSink(Sink):
    """Writes rows, as many at once as were read at once.

    Args:
        file: the Parquet file that they come from.
        out: where to.
        plan: which columns.
        kept: positions of the columns that stay.
        sources: positions of those whose source is written too.
    """

    def __init__(self, file: Any, out: BinaryIO, plan: Plan, kept: Sequence[int], sources: Sequence[int]) -> None:
        import pyarrow as pa

        schema = file.schema_arrow
        self._kept = kept
        self._sources = sources
        self._types = [_type(kind) for _, kind in plan.added]
        fields = [schema.field(at) for at in kept]
        fields += [schema.field(at).with_name(source_name(schema.field(at).name)) for at in sources]
        fields += [pa.field(name, kind) for (name, _), kind in zip(plan.added, self._types, strict=True)]
        self._writer = GroupWriter(out, pa.schema(fields, metadata=schema.metadata), file)
        self._texts: TextRows | None = None
        self._group = -1
        self._indices: list[int] = []
        self._extras: list[Sequence[Any]] = []

    def add(self, record: Record, texts: Sequence[str | None], extras: Sequence[Any]) -> None:
        row = record.row
        assert isinstance(row, ArrowRow)  # noqa: S101  # a sink is given records of its own data set
        if row.texts is not self._texts:
            self._flush()
            self._texts = row.texts
        for slot, text in zip(row.slots, texts, strict=True):
            if text is not None:
                slot.put(text)
        self._indices.append(row.index)
        self._extras.append(extras)

    def _flush(self) -> None:
        """Write the rows that were added of those that were read together."""
        import pyarrow as pa

        if not self._texts:
            return
        rows = self._texts.rows
        if self._group not in (-1, rows.group):
            self._writer.end_group()
        self._group = rows.group
        made = self._texts.rebuilt()
        arrays = [*(made[at] for at in self._kept), *(rows.batch.column(at) for at in self._sources)]
        if len(self._indices) < rows.batch.num_rows:
            arrays = [array.take(pa.array(self._indices, pa.int64())) for array in arrays]
        columns = zip(*self._extras, strict=True) if self._types else ()
        added = [pa.array(_pairs(values), kind) for values, kind in zip(columns, self._types, strict=True)]
        self._writer.add([*arrays, *added])
        self._texts, self._indices, self._extras = None, [], []

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if fault:
            self._writer.__exit__(kind, fault, trace)
            return
        with self._writer:
            self._flush()
            if self._group >= 0:
                self._writer.end_group()
