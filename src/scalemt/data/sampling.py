"""A part of a corpus: a stratified sample, and Strategic Downsampling of multi-way data."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Literal

from scalemt.data.reading import place_of
from scalemt.data.shingles import shape
from scalemt.errors import UsageError
from scalemt.languages import base
from scalemt.memory.units import Unit, digest, swap

Stratum = Literal["pair", "length", "file", "origin", "domain"]
STRATA: tuple[Stratum, ...] = ("pair", "length", "file", "origin", "domain")
Units = Callable[[], Iterable[Unit]]

_LENGTHS = (4, 9, 19, 39)  # words of a source up to which it is of a class: labels, phrases, sentences, long ones


def stratum_of(unit: Unit, by: Sequence[Stratum]) -> tuple[str, ...]:
    """Return the stratum of a unit: a value for each of the properties."""
    file, _, own = place_of(unit)
    words = len(unit.source.split())
    length = next((f"up to {most} words" for most in _LENGTHS if words <= most), f"over {_LENGTHS[-1]} words")
    told = {"pair": str(unit.pair), "length": length, "file": file, "origin": own or file, "domain": unit.domain}
    return tuple(told[name] for name in by)


def quotas(counts: dict[tuple[str, ...], int], size: int, temperature: float = 1.0) -> dict[tuple[str, ...], int]:
    """Return how many to draw of each stratum; together `size`, or all where there are fewer.

    Args:
        counts: units of each stratum.
        size: of the sample.
        temperature: strata get shares by count to the power 1/T (Arivazhagan et al. 2019, arXiv 1907.05019): 1 is
            proportional, infinity the same for each. What a small stratum cannot give goes to the others.
    """
    left, made = min(size, sum(counts.values())), dict.fromkeys(counts, 0)
    open_ = {name: count for name, count in counts.items() if count}
    power = 0.0 if temperature == inf else 1 / temperature
    while left and open_:
        weights = {name: counts[name] ** power for name in open_}
        total = sum(weights.values())
        full = [name for name in open_ if left * weights[name] / total >= open_[name]]
        if not full:
            made.update(_rounded({name: left * weights[name] / total for name in open_}, left))
            break
        for name in full:
            made[name] = open_.pop(name)
            left -= made[name]
    return made


def _rounded(shares: dict[tuple[str, ...], float], total: int) -> dict[tuple[str, ...], int]:
    """Round shares so that their sum stays: the largest remainders are rounded up."""
    made = {name: int(share) for name, share in shares.items()}
    order = sorted(shares, key=lambda name: (made[name] - shares[name], name))
    for name in order[: total - sum(made.values())]:
        made[name] += 1
    return made


@dataclass
class Sample:
    """Which units of a corpus are drawn.

    Args:
        strata: units of each stratum, and how many of them are drawn.
        by: the properties that make strata.
        seed: of the draw.
    """

    strata: dict[tuple[str, ...], tuple[int, int]]
    by: tuple[Stratum, ...]
    seed: int

    @property
    def size(self) -> int:
        """How many units are drawn."""
        return sum(drawn for _, drawn in self.strata.values())

    def drawn(self, units: Units) -> Iterator[Unit]:
        """Yield the units that are drawn, in order; each of a stratum is as likely as any other (Knuth's S)."""
        draws = {name: Random(f"{self.seed}:{name}") for name in self.strata}  # noqa: S311  # nothing secret
        left = {name: list(numbers) for name, numbers in self.strata.items()}
        for unit in units():
            name = stratum_of(unit, self.by)
            numbers = left[name]
            if draws[name].random() * numbers[0] < numbers[1]:
                numbers[1] -= 1
                yield unit
            numbers[0] -= 1


def plan_sample(
    units: Units, size: int, *, by: Sequence[Stratum] = ("length",), temperature: float = 1.0, seed: int = 0
) -> Sample:
    """Count the strata of a corpus, and say how many of each are drawn; see `quotas`.

    Raises:
        UsageError: a size below 1, a temperature below 1, or nothing to draw from.
    """
    if size < 1 or temperature < 1:
        raise UsageError(f"A sample needs a size and a temperature of 1 or more, not {size} and {temperature:g}.")
    counts = Counter(stratum_of(unit, by) for unit in units())
    if not counts:
        raise UsageError("The corpus has no pairs: there is nothing to draw from.")
    drawn = quotas(counts, size, temperature)
    return Sample({name: (count, drawn[name]) for name, count in sorted(counts.items())}, tuple(by), seed)


@dataclass
class Downsampling:
    """Strategic Downsampling (LMT, "Beyond English", arXiv 2511.07003): fewer examples into the pivot.

    Where one sentence of a pivot language is the target of dozens of sources, models learn targets by heart and
    collapse into the pivot ("directional degeneration"). All of pivot -> X is kept; of X -> pivot, of the
    multi-way part alone, each example is kept by itself with a probability of 5 %, where the paper's curve has its
    peak.

    The paper and its appendices tell the rule, the 5 %, and that the rest is untouched; no training code is
    published. They build their multi-way part of corpora that are known to be so; how it is to be told in a mixed
    corpus was not read. Decided here: an example belongs to it when its pivot sentence, but for case and spaces,
    stands beside sentences of `languages` or more other languages in this corpus; the coin is the
    hash of the example and the seed, so that order and growth of a corpus change no toss; with several pivots, as
    English and Chinese, an example between two of them is kept, for both of its sides are pivots.

    Args:
        pivots: canonical tags; territories do not matter.
        keep: probability of the examples into a pivot.
        languages: see above.
        both: make an example of each direction of each pair first, as multi-way corpora are used.
        seed: of the coin.
    """

    pivots: tuple[str, ...]
    keep: float = 0.05
    languages: int = 2
    both: bool = False
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    sources: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.pivots or not 0 <= self.keep <= 1 or self.languages < 2:
            raise UsageError(
                "Downsampling needs a pivot language, a share to keep from 0 to 1, and 2 languages or more that "
                f"make a sentence multi-way; found {', '.join(self.pivots) or 'no pivot'}, {self.keep:g} and "
                f"{self.languages}."
            )
        self._pivots = frozenset(base(tag) for tag in self.pivots)

    def kept(self, units: Units) -> Iterator[Unit]:
        """Yield the examples that are kept, in order; then `counts` and `sources` (for one target) are filled.

        Memory: a number and a small set for each sentence of a pivot.
        """
        beside = self._beside(units)
        before: Counter[int] = Counter()
        after: Counter[int] = Counter()
        for unit in self._examples(units):
            kind = self._kind(unit, beside)
            self.counts[f"{kind} read"] += 1
            into = digest(shape(unit.target)) if kind in ("into pivot, multi-way", "into pivot, other") else None
            if into is not None:
                before[into] += 1
            if kind == "into pivot, multi-way" and not self._heads(unit):
                continue
            self.counts[f"{kind} kept"] += 1
            if into is not None:
                after[into] += 1
            yield unit
        self.sources = {name: found.total() / max(1, len(found)) for name, found in
                        (("before", before), ("after", after))}  # fmt: skip

    def _beside(self, units: Units) -> dict[int, set[str]]:
        """Return, for each sentence of a pivot, the other languages that it stands beside."""
        found: defaultdict[int, set[str]] = defaultdict(set)
        for unit in units():
            source, target = base(unit.pair.source), base(unit.pair.target)
            for text, tag, other in ((unit.source, source, target), (unit.target, target, source)):
                if tag in self._pivots and other not in self._pivots:
                    found[digest(shape(text))].add(other)
        return found

    def _examples(self, units: Units) -> Iterator[Unit]:
        for unit in units():
            yield unit
            if self.both:
                yield swap(unit)

    def _kind(self, unit: Unit, beside: dict[int, set[str]]) -> str:
        source, target = base(unit.pair.source) in self._pivots, base(unit.pair.target) in self._pivots
        if source == target:
            return "between pivots" if source else "without pivot"
        if source:
            return "out of pivot"
        multi = len(beside[digest(shape(unit.target))]) >= self.languages
        return f"into pivot, {'multi-way' if multi else 'other'}"

    def _heads(self, unit: Unit) -> bool:
        return digest(f"{self.seed}\x00{unit.pair}\x00{unit.source}\x00{unit.target}") < self.keep * 2**63
