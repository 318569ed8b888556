"""Choose method, shots and gate for one pair by trying them on a development set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scalemt.config import Configuration, Profile
from scalemt.engine.assembly import Plan
from scalemt.engine.backends import build_method
from scalemt.engine.calibrating_deferral import Learnt, learn, text_of
from scalemt.engine.core import Engine
from scalemt.engine.running import Progress
from scalemt.errors import ConfigurationError
from scalemt.memory import packaged_demonstrations
from scalemt.memory.selection import FixedSelector
from scalemt.quality.calibration import Calibration
from scalemt.quality.evidence import Case
from scalemt.quality.fitting import Example, Fit, examples, fit
from scalemt.types import Candidate, Pair, Translation


@dataclass(frozen=True)
class Trial:
    """One configuration tried on the development set, and what the gate fitted on it gained."""

    shots: int
    third: str
    fit: Fit
    plan: Plan
    done: Sequence[Translation]


@dataclass(frozen=True)
class DevelopmentSet:
    """Sources and references of one pair, N lines each; never those of a test set."""

    sources: Sequence[str]
    references: Sequence[str]
    pair: Pair


def packaged_development(pair: Pair, profile: Profile, shots: Sequence[int]) -> DevelopmentSet:
    """Return the project's own sentences that no prompt of this profile shows as demonstrations.

    Raises:
        ConfigurationError: the pool lacks a language of the pair, or demonstrations are chosen by nearness,
            so that a sentence would be shown its own translation.
    """
    pool = packaged_demonstrations(pair)
    if not pool or profile.selection != "fixed" or profile.demonstrations:
        raise ConfigurationError(
            f"Calibrating {pair} needs a development file of your own: --src FILE --ref FILE. The packaged "
            "sentences serve only for the languages they hold, with packaged demonstrations chosen as fixed."
        )
    shown = {index for count in shots for index in FixedSelector(pool, count, profile.seed).select([""])[0]}
    kept = [item for index, item in enumerate(pool) if index not in shown]
    return DevelopmentSet([item.source for item in kept], [item.target for item in kept], pair)


def calibrate(
    development: DevelopmentSet,
    profile: Profile,
    configuration: Configuration,
    *,
    shots: Sequence[int] = (5,),
    thirds: Sequence[Literal["none", "few-shot"]] = ("none", "few-shot"),
    progress: Progress | None = None,
    notice: Callable[[str], None] | None = None,
    parts: Mapping[str, Any] | None = None,
) -> Calibration:
    """Try the method of a profile with several numbers of shots, fit the gate on each, keep the best.

    A profile whose method asks no generalist, or shows no draft, is tried with `refine`. Each trial drafts,
    asks the method, and asks for a few-shot answer of every segment. The gate is fitted twice, with and
    without the few-shot answer as a third candidate, where `thirds` does not leave one out. If none gains more
    over the draft on held-out folds than its standard error, the choice is the method `draft`, which calls no
    generalist. For each mode of the gate it is learnt, too, which segments are worth a call (see
    quality/deferral.py).

    Args:
        development: what to try on.
        shots: the numbers of demonstrations to try.
        thirds: the third candidates to try; without "few-shot" nobody is asked for its answers.
        parts: specialists and generalist that take the place of the profile's, as for `Engine`.

    Returns:
        The choice, with the corpus chrF++ of everything that was compared.

    Raises:
        ConfigurationError: fewer than 20 lines, or unequal counts.
    """
    sources, references, pair = development.sources, development.references, development.pair
    if len(sources) != len(references) or len(sources) < 20:
        raise ConfigurationError(
            f"Calibration needs a development set of at least 20 lines on both sides; found {len(sources)} "
            f"source and {len(references)} reference lines."
        )
    trials: list[Trial] = []
    scores: dict[str, float] = {}
    asked = profile.model_dump(include=profile.explicit) | {"name": profile.name, "gate": "quality", "budget": 1.0}
    asked |= _tried_method(profile)
    third_asked = "few-shot" if "few-shot" in thirds else "none"
    for count in shots:
        tried = Profile(**{**asked, "shots": count, "third": third_asked})
        engine = Engine(tried, configuration, notice=notice, **(parts or {}))
        # A calibration made before must not steer the one that is being made.
        engine.assembly.calibrated = False
        done = engine.translate(sources, *pair, progress)
        found = _examples(done, references)
        scores |= _scores(done, references, count)
        plan = engine.plan(*pair)
        for third in thirds:
            kept = [item for item in found if third == "few-shot" or item.origin != "few-shot"]
            trials.append(Trial(count, third, fit(kept, len(sources)), plan, done))
    best = max(trials, key=lambda trial: trial.fit.gain)
    learnt = learn(best.done, references, best.plan, best.fit.chosen, gate=profile.gate, window=profile.batch)
    return _choice(best, str(pair), len(sources), scores, learnt)


def _tried_method(profile: Profile) -> dict[str, Any]:
    """Return the method that is tried, with its options: the gate can only learn from a method that it judges."""
    method = build_method(profile.method, profile.options)
    if method.needs_generalist and method.name != "few-shot":
        return {"method": profile.method, "options": profile.options}
    return {"method": "refine", "options": {}}


def _choice(best: Trial, pair: str, segments: int, scores: dict[str, float], learnt: Learnt) -> Calibration:
    method = best.plan.method.name
    worth_it = best.fit.gain > 0
    return Calibration(
        pair=pair,
        backends=best.plan.backends,
        # Where the road leads through a pivot, the next plan makes pivot of refine again.
        method=("refine" if method == "pivot" else method) if worth_it else "draft",
        shots=best.shots,
        third=best.third if worth_it else "none",
        threshold=best.fit.threshold,
        scales=best.fit.scales,
        segments=segments,
        scores=scores | {"expected gain": round(best.fit.gain, 2), "its error": round(best.fit.error, 2)},
        deferral=learnt.models,
        curve=learnt.curve,
    )


def _examples(done: Sequence[Translation], references: Sequence[str]) -> list[Example]:
    cases = [Case(item.segment.text, item.pair, item.draft, item.candidates) for item in done]
    gains = [_gains(item.candidates, line) for item, line in zip(done, references, strict=True)]
    return examples(cases, gains)


def _gains(candidates: Sequence[Candidate], reference: str) -> dict[str, float]:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(word_order=2)
    points = {item.called: metric.sentence_score(item.text, [reference]).score for item in candidates}
    return {called: value - points.get("draft", 0.0) for called, value in points.items()}


def _scores(done: Sequence[Translation], references: Sequence[str], shots: int) -> dict[str, float]:
    """Corpus chrF++ of each kind of candidate; where one failed, the empty text counts."""
    from sacrebleu.metrics.chrf import CHRF

    scores = {}
    others = {candidate.origin for item in done for candidate in item.candidates} - {"draft", "few-shot"}
    for origin in ("draft", "few-shot", *sorted(others)):
        texts = [text_of(item, origin) for item in done]
        if any(texts):
            name = origin if origin == "draft" else f"{origin}, {shots} shots"
            scores[name] = round(CHRF(word_order=2).corpus_score(texts, [list(references)]).score, 2)
    return scores
