"""Units as CSV and TSV, one a row; columns are told by a header, by language codes, or by their order.

Source: RFC 4180, and what spreadsheets make of it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO

from scalemt.errors import InputError
from scalemt.formats.csvtext import Dialect, Record, is_separator_line, records
from scalemt.formats.rows import Line, encoding_of, lines_of
from scalemt.formats.table import CsvFormat, TableFormat, TsvFormat
from scalemt.memory.exchange.base import NO_LANGUAGE, NO_TARGET, Reading, near, nearest, tag_of
from scalemt.memory.exchange.fields import DATES, TEXTS, field_name, unit_of
from scalemt.memory.units import Unit, encoded_spans

_COLUMNS = ("source", "target", "source_language", "target_language", *TEXTS, *DATES, "quality", "spans")
_CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the columns are.

    Args:
        fields: the field of each column, "" for what units do not have.
        languages: the language of each column that is told by one.
        header: the first row only names the columns.
    """

    fields: tuple[str, ...]
    languages: tuple[str, ...] = ()
    header: bool = True


def read_csv(reading: Reading) -> Iterator[Unit]:
    """Yield the units of a CSV file, parted by what its first line has most of: comma, semicolon, tab or bar.

    Raises:
        InputError: columns too many or too few, a quote that is not closed, bytes of another encoding.
    """
    return _read(reading, CsvFormat())


def read_tsv(reading: Reading) -> Iterator[Unit]:
    """Yield the units of a file parted by tabs; quotes mean something where the file uses them as CSV does.

    Raises:
        InputError: see `read_csv`.
    """
    return _read(reading, TsvFormat())


def _read(reading: Reading, form: TableFormat) -> Iterator[Unit]:
    if reading.path.exists() and not reading.path.is_file():
        raise InputError(
            f"{reading.path} is no file, and a table is looked at more than once. Save it first, or give its "
            "lines to: scalemt memory add DB -"
        )
    encoding = encoding_of(reading.path, reading.options.encoding)
    dialect = form._dialect(reading.path, encoding)
    return read_rows(_told(lines_of(reading.path, encoding), reading), dialect, reading)


def read_rows(lines: Iterable[Line], dialect: Dialect, reading: Reading) -> Iterator[Unit]:
    """Yield the units of the lines of a table; see `read_csv`."""
    rows = (row for row in records(lines, dialect, reading.path) if any(cell.value.strip() for cell in row.cells))
    first = next(rows, None)
    if first is not None and is_separator_line(first.text):
        first = next(rows, None)
    if first is None:
        return
    columns = _columns(first, reading)
    for row in rows if columns.header else chain([first], rows):
        yield from _units(row, columns, reading)


def _told(lines: Iterable[Line], reading: Reading) -> Iterator[Line]:
    for line in lines:
        reading.advance(len(line.data))
        yield line


def _columns(first: Record, reading: Reading) -> _Columns:
    """Return what the first row says of the columns."""
    values = [cell.value.strip() for cell in first.cells]
    fields = tuple(field_name(value) for value in values)
    if {"source", "target"} <= set(fields):
        return _Columns(fields)
    languages = tuple("" if fields[place] else _language(value) for place, value in enumerate(values))
    if _tells(languages, reading):
        return _Columns(fields, languages)
    if len(values) < 2:
        raise InputError(
            f"{reading.path}, line {first.line}: one column, expected a source and its translation. A header may "
            "name them (source, target, or language codes); say --format tsv or csv if the columns are parted "
            "otherwise than by the suffix."
        )
    if bool({"source", "target"} & set(fields)) and not any(character.isspace() for character in "".join(values)):
        missing = "target" if "source" in fields else "source"
        raise InputError(
            f"{reading.path}, line {first.line}: the header has no column {missing!r}; it names "
            f"{', '.join(map(repr, values))[:200]}. Name the columns source and target."
        )
    return _Columns(("source", "target", *[""] * (len(values) - 2)), header=False)


def _language(value: str) -> str:
    return tag_of(value) if _CODE.fullmatch(value) else ""


def _tells(languages: tuple[str, ...], reading: Reading) -> bool:
    """Whether a row of language codes is a header, and not two short words: "as" and "os" are languages too."""
    known = [tag for tag in languages if tag]
    if len(set(known)) < 2:
        return False
    wanted = [tag for tag in (reading.source, reading.target) if tag]
    return all(any(near(tag, other) for other in known) for tag in wanted)


def _units(row: Record, columns: _Columns, reading: Reading) -> Iterator[Unit]:
    where = f"{reading.path}, line {row.line}"
    values = [cell.value for cell in row.cells]
    if len(values) > len(columns.fields) or len(values) < 2:
        raise InputError(
            f"{where}: {len(values)} columns, where the first row has {len(columns.fields)}. A separator inside a "
            "text needs quotes around the text; where quotes are missing, mend the line."
        )
    values += [""] * (len(columns.fields) - len(values))
    told = {name: value for name, value in zip(columns.fields, values, strict=True) if name}
    if not columns.languages:
        unit = unit_of(told, reading, where)
        if unit:
            yield unit
        return
    texts = {tag: value for tag, value in zip(columns.languages, values, strict=True) if tag}
    yield from _by_language(told, texts, reading, where)


def _by_language(told: dict[str, str], texts: dict[str, str], reading: Reading, where: str) -> Iterator[Unit]:
    """Yield a unit for each translation of the source; without a wanted source the first column is that."""
    tags = list(texts)
    source = nearest(tags, reading.source) if reading.source else tags[0]
    others = [tag for tag in tags if tag != source]
    if reading.target:
        others = [tag for tag in [nearest(others, reading.target)] if tag]
    if not source or not others:
        reading.skipped[NO_LANGUAGE] += 1
        return
    for target in others:
        if not texts[target].strip():
            reading.skipped[NO_TARGET] += 1
            continue
        sides = {"source": texts[source], "target": texts[target]}
        unit = unit_of({**told, **sides, "source_language": source, "target_language": target}, reading, where)
        if unit:
            yield unit


def write_csv(units: Iterable[Unit], out: IO[bytes], source_language: str = "") -> None:
    """Write units as CSV with a header; `source_language` is not needed, each unit says its languages."""
    _write(units, out, ",")


def write_tsv(units: Iterable[Unit], out: IO[bytes], source_language: str = "") -> None:
    """Write units as TSV with a header, quoted as in CSV; see `write_csv`."""
    _write(units, out, "\t")


def _write(units: Iterable[Unit], out: IO[bytes], delimiter: str) -> None:
    text = io.StringIO(newline="")
    rows = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    # The quotes around the header say that quotes mean something in all of the file.
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow(_COLUMNS)
    for unit in units:
        rows.writerow(_row(unit))
        out.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    out.write(text.getvalue().encode())


def _row(unit: Unit) -> list[str]:
    quality = "" if unit.quality is None else repr(float(unit.quality))
    texts = [str(getattr(unit, name)) for name in (*TEXTS, *DATES)]
    return [unit.source, unit.target, *unit.pair, *texts, quality, encoded_spans(unit)]
