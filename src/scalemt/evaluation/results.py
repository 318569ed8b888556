"""What an evaluation found, as values and as JSON; tables and the report are made from nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from scalemt.evaluation.systems import System, TestSet
from scalemt.lines import write_whole

Verdict = Literal["baseline", "better", "worse", "higher", "lower", "tie", "undefined"]
"""Against the baseline. "higher" and "lower" are of metrics that are no merit; "tie": not significant."""

MARKS: Mapping[Verdict, str] = {
    "baseline": "", "better": "▲", "worse": "▼", "higher": "↑", "lower": "↓", "tie": "≈", "undefined": "",
}  # fmt: skip
"""Verdicts as they stand in tables and plots."""

NOTHING = "–"
"""Stands where a number is undefined."""

Group = Literal["quality", "characteristics", "behaviour"]
"""Which table a metric stands in: how good the outputs are, how they translate, and what went wrong."""


@dataclass(frozen=True)
class Cell:
    """One metric of one system.

    Args:
        score: of the whole test set; NaN where it is undefined.
        mean, low, high: of the bootstrap samples, and the bounds of their central 95 %.
        delta: score minus the baseline's.
        p_values: two-sided, by test: "bootstrap", "randomisation"; empty for the baseline.
        differing: segments on which it differs from the baseline, where there is one.
        verdict: what the tests say at the evaluation's alpha; both must agree for more than a tie.
        segments: N scores of single segments, NaN where undefined.
    """

    score: float
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    delta: float = 0.0
    p_values: Mapping[str, float] = field(default_factory=dict)
    differing: int = 0
    verdict: Verdict = "undefined"
    segments: tuple[float, ...] = ()


@dataclass(frozen=True)
class MetricInfo:
    """A column: its name, its full signature (with seeds and sample counts), which way is better, its table."""

    name: str
    signature: str
    higher_is_better: bool | None = True
    group: Group = "quality"

    @property
    def label(self) -> str:
        """The name with an arrow to the better side."""
        return self.name + {True: " ↑", False: " ↓", None: ""}[self.higher_is_better]


@dataclass(frozen=True)
class Reliability:
    """How far word confidences can be trusted, for one system.

    `bins` are rows of (low, high, words, mean confidence, share correct); `ece` the expected calibration error
    in [0, 1]; `correlation` of mean confidence with sentence chrF by name ("pearson", "spearman"), NaN where it is
    undefined; `signature` names aligner and number of bins; `low` and `high` bound the central 95 % of the error
    over bootstrap samples of the segments.
    """

    bins: tuple[tuple[float, float, int, float, float], ...]
    ece: float
    words: int
    correlation: Mapping[str, float]
    signature: str
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Evaluation:
    """Systems x metrics on one test set.

    `cells[system][metric]`; `reliability` by system, for those whose drafts have word confidences.
    """

    test_set: TestSet
    systems: tuple[System, ...]
    metrics: tuple[MetricInfo, ...]
    cells: Mapping[str, Mapping[str, Cell]]
    baseline: str = ""
    alpha: float = 0.05
    reliability: Mapping[str, Reliability] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scalemt: str = ""

    def cell(self, system: str, metric: str) -> Cell:
        """Return one cell by the names of its row and column."""
        return self.cells[system][metric]

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON values; NaN becomes null, texts and segment scores are kept."""
        cleaned: dict[str, Any] = without_nan(asdict(self))
        return cleaned


def without_nan(value: Any) -> Any:
    """Return JSON values with null for what is no finite number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return value


def save(evaluations: list[Evaluation], path: Path) -> None:
    """Write evaluations as one JSON file.

    Raises:
        InputError: the file cannot be written.
    """
    text = json.dumps({"evaluations": [item.as_json() for item in evaluations]}, ensure_ascii=False, indent=1)
    write_whole(path, text + "\n")
