"""Dictionaries in dictd's format, written for tests."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

ENGLISH_PORTUGUESE = {
    "00databaseshort": "English-Portuguese FreeDict Dictionary ver. 0.9\n",
    "host": "host /houst/\nanfitrião\n",
    "strain": "strain /streɪn/ <n>\n1. tensão, esforço\n2. cepa\n",
    "fever": "fever /fiːvər/ <n>\nfebre\n",
    "cough": "cough /kɔf/\n1. tossir\n2. tosse\n",
    "shortness of breath": "shortness of breath /ʃɔːt/\nasma\n",
}
PORTUGUESE_ENGLISH = {"febre": "febre /f/\nague, fever\n", "asma": "asma /a/\nasthma\n"}


def number(value: int) -> str:
    """Return a number as an index has it."""
    digits = _DIGITS[value % 64]
    while value := value // 64:
        digits = _DIGITS[value % 64] + digits
    return digits


def write_dictionary(
    folder: Path, name: str, entries: Mapping[str, str], *, packed: str = "dictzip", chunk: int = 64
) -> Path:
    """Write a dictionary and return its index; `packed` is "dictzip", "gzip" or "" for none."""
    data, lines = b"", []
    for word, entry in entries.items():
        held = entry.encode()
        lines.append(f"{word}\t{number(len(data))}\t{number(len(held))}\n")
        data += held
    index = folder / f"{name}.index"
    index.write_text("".join(lines), "utf-8")
    if packed == "dictzip":
        index.with_suffix(".dict.dz").write_bytes(dictzip(data, chunk))
    elif packed:
        index.with_suffix(".dict.dz").write_bytes(gzip.compress(data))
    else:
        index.with_suffix(".dict").write_bytes(data)
    return index


def dictzip(data: bytes, chunk: int) -> bytes:
    """Return data as dictzip packs it: chunks that can be read one by one, their sizes in the header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [
        packer.compress(data[start : start + chunk]) + packer.flush(zlib.Z_FULL_FLUSH)
        for start in range(0, len(data), chunk)
    ]
    table = struct.pack(f"<HHH{len(parts)}H", 1, chunk, len(parts), *map(len, parts))
    extra = b"RA" + struct.pack("<H", len(table)) + table
    head = struct.pack("<HBBIBB", 0x8B1F, 8, 4 | 8, 0, 2, 3) + struct.pack("<H", len(extra)) + extra + b"name\0"
    return head + b"".join(parts) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))
