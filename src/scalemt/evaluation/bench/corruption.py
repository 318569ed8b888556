"""Drafts made worse on purpose, to see how far a refinement depends on them.

SCALE (Cheng et al., Findings of ACL 2024, ablations) weakens the draft by taking a weaker specialist; here errors
of a known rate are put into the drafts of the same one, so that nothing else changes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from scalemt.specialists import BaseSpecialist, Specialist
from scalemt.specialists.base import ScoringSpecialist
from scalemt.specialists.drafting import setting
from scalemt.types import Draft, Likelihood, Pair, Word

POOL = 50
"""How many drafts of a test set substitutes are taken from: the first ones, so that a longer run changes none."""


@dataclass(frozen=True)
class Corruption:
    """What is done to drafts.

    Args:
        rate: the share of words, in [0, 1], that are deleted, swapped with the next one, or substituted.
        shuffled: whether the confidences of a draft are dealt out to its words anew.
        seed: makes it repeatable.
    """

    rate: float = 0.0
    shuffled: bool = False
    seed: int = 0

    def apply(self, draft: Draft, vocabulary: Sequence[str], salt: str) -> Draft:
        """Return the draft with errors; those at a lower rate are a part of those at a higher one.

        Confidences stay with the place of a substituted word, go with a swapped one and with a deleted one.

        Args:
            draft: what a specialist made.
            vocabulary: words of other drafts, which substitutes are drawn from; empty leaves words as they are.
            salt: tells this draft from others, so that not all have their errors in the same places.
        """
        dice = random.Random(f"{self.seed}|{salt}")  # noqa: S311  # no secret
        units, joint = _units(draft)
        units = self._worsened(units, vocabulary, dice)
        if self.shuffled:
            confidences = [unit.confidence for unit in units]
            # A die of its own: how many were thrown before depends on nothing but the number of words.
            random.Random(f"{self.seed}|{salt}|order").shuffle(confidences)  # noqa: S311
            units = [Word(unit.text, value) for unit, value in zip(units, confidences, strict=True)]
        text = joint.join(unit.text for unit in units)
        return replace(draft, text=text, words=_words(units, joint, text), score=None, alignment=())

    def _worsened(self, units: list[Word], vocabulary: Sequence[str], dice: random.Random) -> list[Word]:
        result: list[Word] = []
        swapped = False
        for unit in units:
            # The same dice are thrown for every word whatever becomes of it, or rates would not be nested.
            thrown, kind, pick = dice.random(), dice.choice(("delete", "swap", "substitute")), dice.random()
            hit = thrown < self.rate
            if hit and kind == "delete":
                continue
            if hit and kind == "substitute" and vocabulary:
                unit = Word(vocabulary[int(pick * len(vocabulary))], unit.confidence)  # noqa: PLW2901
            if swapped and result:
                result.insert(-1, unit)
            else:
                result.append(unit)
            swapped = hit and kind == "swap"
        return result or units[:1]

    def __str__(self) -> str:
        return f"rate:{self.rate:g},shuffled:{'yes' if self.shuffled else 'no'},seed:{self.seed}"


def _units(draft: Draft) -> tuple[list[Word], str]:
    """Return what can be deleted or swapped, and what joins it: words, or characters where nothing parts words."""
    words = list(draft.words) or [Word(text) for text in draft.text.split()]
    if len(words) == 1 and len(words[0].text) > 12:
        return [Word(character, words[0].confidence) for character in words[0].text], ""
    return words, " "


def _words(units: Sequence[Word], joint: str, text: str) -> tuple[Word, ...]:
    if joint or not units:
        return tuple(units)
    return (Word(text, units[0].confidence),)


class CorruptedSpecialist(BaseSpecialist):
    """A specialist whose drafts of one pair are made worse, those of demonstrations included.

    Other pairs stay as they are: the gate asks the same specialist for round trips.

    Args:
        inner: what drafts.
        pair: the direction that is made worse.
        corruption: how.
        sources: texts whose drafts lend their words as substitutes; the first `POOL` are used.
    """

    def __init__(self, inner: Specialist, pair: Pair, corruption: Corruption, sources: Sequence[str]) -> None:
        self.name = inner.name
        self.mask = setting(inner, "mask", self.mask)
        self.second_mask = setting(inner, "second_mask", self.second_mask)
        self.left_out = setting(inner, "left_out", self.left_out)
        self.single_sentence = setting(inner, "single_sentence", self.single_sentence)
        self._inner = inner
        self._pair = pair
        self._corruption = corruption
        self._sources = [text for text in sources[:POOL] if text.strip()]
        self._vocabulary: list[str] | None = None

    @property
    def signature(self) -> str:
        """That of the inner one, with what is done to its drafts and a hash of where substitutes come from."""
        return self._signed(self._inner.signature)

    def signature_for(self, pair: Pair) -> str:
        """The same for one pair."""
        inner = self._inner.signature_for(pair)
        return self._signed(inner) if pair == self._pair else inner

    def _signed(self, inner: str) -> str:
        pool = sha256("\n".join(self._sources).encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"corrupted[{self._corruption},pool:{pool}]({inner})"

    def pairs(self) -> list[Pair]:
        """Those of the inner one."""
        return self._inner.pairs()

    def supports(self, pair: Pair) -> bool:
        """Whether the inner one takes the pair."""
        return self._inner.supports(pair)

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        made = self._inner.draft(texts, pair, n)
        if pair != self._pair:
            return made
        return [
            [self._worse(draft, f"{path}|{text}") for path, draft in enumerate(drafts)]
            for text, drafts in zip(texts, made, strict=True)
        ]

    def _worse(self, draft: Draft, salt: str) -> Draft:
        own = {word.text for word in draft.words}
        vocabulary = [word for word in self._words() if word not in own] if self._corruption.rate else []
        return self._corruption.apply(draft, vocabulary, salt)

    def _words(self) -> list[str]:
        if self._vocabulary is None:
            drafts = self._inner.draft(self._sources, self._pair) if self._sources else []
            self._vocabulary = [unit.text for row in drafts for unit in _units(row[0])[0]]
        return self._vocabulary


class ScoringCorruptedSpecialist(CorruptedSpecialist):
    """The same over a specialist that can score; what it thinks of a text does not change."""

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        """Return what the inner specialist returns."""
        assert isinstance(self._inner, ScoringSpecialist)  # noqa: S101  # `corrupted` has looked
        return self._inner.score(sources, targets, pair)


def corrupted(
    inner: Specialist, pair: Pair, corruption: Corruption, sources: Sequence[str]
) -> CorruptedSpecialist:
    """Return a specialist with worse drafts that can do what the inner one can."""
    kind = ScoringCorruptedSpecialist if isinstance(inner, ScoringSpecialist) else CorruptedSpecialist
    return kind(inner, pair, corruption, sources)
