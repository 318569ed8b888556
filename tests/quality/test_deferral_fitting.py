"""The fit orders unseen segments where features tell something, and is the mean gain where they are noise."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics.chrf import CHRF

from scalemt.engine.calibrating_deferral import chrf_sides
from scalemt.quality.deferral import DeferralModel
from scalemt.quality.deferral_fitting import BUDGETS, Sides, curve, fit_deferral, in_windows, streaming

Rows = list[dict[str, float]]


def drawn(seed: int, count: int, signal: float, mean: float = 1.0) -> tuple[Rows, list[float]]:
    """Four features of which one tells of the gain, and noise of five points."""
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(count, 4))
    gains = mean + signal * table[:, 1] + generator.normal(0, 5, count)
    return [{f"f{place}": float(value) for place, value in enumerate(row)} for row in table], list(
        map(float, gains)
    )


def mean_sides(gains: list[float]) -> Sides:
    """A metric that is the mean of points a segment; drafts have 50."""
    column = np.array(gains)
    ones = np.ones(len(column))
    return Sides(
        np.stack([50 * ones, ones], 1),
        np.stack([50 + column, ones], 1),
        column,
        lambda sums: sums[:, 0] / sums[:, 1],
    )


def test_where_a_feature_tells_of_the_gain_unseen_segments_are_ordered() -> None:
    for seed in range(4):
        fitted = fit_deferral(*drawn(seed, 200, 4.0))
        assert fitted.lift > 3 * fitted.error
        assert fitted.model.weights["f1"] == pytest.approx(4.0, abs=1.5)
        rows, gains = drawn(100 + seed, 2000, 4.0)
        expected = [fitted.model.expected_gain(row) for row in rows]
        assert np.corrcoef(expected, gains)[0, 1] > 0.5


def test_noise_gives_the_mean_gain() -> None:
    found = [fit_deferral(*drawn(seed, 150, 0.0, mean=-2.0)).model for seed in range(20)]
    plain = [model for model in found if not model.weights]
    # One standard error is passed by chance in a sixth of all cases.
    assert len(plain) >= 14
    assert all(model.expected_gain({"f1": 9.0}) == model.bias < 0 for model in plain)


def test_a_constant_or_rare_feature_is_not_used() -> None:
    rows, gains = drawn(1, 200, 4.0)
    for number, row in enumerate(rows):
        row["same"] = 3.0
        if number < 50:
            row["rare"] = gains[number]
    assert sorted(fit_deferral(rows, gains).model.weights) == ["f0", "f1", "f2", "f3"]


def test_a_feature_that_some_lack_is_weighed_by_those_that_have_it() -> None:
    rows, gains = drawn(2, 300, 4.0)
    whole = fit_deferral(rows, gains).model
    for row in rows[::3]:
        del row["f1"]
    partial = fit_deferral(rows, gains).model
    assert partial.weights["f1"] == pytest.approx(whole.weights["f1"], abs=1.5)
    assert partial.expected_gain({}) == pytest.approx(float(np.mean(gains)))


def test_quantiles_are_those_of_the_development_set() -> None:
    rows, gains = drawn(3, 200, 4.0)
    model = fit_deferral(rows, gains).model
    expected = np.array([model.expected_gain(row) for row in rows])
    for budget in (0.1, 0.4, 0.75):
        assert (expected >= model.threshold(budget)).mean() == pytest.approx(budget, abs=0.01)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_little_to_learn_from_is_no_fault(count: int) -> None:
    rows, gains = drawn(4, count, 4.0)
    fitted = fit_deferral(rows, gains)
    assert not fitted.model.weights
    assert len(fitted.held_out) == count


def test_the_oracle_is_never_beaten_and_random_lies_on_the_chord() -> None:
    rows, gains = drawn(5, 200, 4.0)
    points = curve(mean_sides(gains), in_windows(fit_deferral(rows, gains).model, rows, 32))
    assert [point.budget for point in points] == list(BUDGETS)
    full = 50 + float(np.mean(gains))
    for point in points:
        assert point.oracle >= point.expected - 1e-9
        assert point.random == pytest.approx(50 + point.budget * (full - 50), abs=0.15)
        assert point.asked <= point.budget + 1e-9
        assert point.worse <= point.asked
    assert points[0].expected == points[0].random == points[0].oracle == 50.0
    assert [points[-1].expected, points[-1].random] == pytest.approx([full, full])
    assert points[8].expected > points[8].random + 3 * points[8].deviation


def test_a_perfect_expectation_is_the_oracle_but_for_its_windows() -> None:
    _, gains = drawn(6, 320, 0.0)
    (point,) = curve(mean_sides(gains), streaming(gains, 320), [0.4])
    assert point.expected == pytest.approx(point.oracle)
    (point,) = curve(mean_sides(gains), streaming(gains, 32), [0.4])
    assert point.random < point.expected <= point.oracle
    assert point.expected - point.random > 0.9 * (point.oracle - point.random)
    assert point.worse == 0.0


def test_where_all_is_lost_nobody_is_asked() -> None:
    rows, gains = drawn(7, 200, 0.0, mean=-6.0)
    model = DeferralModel({}, {}, float(np.mean(gains)))
    points = curve(mean_sides(gains), in_windows(model, rows, 32), [0.2, 0.8])
    assert [(point.asked, point.expected) for point in points] == [(0.0, 50.0)] * 2


def test_corpus_scores_of_a_mixture_are_sacrebleus() -> None:
    drafts = ["a casa azul", "the door", "", "uma rua 12"]
    answers = ["a casa é azul", "a porta", "nada", "uma rua longa 12"]
    references = ["a casa é azul", "a porta velha", "nada disso", "uma rua bem longa, 12"]
    sides = chrf_sides(drafts, answers, references)
    mask = [True, False, True, False]
    mixed = [two if taken else one for one, two, taken in zip(drafts, answers, mask, strict=True)]
    (found,) = sides.corpus(np.array([mask], dtype=float))
    metric = CHRF(word_order=2)
    assert found == pytest.approx(metric.corpus_score(mixed, [references]).score)
    for gain, one, two, line in zip(sides.gains, drafts, answers, references, strict=True):
        before, after = (metric.sentence_score(text, [line]).score for text in (one, two))
        assert gain == pytest.approx(after - before)
