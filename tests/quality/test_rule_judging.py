"""What the gate makes of rules: no candidate may break what the draft keeps, and one may win by keeping more."""

from __future__ import annotations

import pytest

from helpers import EN_PT
from scalemt.quality.evidence import Case
from scalemt.quality.gate import GATES, Gate
from scalemt.quality.rule_judging import RULE_TOLERANCE, SHORTER_TOLERANCE, broken_rules
from scalemt.types import Candidate, Check, Decision, Draft

AIMED = Gate("quality", aims_at_rules=True)


def candidate(origin: str, text: str, rules: str, **evidence: float) -> Candidate:
    """A candidate with verdicts on the rules a, b, c: a plus keeps, a minus breaks."""
    verdicts = tuple(
        Check(name, sign == "+", "" if sign == "+" else "no") for name, sign in zip("abc", rules, strict=False)
    )
    return Candidate(origin, text, evidence=evidence, rules=verdicts)


def judged(gate: Gate, *candidates: Candidate) -> tuple[str | None, list[Decision]]:
    chosen, decisions = gate.judge(Case("the source", EN_PT, Draft("rascunho"), candidates))
    return (chosen.text if chosen else None), decisions


def test_broken_rules() -> None:
    assert [check.name for check in broken_rules(candidate("x", "y", "+--"))] == ["b", "c"]
    assert broken_rules(Candidate("x", "y")) == []


@pytest.mark.parametrize("gate", [Gate("checks"), Gate("quality"), AIMED])
def test_what_breaks_a_rule_that_the_draft_keeps_is_refused_whatever_it_mends(gate: Gate) -> None:
    draft = candidate("draft", "rascunho", "+--", roundtrip=0.1)
    text, decisions = judged(gate, draft, candidate("refine", "texto", "-++", roundtrip=0.9))
    assert text == "rascunho"
    assert decisions[0] == Decision("gate", "refused refine", "rules that the draft keeps: a: no")


def test_with_the_gate_off_the_answer_is_taken_as_it_is() -> None:
    assert (
        judged(Gate("off"), candidate("draft", "rascunho", "+"), candidate("refine", "texto", "-"))[0] == "texto"
    )


def test_the_candidate_that_keeps_most_rules_is_taken() -> None:
    draft = candidate("draft", "rascunho", "--+")
    one, two = candidate("refine", "um", "+-+"), candidate("refine", "dois", "+++")
    for gate in (Gate("checks", aims_at_rules=True), AIMED):
        text, decisions = judged(gate, draft, one, two)
        assert text == "dois"
        assert decisions[-1].reason == "2 of 2 broken rules are kept; no evidence was measured"


def test_of_several_the_evidence_decides() -> None:
    draft = candidate("draft", "rascunho", "-", roundtrip=0.5)
    one, two = (
        candidate("refine", "um texto", "+", roundtrip=0.4),
        candidate("few-shot", "outro texto", "+", roundtrip=0.6),
    )
    assert judged(AIMED, draft, one, two)[0] == "outro texto"


def test_clearly_worse_is_not_worth_a_rule() -> None:
    draft = candidate("draft", "rascunho", "-", roundtrip=1.0)
    least = 1.0 - RULE_TOLERANCE / 40
    assert judged(AIMED, draft, candidate("refine", "um texto", "+", roundtrip=least + 0.01))[0] == "um texto"
    text, decisions = judged(AIMED, draft, candidate("refine", "um texto", "+", roundtrip=least - 0.01))
    assert text == "rascunho"
    assert decisions[-1].reason.startswith("expected gain over the draft: ")


def test_what_is_shorter_may_lose_more() -> None:
    draft = candidate("draft", "rascunho " * 10, "-", roundtrip=1.0)
    half = candidate(
        "refine", "rascunho " * 5, "+", roundtrip=1.0 - (RULE_TOLERANCE + SHORTER_TOLERANCE / 2) / 40 + 0.01
    )
    assert judged(AIMED, draft, half)[0] == half.text
    whole = candidate("refine", "texto ..." * 10, "+", roundtrip=half.evidence["roundtrip"])
    assert judged(AIMED, draft, whole)[0] == draft.text


def test_where_nothing_keeps_more_rules() -> None:
    draft, same = (
        candidate("draft", "rascunho", "-", roundtrip=0.1),
        candidate("refine", "texto", "-", roundtrip=0.9),
    )
    text, decisions = judged(Gate("checks", aims_at_rules=True), draft, same)
    assert text == "rascunho"
    assert decisions[-1].reason == "no other candidate keeps more rules without being clearly worse"
    # By evidence it may still win, and where the draft keeps all rules it is weighed as ever.
    assert judged(AIMED, draft, same)[0] == "texto"
    kept = candidate("draft", "rascunho", "+", roundtrip=0.1)
    assert judged(AIMED, kept, candidate("refine", "texto", "+", roundtrip=0.9))[0] == "texto"
    assert judged(Gate("checks", aims_at_rules=True), kept, candidate("refine", "texto", "+"))[0] == "texto"


@pytest.mark.parametrize("mode", GATES)
def test_without_a_draft_the_first_that_can_be_used_is_taken(mode: str) -> None:
    gate = Gate(mode, aims_at_rules=True)
    assert judged(gate, candidate("refine", "um", "-"), candidate("refine", "dois", "+"))[0] == "um"
