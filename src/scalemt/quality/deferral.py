"""Deferral: whether a drafted segment is worth a call of the generalist, from what is known before any call.

A cascade (Chen et al. 2023, "FrugalGPT"; Narasimhan et al. 2022, "Post-hoc estimators for learning to defer"):
the cheap model always answers, the dear one only where it is expected to gain most. With a budget b at most the
share b of all segments is put to the generalist. Calibrated, the expected gain is a ridge regression in chrF++
points; before calibration it is `worry`, a plain rule without a unit.

Features, each left out where it is not known:

confidence       mean word confidence, where at least half of the words have one
lowest           the lowest one, likewise
doubt            share of all words with a confidence below 0.5
unknown          share of all words with a confidence of 0, which rule-based specialists give to unknown words
score            log-probability of the draft, divided by its words (nats)
source length    natural logarithm of the characters of the source
length ratio     natural logarithm of the draft's characters over the source's
copied           share of the draft's words that the source holds too
repeated         share of the draft's words that stood in it before
failed           number of checks that the draft fails (quality/checks.py)
language         probability that the draft is in the target language (quality/language.py)
source language  probability that the source is in the source language
agreement        mean chrF of the further drafts shown against the first, 0 to 1
match            likeness of the source to the nearest demonstration, where they are chosen by nearness, 0 to 1
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scalemt import languages
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.language import MIN_LETTERS, identify
from scalemt.types import Decision, Demonstration, Draft, Pair

Features = Mapping[str, float]

STEPS = 20
"""A model knows the expected gains of its development set at this many even steps of the budget."""


@dataclass(frozen=True)
class Drafted:
    """What is known of one segment before the generalist is asked.

    Args:
        source: the text.
        drafts: those that a prompt shows; the first one's words tell of confidence.
        standing: the draft that can be the translation by itself; "" when there is none.
        pair: source and target.
        nearest: demonstrations that were chosen for their likeness; none when the list is fixed.
    """

    source: str
    drafts: Sequence[Draft]
    standing: str
    pair: Pair
    nearest: Sequence[Demonstration] = ()


def free_features(item: Drafted) -> dict[str, float]:
    """Return the features of a drafted segment by name; see the head of this module."""
    draft, words = item.standing, item.standing.split()
    found = {
        "source length": math.log(1 + len(item.source)),
        "length ratio": math.log((1 + len(draft)) / (1 + len(item.source))),
        "copied": _copied(words, item.source),
        "repeated": 1 - len({word.lower() for word in words}) / max(1, len(words)),
        "failed": float(sum(not check.passed for check in run_checks(Subject(item.source, draft, item.pair)))),
    }
    found |= _confidences(item.drafts[0]) if item.drafts else {}
    found |= _language("language", draft, item.pair.target)
    found |= _language("source language", item.source, item.pair.source)
    return found | _agreement(item.drafts) | _match(item.source, item.nearest)


def _copied(words: Sequence[str], source: str) -> float:
    known = {word.lower() for word in source.split()}
    return sum(word.lower() in known for word in words) / max(1, len(words))


def _confidences(draft: Draft) -> dict[str, float]:
    known = [word.confidence for word in draft.words if word.confidence is not None]
    count = len(draft.words)
    if not count:
        return {}
    found = {"doubt": sum(value < 0.5 for value in known) / count}
    found["unknown"] = sum(value == 0 for value in known) / count
    if draft.score is not None:
        found["score"] = draft.score / count
    # A rule-based specialist gives a number to unknown words alone: their mean says nothing of the others.
    if 2 * len(known) >= count:
        found |= {"confidence": sum(known) / len(known), "lowest": min(known)}
    return found


def _language(name: str, text: str, tag: str) -> dict[str, float]:
    if sum(character.isalpha() for character in text) < MIN_LETTERS:
        return {}
    code, known = languages.base(tag).split("-")[0], identify(text)
    return {name: known[code]} if code in known else {}


def _agreement(drafts: Sequence[Draft]) -> dict[str, float]:
    from scalemt.quality.evidence import chrf

    others = [chrf(other.text, drafts[0].text) for other in drafts[1:]]
    return {"agreement": sum(others) / len(others)} if others else {}


def _match(source: str, nearest: Sequence[Demonstration]) -> dict[str, float]:
    from rapidfuzz import fuzz

    likeness = [fuzz.ratio(source, shown.source) / 100 for shown in nearest]
    return {"match": max(likeness)} if likeness else {}


def worry(features: Features) -> float:
    """Return how doubtful a draft looks: the rule before calibration, without a unit.

    The share of words that are in doubt, plus what the mean confidence lacks to 1, plus 1 for each failed check.
    What is not known counts nothing.
    """
    lacking = 1 - features["confidence"] if "confidence" in features else 0.0
    return features.get("failed", 0.0) + features.get("doubt", 0.0) + lacking


@dataclass(frozen=True)
class DeferralModel:
    """The gain over the draft that is expected of asking the generalist and letting the gate decide.

    gain = bias + sum of weight x (feature - centre), in chrF++ points, over the features that are known. Without
    weights it is the mean gain: then the features told nothing on the development set.

    Args:
        weights, centres: by name of feature.
        bias: the mean gain of the development set.
        quantiles: the expected gains of the development set, highest first, at budgets 0, 1/20 … 1; 21 numbers.
    """

    weights: dict[str, float]
    centres: dict[str, float]
    bias: float
    quantiles: tuple[float, ...] = field(default=())

    def expected_gain(self, features: Features) -> float:
        """Return the expected gain in chrF++ points."""
        known = sorted(self.weights.keys() & features.keys())
        gain = self.bias + sum(self.weights[name] * (features[name] - self.centres[name]) for name in known)
        return gain if math.isfinite(gain) else self.bias

    def threshold(self, budget: float) -> float:
        """Return the expected gain that the share `budget` of the development set reached; linear in between."""
        if not self.quantiles:
            return -math.inf
        place = max(0.0, min(1.0, budget)) * (len(self.quantiles) - 1)
        low = int(place)
        high = min(low + 1, len(self.quantiles) - 1)
        return self.quantiles[low] + (place - low) * (self.quantiles[high] - self.quantiles[low])


@dataclass
class Account:
    """What one run has spent of its budget: segments seen and segments asked. Not to be shared by threads."""

    seen: int = 0
    asked: int = 0


@dataclass(frozen=True)
class Choice:
    """Whether one segment is put to the generalist, and why."""

    asked: bool
    reason: str

    @property
    def decision(self) -> Decision:
        """The same as a decision of the translation."""
        return Decision("deferral", "asked" if self.asked else "draft", self.reason)


@dataclass(frozen=True)
class Deferral:
    """Chooses, window by window, which segments are worth the generalist.

    At the end of each window no more than floor(budget x segments seen so far) have been asked. With a model, only
    those are asked that are expected to gain anything, and no less than the threshold of the budget: what a window
    of easy segments does not spend is left for later ones. A segment without a draft cannot be left to it: it is
    asked whatever the account says (unless the budget is 0), counts on it, and so takes the place of others.

    Args:
        budget: the largest share of segments, 0 to 1.
        model: from a calibration; None applies `worry`.
    """

    budget: float
    model: DeferralModel | None = None

    def choose(self, window: Sequence[Features | None], account: Account) -> list[Choice]:
        """Return one choice a segment, in order, and enter them into the account.

        Args:
            window: the features of each segment; None when it has no draft.
            account: of the run so far.
        """
        account.seen += len(window)
        gains = [None if item is None else self._gain(item) for item in window]
        undrafted = [index for index, gain in enumerate(gains) if gain is None and self.budget > 0]
        # Products such as 0.29 x 100 fall short of the whole number that is meant.
        left = math.floor(self.budget * account.seen + 1e-9) - account.asked - len(undrafted)
        worth = [(-gain, index) for index, gain in enumerate(gains) if gain is not None and self._is_worth(gain)]
        chosen = {index for _, index in sorted(worth)[: max(0, left)]} | set(undrafted)
        account.asked += len(chosen)
        return [Choice(index in chosen, self._why(gain, index in chosen)) for index, gain in enumerate(gains)]

    def _gain(self, features: Features) -> float:
        return self.model.expected_gain(features) if self.model else worry(features)

    def _is_worth(self, gain: float) -> bool:
        # Equal predictions must not fall on either side of a threshold by their last digit.
        return self.model is None or (gain > 0 and gain >= self.model.threshold(self.budget) - 1e-9)

    def _why(self, gain: float | None, asked: bool) -> str:
        share = f"budget {self.budget:.4g}"
        if gain is None:
            return f"there is no draft that could stand ({share})"
        if self.budget == 0:
            return "the budget is 0: no generalist is asked"
        told = f"expected gain {gain:+.1f} chrF++" if self.model else f"doubt {gain:.2f} (not calibrated)"
        if asked:
            return f"{told} is worth a call ({share})"
        if self.model and gain <= 0:
            return f"{told}: nothing to gain"
        if self.model and not self._is_worth(gain):
            return f"{told} is below the {self.model.threshold(self.budget):+.1f} that is due at {share}"
        return f"{told} is not among the greatest that {share} leaves room for"
