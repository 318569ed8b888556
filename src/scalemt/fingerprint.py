"""Hashes of model files: short ones for signatures, exact ones for what is kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path

from scalemt.folders import cache_dir

_WHOLE = 64 * 2**20  # bytes up to which a file is hashed whole
_BLOCKS = 256  # blocks of 64 KiB hashed of a longer one
_BLOCK = 2**16

_KNOWN_DIGESTS = "digests.json"
_MOST_KNOWN = 1000  # files whose digest is kept
_SETTLED = 2.0  # seconds; a file changed more recently could change again without its times telling
_known: dict[str, str] = {}


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


def exact_fingerprint(paths: Iterable[Path]) -> str:
    """Return the SHA-256 (hexadecimal) over names and whole content of all files, in the order given."""
    told = [[path.name, file_digest(path)] for path in paths]
    return sha256(json.dumps(told).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of a whole file; read once for as long as the file stays as it is.

    The digest is remembered in the cache folder under path, inode, size and both times of change. The second of
    these (ctime) cannot be set back, so a file that was replaced or written to is read again.

    Raises:
        OSError: the file cannot be read.
    """
    status = path.stat()
    identity = f"{path.resolve()}|{status.st_ino}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}"
    if identity not in _known:
        stored = _stored_digests()
        _known[identity] = stored.get(identity) or _digest(path)
        if identity not in stored and time.time() - max(status.st_mtime, status.st_ctime) > _SETTLED:
            _store_digests(stored | {identity: _known[identity]})
    return _known[identity]


@cache
def library_version(package: str) -> str:
    """Return the version of an installed package, or "none"; the package is not imported."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stored_digests() -> dict[str, str]:
    try:
        found = json.loads((cache_dir() / _KNOWN_DIGESTS).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str) and len(value) == 64}


def _store_digests(digests: dict[str, str]) -> None:
    """Write them in one step; of two processes that write at once one loses, and hashes again another time."""
    latest = dict(list(digests.items())[-_MOST_KNOWN:])
    try:
        folder = cache_dir()
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="digests-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(latest, file)
        Path(name).replace(folder / _KNOWN_DIGESTS)
    except (OSError, ValueError):
        return  # without it the file is read again next time
