"""What a specialist is, and the base class that owns validation, order and empty texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from scalemt.errors import NoRoadError, SpecialistError
from scalemt.types import Draft, Likelihood, Pair, SpanKind


@dataclass(frozen=True, slots=True)
class DraftOptions:
    """How a specialist decodes.

    Args:
        beam: beam width of the single best draft (1 is greedy). Ignored when sampling.
        temperature, top_k: the sampler used when several drafts are asked for; `top_k=0` samples
            from the whole vocabulary.
        seed: makes sampled drafts repeatable.
        max_ratio: most output tokens for each input token, as a guard against endless output.
    """

    beam: int = 1
    temperature: float = 1.0
    top_k: int = 50
    seed: int = 0
    max_ratio: float = 3.0


@runtime_checkable
class Specialist(Protocol):
    """A backend that drafts.

    `name` is the kind; `signature` says everything that can change a draft (model, its hash, settings).
    """

    name: str

    @property
    def signature(self) -> str:
        """One token without spaces that says what produces the drafts."""
        ...

    def signature_for(self, pair: Pair) -> str:
        """The same for one pair: a change elsewhere in the backend leaves it as it is."""
        ...

    def pairs(self) -> list[Pair]:
        """The directions that can be drafted now. Empty when that cannot be listed (remote, recorded)."""
        ...

    def supports(self, pair: Pair) -> bool:
        """Whether `draft` takes this pair."""
        ...

    def draft(self, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        """Draft each text; see `BaseSpecialist.draft`."""
        ...


@runtime_checkable
class ScoringSpecialist(Specialist, Protocol):
    """A specialist that can tell how probable a given target is (forced decoding)."""

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        """The likelihood of `targets[i]` given `sources[i]`."""
        ...


class BaseSpecialist(ABC):
    """Owns what every specialist needs: the pair is checked, empty texts stay empty, counts must match.

    A subclass sets `name` and implements `signature`, `pairs` and `_draft`. How it carries protected spans is told
    by `mask` and `second_mask`, the form that survives best and the one for a second try (keys of
    `scalemt.text.masking.STYLES`), and `left_out`, the kinds that are not shown to it at all and put in by word
    alignment. `single_sentence` says that it was trained on sentences and drops some of several.
    """

    name: str
    mask: str = "bracket"
    second_mask: str = "word"
    left_out: frozenset[SpanKind] = frozenset()
    single_sentence: bool = False

    @property
    @abstractmethod
    def signature(self) -> str:
        """One token without spaces that says what produces the drafts (model, hash, settings)."""

    def signature_for(self, pair: Pair) -> str:
        """Return the signature of what drafts one pair; by default that of the whole specialist."""
        return self.signature

    def cache_key(self, pair: Pair) -> str:
        """Return everything that can change the drafts and scores of one pair, "" if they must not be kept.

        By default the signature. A specialist whose signature leaves something out (a tokenizer beside the
        weights, the version of a library) adds it here; what changes the time alone does not belong into it. It
        is asked for anew at each call, so that a file that was replaced is noticed; no model may be loaded for it.
        """
        return self.signature_for(pair)

    @abstractmethod
    def pairs(self) -> list[Pair]:
        """The directions that can be drafted now, as canonical tags."""

    def supports(self, pair: Pair) -> bool:
        """Whether `draft` takes this pair; by default, whether `pairs` has it, territory aside."""
        return self.resolve(pair) is not None

    def resolve(self, pair: Pair) -> Pair | None:
        """Return the installed pair that serves `pair`: itself, or the same without territories."""
        from scalemt.languages import base

        available = set(self.pairs())
        source, target = pair
        for candidate in (
            pair,
            Pair(base(source), target),
            Pair(source, base(target)),
            Pair(base(source), base(target)),
        ):
            if candidate in available:
                return candidate
        return None

    def draft(self, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        """Draft each text `n` times.

        Args:
            texts: N source texts without line breaks.
            pair: canonical source and target tag.
            n: 1 for the best draft; more for that many sampled drafts (SCALE's multi-path, Z = {z1 … zm}).

        Returns:
            N lists of `n` drafts, in the order of `texts`. An empty text gets empty drafts.

        Raises:
            NoRoadError: the specialist does not cover the pair.
            SpecialistError: the backend failed or returned another count than it was given.
        """
        if n < 1:
            raise SpecialistError(f"{self.name} was asked for {n} drafts a text; ask for at least 1.")
        if not self.supports(pair):
            raise NoRoadError(self._no_road(pair))
        filled = [index for index, text in enumerate(texts) if text.strip()]
        empty = Draft("", engine=self.name, language=pair.target)
        result = [[empty] * n for _ in texts]
        if filled:
            drafted = self._draft([texts[index] for index in filled], pair, n)
            self._check_counts(drafted, len(filled), n)
            for index, drafts in zip(filled, drafted, strict=True):
                result[index] = drafts
        return result

    def _no_road(self, pair: Pair) -> str:
        covered = ", ".join(sorted(str(known) for known in self.pairs())) or "none"
        return f"{self.name} does not cover {pair}. Pairs it covers here: {covered}."

    def _check_counts(self, drafted: list[list[Draft]], count: int, n: int) -> None:
        if len(drafted) != count or any(len(drafts) != n for drafts in drafted):
            counts = sorted({len(drafts) for drafts in drafted})
            raise SpecialistError(
                f"{self.name} returned {len(drafted)} lists of {counts} drafts for {count} texts x {n}."
            )

    @abstractmethod
    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        """Draft N non-empty texts `n` times each, in order; the pair is known to be supported."""
