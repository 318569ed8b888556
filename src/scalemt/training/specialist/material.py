"""What a specialist is trained on: read, filtered, masked, cut into tokens; what is left out is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scalemt.data import Cleaning, clean
from scalemt.data.reading import Source
from scalemt.errors import InputError, ModelError
from scalemt.fingerprint import file_digest
from scalemt.specialists.base import BaseSpecialist
from scalemt.training.pairs import LOST_SPANS, Pairs, masked, read_pairs, without
from scalemt.training.specialist.codec import Codec
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.tables import Corpus

LONG = "with a side that has too many tokens"

_MOST_UNKNOWN = 0.2  # share of unknown tokens from which a tokenizer is said not to fit the corpus


@dataclass(frozen=True, slots=True)
class Material:
    """Corpora and dev of a training, as texts.

    Args:
        corpora: as they are trained on: filtered, masked.
        dev: as it is measured on.
        told: what a card says of them.
    """

    corpora: tuple[Pairs, ...]
    dev: Pairs
    told: dict[str, Any] = field(default_factory=dict)


def read_material(recipe: Recipe, work: Path, note: Callable[[str], object] = lambda text: None) -> Material:
    """Read what a recipe names; filtered corpora are kept in the work folder.

    Args:
        recipe: see there.
        work: the work folder.
        note: is told what takes a while.

    Raises:
        InputError: something cannot be read, or nothing is left; the message says what took how much.
    """
    dev = read_pairs(recipe.dev.as_source(recipe.pair), recipe.pair, lines=recipe.dev.lines, seed=recipe.seed)
    told: dict[str, Any] = {"dev": dev.as_json() | _files(recipe.dev.files)}
    corpora = []
    for number, corpus in enumerate(recipe.corpora):
        source, card = _cleaned(recipe, corpus, work / "clean", number, note)
        pairs = read_pairs(source, recipe.pair, fraction=corpus.fraction, seed=recipe.seed, weight=corpus.weight)
        pairs = without(replace(pairs, name=corpus.as_source(recipe.pair).shown), [dev])
        pairs = _masked(pairs) if recipe.training.masks else pairs
        if not pairs.sources:
            raise InputError(f"Nothing of {', '.join(corpus.files)} is left to train on: {_taken(pairs)}.")
        corpora.append(pairs)
        share = {"fraction": corpus.fraction, "weight": corpus.weight}
        told[f"corpus {number + 1}"] = {"name": pairs.name} | pairs.as_json() | share | _files(corpus.files) | card
    return Material(tuple(corpora), dev, told)


def _files(files: Sequence[str]) -> dict[str, Any]:
    return {"files": {Path(file).name: f"sha256:{file_digest(Path(file))[:16]}" for file in files}}


def _cleaned(
    recipe: Recipe, corpus: Corpus, folder: Path, number: int, note: Callable[[str], object]
) -> tuple[Source, dict[str, Any]]:
    """Put a corpus through the recipe's chain; return what to read, and what the chain dropped."""
    source = corpus.as_source(recipe.pair)
    steps = recipe.filters()
    if not steps:
        return source, {}
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"corpus-{number + 1}.tsv"
    note(f"Filtering {source.shown} …")
    card = clean(Cleaning((source,), steps, recipe.seed), output, workers=1, fresh=False)
    dropped = {step.name: f"{step.dropped:,} of {step.seen:,}" for step in card.steps}
    return Source((str(output),), source.source, source.target), {"filters dropped": dropped}


def _masked(pairs: Pairs) -> Pairs:
    """Return pairs as a specialist is shown them, without those whose target lacks a span of its source."""
    rows = zip(pairs.sources, pairs.targets, strict=True)
    made = [masked(source, target, BaseSpecialist.mask) for source, target in rows]
    kept = [row for row in made if row is not None]
    passed = Counter(pairs.passed_over or {})
    if len(kept) < len(made):
        passed[LOST_SPANS] += len(made) - len(kept)
    sources, targets = tuple(row[0] for row in kept), tuple(row[1] for row in kept)
    return replace(pairs, sources=sources, targets=targets, passed_over=passed)


def _taken(pairs: Pairs) -> str:
    told = [f"{count:,} {reason}" for reason, count in (pairs.passed_over or {}).items()]
    return "; ".join(told) or "it is empty"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A corpus as ids.

    Args:
        sources: encoder ids of each pair.
        targets: ids that should be put out.
        kept: the line of each pair in the texts.
    """

    sources: list[list[int]]
    targets: list[list[int]]
    kept: list[int]

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> list[int]:
        """Tokens of the longer side of each pair."""
        return [max(len(one), len(other)) for one, other in zip(self.sources, self.targets, strict=True)]

    @property
    def tokens(self) -> int:
        """Target tokens."""
        return sum(map(len, self.targets))


def encode(pairs: Pairs, codec: Codec, longest: int) -> Encoded:
    """Cut a corpus into ids; pairs with a side longer than `longest` tokens are left out, and counted.

    Raises:
        InputError: no pair is short enough.
        ModelError: the tokenizer does not know much of the corpus.
    """
    sources, targets, kept, unknown, tokens = [], [], [], 0, 0
    for number, (source, target) in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        ids = codec.source(source), codec.target(target)
        unknown += sum(map(codec.unknown, ids))
        tokens += sum(map(len, ids))
        if max(map(len, ids)) <= longest:
            sources.append(ids[0])
            targets.append(ids[1])
            kept.append(number)
    if unknown > _MOST_UNKNOWN * tokens:
        raise ModelError(
            f"The tokenizer in {codec.folder} does not fit {pairs.name}: {unknown / tokens:.0%} of its tokens are "
            "unknown to it. Take a model of these languages, or leave `base` out to train one from scratch."
        )
    if len(kept) < len(pairs) and pairs.passed_over is not None:
        pairs.passed_over[LONG] = len(pairs) - len(kept)
    if not kept:
        raise InputError(
            f"Nothing of {pairs.name} is left to train on: {_taken(pairs)}. `longest` is {longest} tokens."
        )
    return Encoded(sources, targets, kept)
