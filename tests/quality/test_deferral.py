"""Deferral: features are what is known, the budget holds at each window, and what gains most is asked first."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import pytest

from scalemt.quality.deferral import Account, Deferral, DeferralModel, Drafted, free_features, worry
from scalemt.types import Demonstration, Draft, Pair, Word

PAIR = Pair("en", "pt")
GAIN = DeferralModel({"x": 1.0}, {"x": 0.0}, 0.0)


def rows(*gains: float) -> list[dict[str, float]]:
    return [{"x": gain} for gain in gains]


def asked(
    deferral: Deferral, window: Sequence[dict[str, float] | None], account: Account | None = None
) -> list[bool]:
    return [choice.asked for choice in deferral.choose(window, account or Account())]


def drafted(text: str, *confidences: float | None, source: str = "a source of words", **more: float) -> Drafted:
    words = tuple(Word(word, value) for word, value in zip(text.split(), confidences, strict=True))
    return Drafted(source, [Draft(text, words, more.get("score"))], text, PAIR)


def test_confidences_of_a_neural_specialist() -> None:
    found = free_features(drafted("uma casa azul velha", 0.9, 0.4, 0.2, 0.5, score=-8.0))
    assert found["confidence"] == pytest.approx(0.5)
    assert found["lowest"] == 0.2
    assert found["doubt"] == 0.5
    assert found["unknown"] == 0.0
    assert found["score"] == -2.0


def test_a_rule_based_specialist_marks_unknown_words_and_has_no_mean() -> None:
    found = free_features(drafted("the saguak house is old", None, 0.0, None, None, None))
    assert (found["doubt"], found["unknown"]) == (0.2, 0.2)
    assert not {"confidence", "lowest", "score"} & found.keys()


def test_what_is_not_known_is_left_out() -> None:
    found = free_features(Drafted("ab", [], "cd", PAIR))
    assert not {"confidence", "doubt", "language", "source language", "agreement", "match"} & found.keys()
    assert found["length ratio"] == 0.0
    assert found["failed"] == 0.0


def test_copied_and_repeated_words_and_failed_checks() -> None:
    found = free_features(Drafted("the tower fell", [], "a tower tower tower tower tower 12", PAIR))
    assert found["copied"] == pytest.approx(5 / 7)
    assert found["repeated"] == pytest.approx(4 / 7)
    assert found["failed"] == 2.0  # the repetition, and a number that the source lacks


def test_languages_are_told_by_name_of_the_side() -> None:
    portuguese = "Esta é uma frase que foi escrita em português por uma pessoa."
    english = "This is a sentence that somebody has written in English."
    right = free_features(Drafted(english, [], portuguese, PAIR))
    wrong = free_features(Drafted(portuguese, [], english, PAIR))
    for side in ("language", "source language"):
        assert right[side] > 0.9
        assert wrong[side] < 0.1


def test_agreement_and_nearest_demonstration() -> None:
    drafts = [Draft("uma casa azul"), Draft("uma casa azul"), Draft("zzz")]
    shown = [Demonstration("a blue house", ""), Demonstration("nothing like it", "")]
    found = free_features(Drafted("a blue house", drafts, "uma casa azul", PAIR, shown))
    assert found["agreement"] == pytest.approx(0.5, abs=0.02)
    assert found["match"] == 1.0


@pytest.mark.parametrize("text", ["", " ", "\x00", "💥" * 5000, "a " * 20_000, "\u202e" * 40])
def test_hostile_texts_have_finite_features(text: str) -> None:
    for item in (
        Drafted(text, [Draft(text)], text, PAIR),
        Drafted("x", [], text, PAIR),
        Drafted(text, [], "x", PAIR),
    ):
        assert all(map(math.isfinite, free_features(item).values()))


def test_worry_is_the_documented_sum() -> None:
    assert worry({"failed": 2.0, "doubt": 0.25, "confidence": 0.5}) == 2.75
    assert worry({"source length": 9.0}) == 0.0


def test_the_greatest_gains_are_asked_and_ties_go_by_position() -> None:
    deferral = Deferral(0.5, GAIN)
    assert asked(deferral, rows(1, 4, 2, 3)) == [False, True, False, True]
    assert asked(deferral, rows(2, 2, 2, 2)) == [True, True, False, False]


def test_where_nothing_is_gained_nobody_is_asked() -> None:
    assert asked(Deferral(0.9, GAIN), rows(-1, 0, 0.5, -3)) == [False, False, True, False]


def test_without_a_calibration_the_most_doubtful_are_asked() -> None:
    window: list[dict[str, float] | None] = [{"doubt": 0.1}, {"doubt": 0.6}, {"failed": 1.0}, {}]
    assert asked(Deferral(0.5), window) == [False, True, True, False]


def test_below_the_threshold_of_the_budget_the_account_is_saved_for_later() -> None:
    # On the development set gains ran evenly from 0 to 20: 40 % were 12 or more.
    model = DeferralModel({"x": 1.0}, {"x": 0.0}, 0.0, tuple(20.0 - step for step in range(21)))
    assert model.threshold(0.4) == 12.0
    assert model.threshold(0.425) == pytest.approx(11.5)
    account = Account()
    deferral = Deferral(0.4, model)
    assert asked(deferral, rows(*[5.0] * 10), account) == [False] * 10
    assert asked(deferral, rows(*[15.0] * 10), account) == [True] * 8 + [False] * 2


@pytest.mark.parametrize("model", [None, GAIN, DeferralModel({"x": 1.0}, {"x": 0.0}, 0.0, tuple([-9.0] * 21))])
@pytest.mark.parametrize("budget", [0.0, 0.05, 0.29, 0.4, 2 / 3, 0.99])
def test_no_prefix_of_windows_exceeds_the_budget(budget: float, model: DeferralModel | None) -> None:
    drawn = random.Random(7)
    account, deferral = Account(), Deferral(budget, model)
    for _ in range(60):
        size = drawn.randint(0, 9)
        deferral.choose([{"x": drawn.gauss(1, 1), "doubt": drawn.random()} for _ in range(size)], account)
        assert account.asked <= budget * account.seen + 1e-9
    if model is None:
        assert account.asked == math.floor(budget * account.seen + 1e-9)


def test_a_share_that_is_a_whole_number_is_not_lost_to_rounding() -> None:
    for hundredth in range(1, 100):
        account = Account()
        Deferral(hundredth / 100).choose(rows(*range(100)), account)
        assert account.asked == hundredth


def test_a_segment_without_a_draft_is_asked_and_pays_from_the_account() -> None:
    account = Account()
    deferral = Deferral(0.2, GAIN)
    assert asked(deferral, [None, {"x": 3.0}, None, {"x": 1.0}, {"x": 1.0}], account) == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert asked(deferral, rows(9, 9, 9, 9, 9), account) == [False] * 5
    assert asked(deferral, rows(9, 9, 9, 9, 9), account) == [True] + [False] * 4


def test_a_budget_of_nothing_asks_nobody_at_all() -> None:
    account = Account()
    choices = Deferral(0.0, GAIN).choose([None, {"x": 3.0}], account)
    assert [choice.asked for choice in choices] == [False, False]
    assert account == Account(2, 0)


def test_each_choice_says_why() -> None:
    model = DeferralModel({"x": 1.0}, {"x": 0.0}, 0.0, tuple(10.0 - step for step in range(21)))
    window: list[dict[str, float] | None] = [{"x": 8.0}, {"x": 7.0}, {"x": 2.5}, {"x": -1.0}, None]
    told = [choice.decision for choice in Deferral(0.4, model).choose(window, Account())]
    assert [item.outcome for item in told] == ["asked", "draft", "draft", "draft", "asked"]
    assert all(item.step == "deferral" for item in told)
    assert told[0].reason == "expected gain +8.0 chrF++ is worth a call (budget 0.4)"
    assert told[1].reason.endswith("is not among the greatest that budget 0.4 leaves room for")
    assert "is not among" not in told[2].reason or "+2.5" in told[2].reason
    assert told[3].reason == "expected gain -1.0 chrF++: nothing to gain"
    assert told[4].reason == "there is no draft that could stand (budget 0.4)"


def test_a_model_leaves_out_what_is_not_known_and_survives_nonsense() -> None:
    model = DeferralModel({"a": 2.0, "b": 5.0}, {"a": 1.0, "b": 3.0}, 0.5)
    assert model.expected_gain({"a": 2.0, "b": 3.0}) == 2.5
    assert model.expected_gain({"a": 2.0}) == 2.5
    assert model.expected_gain({"c": 9.0}) == 0.5
    assert model.expected_gain({"a": math.inf}) == 0.5
    assert model.expected_gain({"a": math.nan}) == 0.5


def test_thresholds_fall_as_budgets_rise() -> None:
    model = DeferralModel(
        {}, {}, 0.0, tuple(sorted((random.Random(1).gauss(0, 3) for _ in range(21)), reverse=True))
    )
    found = [model.threshold(step / 100) for step in range(101)]
    assert all(one >= two for one, two in itertools.pairwise(found))
    assert (found[0], found[-1]) == (model.quantiles[0], model.quantiles[-1])
    assert DeferralModel({}, {}, 0.0).threshold(0.4) == -math.inf
