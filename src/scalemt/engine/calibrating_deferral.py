"""Learn from a finished development run which segments are worth the generalist, for each mode of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scalemt.engine.assembly import Plan
from scalemt.engine.deferring import nearest
from scalemt.quality.deferral import DeferralModel, Drafted, free_features
from scalemt.quality.deferral_fitting import Numbers, Sides, curve, fit_deferral, streaming
from scalemt.quality.evidence import Case
from scalemt.quality.gate import GATES, Gate
from scalemt.types import Translation

_SHOWN = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class Learnt:
    """A model for each mode of the gate, and the held-out curve of the profile's own mode."""

    models: dict[str, DeferralModel]
    curve: list[dict[str, float]]


def learn(
    done: Sequence[Translation],
    references: Sequence[str],
    plan: Plan,
    taken: Sequence[str],
    *,
    gate: str,
    window: int,
) -> Learnt:
    """Fit deferral for every mode of the gate.

    Args:
        done: the development set, every segment asked.
        references: their translations.
        plan: of the run.
        taken: what the quality gate takes of each segment, by a fit that has not seen it.
        gate: the mode whose curve is wanted.
        window: segments that the engine works on together.
    """
    # A segment without a draft is always asked: there is nothing to learn from it.
    pairs = list(zip(done, references, strict=True))
    kept = [index for index, item in enumerate(done) if text_of(item, "draft").strip()]
    rows = [features_of(done[index], plan) for index in kept]
    models: dict[str, DeferralModel] = {}
    found: list[dict[str, float]] = []
    for mode in GATES if kept else ():
        drafts = [text_of(done[index], "draft") for index in kept]
        answers = [_answer(done[index], taken[index] if taken else "draft", mode) for index in kept]
        sides = chrf_sides(drafts, answers, [pairs[index][1] for index in kept])
        fitted = fit_deferral(rows, list(map(float, sides.gains)))
        models[mode] = fitted.model
        if mode == gate:
            points = curve(sides, streaming(fitted.held_out, window), _SHOWN)
            found = [{name: round(value, 4) for name, value in asdict(point).items()} for point in points]
    return Learnt(models, found)


def features_of(item: Translation, plan: Plan) -> dict[str, float]:
    """Return the free features of a translation that was asked for, as the engine sees them before it asks."""
    shown = nearest(plan.kit, item.demonstrations)
    return free_features(Drafted(item.segment.text, item.drafts, text_of(item, "draft"), item.pair, shown))


def text_of(item: Translation, name: str) -> str:
    """Return the text of a candidate by what it is called, else the first of that origin, "" for none."""
    found = [candidate.text for candidate in item.candidates if candidate.called == name]
    found += [candidate.text for candidate in item.candidates if candidate.origin == name]
    return found[0] if found else ""


def _answer(item: Translation, taken: str, mode: str) -> str:
    """Return what stands in the end when the generalist is asked, under a mode of the gate."""
    if mode == "quality":
        return text_of(item, taken)
    # Without quality there is no third candidate: the method's own answer is refused or taken.
    candidates = tuple(candidate for candidate in item.candidates if candidate.origin != "few-shot")
    chosen, _ = Gate(mode).judge(Case(item.segment.text, item.pair, item.draft, candidates))
    return chosen.text if chosen else text_of(item, "draft")


def chrf_sides(drafts: Sequence[str], answers: Sequence[str], references: Sequence[str]) -> Sides:
    """Measure both sides by chrF++ (sacreBLEU), with statistics that add up to corpus scores."""
    from sacrebleu.metrics.chrf import CHRF

    metric: Any = CHRF(word_order=2)

    def statistics(texts: Sequence[str]) -> Numbers:
        pairs = zip(texts, references, strict=True)
        # sacreBLEU adds these up itself, but has no public name for them.
        rows = [metric._extract_corpus_statistics([text], [[line]])[0] for text, line in pairs]
        return np.array(rows, dtype=np.float64).reshape(len(texts), -1)

    def score(sums: Numbers) -> Numbers:
        return np.array([metric._compute_f_score([round(value) for value in row]) for row in sums])

    before, after = statistics(drafts), statistics(answers)
    return Sides(before, after, score(after) - score(before), score)
