"""Zip packages of XML (OOXML, ODF, EPUB): read with care, written by slicing, so that what stays is byte-equal.

Source: APPNOTE.TXT 6.3.3 (the zip format); ISO/IEC 29500-2 (OOXML packages), ODF 1.3 part 2 and EPUB OCF 3.3,
which allow of it two ways to keep a member: stored and deflated.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from scalemt.errors import InputError

# What a document of people never reaches, and a bomb does. A member is only opened where it can hold text.
MOST_MEMBERS = 65_000
MOST_BYTES = 512 << 20  # of one member
MOST_TOTAL = 2 << 30  # of all members that are opened
MOST_RATIO = 200  # of a member over 32 MiB: XML shrinks to a tenth, an empty table to a fiftieth
_RATIO_FROM = 32 << 20
_CHUNK = 1 << 20

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# How the stream of a protected OOXML file is called inside its OLE container.
_PROTECTED = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED, _DESCRIBED = 0x1, 0x8  # general purpose flags
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ZIP64 = 0x0001  # extra field
_MEND = "If the file is what you take it for, split it and translate the parts."


@contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """Open a package for reading, and for writing from what was read.

    Raises:
        InputError: the file is no zip, damaged, protected, or unpacks to more than a document can be.
    """
    with path.open("rb") as file:
        yield Package(file, path)


class Package:
    """A zip package.

    Args:
        file: the archive, open for reading.
        path: what messages call it.

    Attributes:
        names: of the members, in the order of the archive.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self.path = path
        self._opened = 0
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, EOFError) as fault:
            raise InputError(self._why_no_zip(str(fault))) from None
        self._infos = self._zip.infolist()
        if len(self._infos) > MOST_MEMBERS:
            raise InputError(f"{path} holds {len(self._infos)} members; a document has at most {MOST_MEMBERS}.")
        self._ends = self._record_ends()
        counted = Counter(info.filename for info in self._infos)
        self._twice = {name for name, count in counted.items() if count > 1}
        self._by_name = {info.filename: info for info in self._infos}
        self._by_small = {name.casefold(): name for name in self._by_name}
        self.names = tuple(self._by_name)

    def _why_no_zip(self, fault: str) -> str:
        self._file.seek(0)
        start = self._file.read(8)
        if start == _OLE:
            if _PROTECTED in self._file.read(1 << 22):
                return (
                    f"{self.path} is protected by a password. Open it in its program, save it without, try again."
                )
            return (
                f"{self.path} is an old binary office file (.doc, .xls, .ppt) or is named wrongly. Open it in its "
                "program, save it as .docx, .xlsx or .pptx, and translate that."
            )
        if start.startswith(b"PK"):
            return f"{self.path} is a damaged or cut-off zip file ({fault}). Fetch or save it again."
        if not start:
            return f"{self.path} is empty."
        held = "plain XML: save it as a zipped document" if start.lstrip().startswith(b"<") else "something else"
        return f"{self.path} is no zip file, as documents of this format are, but {held}."

    def _record_ends(self) -> dict[int, int]:
        """Return where the record of each member ends in the file, by where it begins."""
        starts = sorted({info.header_offset for info in self._infos})
        ends = dict(zip(starts, [*starts[1:], self._zip.start_dir], strict=True))
        for info in self._infos:
            begin, end = self._data(info)
            if end > ends[info.header_offset]:
                raise InputError(
                    f"{self.path}: the member {info.filename!r} runs into the next one: the zip file is damaged "
                    f"or made to do harm (bytes {begin} to {end}). Save it again in its program."
                )
        return ends

    def _data(self, info: zipfile.ZipInfo) -> tuple[int, int]:
        """Return where the compressed bytes of a member begin and end."""
        self._file.seek(info.header_offset)
        header = self._file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise InputError(
                f"{self.path}: the member {info.filename!r} is not where the zip file's directory says. The file "
                "is damaged: fetch or save it again."
            )
        name, extra = struct.unpack_from("<2H", header, 26)
        begin = info.header_offset + 30 + name + extra
        return begin, begin + info.compress_size

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def find(self, name: str) -> str | None:
        """Return the member of that name, in whatever case (OOXML does not tell cases apart), or None."""
        return name if name in self._by_name else self._by_small.get(name.casefold())

    def label(self, name: str) -> str:
        """What messages call a member."""
        return f"{self.path} ({name})"

    def read(self, name: str) -> bytes:
        """Return the bytes of a member.

        Raises:
            InputError: it is not there, twice there, encrypted, damaged, or too much.
        """
        if name not in self._by_name:
            raise InputError(f"{self.path} lacks {name}: it is damaged or not of this format. Save it again.")
        if name in self._twice:
            raise InputError(
                f"{self.path} holds {name} twice, and programs differ in which they show. Save it again in one."
            )
        info = self._by_name[name]
        self._admit(info)
        try:
            with self._zip.open(info) as member:
                # In chunks, because a member that lies about its size is unpacked to its end otherwise.
                data = b"".join(iter(lambda: member.read(_CHUNK), b""))
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as fault:
            raise InputError(f"{self.label(name)} is damaged ({fault}). Fetch or save the file again.") from None
        return data

    def _admit(self, info: zipfile.ZipInfo) -> None:
        """Refuse a member that must not be unpacked."""
        name = self.label(info.filename)
        if info.flag_bits & _ENCRYPTED:
            raise InputError(f"{name} is encrypted. Save the document without a password and try again.")
        if info.compress_type not in _METHODS:
            raise InputError(
                f"{name} is compressed in a way that documents may not use (method {info.compress_type}). "
                "Save the document again in its program."
            )
        if info.file_size > MOST_BYTES:
            raise InputError(
                f"{name} unpacks to {info.file_size >> 20} MiB; {MOST_BYTES >> 20} are allowed. {_MEND}"
            )
        ratio = info.file_size // max(info.compress_size, 1)
        if info.file_size > _RATIO_FROM and ratio > MOST_RATIO:
            raise InputError(
                f"{name} unpacks to {ratio} times its size, as a zip bomb does; {MOST_RATIO} times are allowed. "
                f"{_MEND}"
            )
        self._opened += info.file_size
        if self._opened > MOST_TOTAL:
            raise InputError(f"{self.path} unpacks to over {MOST_TOTAL >> 30} GiB of text. {_MEND}")

    def write(self, out: BinaryIO, changed: Mapping[str, bytes] = MappingProxyType({})) -> None:
        """Write the archive with other bytes in some members.

        Every other member keeps its record: name, time, compressed bytes, extra fields. All keep their order. With
        no change the file is copied whole.

        Args:
            out: need not be able to seek.
            changed: new bytes by member; those that are the same are no change.
        """
        if not changed:
            self._copy(out, 0, None)
            return
        first = min(self._ends)
        position = self._copy(out, 0, first)
        moved: dict[int, tuple[int, _Sizes | None]] = {}
        infos = {info.header_offset: info for info in self._infos}
        for start, end in self._ends.items():
            info = infos[start]
            if info.filename in changed:
                record, sizes = self._record(info, changed[info.filename])
                out.write(record)
                moved[start] = position, sizes
                position += len(record)
            else:
                moved[start] = position, None
                position += self._copy(out, start, end)
            self._check_length(position)
        directory = b"".join(self._entries(moved))
        count = len(self._infos)
        comment = self._zip.comment
        out.write(directory)
        out.write(
            struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), position, len(comment))
        )
        out.write(comment)

    def _check_length(self, length: int) -> None:
        if length >= 0xFFFFFFFF:
            raise InputError(f"{self.path} would be over 4 GiB. {_MEND}")

    def _copy(self, out: BinaryIO, start: int, end: int | None) -> int:
        """Copy a stretch of the file; return its length."""
        self._file.seek(start)
        left, total = (1 << 62) if end is None else end - start, 0
        while left and (chunk := self._file.read(min(left, _CHUNK))):
            out.write(chunk)
            left -= len(chunk)
            total += len(chunk)
        return total

    def _record(self, info: zipfile.ZipInfo, data: bytes) -> tuple[bytes, _Sizes]:
        """Return the record of a member with new bytes, its header otherwise as it stands."""
        begin, _ = self._data(info)
        self._file.seek(info.header_offset)
        header = bytearray(self._file.read(begin - info.header_offset))
        name_length, extra_length = struct.unpack_from("<2H", header, 26)
        name = bytes(header[30 : 30 + name_length])
        extra = _without_zip64(bytes(header[30 + name_length : 30 + name_length + extra_length]))
        packed = data
        if info.compress_type == zipfile.ZIP_DEFLATED:
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            packed = packer.compress(data) + packer.flush()
        self._check_length(max(len(data), len(packed)))
        sizes = zlib.crc32(data), len(packed), len(data)
        # The sizes are known beforehand: no data descriptor behind.
        flags = struct.unpack_from("<H", header, 6)[0] & ~_DESCRIBED
        struct.pack_into("<H", header, 6, flags)
        struct.pack_into("<3L2H", header, 14, *sizes, name_length, len(extra))
        return bytes(header[:30]) + name + extra + packed, sizes

    def _entries(self, moved: Mapping[int, tuple[int, _Sizes | None]]) -> Iterator[bytes]:
        """Yield the entries of the central directory for records that were moved."""
        self._file.seek(self._zip.start_dir)
        for info in self._infos:
            entry = bytearray(self._file.read(46))
            lengths = struct.unpack_from("<3H", entry, 28)
            name, extra, comment = (self._file.read(length) for length in lengths)
            extra = _without_zip64(extra)
            offset, sizes = moved[info.header_offset]
            if sizes:
                flags = struct.unpack_from("<H", entry, 8)[0] & ~_DESCRIBED
                struct.pack_into("<H", entry, 8, flags)
            struct.pack_into("<3L", entry, 16, *(sizes or (info.CRC, info.compress_size, info.file_size)))
            struct.pack_into("<H", entry, 30, len(extra))
            struct.pack_into("<L", entry, 42, offset)
            yield bytes(entry) + name + extra + comment


_Sizes = tuple[int, int, int]  # checksum, compressed, unpacked


def _without_zip64(extra: bytes) -> bytes:
    """Return extra fields without the long sizes, which no member needs here."""
    kept, position = b"", 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind != _ZIP64:
            kept += extra[position : position + 4 + length]
        position += 4 + length
    return kept + extra[position:]
