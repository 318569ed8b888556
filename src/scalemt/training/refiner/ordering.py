"""In which order triplets are learnt: easy, then medium, then hard (MT-Ladder), or mixed; in equal steps.

Both orders take the very same triplets, so that only the order is compared. Triplets of about one length share a
batch, for padding costs as much as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from scalemt.training.refiner.configuration import Order
from scalemt.training.refiner.difficulty import BUCKETS, Bucket

_POOL = 16  # batches within which triplets are sorted by length


@dataclass(frozen=True, slots=True)
class Course:
    """Which triplets are learnt, in which order.

    Args:
        order: indices of triplets, `batch * accumulation` of them to an update.
        stages: how many updates belong to each stage, in order.
    """

    order: tuple[int, ...]
    stages: tuple[int, ...]

    @property
    def steps(self) -> int:
        """How many updates there are."""
        return sum(self.stages)


def course(
    buckets: Sequence[Bucket],
    lengths: Sequence[int],
    *,
    order: Order,
    steps: int,
    batch: int,
    updates: int,
    seed: int,
) -> Course:
    """Return the course.

    Args:
        buckets, lengths: the bucket and the number of tokens of each triplet.
        order: "easy-to-hard" or "mixed".
        steps: updates; 0 is as many as go through all triplets once.
        batch: triplets computed together.
        updates: batches to an update.
        seed: of all that is drawn; with the same seed both orders take the same triplets as often.
    """
    draws = Random(f"{seed}:course")  # noqa: S311  # nothing secret
    each = batch * updates
    wanted = steps * each or max(each, len(buckets) // each * each)
    taken: list[int] = []
    while len(taken) < wanted:
        once = list(range(len(buckets)))
        draws.shuffle(once)
        taken += once[: wanted - len(taken)]
    if order == "mixed":
        return Course(tuple(_batched(taken, lengths, batch, draws)), (wanted // each,))
    # Sorted as a whole and cut at whole updates: a triplet at the edge may be learnt one bucket early.
    ranks = {name: rank for rank, name in enumerate(BUCKETS)}
    taken.sort(key=lambda index: ranks[buckets[index]])
    counts = [sum(buckets[index] == name for index in taken) for name in BUCKETS]
    ends = [round(sum(counts[: rank + 1]) / each) for rank in range(len(BUCKETS))]
    stages = [end - start for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    made: list[int] = []
    for start, size in zip([0, *ends[:-1]], stages, strict=True):
        stage = taken[start * each : (start + size) * each]
        draws.shuffle(stage)
        made += _batched(stage, lengths, batch, draws)
    return Course(tuple(made), tuple(size for size in stages if size))


def _batched(taken: Sequence[int], lengths: Sequence[int], batch: int, draws: Random) -> list[int]:
    """Sort by length within pools of batches, and draw the order of the batches of each pool."""
    made: list[int] = []
    for start in range(0, len(taken), _POOL * batch):
        pool = sorted(taken[start : start + _POOL * batch], key=lambda index: lengths[index])
        batches = [pool[at : at + batch] for at in range(0, len(pool), batch)]
        draws.shuffle(batches)
        made += [index for one in batches for index in one]
    return made


def rate(step: int, stages: Sequence[int], schedule: str, warmup: float) -> float:
    """Return the share of the highest learning rate that is used for an update, counted from 0.

    Args:
        step: the update.
        stages: updates of each stage.
        schedule: "staged" rises and falls as a cosine in each stage, "cosine" once, "constant" rises and stays.
        warmup: share of the updates on which it rises.
    """
    from math import cos, pi

    at, length = step, sum(stages)
    if schedule == "staged":
        for size in stages:
            length = size
            if at < size:
                break
            at -= size
        else:
            return 0.0
    rising = max(1, round(warmup * length))
    if at < rising:
        return (at + 1) / rising
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + cos(pi * min(1.0, (at - rising) / max(1, length - rising))))
