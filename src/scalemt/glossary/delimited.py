"""Glossaries as CSV and TSV: one entry a row, columns told by a header, by language codes, or by their order."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scalemt import languages
from scalemt.errors import ConfigurationError, InputError, UnknownLanguageError
from scalemt.glossary.entries import Glossary, TermEntry
from scalemt.glossary.fields import clean, key, make_entry, no_terms, read_tag, written
from scalemt.lines import read_lines
from scalemt.types import Pair

Row = tuple[int, list[str]]

# What columns are called; sourceString, targetString, sourceLang and targetLang as in the lists of TICO-19.
_NAMES = {
    "source": "source sourcestring sourceterm sourcetext src",
    "target": "target targetstring targetterm targettext tgt translation",
    "status": "status termstatus administrativestatus",
    "case": "case casesensitive casesensitivity",
    "pos": "pos partofspeech wordclass",
    "domain": "domain subject subjectfield",
    "note": "note notes comment comments remark",
    "concept": "concept conceptid",
    "sourcelang": "sourcelang sourcelanguage srclang",
    "targetlang": "targetlang targetlanguage tgtlang",
}
_FIELDS = {name: field for field, names in _NAMES.items() for name in names.split()}
_OPTIONAL = ("status", "case", "pos", "domain", "note", "concept")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the fields are, and what the header says of the languages."""

    places: Mapping[str, int]
    width: int
    header: bool
    source: str = ""
    target: str = ""


def read_delimited(path: Path, pair: Pair | None, *, tabs: bool = False) -> Glossary:
    """Read a CSV (RFC 4180, commas or semicolons) or TSV file; a first line with tabs tells that they separate.

    A header names the columns (source, target, status, case, pos, domain, note, concept, or the names of
    TICO-19's lists), or gives language codes for the two sides; of more than two languages the pair chooses.
    Without a header the first two columns are source and target.

    Raises:
        InputError: not UTF-8, a row that is too long, an empty side, an unknown status; file and line are named.
        ConfigurationError: several languages, and no pair that chooses.
    """
    entries: dict[tuple[str, str], list[TermEntry]] = {}
    for _, tags, entry in read_entries(read_lines(path), str(path), pair, tabs=tabs):
        entries.setdefault(tags, []).append(entry)
    if not entries:
        raise no_terms(path)
    source, target = _chosen(list(entries), str(path), pair)
    return Glossary(tuple(dict.fromkeys(entries[source, target])), source, target, path.stem)


def read_entries(
    lines: Sequence[str], place: str, pair: Pair | None, *, tabs: bool = False
) -> Iterator[tuple[int, tuple[str, str], TermEntry]]:
    """Yield line number, languages ("" where nothing tells) and entry of each row; see `read_delimited`.

    Args:
        lines: without their ends.
        place: what messages call them.
        pair: the direction they are for.
        tabs: whether tabs separate.

    Raises:
        InputError, ConfigurationError: as `read_delimited`.
    """
    rows = list(read_rows(lines, place, tabs=tabs))
    if not rows:
        raise no_terms(place)
    columns = _columns(rows[0], place, pair)
    for number, row in rows[1:] if columns.header else rows:
        where = f"{place}, line {number}"
        fields = _fields(row, columns, where)
        if not (clean(fields["source"]) or clean(fields["target"])):
            continue  # spreadsheets leave rows behind in which only a column of languages is filled
        source, target = (_row_tag(fields, name, where) for name in ("sourcelang", "targetlang"))
        yield number, (source or columns.source, target or columns.target), make_entry(fields, where)


def read_rows(lines: Sequence[str], place: str, *, tabs: bool = False) -> Iterator[Row]:
    """Yield line number and fields of each row that is not blank; see `read_entries`.

    Raises:
        InputError: not CSV.
    """
    first = next((line for line in lines if line.strip()), "")
    if tabs or "\t" in first:
        # Tab-separated files are mostly written without quoting, so a quote in them is a character.
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line.split("\t")
        return
    semicolons = ";" in first and "," not in first
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=";" if semicolons else ",", strict=True)
    before = 0
    try:
        for row in reader:
            number, before = before + 1, reader.line_num
            if any(field.strip() for field in row):
                yield number, row
    except csv.Error as fault:
        raise InputError(
            f"{place}, line {reader.line_num}: not CSV ({fault}). Close every quote, and double quotes that stand "
            "inside quotes."
        ) from None


