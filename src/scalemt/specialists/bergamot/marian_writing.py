"""Writer of Marian's binary model format (marian-dev, `src/common/binary.cpp`): a model file with other weights.

A written file is one that was read with its weights replaced. Configuration, order of items and the static
activation scales stay, so that whatever ran the one runs the other.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from scalemt.errors import ModelError
from scalemt.specialists.bergamot.marian import F32, FLOAT32, INTGEMM8, Item, read_items

Storage = Literal["int8", "float32"]

_ALIGNED = 256  # bytes: Marian maps files, and its kernels want their data so
_LARGEST = 127.0  # -128 is not used: intgemm multiplies absolute values


def write_model(path: Path, base: Path, tensors: Mapping[str, F32], storage: Storage) -> None:
    """Write the model of `base` with other weights.

    Args:
        path: the file to write.
        base: a model file that `read_model` reads.
        tensors: weights as `read_model` gives them; those not named stay as they are.
        storage: "int8" keeps what `base` has in 8 bits so, each matrix with a scale of its own; "float32" writes
            every weight in full, and leaves the activation scales out, which serve 8 bits alone.

    Raises:
        ModelError: `base` is no model file, a tensor is not in it or has another shape, or a weight is no number.
    """
    items = read_items(base)
    unknown = sorted(set(tensors) - set(items))
    if unknown:
        raise ModelError(f"{base} has no tensor {unknown[0]}; weights can only replace those of the model.")
    written = []
    for item in items.values():
        if storage == "float32" and item.name.endswith("QuantMultA"):
            continue
        if item.name in tensors:
            item = _stored(item, tensors[item.name], storage, base)  # noqa: PLW2901
        elif storage == "float32" and item.kind == INTGEMM8:
            raise ModelError(f"The weights of {item.name} are missing, which {base} has in 8 bits.")
        written.append(item)
    path.write_bytes(_joined(written))


def _stored(item: Item, tensor: F32, storage: Storage, base: Path) -> Item:
    if tensor.size != int(np.prod(item.shape)) or (tensor.ndim == 2 and tensor.shape != item.shape):
        raise ModelError(f"{item.name} has the shape {tensor.shape}, but {item.shape} in {base}.")
    if not np.isfinite(tensor).all():
        raise ModelError(f"{item.name} holds a value that is no finite number; the model was not written.")
    values = np.ascontiguousarray(tensor, dtype="<f4")
    if item.kind == INTGEMM8 and storage == "int8":
        return Item(item.name, item.kind, item.shape, memoryview(_quantised(item.name, values)))
    return Item(item.name, FLOAT32, item.shape, memoryview(values.tobytes()))


def _quantised(name: str, values: F32) -> bytes:
    """`round(weight * scale)`, the scale behind the values; a matrix transposed, an embedding as it is."""
    scale = np.float32(_LARGEST / max(float(np.abs(values).max()), 1e-9))
    stored = values if name.endswith("Wemb") else values.T
    whole: bytes = np.rint(stored * scale).astype(np.int8).tobytes()
    return whole + struct.pack("<f", scale)


def _joined(items: Sequence[Item]) -> bytes:
    data = [bytes(item.data) + bytes(-len(item.data) % _ALIGNED) for item in items]
    names = [item.name.encode() + b"\0" for item in items]
    parts = [struct.pack("<QQ", 1, len(items))]
    for item, name, held in zip(items, names, data, strict=True):
        parts.append(struct.pack("<QQQQ", len(name), item.kind, len(item.shape), len(held)))
    parts += names
    parts += [struct.pack(f"<{len(item.shape)}i", *item.shape) for item in items]
    padding = -(sum(map(len, parts)) + 8) % _ALIGNED
    parts.append(struct.pack("<Q", padding) + bytes(padding))
    return b"".join(parts + data)
