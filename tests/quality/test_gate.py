"""The gate in all its modes: what is kept, what is refused, and that it says why."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scalemt.quality.evidence import Case
from scalemt.quality.gate import DEFAULT_WEIGHTS, GATES, NEVER, Gate, Scale, features
from scalemt.types import Candidate, Check, Decision, Draft, Pair, TermState, TermUse

GOOD = (Check("empty", True), Check("numbers", True))
WRONG_NUMBER = (Check("empty", True), Check("numbers", False, "the number 7 of the source is missing"))
CUT_OFF = (Check("empty", True), Check("truncated", False, "the answer was cut off before its end"))
EMPTY = (Check("empty", False, "the answer is empty"),)


def candidate(origin: str, text: str, checks: tuple[Check, ...] = GOOD, /, **evidence: float) -> Candidate:
    return Candidate(origin, text, checks, evidence)


def case(*candidates: Candidate) -> Case:
    drafts = [item.text for item in candidates if item.origin == "draft"]
    return Case("source", Pair("en", "pt"), Draft(drafts[0]) if drafts else None, candidates)


def judged(gate: Gate, *candidates: Candidate) -> tuple[str | None, list[Decision]]:
    chosen, decisions = gate.judge(case(*candidates))
    return (chosen.origin if chosen else None), decisions


def by_likelihood(threshold: float = 0.3) -> Gate:
    """A gate in nats a token, so that the numbers of these tests are easy to read."""
    return Gate("quality", dict.fromkeys(("refine", "few-shot"), Scale({"likelihood": 1.0})), threshold)


DRAFT = candidate("draft", "rascunho", likelihood=-2.0)


def test_off_takes_the_answer_whatever_the_checks_say() -> None:
    origin, decisions = judged(Gate("off"), DRAFT, candidate("refine", "texto", WRONG_NUMBER))
    assert origin == "refine"
    assert decisions == [Decision("gate", "refine", "the gate is off")]


def test_checks_takes_what_passes() -> None:
    origin, decisions = judged(Gate("checks"), DRAFT, candidate("refine", "texto", likelihood=-9.0))
    assert origin == "refine"
    assert decisions == [Decision("gate", "refine", "all checks passed")]


def test_checks_refuses_what_fails_and_says_which() -> None:
    origin, decisions = judged(Gate("checks"), DRAFT, candidate("refine", "texto", WRONG_NUMBER))
    assert origin == "draft"
    assert decisions == [
        Decision("gate", "refused refine", "numbers: the number 7 of the source is missing"),
        Decision("gate", "draft", "no other candidate passed"),
    ]


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("checks", [CUT_OFF, EMPTY])
def test_a_cut_off_or_empty_answer_is_never_taken(mode: str, checks: tuple[Check, ...]) -> None:
    refused = candidate("refine", "tex", checks, likelihood=99.0)
    origin, decisions = judged(Gate(mode), DRAFT, refused)
    assert origin == "draft"
    assert decisions[0].outcome == "refused refine"
    origin, decisions = judged(Gate(mode), refused)
    assert origin is None
    assert decisions[-1] == Decision("gate", "nothing", "no candidate can be used")


@pytest.mark.parametrize("mode", GATES)
def test_without_a_draft_a_doubtful_answer_beats_silence(mode: str) -> None:
    assert judged(Gate(mode), candidate("few-shot", "texto"))[0] == "few-shot"
    origin, decisions = judged(Gate(mode), candidate("few-shot", "texto", WRONG_NUMBER))
    assert origin == "few-shot"
    if mode != "off":
        assert [decision.reason for decision in decisions] == [
            "numbers: the number 7 of the source is missing",
            "there is no draft to fall back on",
        ]


@pytest.mark.parametrize("mode", GATES)
def test_only_a_draft_and_nothing_at_all(mode: str) -> None:
    assert judged(Gate(mode), DRAFT) == ("draft", [Decision("gate", "draft", "there is no other candidate")])
    assert judged(Gate(mode)) == (None, [Decision("gate", "nothing", "no candidate can be used")])


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_draft_is_none(mode: str, text: str) -> None:
    """It must not win over a text only because nothing could be measured on it."""
    empty = candidate("draft", text, EMPTY)
    assert judged(Gate(mode), empty, candidate("refine", "texto", likelihood=-1.0))[0] == "refine"
    assert judged(Gate(mode), empty)[0] is None


def test_quality_keeps_the_draft_unless_a_candidate_wins_by_the_margin() -> None:
    gate = by_likelihood()
    for likelihood, expected in ((-1.0, "refine"), (-1.75, "draft"), (-2.0, "draft"), (-5.0, "draft")):
        origin, decisions = judged(gate, DRAFT, candidate("refine", "texto", likelihood=likelihood))
        assert origin == expected
        gain = likelihood + 2.0
        assert decisions == [
            Decision("gate", expected, f"expected gain over the draft: refine {gain:+.2f}; needed +0.30")
        ]


def test_exactly_the_margin_is_not_more_than_it() -> None:
    gate = by_likelihood(0.5)
    assert judged(gate, DRAFT, candidate("refine", "texto", likelihood=-1.5))[0] == "draft"


def test_the_best_of_several_wins_and_all_are_told() -> None:
    third = candidate("few-shot", "outro", likelihood=-0.5)
    origin, decisions = judged(by_likelihood(), DRAFT, candidate("refine", "texto", likelihood=-1.0), third)
    assert origin == "few-shot"
    assert decisions[-1].reason == "expected gain over the draft: refine +1.00, few-shot +1.50; needed +0.30"


def test_a_tie_goes_to_the_first() -> None:
    one, two = candidate("refine", "a", likelihood=-1.0), candidate("few-shot", "b", likelihood=-1.0)
    assert judged(by_likelihood(), DRAFT, one, two)[0] == "refine"
    assert judged(by_likelihood(), DRAFT, two, one)[0] == "few-shot"


def test_a_refused_candidate_is_not_weighed() -> None:
    best = candidate("few-shot", "outro", WRONG_NUMBER, likelihood=50.0)
    origin, decisions = judged(by_likelihood(), DRAFT, candidate("refine", "texto", likelihood=-1.0), best)
    assert origin == "refine"
    assert [decision.outcome for decision in decisions] == ["refused few-shot", "refine"]


def test_the_same_text_as_the_draft() -> None:
    origin, decisions = judged(Gate("quality"), DRAFT, candidate("refine", "rascunho", likelihood=9.0))
    assert origin == "draft"
    assert decisions == [Decision("gate", "draft", "the answer is the same as the draft")]


@pytest.mark.parametrize("evidence", [{}, {"roundtrip": 0.9}, {"likeness": 0.9}, {"likelihood": math.nan}])
def test_without_comparable_evidence_the_draft_is_safe(evidence: dict[str, float]) -> None:
    origin, decisions = judged(Gate("quality"), DRAFT, candidate("refine", "texto", GOOD, **evidence))
    assert origin == "draft"
    assert decisions[0].reason == "no evidence could be measured; the draft is the safe choice"


def test_not_a_number_does_not_hide_a_winner() -> None:
    broken = candidate("refine", "texto", likelihood=math.nan)
    good = candidate("few-shot", "outro", likelihood=-0.5)
    assert judged(by_likelihood(), DRAFT, broken, good)[0] == "few-shot"


def test_a_pair_calibrated_to_never_says_so_in_words() -> None:
    gate = Gate("quality", {"refine": Scale({"likelihood": 1.0}, calibrated=True)}, NEVER)
    origin, decisions = judged(gate, DRAFT, candidate("refine", "texto", likelihood=9.0))
    assert origin == "draft"
    assert decisions[0].reason == "calibration found nothing that beats the draft of this pair"


# Scales.


def test_default_weights_are_points_of_chrf_and_the_round_trip_tells_most() -> None:
    draft = candidate("draft", "d", likelihood=-2.0, forward=-1.0, backward=-3.0, roundtrip=0.5, likeness=1.0)
    other = candidate("refine", "r", likelihood=-1.5, forward=-2.0, backward=-2.0, roundtrip=0.75, likeness=0.5)
    assert Scale().gain(other, draft) == sum(
        DEFAULT_WEIGHTS[name] * difference
        for name, difference in (("likelihood", 0.5), ("forward", -1.0), ("backward", 1.0), ("roundtrip", 0.25))
    )
    better = candidate("refine", "r", roundtrip=0.7)
    assert judged(Gate("quality"), candidate("draft", "d", roundtrip=0.5), better)[0] == "refine"
    assert judged(Gate("quality"), candidate("draft", "d", roundtrip=0.65), better)[0] == "draft"


def test_doubt_is_that_of_the_draft() -> None:
    draft, other = candidate("draft", "d", doubt=0.75), candidate("refine", "r", doubt=0.75)
    assert features(other, draft) == {"doubt": 0.75}
    scale = Scale({"doubt": 4.0}, bias=-0.5, calibrated=True)
    assert scale.gain(other, draft) == 2.5


def test_a_calibrated_scale_needs_all_it_was_fitted_on() -> None:
    scale = Scale({"likelihood": 2.0, "roundtrip": 10.0}, bias=1.0, calibrated=True)
    whole = {"likelihood": -1.0, "roundtrip": 0.5}
    draft = candidate("draft", "d", GOOD, **whole)
    better = candidate("refine", "r", likelihood=-0.5, roundtrip=0.75, likeness=0.1)
    assert scale.gain(better, draft) == pytest.approx(1.0 + 1.0 + 2.5)
    assert scale.gain(candidate("refine", "r", likelihood=5.0), draft) is None
    assert Scale({}, bias=5.0, calibrated=True).gain(better, draft) is None


def test_each_origin_has_its_own_scale() -> None:
    gate = Gate("quality", {"few-shot": Scale({"likelihood": -1.0}), "refine": Scale({"likelihood": 1.0})}, 0.3)
    one, two = candidate("refine", "a", likelihood=-1.0), candidate("few-shot", "b", likelihood=-0.1)
    assert judged(gate, DRAFT, one, two)[0] == "refine"


def test_an_origin_that_the_calibration_does_not_hold_is_not_weighed() -> None:
    gate = Gate("quality", {"few-shot": Scale({"likelihood": 1.0})}, 0.3)
    one, two = candidate("refine", "a", likelihood=9.0), candidate("few-shot", "b", likelihood=-1.0)
    assert judged(gate, DRAFT, one, two)[0] == "few-shot"
    origin, decisions = judged(gate, DRAFT, one)
    assert origin == "draft"
    assert decisions[0].reason == "the calibration holds no such candidate; the draft is the safe choice"


def test_before_calibration_the_generalist_does_not_judge_itself() -> None:
    sure = candidate("refine", "texto", likelihood=90.0)
    origin, decisions = judged(Gate("quality"), DRAFT, sure)
    assert origin == "draft"
    assert "no evidence" in decisions[-1].reason
    draft = candidate("draft", "rascunho", likelihood=-2.0, roundtrip=0.5)
    assert (
        judged(Gate("quality"), draft, candidate("refine", "texto", likelihood=-1.0, roundtrip=0.6))[0] == "refine"
    )


def uses(state: TermState, origin: str) -> tuple[TermUse, ...]:
    return (TermUse("host", "hospedeiro", state, start=4, end=8, origin=origin),)


def with_terms(name: str, text: str, state: TermState, origin: str, likelihood: float) -> Candidate:
    return replace(candidate(name, text, likelihood=likelihood), terms=uses(state, origin))


@pytest.mark.parametrize(
    ("origin", "likelihood", "kept"),
    [
        # What a glossary wants may look less likely to a model; what only a method wants may not.
        ("glossary", -3.0, "edit"),
        ("agents", -3.0, "draft"),
        ("agents", -1.9, "draft"),
        ("agents", -0.9, "edit"),
    ],
)
def test_terms_are_put_in_while_the_evidence_allows_it(origin: str, likelihood: float, kept: str) -> None:
    gate = Gate("quality", by_likelihood().scales, 0.3, wants_terms=True)
    draft = with_terms("draft", "o anfitrião", "missed", origin, -2.0)
    edit = with_terms("edit", "o hospedeiro", "applied", origin, likelihood)
    assert judged(gate, draft, edit)[0] == kept


def test_a_method_that_wants_terms_has_other_answers_weighed_as_ever() -> None:
    draft = with_terms("draft", "o hospedeiro", "applied", "agents", -2.0)
    answer = with_terms("refine", "um texto bem outro, o hospedeiro", "applied", "agents", -1.0)
    assert judged(Gate("checks", wants_terms=True), draft, answer)[0] == "refine"
    assert judged(Gate("checks", aims_at_terms=True), draft, answer)[0] == "draft"
    assert judged(Gate("quality", by_likelihood().scales, 0.3, wants_terms=True), draft, answer)[0] == "refine"


def test_a_text_that_the_specialist_finds_much_less_likely_is_not_taken_for_terms_of_the_method() -> None:
    gate = Gate("quality", wants_terms=True)

    def edited(name: str, text: str, state: TermState, forward: float) -> Candidate:
        return replace(candidate(name, text, forward=forward, backward=-forward), terms=uses(state, "agents"))

    draft = edited("draft", "o anfitrião", "missed", -0.1)
    assert judged(gate, draft, edited("masked terms", "o hospedeiro", "applied", -2.6))[0] == "draft"
    # One that was made for its terms is taken for nothing else.
    better = replace(
        candidate("masked terms", "um anfitrião", forward=-0.1, backward=9.0), terms=uses("missed", "agents")
    )
    assert judged(gate, draft, better)[0] == "draft"
