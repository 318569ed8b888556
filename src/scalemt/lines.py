"""Text files read as scalemt reads them everywhere: UTF-8, one item a line, faults named by line and byte."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import InputError

_BOM = b"\xef\xbb\xbf"


def decode_lines(data: bytes, where: str) -> list[str]:
    r"""Split bytes at `\n` into lines of text.

    A byte-order mark at the start is dropped, `\r` before `\n` too, and the last line may lack its `\n`. No
    other character ends a line: U+2028, form feed and a lone `\r` stay inside it.

    Args:
        data: the content of a file or of standard input.
        where: what to call it in messages.

    Raises:
        InputError: not UTF-8; the message names line and byte.
    """
    return list(stream_lines(BytesIO(data), where))


def stream_lines(file: Iterable[bytes], where: str) -> Iterator[str]:
    """Yield the lines of an open binary file as `decode_lines` splits them, holding one at a time.

    Raises:
        InputError: not UTF-8; the message names line and byte.
    """
    for number, raw in enumerate(file, 1):
        row = raw.removeprefix(_BOM) if number == 1 else raw
        if row:  # a file of nothing but a mark has no line
            yield _decode(row.removesuffix(b"\n"), where, number)


def _decode(row: bytes, where: str, number: int) -> str:
    try:
        return row.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as fault:
        raise InputError(
            f"{where}, line {number}, byte {fault.start + 1} of the line: 0x{row[fault.start]:02x} is not "
            f"UTF-8 ({fault.reason}). Texts must be UTF-8; iconv -f ENCODING -t UTF-8 converts them."
        ) from None


def read_lines(path: str | Path) -> list[str]:
    r"""Return the lines of a UTF-8 file, without their ends; see `decode_lines`.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    with _opened(path) as file:
        return list(stream_lines(file, str(path)))


def count_lines(path: str | Path) -> int:
    """Return how many lines a file has, having read and checked all of it, one line at a time.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    with _opened(path) as file:
        return sum(1 for _ in stream_lines(file, str(path)))


def iterate_lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 file, without their ends, holding one at a time; see `decode_lines`.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    with _opened(path) as file:
        yield from stream_lines(file, str(path))


@contextmanager
def _opened(path: str | Path) -> Iterator[BinaryIO]:
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    except ValueError as fault:  # a NUL in the path, which a TOML file can write
        raise InputError(f"{str(path)!r} cannot be read: {fault}.") from None


def write_whole(path: str | Path, text: str) -> None:
    """Write a UTF-8 file in one step: an interruption leaves what stood there before, never half a file.

    A device or a pipe is written to, not replaced; a link stays a link.

    Raises:
        InputError: the file cannot be written.
    """
    place = Path(path)
    partial = place
    if place.is_file() or not place.exists():
        # Only now, for what /dev/stdout leads to when it is a pipe is no path that could be opened.
        place = place.resolve()
        partial = place.with_name(place.name + ".partial")
    try:
        partial.write_bytes(text.encode())
        if partial != place:
            partial.replace(place)
    except OSError as fault:
        if partial != place:
            partial.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {fault.strerror or fault}.") from None


def read_jsonl(path: str | Path) -> Iterator[tuple[int, object]]:
    """Yield line number (from 1) and value for each line of a JSON Lines file; blank lines are passed over.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or a line is not JSON.
    """
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            yield number, _parse(line, path, number)


def _parse(line: str, path: str | Path, number: int) -> object:
    try:
        value: object = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as fault:
        raise InputError(
            f"{path}, line {number}, character {fault.colno}: not JSON ({fault.msg}). "
            "Each line must hold one JSON value."
        ) from None
    except (ValueError, RecursionError) as fault:
        raise InputError(f"{path}, line {number}: not JSON ({fault}).") from None
    if "\\u" in line:
        _refuse_surrogates(value, f"{path}, line {number}")
    return value


def _refuse_surrogates(value: object, where: str) -> None:
    # JSON can write half of a UTF-16 pair, which is no text: it could not be printed, nor sent to a server.
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as fault:
        half = f"\\u{ord(fault.object[fault.start]):04x}"
        raise InputError(f"{where}: {half} is half of a surrogate pair and stands alone: no text.") from None


def _refuse_constant(name: str) -> object:
    # Python's reader takes NaN and Infinity, which are not JSON and would pass as numbers further on.
    raise ValueError(f"{name} is not a JSON value")
