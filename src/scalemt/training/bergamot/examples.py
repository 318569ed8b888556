"""Examples as the student sees them: ids, in batches of like length, in an order that the seed alone decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from scalemt.specialists.bergamot.vocabulary import Vocabulary
from scalemt.training.pairs import LOST_SPANS, Pairs, masked, mixed

if TYPE_CHECKING:
    from torch import Tensor

_SORTED_TOGETHER = 50  # batches: enough for like lengths, few enough that the order stays mixed

Example = tuple[tuple[int, ...], tuple[int, ...]]
"""Source and target ids, each with its end of sentence."""


@dataclass(slots=True)
class Encoded:
    """The examples of a corpus, and what was left out of it, by the reason."""

    examples: list[Example]
    left_out: Counter[str] = field(default_factory=Counter)


def encoded(pairs: Pairs, source: Vocabulary, target: Vocabulary, *, mask: str, longest: int) -> Encoded:
    """Return the examples of a corpus.

    Args:
        pairs: the texts.
        source, target: the vocabularies.
        mask: what stands for protected spans when the model is used.
        longest: pieces of the longest side; longer pairs are left out.
    """
    made = Encoded([])
    for one, other in zip(pairs.sources, pairs.targets, strict=True):
        both = masked(one, other, mask)
        if both is None:
            made.left_out[LOST_SPANS] += 1
            continue
        ids = (*source.encode(both[0]), source.end), (*target.encode(both[1]), target.end)
        if max(map(len, ids)) > longest + 1:
            made.left_out[f"with a side of more than {longest} pieces"] += 1
        else:
            made.examples.append(ids)
    return made


def batched(
    corpora: Sequence[Sequence[Example]], weights: Sequence[float], *, steps: int, size: int, seed: int
) -> list[list[Example]]:
    """Draw the batches of all steps: from the corpora by their weights, of like length, in a shuffled order."""
    drawn = mixed([len(corpus) for corpus in corpora], weights, steps * size, seed)
    draws = Random(f"{seed}:batches")  # noqa: S311  # nothing secret
    batches: list[list[Example]] = []
    for start in range(0, len(drawn), _SORTED_TOGETHER * size):
        some = [corpora[number][line] for number, line in drawn[start : start + _SORTED_TOGETHER * size]]
        some.sort(key=lambda example: (len(example[1]), len(example[0])))
        cut = [some[at : at + size] for at in range(0, len(some), size)]
        draws.shuffle(cut)
        batches += cut
    return batches


def collate(items: Sequence[Sequence[Example]]) -> dict[str, Tensor]:
    """Return what the twin takes of one batch: `source`, `mask` and `labels`; `items` is a list of one batch."""
    import torch

    from scalemt.training.bergamot.twin import IGNORED

    (batch,) = items

    def padded(side: int, filler: int) -> Tensor:
        longest = max(len(example[side]) for example in batch)
        rows = [[*example[side], *[filler] * (longest - len(example[side]))] for example in batch]
        return torch.tensor(rows, dtype=torch.long)

    source = padded(0, -1)
    return {"source": source.clamp(min=0), "mask": source >= 0, "labels": padded(1, IGNORED)}
