"""Short hashes of model files, for signatures."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

_WHOLE = 64 * 2**20  # bytes up to which a file is hashed whole
_BLOCKS = 256  # blocks of 64 KiB hashed of a longer one
_BLOCK = 2**16


def fingerprint(paths: Iterable[Path]) -> str:
    """Return twelve hexadecimal digits that depend on the content of all files, in the order given.

    Of a file beyond 64 MiB its size and 256 evenly spaced blocks are hashed: reading all of a large model
    would take longer than a translation, and two models that people use never differ in so little.
    """
    digest = sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.name}:{size};".encode())
        with path.open("rb") as file:
            if size <= _WHOLE:
                digest.update(file.read())
                continue
            for block in range(_BLOCKS):
                file.seek(block * (size - _BLOCK) // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:12]
