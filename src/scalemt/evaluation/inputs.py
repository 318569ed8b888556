"""Read what is to be evaluated: outputs, references, sources and labels, by line or by id."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.drafts import draft_from_json
from scalemt.errors import InputError
from scalemt.evaluation.drift import describe_drift
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.lines import read_jsonl, read_lines
from scalemt.types import Pair

_LARGEST_FACT = 1e15
_JSON_SUFFIXES = {".jsonl", ".ndjson"}
_TEXT_FIELDS = {
    "hypothesis": ("translation", "hypothesis", "text", "target"),
    "reference": ("reference", "target", "text"),
    "source": ("source", "text"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One file: N texts, their ids where it has any, and for JSON Lines the whole rows."""

    path: Path
    texts: tuple[str, ...]
    ids: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


def read_column(path: str | Path, role: str) -> Column:
    """Read one file of texts.

    `.jsonl` holds a string or an object a line (for hypotheses as `scalemt translate --json` prints them), `.tsv`
    an id and a text a line; anything else is plain text, one segment a line.

    Args:
        path: the file.
        role: "hypothesis", "reference" or "source"; decides under which names a text is looked for.

    Raises:
        InputError: unreadable, empty, not UTF-8, not JSON, or a line without its text; the message names the line.
    """
    path = Path(path)
    if path.suffix.lower() in _JSON_SUFFIXES:
        column = _read_json(path, role)
    elif path.suffix.lower() == ".tsv":
        column = _read_tsv(path)
    else:
        column = Column(path, tuple(read_lines(path)))
    if not column.texts:
        raise InputError(f"{path} is empty; expected one {role} a line.")
    return column


def _read_json(path: Path, role: str) -> Column:
    texts: list[str] = []
    ids: list[str] = []
    rows: list[Mapping[str, Any]] = []
    for number, value in read_jsonl(path):
        row = value if isinstance(value, Mapping) else {"text": value}
        texts.append(_text(row, role, f"{path}, line {number}"))
        ids.append(str(row["id"]) if row.get("id") not in (None, "") else "")
        rows.append(row)
    if any(ids) and not all(ids):
        raise InputError(f'{path}, item {ids.index("") + 1} has no "id", while others have one.')
    return Column(path, tuple(texts), tuple(ids) if all(ids) else (), tuple(rows))


def _text(row: Mapping[str, Any], role: str, where: str) -> str:
    fields = _TEXT_FIELDS[role]
    for name in fields:
        if isinstance(value := row.get(name), str):
            return value
    found = ", ".join(map(str, row)) or "nothing"
    raise InputError(f"{where}: no {role} in it. Expected a text under {' or '.join(fields)}; found {found}.")


def _read_tsv(path: Path) -> Column:
    ids: list[str] = []
    texts: list[str] = []
    for number, line in enumerate(read_lines(path), 1):
        key, tab, text = line.partition("\t")
        if not tab or not key:
            raise InputError(f"{path}, line {number}: expected an id, a tab and a text.")
        ids.append(key)
        texts.append(text)
    return Column(path, tuple(texts), tuple(ids))


def read_labels(path: str | Path, column: str = "domain") -> list[str]:
    """Return one labelled column of a TSV or CSV file with a header line.

    Raises:
        InputError: no such column, no labels in it, or a line with another number of fields.
    """
    path = Path(path)
    table = _read_table(path)
    header = table[0] if table else []
    if column not in header:
        raise InputError(
            f"{path} has no column {column!r}; its first line names: {', '.join(header) or 'nothing'}."
        )
    place = header.index(column)
    for number, row in enumerate(table[1:], 2):
        if len(row) != len(header):
            raise InputError(f"{path}, line {number}: {len(row)} fields, while the header has {len(header)}.")
    if len(table) == 1:
        raise InputError(f"{path} has a header, and no labels below it. Give a line for each segment.")
    return [row[place] for row in table[1:]]


def _read_table(path: Path) -> list[list[str]]:
    if path.suffix.lower() != ".csv":
        # Quotes are plain characters in TSV, as in FLORES' own metadata.
        return [line.split("\t") for line in read_lines(path)]
    reader = csv.reader(io.StringIO("\n".join(read_lines(path))))
    try:
        return list(reader)
    except csv.Error as fault:
        raise InputError(f"{path}, line {reader.line_num}: not CSV ({fault}).") from None


def build_test_set(
    name: str,
    sources: Column | None,
    references: Sequence[Column],
    pair: Pair | None = None,
    domains: Sequence[str] = (),
) -> TestSet:
    """Join sources, references and labels, which must be in the same order, into a test set.

    Raises:
        InputError: the counts differ, or ids are in another order; the message names the files.
    """
    columns = [column for column in (sources, *references) if column]
    if not columns:
        raise InputError("There is nothing to evaluate against: give --ref, --src, or both.")
    first = columns[0]
    for other in columns[1:]:
        if len(other) != len(first):
            raise InputError(
                f"{other.path} has {len(other)} lines, but {first.path} has {len(first)}. "
                "Sources and references must pair up line by line."
            )
        if first.ids and other.ids and first.ids != other.ids:
            place = next(i for i, (a, b) in enumerate(zip(first.ids, other.ids, strict=True)) if a != b)
            raise InputError(
                f"{other.path} has the id {other.ids[place]!r} where {first.path} has {first.ids[place]!r}. "
                "Put both into the same order."
            )
    if domains and len(domains) != len(first):
        raise InputError(f"The metadata has {len(domains)} labels, but {first.path} has {len(first)} lines.")
    ids = next((column.ids for column in columns if column.ids), ())
    return TestSet(
        name=name,
        sources=sources.texts if sources else (),
        references=tuple(column.texts for column in references),
        pair=pair,
        ids=ids or tuple(str(number) for number in range(1, len(first) + 1)),
        domains=tuple(domains),
    )


