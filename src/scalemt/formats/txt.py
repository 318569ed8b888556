"""Plain text: a segment a line; encoding, byte order mark and line ends stay as they are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import Encoding, decode, find_encoding
from scalemt.types import Segment

_CHUNK = 1 << 20  # bytes
_END = re.compile(r"\r\n|\n|\r")


class TxtFormat(Format):
    """Lines of text; one without a letter or a digit is copied."""

    name = "txt"
    title = "plain text"
    suffixes = (".txt", ".text")
    streams = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        for number, (line, _) in enumerate(lines_of(path, options), 1):
            if _speaks(line):
                yield Segment(line, f"line {number}")

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        encoding = encoding_of(path, options)
        out.write(encoding.mark)
        for line, end in lines_of(path, options):
            text = next(targets).text if _speaks(line) else line
            out.write(encoding.encode(text + end, path))


def _speaks(line: str) -> bool:
    return any(character.isalnum() for character in line)


def encoding_of(path: Path, options: FormatOptions) -> Encoding:
    """Return the encoding of a text file by its first bytes."""
    with path.open("rb") as file:
        return find_encoding(file.read(4), options.encoding, path)


def lines_of(path: Path, options: FormatOptions) -> Iterator[tuple[str, str]]:
    """Yield each line with its end; only the ends that editors count: LF, CR LF and CR."""
    encoding = encoding_of(path, options)
    number, rest = 1, ""
    for text in _chunks(path, encoding, number):
        rest += text
        # A CR at the very end may be half of a CR LF.
        whole, rest = (rest[:-1], rest[-1]) if rest.endswith("\r") else (rest, "")
        rest = (yield from _ended(whole)) + rest
    rest = yield from _ended(rest)
    if rest:
        yield rest, ""


def _ended(text: str) -> Generator[tuple[str, str], None, str]:
    """Yield the lines that end within a text; return what follows the last end."""
    position = 0
    for found in _END.finditer(text):
        yield text[position : found.start()], found[0]
        position = found.end()
    return text[position:]


def _chunks(path: Path, encoding: Encoding, number: int) -> Iterator[str]:
    """Yield the text of a file in chunks; a character that a chunk would cut belongs to the next one."""
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    with path.open("rb") as file:
        file.seek(len(encoding.mark))
        while chunk := file.read(_CHUNK):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as fault:
                decode(fault.object, encoding, path, number)  # raises the same, told in full
                raise
            number += text.count("\n")
            yield text
        try:
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as fault:
            decode(fault.object, encoding, path, number)
            raise
