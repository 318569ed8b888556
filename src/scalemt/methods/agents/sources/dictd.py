"""Dictionaries as dictd has them: an index of headwords beside a file of entries, mostly compressed by dictzip.

A line of the index is `headword TAB offset TAB length`, the numbers in base 64 (`A` is 0, most significant first).
dictzip writes gzip files whose header holds the sizes of chunks that can be read one by one (dictzip(1)).
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from scalemt.errors import InputError

_DIGITS = {
    sign: value for value, sign in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
}
_MOST_CHUNKS = 32  # of some 58 kB that are kept unpacked
_LONGEST_ENTRY = 100_000  # bytes; longer ones are no entries of a dictionary of words
_MOST_PLAIN = 512 * 2**20  # bytes that a gzip file without chunks may hold


class Dictionary:
    """One dictionary; the index is read when it is opened, entries when they are asked for.

    Args:
        index: its `.index`; the entries lie beside it in `.dict.dz` or `.dict`.

    Raises:
        InputError: a file is missing or is not of the format.
    """

    def __init__(self, index: Path) -> None:
        self.path = index
        self._places = _read_index(index)
        self._data = _open_data(index)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._places)

    def entries(self, headword: str) -> list[str]:
        """Return the entries of a headword, whatever its case; none where there are none.

        Raises:
            InputError: the file of entries is damaged.
        """
        key = headword.lower()
        places = self._places.get(key) or self._places.get(_without_signs(key)) or []
        with self._lock:
            return [self._entry(offset, length) for offset, length in places]

    def _entry(self, offset: int, length: int) -> str:
        try:
            data = self._data.read(offset, min(length, _LONGEST_ENTRY))
        except (OSError, EOFError, ValueError, zlib.error, struct.error) as fault:
            raise InputError(f"{self._data.path} is damaged: {fault}. Install the dictionary anew.") from None
        return data.decode("utf-8", "replace")


def _without_signs(word: str) -> str:
    """Return a headword as dictfmt writes it into an index: letters, digits and single spaces."""
    return " ".join("".join(sign for sign in word if sign.isalnum() or sign.isspace()).split())


def _read_index(index: Path) -> dict[str, list[tuple[int, int]]]:
    places: dict[str, list[tuple[int, int]]] = {}
    try:
        lines = index.read_bytes().decode("utf-8", "replace").split("\n")
    except OSError as fault:
        raise InputError(f"{index} cannot be read: {fault.strerror or fault}.") from None
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            word, offset, length = line.split("\t")[:3]
            places.setdefault(word.lower(), []).append((_number(offset), _number(length)))
        except (ValueError, KeyError):
            raise InputError(
                f"{index}, line {number}: expected a headword and two numbers in base 64, parted by tabs. "
                "This is no index of a dictd dictionary, or a damaged one."
            ) from None
    return places


def _number(digits: str) -> int:
    value = 0
    for sign in digits:
        value = value * 64 + _DIGITS[sign]
    return value


def _open_data(index: Path) -> _Plain | _Chunked:
    packed, plain = index.with_suffix(".dict.dz"), index.with_suffix(".dict")
    if not packed.is_file():
        if not plain.is_file():
            raise InputError(f"Beside {index} there is neither {packed.name} nor {plain.name}.")
        return _Plain(plain)
    try:
        sizes, chunk, start = _chunks(packed)
    except (OSError, struct.error) as fault:
        raise InputError(f"{packed} is no gzip file, or a damaged one: {fault}. Install it anew.") from None
    return _Chunked(packed, sizes, chunk, start) if sizes else _Plain(packed)


def _chunks(path: Path) -> tuple[tuple[int, ...], int, int]:
    """Return the packed sizes of the chunks, the unpacked size of each, and where they begin.

    A gzip file that dictzip has not written has no sizes.
    """
    with path.open("rb") as file:
        magic, method, flags = struct.unpack("<HBB6x", file.read(10))
        if magic != 0x8B1F or method != 8:
            raise OSError("it does not begin as gzip does")
        extra = file.read(struct.unpack("<H", file.read(2))[0]) if flags & 4 else b""
        for flag in (8, 16):  # the name and the comment, each with a zero behind it
            while flags & flag and file.read(1) not in (b"\0", b""):
                pass
        start = file.tell() + (2 if flags & 2 else 0)
    if extra[:2] != b"RA":
        return (), 0, start
    _, length, count = struct.unpack_from("<HHH", extra, 4)
    return struct.unpack_from(f"<{count}H", extra, 10), length, start


class _Plain:
    """A file of entries that is held unpacked in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text: bytes | None = None

    def read(self, offset: int, length: int) -> bytes:
        if self._text is None:
            opened = gzip.open if self.path.suffix == ".dz" else open
            with opened(self.path, "rb") as file:
                self._text = file.read(_MOST_PLAIN)
        if offset + length > len(self._text):
            raise EOFError("the index points behind its end")
        return self._text[offset : offset + length]


class _Chunked:
    """A file of entries of which a few chunks are unpacked at a time."""

    def __init__(self, path: Path, sizes: tuple[int, ...], chunk: int, start: int) -> None:
        self.path = path
        self._chunk = chunk
        self._starts = [start]
        for size in sizes:
            self._starts.append(self._starts[-1] + size)
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, length: int) -> bytes:
        first, last = offset // self._chunk, (offset + max(1, length) - 1) // self._chunk
        data = b"".join(self._unpacked(number) for number in range(first, last + 1))
        begin = offset - first * self._chunk
        if begin + length > len(data):
            raise EOFError("the index points behind its end")
        return data[begin : begin + length]

    def _unpacked(self, number: int) -> bytes:
        if number not in self._kept:
            if number + 1 >= len(self._starts):
                raise EOFError("the index points behind its end")
            with self.path.open("rb") as file:
                file.seek(self._starts[number])
                packed = file.read(self._starts[number + 1] - self._starts[number])
            self._kept[number] = zlib.decompressobj(-15).decompress(packed, self._chunk)
            while len(self._kept) > _MOST_CHUNKS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]
