"""What a filter is: its settings, checked when they are read, and a verdict on one pair of texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from scalemt.data.thresholds import Threshold
from scalemt.types import Pair

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Percent = Annotated[float, Field(ge=50.0, le=100.0)]


class Item:
    """One pair of texts with its languages, as filters see it."""

    __slots__ = ("pair", "source", "target")

    def __init__(self, source: str, target: str, pair: Pair) -> None:
        self.source, self.target, self.pair = source, target, pair


class Filter(BaseModel):
    """Settings of one step of a chain, and what it says of pairs.

    Most filters look at one pair alone (`kind` "alone") and are run by several processes. Those that compare pairs
    with what was kept before ("stateful") or need to see a sample first ("fitted") are run by one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    def judge(self, item: Item) -> str:
        """Return why a pair is dropped, "" where it stays; the reason tells what was found."""
        raise NotImplementedError

    def check(self) -> None:
        """Raise UsageError, with the mend, where the filter cannot work here: a file or a library is missing."""


class StatefulFilter(Filter):
    """Compares each pair with those that it kept before."""

    def state(self) -> Memory:
        """Return a new memory, which holds nothing."""
        raise NotImplementedError

    def judge(self, item: Item) -> str:
        """Not for this kind: see `Memory.judge`."""
        raise TypeError("A stateful filter judges through the memory that `state` makes.")


class Memory:
    """What a stateful filter has kept; it is filled anew with `learn` after an interruption."""

    def judge(self, item: Item) -> str:
        """Return why a pair is dropped; what stays is remembered."""
        raise NotImplementedError

    def learn(self, item: Item) -> None:
        """Remember a pair that was kept in an earlier run."""
        raise NotImplementedError


class FittedFilter(Filter):
    """Drops what scores below a threshold that is tuned on a sample of each pair of languages."""

    sample: Annotated[int, Field(ge=100)] = 2000
    noise: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    threshold: float | None = None

    def judge(self, item: Item) -> str:
        """Not for this kind: see `Scorer`."""
        raise TypeError("A fitted filter judges through the scorer that `fitted` makes.")

    def why_not(self, pair: Pair) -> str:
        """Say why the filter can say nothing about a pair of languages, "" where it can."""
        return ""

    def fitted(self, pair: Pair, sample: Sequence[Item], seed: int, tell: Callable[[str], object]) -> Scorer:
        """Learn what is to be learnt from a sample of one pair of languages."""
        raise NotImplementedError


class Scorer:
    """Scores pairs of texts of one pair of languages; None is no opinion, and keeps a pair."""

    signature = ""

    def scores(self, items: Sequence[Item]) -> list[float | None]:
        """Return a score an item: the higher, the likelier is it a translation."""
        raise NotImplementedError

    def tuned(self, sample: Sequence[Item], seed: int, noise: float) -> Threshold | None:
        """Return the threshold that a sample tells, None where it is too small for one."""
        from scalemt.data.thresholds import LEAST_SAMPLE, shuffled, tuned

        mixed = shuffled([item.target for item in sample], seed)
        wrong = [Item(item.source, target, item.pair) for item, target in zip(sample, mixed, strict=True)]
        true, false = (
            [score for score in self.scores(items) if score is not None] for items in (list(sample), wrong)
        )
        return tuned(true, false, noise) if min(len(true), len(false)) >= LEAST_SAMPLE else None


def settings(step: Filter) -> dict[str, Any]:
    """Return the settings of a step as a card shows them."""
    return step.model_dump(exclude_none=True)
