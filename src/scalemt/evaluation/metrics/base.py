"""What a metric is: sufficient statistics a segment, and a score of their sums.

Every number scalemt reports about outputs is such a metric, from BLEU to the share of copies. That the statistics
are additive is what makes resampling cheap: a bootstrap sample is a weighted sum of rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from scalemt.errors import InputError
from scalemt.evaluation.results import Group
from scalemt.evaluation.systems import System, TestSet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

Progress = Callable[[int], None]
"""Called with the number of segments finished since the last call."""


@dataclass(frozen=True)
class Measured:
    """One metric on one system.

    `statistics` has a row of additive statistics a segment, shape (N, d); `segments` the score of each segment by
    itself, shape (N,), NaN where it is undefined.
    """

    statistics: FloatArray
    segments: FloatArray


class Metric(ABC):
    """A way to score outputs. A subclass implements `_measure`, `score` and `signature`.

    `higher_is_better` is None for what is a description, not a merit (length ratio, literalness). `needs` names
    what of a test set it cannot do without: "sources", "references", "pair". `group` is the table that
    it stands in.
    """

    name: str
    higher_is_better: ClassVar[bool | None] = True
    needs: ClassVar[frozenset[str]] = frozenset({"references"})
    group: ClassVar[Group] = "quality"

    @property
    @abstractmethod
    def signature(self) -> str:
        """One token without spaces that says how the number came about, as sacreBLEU writes it."""

    def lacks(self, test_set: TestSet) -> list[str]:
        """Return what of `needs` a test set does not have."""
        return sorted(need for need in self.needs if not getattr(test_set, need))

    def require(self, test_set: TestSet) -> None:
        """Refuse a test set that lacks something of `needs`.

        Raises:
            InputError: the message names what is lacking.
        """
        if lacking := self.lacks(test_set):
            raise InputError(
                f"{self.name} needs {' and '.join(lacking)}, which {test_set.name} lacks "
                f"(--src gives sources, --ref references, --from and --to the pair)."
            )

    def prepare(self, test_set: TestSet, systems: Sequence[System]) -> None:  # noqa: B027
        """Get to know all systems before the first is measured; most metrics have no need to."""

    def measure(self, system: System, test_set: TestSet, progress: Progress | None = None) -> Measured:
        """Return statistics and segment scores of a system.

        Raises:
            InputError: the test set lacks what the metric needs, or the system has another number of outputs.
        """
        self.require(test_set)
        if len(system.outputs) != len(test_set):
            raise InputError(
                f"{system.name} has {len(system.outputs)} outputs, {test_set.name} {len(test_set)} segments."
            )
        return self._measure(system, test_set, progress or (lambda _: None))

    @abstractmethod
    def _measure(self, system: System, test_set: TestSet, progress: Progress) -> Measured:
        """Measure N outputs against a test set that has what `needs` names."""

    @abstractmethod
    def score(self, sums: FloatArray) -> FloatArray:
        """Return corpus scores from summed statistics: shape (k, d) in, (k,) out, NaN where undefined."""


class RatioMetric(Metric):
    """A metric whose score is `scale` times a sum over another sum; means and shares are of this kind."""

    scale: ClassVar[float] = 100.0

    def _measure(self, system: System, test_set: TestSet, progress: Progress) -> Measured:
        import numpy as np

        ratios = np.asarray(self._ratios(system, test_set, progress), dtype=np.float64).reshape(-1, 2)
        return Measured(ratios, self.score(ratios))

    @abstractmethod
    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[tuple[float, float]]:
        """Return numerator and denominator of each segment; 0 and 0 leaves a segment out."""

    def score(self, sums: FloatArray) -> FloatArray:
        """Return `scale` times the first column over the second."""
        import numpy as np

        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(sums[:, 1] > 0, self.scale * sums[:, 0] / sums[:, 1], np.nan)
