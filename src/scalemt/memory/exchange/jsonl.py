"""Units as JSON Lines: one object a line with `source`, `target` and whatever else a unit has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from scalemt.errors import InputError
from scalemt.lines import stream_lines
from scalemt.memory.exchange.base import Reading
from scalemt.memory.exchange.fields import field_name, fields_of, unit_of
from scalemt.memory.units import Unit


def read(reading: Reading) -> Iterator[Unit]:
    """Yield the units of a file; keys that units do not have are passed over.

    Raises:
        InputError: not UTF-8, not JSON, or a field holds what it cannot; file and line are named.
    """
    with reading.path.open("rb") as file:
        yield from read_lines(stream_lines(_told(file, reading), str(reading.path)), reading, str(reading.path))


def read_lines(lines: Iterable[str], reading: Reading, what: str) -> Iterator[Unit]:
    """Yield the units of lines; `what` names them in messages. See `read`."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{what}, line {number}"
            values = {field_name(key): value for key, value in _object(line, where).items()}
            unit = unit_of(values, reading, where)
            if unit:
                yield unit


def _told(file: IO[bytes], reading: Reading) -> Iterator[bytes]:
    for line in file:
        reading.advance(len(line))
        yield line


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
        if "\\u" in line:
            # JSON can write half of a UTF-16 pair, which is no text: it could not be kept.
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{where}: half of a surrogate pair (\\ud800 …) stands alone: no text.") from None
    except (ValueError, RecursionError) as fault:
        raise InputError(f"{where}: not JSON ({fault}). Each line must hold one object.") from None
    if not isinstance(value, dict) or not {"source", "target"} <= {field_name(key) for key in value}:
        raise InputError(f'{where}: expected an object such as {{"source": "house", "target": "casa"}}.')
    return value


def write(units: Iterable[Unit], out: IO[bytes], source_language: str = "") -> None:
    """Write units, one object a line; `source_language` is not needed, each unit says its languages."""
    for unit in units:
        out.write((json.dumps(fields_of(unit), ensure_ascii=False) + "\n").encode())
