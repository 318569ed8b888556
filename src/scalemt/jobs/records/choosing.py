"""Which data sets can be read record by record, and their records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scalemt.errors import InputError, UsageError
from scalemt.formats import FormatOptions, format_for
from scalemt.formats.table import TableFormat
from scalemt.jobs.records.base import DataSet, Record
from scalemt.jobs.records.jsonl import JsonLines
from scalemt.jobs.records.parquet import ParquetData
from scalemt.jobs.records.table import Table


def data_set(path: Path, format_name: str | None, options: FormatOptions) -> DataSet:
    """Return a file as a data set.

    Args:
        path: the file.
        format_name: "jsonl", "csv", "tsv" or "parquet"; None tells it by the suffix.
        options: as for `Format.read`; `fields` are required.

    Raises:
        UsageError: the format has no records.
        InputError: the file is not there, cannot be read, or has no such fields.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist, or is not a file. Give the path of a data set.")
    made = format_for(path, format_name)
    if isinstance(made, TableFormat):
        return Table(path, options, made)
    if made.name == "jsonl":
        return JsonLines(path, options)
    if made.name == "parquet":
        return ParquetData(path, options)
    raise UsageError(
        f"{path} is {made.title}, which has no records. Data sets are of one of the formats jsonl, csv, tsv and "
        "parquet."
    )


def read_records(path: Path, format_name: str | None, options: FormatOptions) -> Iterator[Record]:
    """Yield the records of a data set in order; their segments are those of `Format.read`, in the same order.

    Args:
        path, format_name, options: as for `data_set`.

    Raises:
        UsageError: as `data_set`.
        InputError: as `data_set`, or a record cannot be read.
    """
    with data_set(path, format_name, options) as data:
        yield from data.records()