def read_system(name: str, path: str | Path, test_set: TestSet, *, by_id: bool = False) -> System:
    """Read the outputs of one system and pair them with a test set.

    Args:
        name: of the system.
        path: plain text, TSV, or JSON Lines with drafts, decisions and costs.
        test_set: what they are outputs for.
        by_id: pair by id instead of by line; the file must have ids.

    Raises:
        InputError: another number of lines (the message says which seem to be too many), an id missing or twice,
            or by line the ids of the test set in another order.
    """
    column = read_column(path, "hypothesis")
    if by_id:
        order = _order_by_id(column, test_set)
    elif len(column) != len(test_set):
        raise InputError(_count_fault(column, test_set))
    else:
        _refuse_other_order(column, test_set)
        order = list(range(len(column)))
    return System(name, tuple(_output(column, place) for place in order), printable(path))


def _refuse_other_order(column: Column, test_set: TestSet) -> None:
    """Refuse the test set's own ids in another order; ids of another kind (counted from 0) tell nothing."""
    if column.ids != test_set.ids and set(column.ids) == set(test_set.ids):
        place = next(i for i, (a, b) in enumerate(zip(column.ids, test_set.ids, strict=True)) if a != b)
        raise InputError(
            f"{column.path} has the id {column.ids[place]!r} where {test_set.name} has {test_set.ids[place]!r}. "
            "Give --align-by-id to pair them by their ids."
        )


def _count_fault(column: Column, test_set: TestSet) -> str:
    drift = describe_drift(column.texts, test_set.references[0]) if test_set.references else ""
    return (
        f"{column.path} has {len(column)} lines, but {test_set.name} has {len(test_set)} segments. {drift}"
        "Mend the file, or give outputs with ids (JSON Lines or TSV) and --align-by-id."
    )


def _order_by_id(column: Column, test_set: TestSet) -> list[int]:
    if not column.ids:
        raise InputError(
            f'{column.path} has no ids to align by. Give JSON Lines with "id" and "translation" a line '
            "(as scalemt translate --json prints them), or TSV with an id, a tab and a text."
        )
    for where, ids in ((column.path, column.ids), (f"The test set {test_set.name}", test_set.ids)):
        twice = [key for key, count in Counter(ids).items() if count > 1]
        if twice:
            raise InputError(f"{where} has the id {twice[0]!r} more than once ({len(twice)} such ids).")
    places = {key: place for place, key in enumerate(column.ids)}
    missing = [key for key in test_set.ids if key not in places]
    if missing:
        shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise InputError(
            f"{column.path} lacks {len(missing)} of the {len(test_set)} ids of {test_set.name}: {shown}. "
            "A missing output must stand as an empty one, or it would be left out of the score."
        )
    return [places[key] for key in test_set.ids]


def _output(column: Column, place: int) -> Output:
    text = column.texts[place]
    if not column.rows:
        return Output(text)
    row = column.rows[place]
    where = f"{column.path}, item {place + 1}"
    draft = draft_from_json(row["draft"], where) if row.get("draft") else None
    if draft is None and row.get("words"):
        # A line of a drafts file is itself a draft: its confidences are those of the output.
        draft = draft_from_json(row, where)
    return Output(
        text=text,
        draft=draft,
        decision=_decision(row),
        truncated=_was_truncated(row),
        failed=bool(row.get("error")),
        facts=_facts(row),
    )


def _decision(row: Mapping[str, Any]) -> str:
    """Return what the gate took, or "" where the row does not tell."""
    decisions = row.get("decisions")
    steps = [item for item in decisions if isinstance(item, Mapping)] if isinstance(decisions, list) else []
    gate = [str(item.get("outcome", "")) for item in steps if item.get("step") == "gate"]
    if gate:
        return gate[-1]
    return str(row.get("method") or "") if steps or row.get("draft") else ""


def _was_truncated(row: Mapping[str, Any]) -> bool:
    return row.get("finish_reason") == "length" or bool(row.get("truncated"))


def _facts(row: Mapping[str, Any]) -> dict[str, float]:
    usage = row.get("usage")
    told = {**(usage if isinstance(usage, Mapping) else {}), "seconds": row.get("seconds")}
    return {
        key: float(value)
        for key, value in told.items()
        # No number of tokens or seconds is that large; an integer of 400 digits is no float either.
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_FACT
    }


def system_names(paths: Sequence[str]) -> dict[str, str]:
    """Return paths by system name: `NAME=PATH` as given, else the shortest part of the path that tells them apart.

    Raises:
        InputError: two systems of one name.
    """
    named = [_split_name(item) for item in paths]
    unnamed = [Path(path) for name, path in named if not name]
    labels = iter(_labels(unnamed))
    result: dict[str, str] = {}
    for name, path in named:
        label = printable(name or next(labels))
        if label in result:
            raise InputError(
                f"Two systems are named {label!r} ({result[label]} and {path}). Name them: NAME=FILE."
            )
        result[label] = path
    return result


def printable(path: str | Path) -> str:
    """Return a path as text that can be written, for file systems know names that are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _split_name(item: str) -> tuple[str, str]:
    name, equals, path = item.partition("=")
    # A file whose own path holds "=" stays a file.
    if not equals or not name or Path(item).exists():
        return "", item
    return name, path


def _labels(paths: Sequence[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    if len(set(stems)) == len(stems):
        return stems
    parts = [path.parts[:-1] for path in paths]
    shortest = min(map(len, parts), default=0)
    for depth in range(1, shortest + 1):
        folders = [item[-depth] for item in parts]
        if len(set(folders)) == len(folders):
            return folders
    return [str(path) for path in paths]
