"""JSON Lines: one JSON value a line, the named fields translated, gigabytes without filling the memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import InputError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import Encoding
from scalemt.formats.fieldpaths import Fields, nowhere, untold
from scalemt.formats.fieldtext import FieldText
from scalemt.formats.json import strings_of
from scalemt.formats.jsontext import JsonString, Style, replaced, scan
from scalemt.formats.rows import Line, encoding_of, lines_of
from scalemt.types import Segment

_SAMPLE = 1 << 20  # characters that tell how strings are written, at least


class JsonlFormat(Format):
    """One JSON value a line (jsonlines.org); blank lines stay. Ids are "line 12: messages[0].content"."""

    name = "jsonl"
    title = "JSON Lines"
    suffixes = (".jsonl", ".ndjson")
    streams = True
    takes_fields = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        for _, fields in fields_of(path, encoding_of(path, options.encoding), options):
            for _, field in fields:
                yield from field.segments

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        encoding = encoding_of(path, options.encoding)
        out.write(encoding.mark)
        style: Style | None = None
        for line, fields in fields_of(path, encoding, options):
            changes = []
            for string, field in fields:
                value = field.filled(targets)
                if value is not None:
                    style = style or style_of(path, encoding)
                    changes.append((string.start, string.end, style.encode(value)))
            out.write(encoding.encode(replaced(line.text, changes), path) if changes else line.data)


def fields_of(
    path: Path, encoding: Encoding, options: FormatOptions
) -> Iterator[tuple[Line, list[tuple[JsonString, FieldText]]]]:
    """Yield the lines of a file, each with its strings that are to be translated; a blank one has none.

    Raises:
        InputError: a line is not JSON, no fields are given, or one leads nowhere in the whole file.
    """
    _check(path, encoding, options)
    fields = Fields(options.fields)
    for line in lines_of(path, encoding):
        if is_blank(line):
            yield line, []
        else:
            where = f"line {line.number}: "
            yield line, list(strings_of(line.text, path, line.number, fields, options, where))


def is_blank(line: Line) -> bool:
    """Whether a line holds no value."""
    return not line.text.strip(" \t\r\n")


def _check(path: Path, encoding: Encoding, options: FormatOptions) -> None:
    """Refuse missing fields before the work begins: read on until each path has led to a string, often one line.

    Raises:
        InputError: no fields are given, or one leads nowhere in the whole file.
    """
    fields = Fields(options.fields)
    read = 0
    for line in lines_of(path, encoding):
        if is_blank(line):
            continue
        strings = [string for string in _strings(line, path, first=not read) if not string.key]
        read += 1
        for string in strings:
            fields.takes(string.path)
        if not options.fields:
            longest = max(strings, key=lambda string: len(string.value), default=None)
            there = f"Line {line.number} holds {fields.listed or 'no strings'}"
            raise untold(path, "line", there, longest.path if longest else None)
        if not fields.unmet:
            return
    if read and (unmet := fields.unmet):
        raise nowhere(path, unmet, " in any line", fields.listed)


def _strings(line: Line, path: Path, first: bool) -> list[JsonString]:
    try:
        return list(scan(line.text, path, line.number))
    except InputError as fault:
        hint = " Each line must hold one JSON value; a file that is one value is read with --format json."
        raise InputError(f"{fault}{hint if first else ''}") from None


def style_of(path: Path, encoding: Encoding) -> Style:
    """Learn how the file writes strings: from its first megabyte, and on until something beyond ASCII is met."""
    style = Style(encoding.codec)
    seen = 0
    for line in lines_of(path, encoding):
        style.learn(line.text)
        seen += len(line.text)
        if seen >= _SAMPLE and style.settled:
            break
    return style
