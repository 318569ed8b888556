"""JSON: all strings of a catalogue, or the fields that are named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import read_text
from scalemt.formats.fieldpaths import Fields, nowhere, show
from scalemt.formats.fieldtext import FieldText, field_text
from scalemt.formats.jsontext import JsonString, Style, replaced, scan
from scalemt.types import Segment


class JsonFormat(Format):
    """One JSON value (RFC 8259). Names of members are never translated; a segment's id is the path of its string.

    Without fields every string is translated, as message catalogues of i18next, vue-i18n or Rails want it.
    """

    name = "json"
    title = "JSON"
    suffixes = (".json", ".webmanifest")
    takes_fields = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        text, _ = read_text(path, options.encoding)
        fields = Fields(options.fields)
        # Whether every path leads somewhere is known at the end, and must be said before work begins.
        for string in scan(text, path):
            if not string.key:
                fields.takes(string.path)
        if unmet := fields.unmet:
            raise nowhere(path, unmet, "", fields.listed)
        for _, field in strings_of(text, path, 1, fields, options, ""):
            yield from field.segments

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        data = path.read_bytes()
        text, encoding = read_text(path, options.encoding)
        found = strings_of(text, path, 1, Fields(options.fields), options, "")
        style = Style.of(text, encoding.codec)
        changes = []
        for string, field in found:
            value = field.filled(targets)
            if value is not None:
                changes.append((string.start, string.end, style.encode(value)))
        # Some encodings have two ways to write a character: what did not change is never encoded anew.
        out.write(encoding.mark + encoding.encode(replaced(text, changes), path) if changes else data)


def strings_of(
    text: str, path: Path, line: int, fields: Fields, options: FormatOptions, where: str
) -> Iterator[tuple[JsonString, FieldText]]:
    """Yield the strings of a JSON text that are to be translated, and their segments.

    Args:
        text, path, line: as for `scan`.
        fields: which strings.
        options: how they are cut.
        where: what stands before the path in an id.

    Raises:
        InputError: not JSON.
    """
    for string in scan(text, path, line):
        if not string.key and fields.takes(string.path):
            yield string, field_text(string.value, where + show(string.path), options)
