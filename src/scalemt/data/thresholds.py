"""A threshold tuned per pair: what a score gives to true pairs, and to the same pairs shuffled.

Nobody can say what a cosine of 0.6 means in a language: an encoder that knows it badly gives low scores to all.
So the pairs of a sample are scored as they are, and once more with the targets moved to other sources, which are
surely wrong. The threshold is where the fewest mistakes are made, were a share `noise` of the corpus wrong so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_SAMPLE = 50
"""Scored pairs below which no threshold is tuned: both shares would be guesses."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What was tuned.

    Args:
        value: scores below it are dropped.
        kept: share of the sample's pairs that reach it.
        rejected: share of the shuffled pairs that do not.
        sample: how many pairs were scored.
    """

    value: float
    kept: float
    rejected: float
    sample: int


def tuned(true: Sequence[float], shuffled: Sequence[float], noise: float) -> Threshold:
    """Return the threshold with the fewest expected mistakes.

    A kept wrong pair and a dropped right one count alike. The sample holds wrong pairs too, so what is told as
    dropped of it is not all a loss.

    Args:
        true: scores of pairs as they stand in the corpus.
        shuffled: scores of the same sources with targets of others.
        noise: share of the corpus that is thought to be wrong, between 0 and 1.
    """
    rows = sorted(
        [(score, 1 - noise, len(true)) for score in true] + [(s, -noise, len(shuffled)) for s in shuffled]
    )
    cost = best = noise  # with nothing dropped all that is wrong is kept
    value = rows[0][0] if rows else 0.0
    for place, (score, weight, count) in enumerate(rows):
        cost += weight / max(1, count)
        after = rows[place + 1][0] if place + 1 < len(rows) else None
        if after is not None and after > score and cost < best - 1e-12:
            best, value = cost, (score + after) / 2
    return Threshold(
        value,
        sum(score >= value for score in true) / max(1, len(true)),
        sum(score < value for score in shuffled) / max(1, len(shuffled)),
        len(true),
    )


def shuffled(targets: Sequence[str], seed: int) -> list[str]:
    """Return the targets in such an order that none stands where it or the same text did, if that can be.

    They are turned by an offset after a seeded shuffle, which keeps what is the same apart as far as it can.
    """
    from random import Random

    order = list(range(len(targets)))
    Random(seed).shuffle(order)  # noqa: S311  # nothing secret: the same draw every time is wanted
    made = [""] * len(order)
    for place, number in enumerate(order):
        step = 1
        while step < len(order) and targets[order[(place + step) % len(order)]] == targets[number]:
            step += 1
        made[number] = targets[order[(place + step) % len(order)]]
    return made
