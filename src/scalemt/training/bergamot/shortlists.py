"""Does the shortlist allow what was learnt? How much of a corpus it cuts off, and how it is extended.

A student scores only the target tokens on the list of its source. A term that the corpus translates otherwise than
the list was made for can be learnt and still never be written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scalemt.specialists.bergamot.shortlist import I64, Shortlist
from scalemt.training.bergamot.examples import Example

_SEEN = 2  # sentences that must agree before a token is added: one may be a slip
_SHARE = 0.02  # of the sentences of a source token in which the target token stands beside it
_MOST = 30  # tokens added to one source token


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a shortlist cuts off of a corpus: so many of its target tokens, in so many of its pairs."""

    cut: int
    tokens: int
    pairs: int
    total: int

    def as_json(self) -> dict[str, float]:
        """Return it as shares."""
        return {
            "tokens cut off": round(self.cut / max(self.tokens, 1), 6),
            "pairs with such a token": round(self.pairs / max(self.total, 1), 6),
        }


def coverage(shortlist: Shortlist, examples: Iterable[Example]) -> Coverage:
    """Count the target tokens of a corpus that the shortlist of their source does not hold."""
    cut = tokens = pairs = total = 0
    for source, target in examples:
        missing = len(_missing(shortlist, source, target))
        cut, tokens = cut + missing, tokens + len(target)
        pairs, total = pairs + bool(missing), total + 1
    return Coverage(cut, tokens, pairs, total)


def extended(shortlist: Shortlist, corpora: Sequence[Sequence[Example]]) -> tuple[Shortlist, int]:
    """Return the shortlist with what the corpora need, and how many entries were added.

    A cut-off target token is added to the source token with which it is seen most exclusively (the Dice
    coefficient of the sentences that hold them), if two sentences say so.
    """
    examples = [example for corpus in corpora for example in corpus]
    lacking = [_missing(shortlist, source, target) for source, target in examples]
    wanted = {token for tokens in lacking for token in tokens}
    together: Counter[tuple[int, int]] = Counter()
    sources: Counter[int] = Counter()
    targets: Counter[int] = Counter()
    for source, target in examples:
        kept = wanted.intersection(target)
        sources.update(set(source))
        targets.update(kept)
        together.update((one, other) for one in set(source) for other in kept)
    added: dict[int, set[int]] = {}
    for (source, _), tokens in zip(examples, lacking, strict=True):
        for token in tokens:
            one = max(set(source), key=lambda one: (together[one, token] / (sources[one] + targets[token]), -one))
            if together[one, token] >= max(_SEEN, _SHARE * sources[one]):
                added.setdefault(one, set()).add(token)
    return _with(shortlist, added)


def _missing(shortlist: Shortlist, source: Sequence[int], target: Sequence[int]) -> list[int]:
    allowed = shortlist.candidates(source)
    return [token for token in dict.fromkeys(target) if not _holds(allowed, token)]


def _holds(allowed: I64, token: int) -> bool:
    place = int(np.searchsorted(allowed, token))
    return place < len(allowed) and int(allowed[place]) == token


def _with(shortlist: Shortlist, added: dict[int, set[int]]) -> tuple[Shortlist, int]:
    count = max([len(shortlist.offsets) - 1, *(token + 1 for token in added)])
    lists, total = [], 0
    for token in range(count):
        known = (
            shortlist.targets[shortlist.offsets[token] : shortlist.offsets[token + 1]].tolist()
            if token + 1 < len(shortlist.offsets)
            else []
        )
        new = sorted(added.get(token, set()) - set(known))[:_MOST]
        total += len(new)
        lists.append([*known, *new])
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    targets = np.asarray([token for one in lists for token in one], dtype=np.int64)
    return replace(shortlist, offsets=offsets, targets=targets), total
