"""Parquet files as pyarrow reads and writes them: a bounded number of rows at once, row groups as they were."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from scalemt.errors import InputError, MissingExtraError

_ROWS = 1024  # that are read at once, or fewer where they are large:
_SIZE = 8 << 20  # bytes of rows that are read at once, as far as the file tells
_HELD = 32 << 20  # bytes of a row group that wait in memory to be written; more of them wait on disk
_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file as a `pyarrow.parquet.ParquetFile`.

    Raises:
        MissingExtraError: pyarrow is not installed.
        InputError: the file is not Parquet, damaged or encrypted.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("Parquet", "parquet") from error
    _check_ends(path)
    # Without `pre_buffer` a row group is not read as a whole, and with a buffer a column of it neither.
    with refusing(path, ""):
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    with file:
        yield file


def _check_ends(path: Path) -> None:
    """Say what a file is that is not Parquet; pyarrow only says that it cannot read it."""
    with path.open("rb") as file:
        first = file.read(4)
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 4))
        last = file.read(4)
    if last == _ENCRYPTED:
        raise _encrypted(path)
    if first != _MAGIC:
        raise InputError(
            f"{path} is not a Parquet file: it begins with {first!r} instead of {_MAGIC!r}. Name the format that "
            "it really has with --format."
            if size
            else f"{path} is empty; a Parquet file without rows still holds its schema. Have it written again."
        )
    if last != _MAGIC:
        raise InputError(
            f"{path} does not end as a Parquet file does (with {_MAGIC!r}): it was cut off, or is still being "
            "written. Get it anew, or wait for its writer to finish."
        )


def _encrypted(path: Path) -> InputError:
    return InputError(f"{path} is encrypted, and scalemt takes no keys. Write it without encryption first.")


@contextmanager
def refusing(path: Path, where: str) -> Iterator[None]:
    """Turn what pyarrow raises while it reads into an InputError; `where` names the place, a comma before it.

    Raises:
        InputError: something was raised.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        if isinstance(fault, OSError) and fault.filename:
            raise
        if "decrypt" in str(fault).lower():
            raise _encrypted(path) from None
        raise InputError(
            f"{path}{where}: damaged, or Parquet that cannot be read: {str(fault).strip().rstrip('.')}. Get the "
            "file anew, or have its writer write it again."
        ) from None


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file.

    Args:
        batch: a `pyarrow.RecordBatch`.
        first: number of its first row, from 1.
        group: number of its row group, from 0.
        last: they end the group.
    """

    batch: Any
    first: int
    group: int
    last: bool


def rows_of(path: Path, file: Any, columns: Sequence[str] | None = None) -> Iterator[Rows]:
    """Yield the rows of an open file, a bounded number at once; a row group without rows as such.

    Args:
        path: for messages.
        file: as `opened` gives it.
        columns: names of the columns that are read; None reads all.

    Raises:
        InputError: the file is damaged.
    """
    first = 1
    for group in range(file.metadata.num_row_groups):
        told = file.metadata.row_group(group)
        end = first + told.num_rows
        if not told.num_rows:
            yield Rows(_nothing(file.schema_arrow), first, group, True)
            continue
        made = file.iter_batches(_at_once(told), row_groups=[group], columns=columns, use_threads=False)
        while first < end:
            with refusing(path, f", row group {group + 1}, row {first:,} or later"):
                batch = next(made, None)
            if batch is None:
                raise InputError(f"{path}, row group {group + 1}: fewer rows than the file says. Get it anew.")
            yield Rows(batch, first, group, first + batch.num_rows >= end)
            first += batch.num_rows


def _at_once(group: Any) -> int:
    """Return how many rows of a row group are read at once."""
    size: int = max(1, group.total_byte_size // group.num_rows)
    return max(1, min(_ROWS, _SIZE // size))


def _nothing(schema: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


class _Tap:
    """Lets bytes through until it is shut: pyarrow writes a footer also when a file is given up.

    Args:
        out: where they go.
    """

    closed = False

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.shut = False

    def write(self, data: bytes) -> int:
        """Write, unless shut."""
        return len(data) if self.shut else self._out.write(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Leave open what is not its own."""


