"""The chunks of a round as Parquet files, one chunk a row, for Ray Data to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

from scalemt.errors import ConfigurationError
from scalemt.jobs.leases import Leases
from scalemt.jobs.ledger import Ledger

FOLDER = "shards"
"""Of a job's folder, where nothing else is asked for."""

_ROUND = 8192  # chunks that a round may hold: half a million segments and more, a few hundred MB of files
_SHARD = 64  # chunks in one file: what is in memory at a time


@dataclass(frozen=True)
class Shards:
    """The files of one round.

    Args:
        filesystem: of pyarrow.
        folder: theirs alone.
        chunks: how many there are.
        local: whether only the driver's machine can be expected to have them.
    """

    filesystem: Any
    folder: str
    chunks: int
    local: bool

    def remove(self) -> None:
        """Delete them; what cannot be deleted now stays behind, and is in nobody's way."""
        with suppress(OSError):
            self.filesystem.delete_dir(self.folder)


def write_shards(leases: Leases, job: Path, place: str | None) -> Shards:
    """Write what is to be done in one round, and lease none of it: that is done when work on a chunk begins.

    Args:
        leases: of the runner.
        job: the folder of the job.
        place: a folder or URI that pyarrow or fsspec knows; None is a folder of the job's.

    Raises:
        ConfigurationError: nothing can be written there.
    """
    filesystem, base = _opened(place or str((job / FOLDER).resolve()))
    folder = f"{base.rstrip('/')}/{leases.runner}-{uuid4().hex[:12]}"
    try:
        written = _write(filesystem, folder, leases)
    except OSError as fault:
        raise ConfigurationError(
            f"Chunks cannot be written to {place or base}: {fault}. Give another folder or URI with --shards."
        ) from None
    return Shards(filesystem, folder, written, local=place is None)


def remove_strays(ledger: Ledger) -> None:
    """Delete what runners that are gone have left in the job's folder."""
    alive = {str(row[0]) for row in ledger.rows("SELECT id FROM runners")}
    place = ledger.place / FOLDER
    for folder in place.iterdir() if place.is_dir() else ():
        if folder.name.partition("-")[0] not in alive:
            rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        place.rmdir()  # unless another runner has something in it


def _opened(place: str) -> tuple[Any, str]:
    from pyarrow import fs

    try:
        if "://" not in place:
            return fs.LocalFileSystem(), str(Path(place).resolve())
        filesystem, path = fs.FileSystem.from_uri(place)
    except (OSError, ValueError) as fault:
        return _by_fsspec(place, fault)
    return filesystem, str(path)


def _by_fsspec(place: str, fault: Exception) -> tuple[Any, str]:
    """Open what only fsspec knows (pyarrow knows file, s3, gs, abfs and hdfs)."""
    from pyarrow import fs

    try:
        from importlib import import_module

        found, path = import_module("fsspec").core.url_to_fs(place)
    except (ImportError, ValueError, OSError) as other:
        raise ConfigurationError(
            f"--shards {place} is no place that pyarrow or fsspec can write to: {fault}; {other}."
        ) from None
    return fs.PyFileSystem(fs.FSSpecHandler(found)), str(path)


def _write(filesystem: Any, folder: str, leases: Leases) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = 0
    for number, chunks in zip(count(), _by_shards(leases), strict=False):
        if number == 0:
            filesystem.create_dir(folder, recursive=True)
        rows = [
            {"chunk": chunk, "rows": json.dumps(segments, ensure_ascii=False)}
            for chunk, segments in leases.segments(chunks)
        ]
        table = pa.Table.from_pylist(rows, pa.schema([("chunk", pa.int64()), ("rows", pa.string())]))
        pq.write_table(table, f"{folder}/{number:05}.parquet", filesystem=filesystem)
        written += len(chunks)
    return written


def _by_shards(leases: Leases) -> Iterator[Sequence[int]]:
    after = 0
    for _ in range(_ROUND // _SHARD):
        chunks = leases.open(after, _SHARD)
        if not chunks:
            return
        yield chunks
        after = chunks[-1]
