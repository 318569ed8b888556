"""The metadata of a GGUF model file, read without llama.cpp.

Source: the GGUF specification, versions 2 and 3 (ggml/docs/gguf.md). Arrays are stepped over, not kept: a
vocabulary has hundreds of thousands of entries and nothing here needs them.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from scalemt.errors import ModelError

Value = int | float | bool | str | None

_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_LONGEST_STRING = 1 << 24


def read_metadata(path: Path) -> dict[str, Value]:
    """Return the key-value pairs of a GGUF file; an array appears as None.

    Raises:
        ModelError: the file is missing, is not GGUF, or ends within its header.
    """
    if not path.is_file():
        raise ModelError(f"There is no model file {path}. Give the path of a GGUF file.")
    with path.open("rb") as file:
        magic = file.read(4)
        if magic != b"GGUF":
            raise ModelError(
                f"{path} is not a GGUF file: it begins with {magic!r}, and b'GGUF' was expected. "
                "llama.cpp reads GGUF only; a transformers folder is for the generalist `transformers`."
            )
        try:
            return _read_pairs(file, path)
        except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
            raise ModelError(
                f"{path} is a damaged GGUF file: its header could not be read. Download or convert it again."
            ) from error


def _read_pairs(file: BinaryIO, path: Path) -> dict[str, Value]:
    version = _number(file, "I")
    if version not in {2, 3}:
        raise ModelError(f"{path} is GGUF version {version}; versions 2 and 3 are read. Convert it again.")
    _number(file, "Q")  # how many tensors
    return {_string(file): _value(file, int(_number(file, "I"))) for _ in range(int(_number(file, "Q")))}


def _number(file: BinaryIO, code: str) -> int | float | bool:
    (value,) = struct.unpack(f"<{code}", file.read(struct.calcsize(f"<{code}")))
    number: int | float | bool = value
    return number


def _string(file: BinaryIO) -> str:
    length = int(_number(file, "Q"))
    if length > _LONGEST_STRING:
        raise ValueError(f"a string of {length} bytes")
    content = file.read(length)
    if len(content) < length:
        raise ValueError("the file ends within a string")
    return content.decode("utf-8", errors="replace")


def _value(file: BinaryIO, kind: int) -> Value:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        _skip_array(file)
        return None
    return _number(file, _SCALARS[kind])


def _skip_array(file: BinaryIO) -> None:
    kind, count = int(_number(file, "I")), int(_number(file, "Q"))
    if kind in _SCALARS:
        file.seek(count * struct.calcsize(f"<{_SCALARS[kind]}"), 1)
        return
    for _ in range(count):
        if kind == _STRING:
            file.seek(int(_number(file, "Q")), 1)
        else:
            _value(file, kind)
