"""A GGUF file with a chat template put into it: the packaged base model as a chat model that thinks."""

from __future__ import annotations

import struct
from pathlib import Path

from scalemt.generalists import gguf

_ALIGNED = 32  # bytes, to which the weights are


def with_template(model: Path, copy: Path, template: str) -> Path:
    """Write a copy of a model file that has a chat template, and return its path."""
    with model.open("rb") as file:
        magic, version, tensors, pairs = struct.unpack("<4sIQQ", file.read(24))
        begin = file.tell()
        for _ in range(pairs):
            gguf._string(file)
            gguf._value(file, int(gguf._number(file, "I")))
        end = file.tell()
        for _ in range(tensors):
            gguf._string(file)
            file.read(8 * int(gguf._number(file, "I")) + 12)
        last = file.tell()
        file.seek(begin)
        known, described = file.read(end - begin), file.read(last - end)
        file.seek(-last % _ALIGNED, 1)
        key, value = b"tokenizer.chat_template", template.encode()
        added = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
        head = struct.pack("<4sIQQ", magic, version, tensors, pairs + 1) + known + added + described
        with copy.open("wb") as written:
            written.write(head + bytes(-len(head) % _ALIGNED))
            while piece := file.read(1 << 24):
                written.write(piece)
    return copy
