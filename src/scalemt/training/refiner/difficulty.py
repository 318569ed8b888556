"""How far a draft is from its target, and triplets in three buckets by it (MT-Ladder, Feng et al., EMNLP 2024).

The authors bucket by COMET, and report COMET. Here the metric is another one than those that are reported, so that
what is learnt in the order of one is not flattered by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Literal

from scalemt.errors import ConfigurationError

Bucket = Literal["easy", "medium", "hard"]
BUCKETS: tuple[Bucket, ...] = ("easy", "medium", "hard")
EVEN = (1 / 3, 2 / 3)
Distance = Callable[[str, str], float]


def edit(draft: str, target: str) -> float:
    """Return the share of characters to be put in or taken out: 0 for equal texts, 1 for none in common."""
    from rapidfuzz.distance import Indel

    return float(Indel.normalized_distance(draft, target))


def ter(draft: str, target: str) -> float:
    """Return the translation edit rate (Snover et al. 2006): edits and shifts by words of the target."""
    return float(_ter().sentence_score(draft, [target]).score) / 100


@cache
def _ter() -> Any:
    from sacrebleu.metrics.ter import TER

    return TER()


METRICS: dict[str, Distance] = {"edit": edit, "ter": ter}


def distance_of(name: str) -> Distance:
    """Return a metric by its name, or by `module:function`.

    Raises:
        ConfigurationError: there is none of that name, or it cannot be imported.
    """
    if name in METRICS:
        return METRICS[name]
    module, sign, function = name.partition(":")
    try:
        found: Distance = getattr(import_module(module), function) if sign else METRICS[name]
    except (ImportError, AttributeError, KeyError, ValueError) as fault:
        raise ConfigurationError(
            f"[difficulty] metric is {name!r}, which cannot be found ({fault}). Valid choices: "
            f"{', '.join(METRICS)}, or module:function of draft and target."
        ) from fault
    return found


def bucket(
    distances: Sequence[float], by: Literal["quantiles", "thresholds"], cuts: tuple[float, float]
) -> list[Bucket]:
    """Return the bucket of each triplet.

    Args:
        distances: one a triplet.
        by: whether `cuts` are shares of the triplets, or distances.
        cuts: where medium and hard begin.
    """
    if by == "thresholds":
        return [BUCKETS[sum(distance >= cut for cut in cuts)] for distance in distances]
    # By rank, not by value: many drafts are equal to their targets, and shares are what was asked for.
    order = sorted(range(len(distances)), key=lambda index: (distances[index], index))
    bounds = [round(cut * len(order)) for cut in cuts]
    made: list[Bucket] = ["easy"] * len(order)
    for rank, index in enumerate(order):
        made[index] = BUCKETS[sum(rank >= bound for bound in bounds)]
    return made
