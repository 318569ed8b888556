"""Text files line by line, each line with its bytes, so that a file may be larger than memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scalemt.errors import InputError
from scalemt.formats.encoding import Encoding, decode, find_encoding


class Line(NamedTuple):
    r"""A line with its line break, which is `\n` (a `\r` before it belongs to the line too).

    Args:
        number: from 1.
        data: its bytes in the file, without a byte order mark.
        text: decoded.
    """

    number: int
    data: bytes
    text: str


def encoding_of(path: Path, declared: str = "") -> Encoding:
    """Return the encoding of a file; see `find_encoding`."""
    with path.open("rb") as file:
        return find_encoding(file.read(4), declared, path)


def lines_of(path: Path, encoding: Encoding) -> Iterator[Line]:
    """Yield the lines of a file, one in memory at a time.

    Raises:
        InputError: a byte that the encoding does not allow.
    """
    with path.open("rb") as file:
        file.seek(len(encoding.mark))
        if encoding.codec.startswith(("utf-16", "utf-32")):
            yield from _wide(file, encoding, path)
            return
        for number, data in enumerate(file, 1):
            yield Line(number, data, decode(data, encoding, path, number))


def _wide(file: io.BufferedReader, encoding: Encoding, path: Path) -> Iterator[Line]:
    """Yield the lines of UTF-16 and UTF-32, where a byte of the value 10 may be half of another character."""
    with io.TextIOWrapper(file, encoding.codec, newline="\n") as reader:
        number = 0
        while True:
            try:
                text = reader.readline()
            except UnicodeDecodeError:
                raise InputError(
                    f"{path}, line {number + 1} or a little later: not {encoding.codec}, or it ends inside "
                    "a character. Name the encoding of the file with --encoding, or convert it to UTF-8."
                ) from None
            if not text:
                return
            number += 1
            yield Line(number, text.encode(encoding.codec), text)