class GroupWriter:
    """Writes a file row group by row group, as another one is written.

    Arrow writes a row group in one go. One that is large waits in a file of its own, and is mapped, not read: the
    bounds of the groups can stay, and the memory that is held is bounded all the same.

    Args:
        out: where the bytes go.
        schema: of what is written.
        like: the file whose codecs, dictionaries and old times are taken over, column by column.
    """

    def __init__(self, out: BinaryIO, schema: Any, like: Any) -> None:
        import pyarrow.parquet as pq

        self._schema = schema
        self._tap = _Tap(out)
        self._writer = pq.ParquetWriter(self._tap, schema, **_settings(schema, like))
        self._batches: list[Any] = []
        self._size = 0
        self._folder: TemporaryDirectory[str] | None = None
        self._spool: Any = None

    def __enter__(self) -> GroupWriter:
        return self

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        self._tap.shut = fault is not None
        try:
            # What ending a file that is given up may raise must not hide why it is.
            with suppress(Exception) if fault else nullcontext():
                self._writer.close()
        finally:
            self._clean()

    def _clean(self) -> None:
        if self._spool:
            self._spool.close()
        if self._folder:
            self._folder.cleanup()

    def add(self, arrays: Sequence[Any]) -> None:
        """Add rows, a column an array, to the row group that is open."""
        import pyarrow as pa

        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        if self._spool:
            self._spool.write_batch(batch)
            return
        self._batches.append(batch)
        self._size += batch.nbytes
        if self._size > _HELD:
            self._move()

    def end_group(self) -> None:
        """Write the row group that is open, also one without rows."""
        import pyarrow as pa

        if self._spool:
            self._spool.close()
            self._spool = None
            with pa.memory_map(self._path) as mapped:
                table = pa.ipc.open_stream(mapped).read_all()
                self._writer.write_table(table, row_group_size=table.num_rows)
                del table  # before the map is closed, and the file is written over
        else:
            table = pa.Table.from_batches(self._batches, schema=self._schema)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._batches, self._size = [], 0

    @property
    def _path(self) -> str:
        if not self._folder:
            self._folder = TemporaryDirectory(prefix="scalemt-")
        return str(Path(self._folder.name) / "group.arrow")

    def _move(self) -> None:
        """Let the rows wait on disk."""
        import pyarrow as pa

        self._spool = pa.ipc.new_stream(self._path, self._schema)
        for batch in self._batches:
            self._spool.write_batch(batch)
        self._batches = []


def _settings(schema: Any, like: Any) -> dict[str, Any]:
    """Return how the columns are written: as those of the same name are, new ones as most are."""
    told = like.metadata.row_group(0) if like.metadata.num_row_groups else None
    known = [told.column(number) for number in range(told.num_columns)] if told else []
    codecs = {column.path_in_schema: _codec(column.compression) for column in known}
    plain = {column.path_in_schema for column in known if not _has_dictionary(column)}
    usual = Counter(codecs.values()).most_common(1)[0][0] if codecs else "snappy"
    paths = _leaves(schema)
    return {
        "compression": {path: codecs.get(path, usual) for path in paths} or usual,
        "use_dictionary": [path for path in paths if path not in plain],
        "use_deprecated_int96_timestamps": any(column.physical_type == "INT96" for column in known),
        "use_compliant_nested_type": False,  # items of lists are called as they were
    }


def _codec(name: str) -> str:
    return {"UNCOMPRESSED": "none", "LZ4_RAW": "lz4"}.get(name, name.lower())


def _has_dictionary(column: Any) -> bool:
    return any("DICTIONARY" in encoding for encoding in column.encodings)


def _leaves(schema: Any) -> list[str]:
    """Return the paths of the columns that Parquet will make of a schema: those of a file without rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = pa.BufferOutputStream()
    with pq.ParquetWriter(made, schema, use_compliant_nested_type=False):
        pass
    told = pq.ParquetFile(pa.BufferReader(made.getvalue())).schema
    return [told.column(number).path for number in range(len(told))]
