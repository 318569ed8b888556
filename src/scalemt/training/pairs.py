"""Pairs to train and measure on: read in the direction that is wanted, drawn by a seed, masked as models see them.

Mixed fine-tuning (Chu et al. 2017, "An Empirical Comparison of Domain Adaptation Methods for Neural Machine
Translation", section 3.3) draws from several corpora by their weights: `mixed`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from scalemt.data.reading import Source, read
from scalemt.errors import InputError
from scalemt.memory.exchange.base import near
from scalemt.memory.units import Unit, swap
from scalemt.specialists.drafting import recorded
from scalemt.text.masking import mask
from scalemt.text.protection import protect
from scalemt.text.spans import rewrite
from scalemt.types import Draft, Pair, Segment

OTHER_LANGUAGES = "of other languages"
TESTED = "with a side that dev or general holds"
LOST_SPANS = "whose target lacks a tag or placeholder"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Sources and targets of one corpus, line by line.

    Args:
        name: what it is called.
        sources, targets: the texts.
        weight: how often it is drawn from, against the weights of the others.
        digest: SHA-256 (hexadecimal) of the texts.
        passed_over: what was read and is not here, by the reason.
    """

    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    weight: float = 1.0
    digest: str = ""
    passed_over: Counter[str] | None = None

    def __len__(self) -> int:
        return len(self.sources)

    def as_json(self) -> dict[str, object]:
        """Return what a model card says of it."""
        told: dict[str, object] = {"pairs": len(self), "sha256": self.digest[:16]}
        return told | ({"passed over": dict(self.passed_over)} if self.passed_over else {})


def read_pairs(
    source: Source, pair: Pair, *, fraction: float = 1.0, lines: int = 0, seed: int = 0, weight: float = 1.0
) -> Pairs:
    """Read the pairs of an input in a direction.

    Args:
        source: what to read; where it holds the direction the other way round, the sides are swapped.
        pair: the direction.
        fraction: share of the pairs to draw by the seed; a smaller share is part of a larger one.
        lines: at most so many are drawn; 0 is all.
        seed: of what is drawn.
        weight: of the corpus.

    Raises:
        InputError: it cannot be read, or holds nothing in that direction; the message says what it holds.
    """
    passed: Counter[str] = Counter()
    units = list(in_direction(read(_told(source, pair), passed), pair, passed))
    if not units:
        why = "; ".join(f"{count:,} {reason}" for reason, count in passed.items()) or "it is empty"
        raise InputError(f"{', '.join(source.files)} holds no pair for {pair}: {why}.")
    return pairs_of(source.shown, _drawn(units, fraction, lines, seed), weight, passed)


def pairs_of(name: str, units: Sequence[Unit], weight: float = 1.0, passed: Counter[str] | None = None) -> Pairs:
    """Return units as pairs."""
    sources, targets = tuple(unit.source for unit in units), tuple(unit.target for unit in units)
    return Pairs(name, sources, targets, weight, _digest(zip(sources, targets, strict=True)), passed)


def without(pairs: Pairs, tested: Iterable[Pairs]) -> Pairs:
    """Return the pairs of which no test set holds a side, whatever its case and spaces; the others are counted."""
    known = {_key(text) for test in tested for text in (*test.sources, *test.targets)}
    rows = zip(pairs.sources, pairs.targets, strict=True)
    kept = [row for row in rows if not known & {_key(row[0]), _key(row[1])}]
    if len(kept) == len(pairs):
        return pairs
    passed = Counter(pairs.passed_over or {}) + Counter({TESTED: len(pairs) - len(kept)})
    sources, targets = tuple(row[0] for row in kept), tuple(row[1] for row in kept)
    return replace(pairs, sources=sources, targets=targets, digest=_digest(kept), passed_over=passed)


def masked(source: str, target: str, style: str) -> tuple[str, str] | None:
    """Return a pair with the masks that stand for its protected spans when the model is used.

    Args:
        source, target: the texts.
        style: of the masks, as the specialist names it.

    Returns:
        None where the target does not hold every span of the source.
    """
    segment = protect(Segment(source))
    if not segment.spans:
        return source, target
    made = recorded(segment, Draft(target))
    if len(made.spans) != len(segment.spans) or any(
        repair.startswith("could not be kept") for repair in made.repairs
    ):
        return None
    hidden = mask(segment, style)
    text, _ = rewrite(made.text, made.spans, lambda span, held: hidden.tokens.get(span.key, held))
    return hidden.text, text


def mixed(sizes: Sequence[int], weights: Sequence[float], count: int, seed: int) -> list[tuple[int, int]]:
    """Draw `count` examples as (corpus, line): the corpus by its weight, its lines in turns, each turn shuffled.

    Args:
        sizes: lines of each corpus.
        weights: of each corpus; one without lines is not drawn.
        count: how many.
        seed: the same seed draws the same.
    """
    draws = Random(f"{seed}:mixed")  # noqa: S311  # nothing secret
    open_ = [number for number, size in enumerate(sizes) if size]
    turns = {number: _turns(sizes[number], f"{seed}:{number}") for number in open_}
    chosen = draws.choices(open_, [weights[number] for number in open_], k=count)
    return [(number, next(turns[number])) for number in chosen]


def _turns(size: int, seed: str) -> Iterator[int]:
    draws = Random(seed)  # noqa: S311
    order = list(range(size))
    while True:
        draws.shuffle(order)
        yield from order


def _told(source: Source, pair: Pair) -> Source:
    """Say the languages of the direction where the input says none."""
    if source.source or source.target or source.is_memory:
        return source
    return replace(source, source=pair.source, target=pair.target)


def in_direction(units: Iterable[Unit], pair: Pair, passed: Counter[str] | None = None) -> Iterator[Unit]:
    """Yield units in a direction, swapped where they are of the other one; others are counted in `passed`."""
    for unit in units:
        if _fits(unit.pair, pair):
            yield unit
        elif _fits(unit.pair.reversed, pair):
            yield swap(unit)
        elif passed is not None:
            passed[OTHER_LANGUAGES] += 1


def _fits(told: Pair, wanted: Pair) -> bool:
    return all(near(one, other) for one, other in zip(told, wanted, strict=True))


def _drawn(units: Sequence[Unit], fraction: float, lines: int, seed: int) -> list[Unit]:
    """Draw by a number that each place has from the seed, so that smaller draws are part of larger ones."""
    count = max(1, round(len(units) * fraction)) if fraction < 1 else len(units)
    count = min(count, lines) if lines else count
    if count == len(units):
        return list(units)
    draws = Random(f"{seed}:drawn")  # noqa: S311
    ranked = sorted(range(len(units)), key=[draws.random() for _ in units].__getitem__)
    return [units[number] for number in sorted(ranked[:count])]


def _key(text: str) -> str:
    return " ".join(text.casefold().split())


def _digest(rows: Iterable[Collection[str]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(("\t".join(row) + "\n").encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
