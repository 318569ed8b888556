"""Which formats units are read from and written to, and the two functions that do it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import IO, Any

from scalemt.errors import InputError, UnknownNameError, UsageError
from scalemt.languages import parse
from scalemt.memory.exchange.base import Reading, ReadOptions, placed
from scalemt.memory.units import Unit

READERS = {
    "csv": "scalemt.memory.exchange.table:read_csv",
    "jsonl": "scalemt.memory.exchange.jsonl:read",
    "po": "scalemt.memory.exchange.po:read",
    "tmx": "scalemt.memory.exchange.tmx:read",
    "tsv": "scalemt.memory.exchange.table:read_tsv",
    "xliff": "scalemt.memory.exchange.xliff:read",
}
WRITERS = {
    "csv": "scalemt.memory.exchange.table:write_csv",
    "jsonl": "scalemt.memory.exchange.jsonl:write",
    "tmx": "scalemt.memory.exchange.tmx_writing:write",
    "tsv": "scalemt.memory.exchange.table:write_tsv",
}
SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".mxliff": "xliff",
    ".ndjson": "jsonl",
    ".po": "po",
    ".sdlxliff": "xliff",
    ".tab": "tsv",
    ".tmx": "tmx",
    ".tsv": "tsv",
    ".xlf": "xliff",
    ".xliff": "xliff",
}


def format_of(path: str | Path, name: str | None = None, *, writing: bool = False) -> str:
    """Return the name of the format of a file: the one that is given, else by its suffix.

    Raises:
        UnknownNameError: there is no format of that name.
        UsageError: the suffix belongs to no format; the message lists them.
    """
    table = WRITERS if writing else READERS
    if name:
        if name not in table:
            raise UnknownNameError("memory format to write" if writing else "memory format", name, table)
        return name
    found = SUFFIXES.get(Path(path).suffix.lower(), "")
    if found in table:
        return found
    known = ", ".join(suffix for suffix, owner in SUFFIXES.items() if owner in table)
    told = Path(path).suffix or "a name without a suffix"
    verb = "written" if writing else "read"
    raise UsageError(
        f"{path}: {told} is no format that memories are {verb} in. Suffixes: {known}; "
        f"or say --format {', '.join(table)}."
    )


def read_units(
    path: str | Path,
    *,
    source: str = "",
    target: str = "",
    format_name: str | None = None,
    options: ReadOptions | None = None,
    skipped: Counter[str] | None = None,
    advance: Callable[[int], object] | None = None,
) -> Iterator[Unit]:
    """Yield the units of a file as they are read; memory does not grow with the file (save of PO).

    Args:
        path: the file.
        source, target: languages of the wanted pair in any common code; "" takes what the file says. A territory
            that is not given matches all: `en` takes `en-US`, and the units keep `en-US`.
        format_name: a key of `READERS`, where the suffix does not tell.
        options: see `ReadOptions`.
        skipped: counts the units that were passed over, by the reason.
        advance: is told how many bytes were read.

    Raises:
        InputError: the file cannot be read as its format; the message names file, line and mend.
        UsageError: no such format.
        UnknownLanguageError: a language that is none.
    """
    chosen = options or ReadOptions()
    reading = Reading(
        Path(path),
        parse(source) if source else "",
        parse(target) if target else "",
        chosen,
        Counter() if skipped is None else skipped,
        advance or (lambda count: None),
    )
    read = _loaded(READERS[format_of(path, format_name)])
    try:
        yield from read(reading)
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror or fault}.") from None


def read_lines(
    lines: Iterable[str],
    what: str,
    *,
    source: str = "",
    target: str = "",
    options: ReadOptions | None = None,
    skipped: Counter[str] | None = None,
) -> Iterator[Unit]:
    """Yield the units of lines: JSON Lines where the first one begins with a brace, else columns parted by tabs.

    Args:
        lines: without their ends.
        what: names them in messages.
        source, target, options, skipped: see `read_units`.

    Raises:
        InputError: a line is neither.
    """
    from scalemt.formats.csvtext import Dialect
    from scalemt.formats.rows import Line
    from scalemt.memory.exchange import jsonl, table

    chosen = options or ReadOptions()
    left, right = (parse(code) if code else "" for code in (source, target))
    reading = Reading(Path(what), left, right, chosen, Counter() if skipped is None else skipped)
    waiting = iter(lines)
    first = next(waiting, "")
    if first.lstrip().startswith("{"):
        units = jsonl.read_lines(chain([first], waiting), reading, what)
    else:
        rows = (Line(number, b"", f"{text}\n") for number, text in enumerate(chain([first], waiting), 1))
        units = table.read_rows(rows, Dialect("\t", quotes=False), reading)
    yield from units


def write_units(
    units: Iterable[Unit],
    target: str | Path | IO[bytes],
    format_name: str | None = None,
    source_language: str = "",
) -> int:
    """Write units as they come, and return how many there were.

    A file is put in place only when all is written; an error leaves what stood there before.

    Args:
        units: at least one side is written for each.
        target: a path, or an open binary file.
        format_name: a key of `WRITERS`, where the suffix does not tell.
        source_language: of all units, for the header of TMX; "" where there are several.

    Raises:
        UsageError: no such format, or the file cannot be written.
    """
    if not isinstance(target, str | Path) and not format_name:
        raise UsageError("An open file has no suffix: say which format is to be written.")
    name = format_of(target if isinstance(target, str | Path) else "", format_name, writing=True)
    count = 0

    def counted() -> Iterator[Unit]:
        nonlocal count
        for unit in units:
            count += 1
            yield unit

    with placed(target) as out:
        _loaded(WRITERS[name])(counted(), out, source_language)
    return count


def _loaded(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)
