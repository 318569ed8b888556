"""TOML files that people write: what is wrong in one is told with file, line, field and what is valid."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from scalemt.errors import ConfigurationError, UnknownLanguageError
from scalemt.languages import parse

Place = tuple[str | int, ...]
Kind = TypeVar("Kind", bound=BaseModel)


def text_of(where: Path) -> str:
    """Return the text of a file.

    Raises:
        ConfigurationError: it cannot be read, or is not UTF-8.
    """
    try:
        return where.read_text("utf-8")
    except OSError as fault:
        raise ConfigurationError(f"{where} cannot be read: {fault.strerror or fault}.") from None
    except UnicodeDecodeError as fault:
        raise ConfigurationError(f"{where}, byte {fault.start + 1}: not UTF-8, which TOML must be.") from None


class Table(BaseModel):
    """A table of a file: no other fields than these, and none is changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def parsed(where: Path, text: str, page: str) -> dict[str, Any]:
    """Return what a file holds.

    Args:
        where, text: the file.
        page: of the documentation, on which there is an example.

    Raises:
        ConfigurationError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{where} is not TOML: {fault}. See {page} for an example.") from None


def validated(
    kind: type[Kind],
    where: Path,
    text: str,
    table: Any,
    changes: Sequence[str],
    tables: Mapping[str, type[BaseModel]],
) -> Kind:
    """Return a whole file as a model.

    Args:
        kind: the model.
        where, text: the file.
        table: what it holds; changed in place.
        changes: fields that are set otherwise; see `set_field`.
        tables: models of its tables by their names, to name the fields that are valid in them.

    Raises:
        ConfigurationError: a field is missing, unknown or wrong.
    """

    def valid(place: Place, _: str) -> list[str]:
        return fields_of(tables.get(str(place[0]), kind) if len(place) > 1 else kind)

    for change in changes:
        set_field(table, change)
    try:
        return kind.model_validate(table)
    except ValidationError as fault:
        raise explained(where, text, fault, (), valid) from None


def below(folder: Path, name: str) -> str:
    """Return a path that a file names, as meant from its folder."""
    return str(folder / Path(name).expanduser())


def tag_of(where: Path, text: str, field: Place, code: str) -> str:
    """Return the canonical tag of a language code, "" for "".

    Raises:
        ConfigurationError: a code that nobody knows.
    """
    try:
        return parse(code) if code else ""
    except UnknownLanguageError as fault:
        raise ConfigurationError(f"{where}, line {line_of(text, field)}, field {field[-1]}: {fault}") from None


def explained(
    where: Path, text: str, fault: ValidationError, before: Place, known: Callable[[Place, str], list[str]]
) -> ConfigurationError:
    """Return the first thing that is wrong as a sentence with file, line, field and mend.

    Args:
        where, text: the file.
        fault: what pydantic says.
        before: the place of the table that was validated, () for the whole file.
        known: gives the fields that are valid at a place of a model (by its title), none where it does not know.
    """
    first = fault.errors()[0]
    place = (*before, *first["loc"])
    names = [str(part) for part in first["loc"] if isinstance(part, str)] or [str(place[0]) if place else "file"]
    step = f", step {before[1] + 1}" if len(before) > 1 and isinstance(before[1], int) else ""
    mend = first["msg"]
    if first["type"] == "extra_forbidden":
        valid = known(place, fault.title)
        mend = f"there is no such field. Valid choices: {', '.join(valid)}" if valid else "there is no such field"
    elif first["type"] == "missing":
        mend = "it is missing, and there is no default"
    else:
        mend = f"{mend[:1].lower()}{mend[1:]}; found {first['input']!r:.60}"
    return ConfigurationError(f"{where}, line {line_of(text, place)}{step}, field {names[-1]}: {mend}.")


def fields_of(kind: type[BaseModel]) -> list[str]:
    """Return the fields of a model as they are written."""
    return [item.alias or name for name, item in kind.model_fields.items()]


def set_field(table: Any, change: str) -> None:
    """Change a field of the tables of a file, in place; the value is what TOML takes it for, else a text.

    Args:
        table: what was read.
        change: as "training.epochs=2" or "corpora.0.fraction=0.1".

    Raises:
        ConfigurationError: the change names no field.
    """
    name, equals, value = change.partition("=")
    *path, last = name.strip().split(".")
    if not equals or not last:
        raise ConfigurationError(
            f"{change!r} sets nothing. Write FIELD=VALUE, as in training.epochs=2 or corpora.0.fraction=0.1."
        )
    for number, part in enumerate(path):
        found = _item(table, part)
        if found is None and isinstance(table, dict):
            found = table[part] = {}
        if not isinstance(found, dict | list):
            raise ConfigurationError(f"{change!r}: there is no table {'.'.join(path[: number + 1])}.")
        table = found
    if isinstance(table, list) or not isinstance(table, dict):
        raise ConfigurationError(f"{change!r}: say which table of the list, as in corpora.0.fraction=0.1.")
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = value


def _item(table: Any, part: str) -> Any:
    if isinstance(table, list):
        return table[int(part)] if part.isdecimal() and int(part) < len(table) else None
    return table.get(part)


def line_of(text: str, place: Place) -> int:
    """Return the line of a field, as well as it can be told: the key below the table's header, else the header."""
    lines = text.split("\n")
    start, rest = _header(lines, list(place))
    key = next((part for part in rest if isinstance(part, str)), None)
    for number in range(start, len(lines)) if key else ():
        if number > start and re.match(r"\s*\[", lines[number]) and len(rest) < len(place):
            break
        if re.match(rf"\s*\"?{re.escape(str(key))}\"?\s*=", lines[number]):
            return number + 1
    return start + 1


def _header(lines: list[str], rest: list[str | int]) -> tuple[int, list[str | int]]:
    """Return the place of the header that a field stands below, from 0, and what of its place is left."""
    if len(rest) > 1 and isinstance(rest[1], int):
        pattern = rf"\s*\[\[\s*{re.escape(str(rest[0]))}\s*\]\]"
        headers = [number for number, line in enumerate(lines) if re.match(pattern, line)]
        return (headers[rest[1]] if rest[1] < len(headers) else 0), rest[2:]
    if rest and isinstance(rest[0], str):
        pattern = rf"\s*\[\[?\s*\"?{re.escape(rest[0])}\"?\s*\]"
        for number, line in enumerate(lines):
            if re.match(pattern, line):
                return number, rest[1:]
    return 0, rest
