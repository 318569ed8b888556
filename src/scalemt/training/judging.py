"""Scores of outputs on a test set, alone or beside another system's, in the shape that cards and reports take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scalemt.evaluation.metrics.base import Measured, Metric
from scalemt.evaluation.metrics.building import build_metric
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.specialists.drafting import Drafting, by_sentences
from scalemt.text.protection import protect
from scalemt.training.pairs import Pairs
from scalemt.types import Pair, Segment

METRICS = ("chrf++", "bleu")
"""What a specialist is judged by; the first decides."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Outputs on a test set, and their scores by metric."""

    outputs: tuple[str, ...]
    scores: dict[str, float]

    @property
    def deciding(self) -> float:
        """The score that decides."""
        return self.scores[METRICS[0]]


def drafted(specialist: Any, pair: Pair, sources: Sequence[str]) -> tuple[str, ...]:
    """Return the drafts of sources as an engine has them made: by sentences, spans masked and restored."""
    drafting = Drafting(specialist, pair, by_sentences(pair.source))
    return tuple(row[0].text for row in drafting.draft([protect(Segment(text)) for text in sources]))


def judge(specialist: Any, pair: Pair, pairs: Pairs) -> Judged:
    """Draft the sources of a test set and score the drafts."""
    return scored(drafted(specialist, pair, pairs.sources), pairs, pair)


def scored(outputs: Sequence[str], pairs: Pairs, pair: Pair) -> Judged:
    """Score outputs against the references of a test set, to two digits."""
    found = {}
    for name in METRICS:
        metric = build_metric(name)
        sums = measured(metric, outputs, pairs, pair).statistics.sum(axis=0, keepdims=True)
        found[name] = round(float(metric.score(sums)[0]), 2)
    return Judged(tuple(outputs), found)


def measured(metric: Metric, outputs: Sequence[str], pairs: Pairs, pair: Pair) -> Measured:
    """Return what a metric counts of outputs."""
    test_set = TestSet(pairs.name, pairs.sources, (pairs.targets,), pair)
    return metric.measure(System("system", tuple(map(Output, outputs))), test_set)
