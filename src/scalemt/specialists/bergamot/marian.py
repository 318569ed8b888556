"""Reader of Marian's binary model format (marian-dev, `src/common/binary.cpp`).

A file holds, little-endian: version (u64, 1); number of items (u64); a header of four u64 for each item (length
of its name with the closing zero, type, number of dimensions, length of its data in bytes); all names; all
shapes (i32); the length of a padding (u64) and the padding; all data. The item `special:model.yml` is the
configuration the model was trained with.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scalemt.errors import ModelError

F32 = npt.NDArray[np.float32]

CONFIG_ITEM = "special:model.yml"

# Marian's type numbers (`src/common/types.h`): a class bit and the size of an element in bytes.
INT8, FLOAT32, INTGEMM8 = 0x0101, 0x0404, 0x4101
_TYPE_NAMES = {
    0x0402: "float16", 0x4102: "intgemm16", 0x5101: "intgemm8ssse3", 0x6101: "intgemm8avx2",
    0x8101: "intgemm8avx512", 0x10101: "intgemm8avx512vnni", 0x0802: "packed16", 0x0A01: "packed8avx2",
    0x0C01: "packed8avx512",
}  # fmt: skip
_MOST_ITEMS = 100_000


@dataclass(frozen=True, slots=True)
class MarianModel:
    """The content of one model file: `config` from its `model.yml`, `tensors` as float32 by name."""

    path: Path
    config: dict[str, Any]
    tensors: dict[str, F32]


@dataclass(frozen=True, slots=True)
class Item:
    """One item as it lies in the file: name, type number, shape, data with its padding."""

    name: str
    kind: int
    shape: tuple[int, ...]
    data: memoryview


def read_model(path: Path) -> MarianModel:
    """Read a Marian `.bin` file and dequantise its weights.

    Matrices stored as intgemm8 come back as float32 (in, out), embeddings as (vocabulary, dim), vectors as (dim,).
    The static activation scales (`*_QuantMultA`) are left out: activations are computed in float32.

    Raises:
        ModelError: the file is missing, cut off, not of the format, or holds a type that is not covered.
    """
    items = read_items(path)
    if CONFIG_ITEM not in items:
        raise ModelError(
            f"{path} has no item {CONFIG_ITEM!r}, which tells its architecture. Use a file that Marian saved."
        )
    text = bytes(items.pop(CONFIG_ITEM).data).rstrip(b"\0").decode("utf-8", "replace")
    wanted = (item for item in items.values() if not item.name.endswith("QuantMultA"))
    tensors = {item.name: _as_float32(item, path) for item in wanted if not item.name.startswith("special:")}
    return MarianModel(path, parse_config(text), tensors)


def read_items(path: Path) -> dict[str, Item]:
    """Return the items of a file by name, in its order.

    Raises:
        ModelError: the file is missing, cut off, or not of the format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {error.strerror}.") from error
    try:
        return {item.name: item for item in _parse(data)}
    except (struct.error, ValueError) as error:
        raise ModelError(
            f"{path} ({len(data)} bytes) is not a complete Marian model file: {error}. "
            "Expected the binary format that marian-conv writes; fetch the file again."
        ) from error


def _parse(data: bytes) -> list[Item]:
    view = memoryview(data)
    version, count = struct.unpack_from("<QQ", data, 0)
    if version != 1 or not 0 < count < _MOST_ITEMS:
        raise ValueError(f"its header says version {version} and {count} items, expected version 1")
    offset = 16
    headers = [struct.unpack_from("<QQQQ", data, offset + 32 * index) for index in range(count)]
    offset += 32 * count
    names, shapes = [], []
    for name_length, *_ in headers:
        names.append(bytes(_take(view, offset, name_length)).rstrip(b"\0").decode())
        offset += name_length
    for _, _, dimensions, _ in headers:
        shapes.append(struct.unpack(f"<{dimensions}i", _take(view, offset, 4 * dimensions)))
        offset += 4 * dimensions
    (padding,) = struct.unpack_from("<Q", data, offset)
    offset += 8 + padding
    items = []
    for (_, kind, _, size), name, shape in zip(headers, names, shapes, strict=True):
        items.append(Item(name, kind, shape, _take(view, offset, size)))
        offset += size
    return items


def _take(view: memoryview, offset: int, size: int) -> memoryview:
    if offset + size > len(view):
        raise ValueError(f"it ends at byte {len(view)}, where {offset + size} are needed")
    return view[offset : offset + size]


def _as_float32(item: Item, path: Path) -> F32:
    count = int(np.prod(item.shape))
    width = {FLOAT32: 4, INTGEMM8: 1}.get(item.kind)
    if width is None:
        kind = _TYPE_NAMES.get(item.kind, f"0x{item.kind:x}")
        raise ModelError(
            f"{path} stores {item.name} as {kind}; only float32 and intgemm8 (hardware independent) are "
            "covered. Convert it with: marian-conv --gemm-type intgemm8 (or float32)."
        )
    tail = 4 if item.kind == INTGEMM8 else 0
    if min(item.shape, default=0) < 1 or count * width + tail > len(item.data):
        raise ModelError(f"{path}: {item.name} has the shape {item.shape} but {len(item.data)} bytes of data.")
    if item.kind == FLOAT32:
        values = np.frombuffer(item.data, "<f4", count).astype(np.float32).reshape(item.shape)
        return values[0] if values.ndim == 2 and values.shape[0] == 1 else values
    return _dequantise(item, count)


def _dequantise(item: Item, count: int) -> F32:
    """Undo `round(weight * scale)`; the scale follows the values.

    intgemm keeps a matrix (in, out) transposed, row after row of outputs, but an embedding as it is.
    """
    (scale,) = struct.unpack_from("<f", item.data, count)
    values = np.frombuffer(item.data, np.int8, count)
    if not item.name.endswith("Wemb"):
        values = values.reshape(item.shape[::-1]).T
    weights = np.ascontiguousarray(values.reshape(item.shape), dtype=np.float32)
    weights *= np.float32(1.0 / scale)
    return weights


def parse_config(text: str) -> dict[str, Any]:
    """Parse the subset of YAML that Marian writes: `key: scalar` lines and lists of scalars."""
    config: dict[str, Any] = {}
    key = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("- "):
            if not isinstance(config.get(key), list):
                config[key] = []
            config[key].append(_scalar(stripped[2:]))
        elif ":" in stripped and not line.startswith((" ", "#")):
            key, _, value = stripped.partition(":")
            config[key] = _scalar(value)
    return config


def _scalar(text: str) -> Any:
    value = text.strip()
    if value in {"true", "false"}:
        return value == "true"
    if value.startswith("[") and value.endswith("]"):
        return [_scalar(part) for part in value[1:-1].split(",") if part.strip()]
    if value[:1] in {'"', "'"} and value[-1:] == value[:1]:
        return value[1:-1]
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value
