"""Search of one side of a memory by meaning: vectors of all sources, compared with that of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING

from scalemt.memory.encoders import Encoder, limited_blas
from scalemt.memory.index import Progress, index_folder
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import HOLE, Unit, digest, skeleton, swap
from scalemt.memory.vectors import Rows, VectorFiles, nearest
from scalemt.types import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOGETHER = 1_000  # units encoded before they are written: what an interruption can cost
_CHECKED = 8  # the newest units, compared with the memory before files are trusted
_SPACE = re.compile(r"\s+")

SemanticHit = tuple[float, int]
"""Cosine in percent, id of the unit."""


class SemanticIndex:
    """Finds units whose source means much the same; of a kept pair, or of its opposite where `swapped`.

    Its files lie beside those of the fuzzy index and are a cache like them. Where they cannot be written, the
    vectors live as long as the process.

    Args:
        store: the memory.
        pair: a pair that it keeps.
        encoder: makes the vectors; another one has files of its own.
        swapped: the targets are searched.
    """

    def __init__(self, store: MemoryStore, pair: Pair, encoder: Encoder, *, swapped: bool) -> None:
        self._store = store
        self._pair = pair
        self._encoder = encoder
        self._swapped = swapped
        side = f"{pair.source}--{pair.target}--{'target' if swapped else 'source'}"
        name = "semantic-" + re.sub(r"[^\w.-]", "_", encoder.signature)[:100]
        self._files = VectorFiles(
            index_folder(store.path) / side / name,
            store.uuid,
            encoder.signature,
            encoder.dimensions,
            self._is_of_this_memory,
        )
        self._lock = RLock()
        self._loose: list[Rows] = []
        self._writable = True
        self._loaded = False
        self._last = 0

    def __len__(self) -> int:
        """How many vectors there are, those of removed units included."""
        with self._lock:
            return sum(len(part) for part in self._parts())

    def refresh(self, progress: Progress | None = None) -> None:
        """Take up what was added to the memory since the last call, by whomever.

        Args:
            progress: called with the number of units taken up since it was last called.

        Raises:
            ModelError: the encoder fails; what was encoded before is kept.
        """
        with self._lock:
            newest = self._store.newest_id()
            if self._loaded and newest == self._last:
                return
            if newest < self._last:
                # The file is an older one now, put back from a copy.
                self._loose, self._last, self._loaded = [], 0, False
                self._files.forget()
            if not self._loose:
                # Another process may have encoded them already.
                known = self._files.manifest
                self._files.load()
                if self._files.manifest != known:
                    self._last = self._files.last
            self._loaded = True
            while not self._take_up(progress):
                self._last = self._files.last
            self._last = max(newest, self._last)

    def search(self, texts: Sequence[str], limit: int, floor: float) -> list[list[SemanticHit]]:
        """Return the units nearest to each text in meaning, best first, the newest of equals first.

        Units that were removed from the memory since they were encoded are among them: whoever calls drops the ids
        that the memory does not know, and asks for more where too few are left.

        Args:
            texts: skeletons; nothing is near to an empty one.
            limit: the most for each text.
            floor: the least cosine, in percent.
        """
        if limit < 1 or not texts:
            return [[] for _ in texts]
        with self._lock:
            parts = self._parts()
        if not parts:
            return [[] for _ in texts]
        queries = self._encoder.encode([plain(text) for text in texts])
        with limited_blas(self._encoder.threads):
            rows = nearest(queries, parts, limit, floor / 100)
        return [[(100.0 * score, number) for score, number in row] for row in rows]

    def _parts(self) -> list[Rows]:
        return [part for part in (self._files.rows, *self._loose) if part is not None]

    def _take_up(self, progress: Progress | None) -> bool:
        """Encode and keep what is new; False where the files have changed meanwhile, to be tried again."""
        fresh = self._store.sides(self._pair, self._last, swapped=self._swapped)
        for taken, last, texts in _chunks(fresh):
            if texts and not self._keep(self._encoded(texts), last):
                return False
            self._last = last
            if progress:
                progress(taken)
        return True

    def _encoded(self, texts: Sequence[tuple[int, str]]) -> Rows:
        import numpy as np

        vectors = self._encoder.encode([text for _, text in texts]).astype(np.float16)
        return Rows(vectors, np.array([(number, digest(text)) for number, text in texts], np.int64))

    def _keep(self, rows: Rows, last: int) -> bool:
        if self._writable:
            try:
                return self._files.append(rows, last)
            except OSError:
                # A memory on a disk that is not ours to write, or full.
                self._writable = False
        self._loose.append(rows)
        return True

    def _is_of_this_memory(self, about: NDArray[np.int64], last: int) -> bool:
        """Whether the newest units are still those that were encoded, if they are there.

        A memory that was put back from a copy gives the same numbers to other units.
        """
        if last > self._store.newest_id():
            return False
        hashes = {int(number): int(value) for number, value in about[-_CHECKED:]}
        units = self._store.get(list(hashes))
        if self._swapped:
            units = {number: swap(unit) for number, unit in units.items()}
        return all(digest(_text(unit)) == hashes[number] for number, unit in units.items())


def _chunks(units: Iterator[tuple[int, Unit]]) -> Iterator[tuple[int, int, list[tuple[int, str]]]]:
    """Yield how many units were read, the id of the last one, and ids and texts of those that have one."""
    while chunk := list(islice(units, _TOGETHER)):
        texts = [(number, _text(unit)) for number, unit in chunk]
        yield len(chunk), chunk[-1][0], [item for item in texts if item[1]]


def _text(unit: Unit) -> str:
    return plain(skeleton(unit.segment))


def plain(text: str) -> str:
    """Return a skeleton without the signs of its protected spans: what an encoder reads."""
    return _SPACE.sub(" ", text.replace(HOLE, "")).strip()
