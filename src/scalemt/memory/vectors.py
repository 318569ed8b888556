"""Vectors of many units in files that only grow, mapped and searched a block at a time.

Two files of bare numbers, one of vectors in half precision and one of whose they are, and a manifest that says
how many rows of them count. Rows are written behind those that count, then the manifest is replaced as a whole:
whatever interrupts that, the rows before stay usable. Files that others may have mapped are never shortened; where
they are no longer right, new ones are begun under another name.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalemt.errors import InputError
from scalemt.lines import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LAYOUT = 1
_VECTORS, _ROWS = ".f16", ".i64"
_BLOCK = 512  # rows widened at a time: as single precision they stay in a processor's second cache
_QUERIES = 256  # texts looked up together
_SLACK = 1e-3  # rounding to half precision makes a vector longer or shorter by less than this

Trust = Callable[["NDArray[np.int64]", int], bool]
"""Whether the last rows of files, and the last unit that they know of, are of the memory as it is now."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What files hold: of which memory and encoder, under which name, how many rows, up to which unit."""

    layout: int
    uuid: str
    signature: str
    dimensions: int
    name: str
    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Vectors (n x dimensions, half precision), and for each the id of a unit and the hash of its text (n x 2)."""

    vectors: NDArray[np.float16]
    about: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.about)


class VectorFiles:
    """The files of one folder.

    Args:
        folder: made when first written to.
        memory: how the memory calls itself.
        signature: of the encoder.
        dimensions: of its vectors.
        trust: asked before files are used that were not made by this object.
    """

    def __init__(self, folder: Path, memory: str, signature: str, dimensions: int, trust: Trust) -> None:
        self.folder = folder
        self.manifest: Manifest | None = None
        self.rows: Rows | None = None
        self._fresh = Manifest(_LAYOUT, memory, signature, dimensions, "", 0, 0)
        self._trust = trust

    @property
    def last(self) -> int:
        """The last unit that the rows know of."""
        return self.manifest.last if self.manifest else 0

    def load(self) -> None:
        """Take the files as they are now; ones that are of something else, or broken, are as good as none."""
        manifest = self._read()
        if manifest != self.manifest:
            try:
                self._map(manifest)
            except OSError:
                self.forget()

    def forget(self) -> None:
        """Let go of the files, as they were before they were loaded."""
        self.rows = self.manifest = None

    def append(self, rows: Rows, last: int) -> bool:
        """Write rows behind the others, and return True.

        False means that another process has changed the files: they were loaded again, and nothing was written.

        Raises:
            OSError: the files cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / "lock"):
            found = self._read()
            if found != self.manifest:
                self._map(found)
                return False
            known = self.manifest or replace(self._fresh, name=f"vectors-{uuid.uuid4().hex[:12]}")
            self._write(known, _VECTORS, rows.vectors.astype("<f2"))
            self._write(known, _ROWS, rows.about.astype("<i8"))
            grown = replace(known, count=known.count + len(rows), last=last)
            self._save(grown)
            if not self.manifest:
                self._remove_others(known.name)
        self._map(grown)
        return True

    def _write(self, known: Manifest, suffix: str, array: NDArray[Any]) -> None:
        path = self.folder / (known.name + suffix)
        # Not "a": what an interrupted call has left behind the rows that count is written over.
        with path.open("r+b" if known.count else "wb") as file:
            file.seek(known.count * array[:1].nbytes)
            file.write(array.tobytes())
            file.flush()
            os.fsync(file.fileno())

    def _save(self, manifest: Manifest) -> None:
        try:
            write_whole(self.folder / "manifest.json", json.dumps(asdict(manifest)) + "\n")
        except InputError as fault:
            raise OSError(str(fault)) from fault

    def _read(self) -> Manifest | None:
        """Return the manifest where it and the files are of this memory and encoder, and whole."""
        try:
            found = Manifest(**json.loads((self.folder / "manifest.json").read_text("utf-8")))
            if replace(found, name="", count=0, last=0) != self._fresh or not self._whole(found):
                return None
            if self.manifest and self.manifest.name == found.name:
                return found
            about = self._opened(found).about
            return found if self._trust(about, found.last) else None
        except (OSError, ValueError, TypeError):
            # A cache that cannot be read is none: it is made anew.
            return None

    def _whole(self, found: Manifest) -> bool:
        if found.count < 1 or found.last < 1 or Path(found.name).name != found.name:
            return False
        sizes = [(self.folder / (found.name + suffix)).stat().st_size for suffix in (_VECTORS, _ROWS)]
        return sizes[0] >= found.count * found.dimensions * 2 and sizes[1] >= found.count * 16

    def _opened(self, found: Manifest) -> Rows:
        import numpy as np

        shapes = {_VECTORS: ("<f2", (found.count, found.dimensions)), _ROWS: ("<i8", (found.count, 2))}
        arrays = [
            # Plain arrays over the mapped files: `memmap` itself is slow to index.
            np.asarray(np.memmap(self.folder / (found.name + suffix), dtype, "r", shape=shape))
            for suffix, (dtype, shape) in shapes.items()
        ]
        return Rows(*arrays)

    def _map(self, manifest: Manifest | None) -> None:
        try:
            self.rows = self._opened(manifest) if manifest else None
        except ValueError as fault:  # they were shortened a moment ago
            raise OSError(str(fault)) from fault
        self.manifest = manifest

    def _remove_others(self, name: str) -> None:
        for path in self.folder.glob("vectors-*"):
            if path.stem != name:
                try:
                    path.unlink()
                except OSError:  # Windows keeps what somebody has mapped
                    continue


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time write."""
    with path.open("wb") as file:
        try:
            import fcntl
        except ImportError:  # Windows has no such locks: there one process at a time must write
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def nearest(
    queries: NDArray[np.float32], parts: Sequence[Rows], limit: int, floor: float
) -> list[list[tuple[float, int]]]:
    """Return cosine and id of the rows nearest to each query, best first, the largest id of equals first.

    All rows are looked at: rough products of a block choose what is then computed in double precision, in which
    equal vectors have equal products wherever they stand.

    Args:
        queries: one a row, of length 1; nothing is near to one that is all zero.
        parts: may be mapped; one block of them is widened at a time.
        limit: the most for each query.
        floor: the least cosine.
    """
    found: list[list[tuple[float, int]]] = [[] for _ in range(len(queries))]
    if limit < 1:
        return found
    asked = [place for place in range(len(queries)) if queries[place].any()]
    for start in range(0, len(asked), _QUERIES):
        some = asked[start : start + _QUERIES]
        for place, row in zip(some, _search(queries[some], parts, limit, floor), strict=True):
            found[place] = row
    return found


def _search(
    queries: NDArray[np.float32], parts: Sequence[Rows], limit: int, floor: float
) -> list[list[tuple[float, int]]]:
    import numpy as np

    kept: list[list[tuple[float, int]]] = [[] for _ in range(len(queries))]
    least = np.full(len(queries), floor - _SLACK)
    for vectors, ids in _blocks(parts):
        scores = queries @ vectors.T
        if len(ids) > limit:
            # What is not among the best of its block is not among the best of all.
            best = np.partition(scores, len(ids) - limit, axis=1)[:, len(ids) - limit]
            bounds = np.maximum(least, best - _SLACK)
        else:
            bounds = least
        near = scores >= bounds[:, None]
        for place in np.flatnonzero(near.any(axis=1)):
            some = np.flatnonzero(near[place])
            exact = _exact(queries[place], vectors[some])
            row = kept[place] + [
                (score, number) for score, number in zip(exact, ids[some].tolist(), strict=True) if score >= floor
            ]
            kept[place] = row = sorted(row, key=lambda hit: (-hit[0], -hit[1]))[:limit]
            if len(row) == limit:
                least[place] = max(least[place], row[-1][0] - _SLACK)
    return kept


def _exact(query: NDArray[np.float32], vectors: NDArray[np.float32]) -> list[float]:
    import numpy as np

    wide = vectors.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1)) * np.sqrt((query.astype(np.float64) ** 2).sum())
    cosines = (wide * query).sum(axis=1) / np.maximum(lengths, 1e-12)
    # Sums differ in their last bits with the version of numpy; nobody needs those.
    exact: list[float] = np.round(np.clip(cosines, -1.0, 1.0), 8).tolist()
    return exact


def _blocks(parts: Sequence[Rows]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    for part in parts:
        for start in range(0, len(part), _BLOCK):
            yield _widened(part.vectors[start : start + _BLOCK]), part.about[start : start + _BLOCK, 0]


def _widened(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return half precision as single precision, exactly, several times as fast as numpy's own conversion.

    The bits of exponent and fraction are moved to where single precision has them, after which the exponent is
    wrong by 112.
    """
    import numpy as np

    bits = vectors.view(np.int16).astype(np.int32)
    np.left_shift(bits, 13, out=bits)
    # The sign was spread over the bits above; it stays in the first of them.
    np.bitwise_and(bits, np.int32(-0x70002000), out=bits)
    wide = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    return wide
