"""The fit gains on data it has not seen where evidence tells something, and keeps the draft where it is noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalemt.quality.evidence import Case
from scalemt.quality.fitting import Example, Fit, examples, fit
from scalemt.quality.gate import NEVER, Scale
from scalemt.types import Candidate, Check, Draft, Pair


def drawn(
    seed: int, segments: int, *, signal: float, mean: float, origins: tuple[str, ...] = ("refine",)
) -> list[Example]:
    """Evidence of standard spread; the gain is `mean`, plus `signal` for each unit of two of four, plus noise."""
    generator = np.random.default_rng(seed)
    made = []
    for segment in range(segments):
        for origin in origins:
            names = ("likelihood", "backward", "roundtrip", "likeness")
            seen = {name: float(generator.normal()) for name in names}
            gain = mean + signal * (seen["likelihood"] + seen["roundtrip"]) + float(generator.normal(0, 8))
            made.append(Example(segment, origin, seen, gain))
    return made


def deployed(fitted: Fit, unseen: list[Example], segments: int) -> float:
    """Mean gain a segment when the gate with this fit chooses on other data."""
    total, best = np.zeros(segments), np.full(segments, fitted.threshold)
    for item in unseen:
        scale = fitted.scales.get(item.origin)
        if scale is None:
            continue
        expected = scale.gain(Candidate(item.origin, "c", evidence=item.features), _zero(item))
        assert expected is not None
        if expected > best[item.segment]:
            best[item.segment], total[item.segment] = expected, item.gain
    return float(total.mean())


def _zero(item: Example) -> Candidate:
    return Candidate("draft", "d", evidence=dict.fromkeys(item.features, 0.0))


@pytest.mark.parametrize("origins", [("refine",), ("few-shot", "refine")])
def test_where_evidence_predicts_gain_unseen_data_gain(origins: tuple[str, ...]) -> None:
    for seed in range(4):
        fitted = fit(drawn(seed, 300, signal=4.0, mean=-3.0, origins=origins), 300)
        assert sorted(fitted.scales) == sorted(origins)
        assert all(scale.calibrated for scale in fitted.scales.values())
        gained = deployed(fitted, drawn(100 + seed, 1000, signal=4.0, mean=-3.0, origins=origins), 1000)
        assert gained > 0.4
        # What it says of itself is not far from the truth, and it knows how far.
        assert abs(fitted.gain - gained) < 3 * fitted.error + 0.3
        weights = fitted.scales["refine"].weights
        assert min(weights["likelihood"], weights["roundtrip"]) > max(weights["backward"], weights["likeness"]) + 1


def test_where_evidence_is_noise_the_draft_is_kept() -> None:
    fits = [fit(drawn(seed, 100, signal=0.0, mean=-1.0), 100) for seed in range(30)]
    never = [fitted for fitted in fits if fitted.threshold == NEVER]
    assert len(never) >= 27
    assert all(fitted.scales == {} and fitted.gain == 0.0 for fitted in never)


def test_where_every_candidate_is_worse_the_draft_is_kept() -> None:
    found = [Example(i, "refine", {"likelihood": float(i % 7)}, -5.0 - i % 3) for i in range(60)]
    assert fit(found, 60).threshold == NEVER


def test_where_every_candidate_is_better_all_are_taken() -> None:
    found = [Example(i, "refine", {"likelihood": float(i % 7)}, 5.0 + i % 3) for i in range(60)]
    fitted = fit(found, 60)
    assert fitted.gain == pytest.approx(6.0)
    assert deployed(fitted, found, 60) == pytest.approx(6.0)


def test_the_fit_is_the_same_each_time() -> None:
    found = drawn(1, 100, signal=4.0, mean=0.0)
    assert fit(found, 100) == fit(found, 100)


@pytest.mark.parametrize("count", [0, 1, 19])
def test_too_few_examples_fit_nothing(count: int) -> None:
    found = [Example(i, "refine", {"likelihood": 1.0}, 9.0) for i in range(count)]
    assert fit(found, 50) == Fit({}, NEVER, 0.0, 0.0)


def test_evidence_that_never_varies_or_is_doubled_breaks_nothing() -> None:
    base = drawn(3, 200, signal=4.0, mean=0.0)
    found = [
        replace(item, features={**item.features, "flat": 2.0, "again": item.features["likelihood"]})
        for item in base
    ]
    fitted = fit(found, 200)
    assert fitted.threshold < NEVER
    assert all(np.isfinite(list(fitted.scales["refine"].weights.values())))


def test_an_origin_with_few_examples_has_no_scale() -> None:
    found = drawn(1, 200, signal=6.0, mean=0.0)
    rare = [Example(i, "few-shot", {"likelihood": 1.0}, 50.0) for i in range(5)]
    assert list(fit([*found, *rare], 200).scales) == ["refine"]


def test_examples_are_candidates_that_could_win() -> None:
    failed = (Check("numbers", False, "the number 7 is missing"),)
    measured = {"likelihood": -1.0, "doubt": 0.75}
    candidates = (
        Candidate("draft", "d", (), {"likelihood": -2.0, "doubt": 0.75}),
        Candidate("refine", "r", (), measured),
        Candidate("few-shot", "f", failed, measured),
        Candidate("pivot", "d", (), measured),
        Candidate("other", "o"),
    )
    case = Case("s", Pair("en", "pt"), Draft("d"), candidates)
    bare = Case("s", Pair("en", "pt"), None, candidates[1:2])
    gains = {"draft": 0.0, "refine": 2.5, "few-shot": 9.0, "pivot": 0.0, "other": 9.0}
    assert examples([bare, case], [gains, gains]) == [
        Example(1, "refine", {"likelihood": 1.0, "doubt": 0.75}, 2.5)
    ]


def test_each_of_several_answers_of_one_origin_has_a_gain_of_its_own() -> None:
    measured = {"likelihood": -1.0}
    several = (
        Candidate("draft", "d", (), {"likelihood": -2.0}),
        Candidate("ladder", "b", (), measured, round=2),
        Candidate("ladder", "a", (), measured, round=1),
    )
    case = Case("s", Pair("en", "pt"), Draft("d"), several)
    found = examples([case], [{"draft": 0.0, "ladder 1": 1.0, "ladder 2": 4.0}])
    assert [(item.origin, item.called, item.gain) for item in found] == [
        ("ladder", "ladder 2", 4.0),
        ("ladder", "ladder 1", 1.0),
    ]


def test_a_scale_of_the_fit_is_one_of_the_gate() -> None:
    scale = fit(drawn(1, 200, signal=6.0, mean=0.0), 200).scales["refine"]
    assert isinstance(scale, Scale)
    assert scale.gain(Candidate("refine", "c"), Candidate("draft", "d")) is None
