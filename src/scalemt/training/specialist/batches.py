"""Which pairs make which update: drawn by the seed alone, so that a training gone on with sees the same ones.

Batches hold pairs of like length and a budget of tokens (Vaswani et al. 2017, section 5.1). Several corpora are
drawn from by weights (mixed fine-tuning, Chu et al. 2017, section 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from scalemt.training.pairs import mixed

Place = tuple[int, int, int]
"""A pair in a batch: the round, the corpus, its place in the corpus."""

_POOL = 100  # batches whose pairs are sorted by length together


class Rounds:
    """The batches of a whole training, one after the other; what torch calls a batch sampler.

    A round is a pass through the only corpus, or as many draws from several as they have pairs together.

    Args:
        lengths: tokens of the longer side of each pair, for each corpus.
        weights: of the corpora.
        tokens: budget of an update: pairs, times the longest side.
        parts: batches that each update is computed in.
        seed: of all that is drawn.
        updates: of the training; None is one round.
    """

    def __init__(
        self,
        lengths: Sequence[Sequence[int]],
        weights: Sequence[float],
        tokens: int,
        *,
        parts: int = 1,
        seed: int = 0,
        updates: int | None = None,
    ) -> None:
        self._lengths, self._weights, self._tokens = lengths, weights, tokens
        self._parts, self._seed = parts, seed
        self.of_a_round = len(self.round(0))
        self.updates = self.of_a_round if updates is None else updates

    def __len__(self) -> int:
        return self.updates * self._parts

    def __iter__(self) -> Iterator[list[Place]]:
        left, number = self.updates, 0
        while left:
            for batch in self.round(number)[:left]:
                left -= 1
                yield from self._cut(batch)
            number += 1

    def round(self, number: int) -> list[list[Place]]:
        """Return the updates of a round, each as places of pairs."""
        draws = Random(f"{self._seed}:round:{number}")  # noqa: S311  # nothing secret
        sizes = [len(lengths) for lengths in self._lengths]
        if len(sizes) == 1:
            drawn = [(0, place) for place in range(sizes[0])]
            draws.shuffle(drawn)
        else:
            drawn = mixed(sizes, self._weights, sum(sizes), self._seed * 1_000_003 + number)
        mean = sum(self._length(*one) for one in drawn) / len(drawn)
        pool = max(1, int(_POOL * self._tokens / mean))
        batches = [
            [(number, *one) for one in batch]
            for start in range(0, len(drawn), pool)
            for batch in self._batches(drawn[start : start + pool])
        ]
        draws.shuffle(batches)
        return batches

    def heaviest(self) -> list[Place]:
        """Return the batch of the first round that takes most memory: the one with the longest pair."""
        longest = max(self.round(0), key=lambda batch: (max(self._length(*one[1:]) for one in batch), len(batch)))
        return next(iter(self._cut(longest)))

    def _batches(self, drawn: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        batch: list[tuple[int, int]] = []
        longest = 0
        # Equal lengths stay in the order they were drawn in, which differs from round to round.
        for one in sorted(drawn, key=lambda one: -self._length(*one)):
            longest = longest or self._length(*one)
            if batch and longest * (len(batch) + 1) > self._tokens:
                yield batch
                batch, longest = [], self._length(*one)
            batch.append(one)
        if batch:
            yield batch

    def _length(self, corpus: int, place: int) -> int:
        return self._lengths[corpus][place]

    def _cut(self, batch: list[Place]) -> Iterator[list[Place]]:
        """Cut an update into its parts; where it has fewer pairs than parts, the first pair fills in."""
        for part in range(self._parts):
            yield batch[part :: self._parts] or batch[:1]
