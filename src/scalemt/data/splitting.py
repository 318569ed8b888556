"""A corpus split into train and dev by document, so that a sentence's neighbours do not teach what is tested.

Which documents are dev is decided by the hash of their names and a seed: the same corpus in another order, or one
that has grown, keeps most of its split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from scalemt.data.reading import place_of
from scalemt.data.shingles import NearIndex, shape
from scalemt.errors import UsageError
from scalemt.memory.units import Unit, digest

By = Literal["origin", "file", "domain", "context", "block"]
Units = Callable[[], Iterable[Unit]]
"""Gives the units of a corpus anew each time: what is done here reads it more than once."""

_ROOM = 1.1  # times the wanted size that dev may have: documents are taken whole


@dataclass
class Split:
    """What a split does with each unit.

    Args:
        dev: names of the documents that are dev.
        documents: how many there are in all.
        pairs: how many units there are in all.
        blocks: units whose document nothing told: they are in documents of neighbouring lines.
        by, block: see `choose`.
        likeness: percent from which a unit of train counts as one of dev; 100 is the same but for case and spaces.
        leaking: units that were left out of train, since a side of them stands in dev; counted while reading.
    """

    dev: frozenset[str]
    documents: int
    pairs: int
    blocks: int
    by: By
    block: int
    likeness: float = 100.0
    leaking: int = 0
    written: dict[str, int] = field(default_factory=dict)

    def held_out(self, units: Units) -> Iterator[Unit]:
        """Yield the units of dev."""
        for unit in units():
            if self._is_dev(unit):
                self.written["dev"] = self.written.get("dev", 0) + 1
                yield unit

    def training(self, units: Units) -> Iterator[Unit]:
        """Yield the units of train, without those of which dev holds a side."""
        known = self._known(units)
        for unit in units():
            if self._is_dev(unit):
                continue
            if known(unit):
                self.leaking += 1
            else:
                self.written["train"] = self.written.get("train", 0) + 1
                yield unit

    def _is_dev(self, unit: Unit) -> bool:
        return document_of(unit, self.by, self.block)[0] in self.dev

    def _known(self, units: Units) -> Callable[[Unit], bool]:
        held = (unit for unit in units() if self._is_dev(unit))
        if self.likeness >= 100:
            seen = {digest(shape(text)) for unit in held for text in (unit.source, unit.target)}
            return lambda unit: any(digest(shape(text)) in seen for text in (unit.source, unit.target))
        index = NearIndex(self.likeness)
        for unit in held:
            index.add(unit.source)
            index.add(unit.target)
        return lambda unit: any(index.find(text) for text in (unit.source, unit.target))


def document_of(unit: Unit, by: By, block: int) -> tuple[str, bool]:
    """Return the name of the document of a unit, and whether it is only a block of neighbours.

    Args:
        unit: with the origin that `scalemt.data.read` gives.
        by: what tells the document; where a unit does not have it, the block of neighbours in its file does.
        block: so many neighbours are one document where nothing tells it.
    """
    file, number, own = place_of(unit)
    told = {"origin": own, "file": file, "domain": unit.domain, "context": unit.context}.get(by, "")
    if told:
        return f"{by}:{told}", False
    return f"block:{file}:{max(0, number - 1) // block}", True


def choose(
    units: Units, *, share: float = 0.05, most: int = 0, by: By = "origin", block: int = 100, seed: int = 0
) -> Split:
    """Choose the documents that are dev.

    Args:
        units: the corpus.
        share: of the pairs that are dev, about: documents are taken whole.
        most: pairs in dev, in place of a share; 0 is none.
        by, block: see `document_of`.
        seed: another one chooses other documents.

    Raises:
        UsageError: there is one document only, or all of them are larger than dev may be.
    """
    sizes: Counter[str] = Counter()
    blocks = 0
    for unit in units():
        name, is_block = document_of(unit, by, block)
        sizes[name] += 1
        blocks += is_block
    total = sum(sizes.values())
    if len(sizes) < 2:
        raise UsageError(
            f"The corpus has {'one document' if sizes else 'no pairs'}, and a split needs two. "
            "Say what tells its documents with --by, or --by block --block N for every N neighbouring lines."
        )
    wanted = most or max(1, round(total * share))
    dev: set[str] = set()
    taken = 0
    for name in sorted(sizes, key=lambda name: (digest(f"{seed}\x00{name}"), name)):
        if taken < wanted and taken + sizes[name] <= max(wanted * _ROOM, 1):
            dev.add(name)
            taken += sizes[name]
    if not dev:
        least = min(sizes.values())
        raise UsageError(
            f"Dev should have {wanted:,} pairs, and the smallest document has {least:,}. Give a larger --share or "
            "--size, or --by block with a smaller --block."
        )
    return Split(frozenset(dev), len(sizes), total, blocks, by, block)
