"""Making the fuzzy index of a memory, with a bar where a person is watching."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scalemt.memory import MemoryStore


def index(store: MemoryStore) -> None:
    """Take what is new in a memory into the index of each of its pairs."""
    from scalemt.cli.translate import progress_bar
    from scalemt.memory.index import FuzzyIndex

    for kept in store.stats():
        watched = sys.stderr.isatty()
        with progress_bar(f"Index {kept.pair}", kept.units) if watched else nullcontext() as progress:
            FuzzyIndex(store, kept.pair, swapped=False).refresh(progress)
