"""How literally a system translates: unaligned source words and non-monotonicity (Raunak et al. 2023, section 3).

Section 5.1 of the SCALE paper uses both, as the code of Raunak et al. computes them. The higher, the less
literal: neither is better, so `higher_is_better` is None. Both depend on the aligner, and on what it was fitted
on; values are comparable only under one signature.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from scalemt.evaluation.alignment import AlignmentCache, build_aligner
from scalemt.evaluation.alignment.base import Alignment
from scalemt.evaluation.metrics.base import Progress, RatioMetric
from scalemt.evaluation.results import Group
from scalemt.evaluation.systems import System, TestSet
from scalemt.types import Pair


class AlignmentMetric(RatioMetric):
    """A metric of the links between sources and outputs.

    Args:
        aligner: a specification for `build_aligner`; used only where `alignments` are not given.
        threads: CPU threads of the aligner.
        pair: the languages, where the test set does not tell them.
        alignments: the links that several metrics share, of an aligner fitted on all systems. Without them
            each system is aligned by a model fitted on that system and the references alone.
    """

    higher_is_better: ClassVar[bool | None] = None
    group: ClassVar[Group] = "characteristics"
    needs: ClassVar[frozenset[str]] = frozenset({"sources"})

    def __init__(
        self,
        aligner: str = "",
        threads: int = 1,
        pair: Pair | None = None,
        alignments: AlignmentCache | None = None,
    ) -> None:
        self._spec, self._threads, self._pair = aligner, threads, pair
        self._alignments = alignments or AlignmentCache(build_aligner(aligner, threads=threads, pair=pair), pair)
        self._shared = alignments is not None

    def prepare(self, test_set: TestSet, systems: Sequence[System]) -> None:
        """Fit the aligner on the outputs of all systems and on the references."""
        if test_set.pair and not self._shared and not self._pair:
            self._alignments = AlignmentCache(self._alignments.aligner, test_set.pair)
        self._alignments.fit(test_set, systems)
        self._shared = True

    @property
    def signature(self) -> str:
        """The aligner with what it was fitted on, and the unit of the links."""
        alone = "" if self._shared else "|fit:each-system-alone"
        return f"{self.name}|{self._alignments.signature}{alone}"

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[tuple[float, float]]:
        if not self._shared:
            self.prepare(test_set, [system])
            self._shared = False
        found = self._alignments.align(system, test_set)
        rows = zip(found.sources, found.targets, found.links, strict=True)
        ratios = [self._ratio(len(source), len(target), links) for source, target, links in rows]
        progress(len(ratios))
        return ratios

    @abstractmethod
    def _ratio(self, source: int, target: int, links: Alignment) -> tuple[float, float]:
        """Return numerator and denominator of a segment from its numbers of words and its links."""


class UnalignedSourceWords(AlignmentMetric):
    """USW: 100 times the unaligned source words of all segments over all their source words."""

    name = "usw"

    def _ratio(self, source: int, target: int, links: Alignment) -> tuple[float, float]:
        return source - len({i for i, _ in links}), source


class NonMonotonicity(AlignmentMetric):
    """NM: 100 times the mean distance of links from the diagonal, averaged over segments with a link.

    The distance of link (i, j), words counted from 1, is |i / source words - j / target words|.
    """

    name = "nm"

    def _ratio(self, source: int, target: int, links: Alignment) -> tuple[float, float]:
        if not links:
            return 0.0, 0.0
        return sum(abs((i + 1) / source - (j + 1) / target) for i, j in links) / len(links), 1.0
