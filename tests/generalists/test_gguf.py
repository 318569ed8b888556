"""Reading the header of GGUF files."""

import struct
from pathlib import Path

import pytest

from scalemt.errors import ModelError
from scalemt.generalists.gguf import read_metadata


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def header(*pairs: bytes, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs)) + b"".join(pairs)


def test_all_kinds_of_values_are_read_and_arrays_stepped_over(tmp_path: Path) -> None:
    words = struct.pack("<IQ", 8, 2) + text("a") + text("bc")
    nested = struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 4, 3) + bytes(12)
    path = tmp_path / "model.gguf"
    path.write_bytes(
        header(
            pair("general.name", 8, text("Gémma")),
            pair("tokenizer.ggml.tokens", 9, words),
            pair("nested", 9, nested),
            pair("numbers", 9, struct.pack("<IQ", 6, 4) + bytes(16)),
            pair("context_length", 4, struct.pack("<I", 32768)),
            pair("add_bos", 7, b"\x01"),
            pair("scale", 6, struct.pack("<f", 0.5)),
            pair("last", 10, struct.pack("<Q", 7)),
        )
    )
    found = read_metadata(path)
    assert found["general.name"] == "Gémma"
    assert found["tokenizer.ggml.tokens"] is None
    assert (found["context_length"], found["add_bos"], found["scale"], found["last"]) == (32768, True, 0.5, 7)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model file .*nothing\.gguf"):
        read_metadata(tmp_path / "nothing.gguf")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip file", b"GG"])
def test_another_format_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.gguf is not a GGUF file"):
        read_metadata(path)


@pytest.mark.parametrize(
    "content",
    [
        b"GGUF\x03\x00",
        header(pair("general.name", 8, text("Gemma")))[:-3],
        header(pair("key", 99, b"")),
        header(pair("key", 8, struct.pack("<Q", 2**60))),
    ],
)
def test_a_damaged_header_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="damaged GGUF"):
        read_metadata(path)


def test_another_version_is_said(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(header(version=1))
    with pytest.raises(ModelError, match="GGUF version 1"):
        read_metadata(path)