def _columns(first: Row, place: str, pair: Pair | None) -> _Columns:
    number, row = first
    names = [_FIELDS.get(key(name), "") for name in row]
    places = {name: names.index(name) for name in reversed(names) if name}
    if "source" in places and "target" in places:
        return _Columns(places, len(row), header=True)
    tags = _header_tags(row, names)
    if len(tags) > 1:
        source, target = _sides(tags, place, pair)
        return _Columns({**places, "source": tags[source], "target": tags[target]}, len(row), True, source, target)
    if len(row) < 2:
        raise InputError(
            f"{place}, line {number}: one field, expected a source and a target. Separate them by a comma in CSV, "
            "by a tab in TSV."
        )
    return _Columns({"source": 0, "target": 1}, len(row), header=False)


def _header_tags(row: Sequence[str], names: Sequence[str]) -> dict[str, int]:
    """Return the columns that are named by languages; empty where the first cell is neither a name nor a language.

    Without that condition a list that begins with the row "de,de" or "no,não" would lose it.
    """
    tags: dict[str, int] = {}
    for place, (cell, name) in enumerate(zip(row, names, strict=True)):
        if name or not cell.strip():
            continue
        tag = _header_tag(cell.strip(), sure=any(names))
        if not tag and place < 2:
            return {}
        if tag:
            tags.setdefault(tag, place)
    return tags


def _header_tag(cell: str, *, sure: bool) -> str:
    # Nearly every word of three letters is the code of some language: only those that are much used count, but
    # beside the name of a column, as where a glossary of Filipino (fil) was written.
    if not sure and len(cell) == 3 and cell.lower() not in {code[:3] for code in languages.FLORES_CODES}:
        return ""
    try:
        return languages.parse(cell)
    except UnknownLanguageError:
        return ""


def _sides(tags: Mapping[str, int], place: str, pair: Pair | None) -> tuple[str, str]:
    """Return the tags of the two columns that are wanted."""
    if pair is not None:
        source = _nearest(tags, pair.source)
        target = _nearest([tag for tag in tags if tag != source], pair.target)
        if source and target:
            return source, target
    if len(tags) == 2:
        source, target = tags
        return source, target
    raise _several(place, " and ".join(tags), pair)


def _nearest(tags: Mapping[str, int] | Sequence[str], wanted: str) -> str:
    if wanted in tags:
        return wanted
    return next((tag for tag in tags if languages.base(tag) == languages.base(wanted)), "")


def _several(place: str, held: str, pair: Pair | None) -> ConfigurationError:
    if pair is not None:
        return ConfigurationError(f"{place} holds {held}, not {pair.source} to {pair.target}.")
    return ConfigurationError(f"{place} holds {held}. Say which two languages are meant (--from and --to).")


def _fields(row: list[str], columns: _Columns, where: str) -> dict[str, str]:
    while row and not row[-1].strip():
        row = row[:-1]
    if len(row) > columns.width:
        raise InputError(
            f"{where}: {len(row)} fields, expected at most {columns.width}. A field that holds a comma must stand "
            "in quotes."
        )
    return {name: row[place] if place < len(row) else "" for name, place in columns.places.items()}


def _row_tag(fields: dict[str, str], name: str, where: str) -> str:
    code = fields.pop(name, "").strip()
    return read_tag(code, f"{where}, {name}") if code else ""


def _chosen(held: Sequence[tuple[str, str]], place: str, pair: Pair | None) -> tuple[str, str]:
    """Return the pair of languages whose rows are wanted."""
    if len(held) == 1:
        return held[0]
    for wanted in (pair, pair.reversed) if pair else ():
        bases = [languages.base(tag) for tag in wanted]
        for source, target in held:
            if source and target and [languages.base(source), languages.base(target)] == bases:
                return source, target
    raise _several(place, ", ".join(f"{source or '?'} to {target or '?'}" for source, target in held), pair)


def write_csv(glossary: Glossary) -> str:
    """Return a glossary as CSV; the header gives the languages where they are known."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_table(glossary))
    return out.getvalue()


def write_tsv(glossary: Glossary) -> str:
    """Return a glossary as TSV, without quoting."""
    return "".join("\t".join(row) + "\n" for row in _table(glossary))


def _table(glossary: Glossary) -> Iterator[list[str]]:
    rows = [written(entry) for entry in glossary.entries]
    used = [name for name in _OPTIONAL if name == "status" or any(row[name] for row in rows)]
    known = glossary.source and glossary.target and glossary.source != glossary.target
    yield [*((glossary.source, glossary.target) if known else ("source", "target")), *used]
    for row in rows:
        yield [row["source"], row["target"], *(row[name] for name in used)]
