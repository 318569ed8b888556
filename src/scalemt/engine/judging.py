"""From candidates to translations: gather evidence where the gate weighs it, let it judge, write down why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scalemt.errors import BackendError, GeneralistError, IntegrityError
from scalemt.glossary import FoundTerm, verify
from scalemt.methods import Answer, Prepared
from scalemt.methods.answering import case_of, draft_candidates
from scalemt.quality.coverage import unlinked
from scalemt.quality.evidence import Case
from scalemt.quality.language import foreign
from scalemt.quality.rule_judging import broken_rules
from scalemt.quality.rules import Finished
from scalemt.text.spans import prose
from scalemt.types import Candidate, Decision, Draft, TermUse, Translation

if TYPE_CHECKING:
    from scalemt.engine.assembly import Plan


@dataclass(frozen=True)
class Round:
    """The answers to one round of prompts, one a segment."""

    origin: str
    answers: Sequence[Answer]


def judge(prepared: Sequence[Prepared], rounds: Sequence[Round], plan: Plan) -> list[Translation]:
    """Return one translation a prepared segment, chosen by the gate from its draft and its answers."""
    cases = [_case(item, _answers(rounds, index, item.result), plan) for index, item in enumerate(prepared)]
    if plan.gate.mode == "quality" and plan.gatherer:
        cases = _measured(cases, prepared, plan)
    return [
        _translation(item, case, rounds, index, plan)
        for index, (item, case) in enumerate(zip(prepared, cases, strict=True))
    ]


def _answers(rounds: Sequence[Round], index: int, result: int | None) -> list[Candidate]:
    """Return the answers for one segment; of several of one origin the method's result comes first.

    The others follow from the last to the first: where nothing is weighed, the first that can be used is taken.
    """
    found: dict[str, list[tuple[int, Candidate]]] = {}
    for number, item in enumerate(rounds):
        if candidate := item.answers[index].candidate:
            found.setdefault(item.origin, []).append((number, candidate))
    ordered: list[Candidate] = []
    for made in found.values():
        several = len(made) > 1
        numbered = [
            (place, replace(candidate, round=count) if several else candidate)
            for count, (place, candidate) in enumerate(made, 1)
        ]
        ordered += [item for _, item in sorted(numbered, key=lambda row: (row[0] != result, -row[0]))]
    return ordered


def _case(prepared: Prepared, candidates: Sequence[Candidate], plan: Plan) -> Case:
    found = plan.kit.found(prepared.segment)
    drafted = draft_candidates(prepared, plan.pair)
    own = 1 if prepared.standing else 0
    # The answer stands before other drafts: without a choice it is what is taken.
    every = tuple(
        replace(item, terms=_uses(found, prepared, item.text, plan)) if found or prepared.terms else item
        for item in (*drafted[:own], *candidates, *drafted[own:])
    )
    if rules := prepared.rules:
        every = tuple(rules.judge(item, prepared.segment, plan.pair) for item in every)
    return case_of(prepared, every, plan.pair)


def _uses(found: Sequence[FoundTerm], prepared: Prepared, text: str, plan: Plan) -> tuple[TermUse, ...]:
    """Return what became of the glossary's terms in a text, and of those that the method wants."""
    own = verify(prepared.terms, text, plan.pair)
    return (*verify(found, text, plan.pair), *(replace(use, origin=plan.method.name) for use in own))


def _measured(cases: list[Case], prepared: Sequence[Prepared], plan: Plan) -> list[Case]:
    """Gather evidence only where there is a choice: a draft, and another text that could win over it."""
    open_cases = [index for index, case in enumerate(cases) if _is_open(case)]
    prompts = plan.scoring_prompts([prepared[index].segment for index in open_cases])
    asked = [replace(cases[i], prompt=prompt) for i, prompt in zip(open_cases, prompts, strict=True)]
    assert plan.gatherer is not None  # noqa: S101  # the caller has looked
    for index, case in zip(open_cases, plan.gatherer.gather(asked), strict=True):
        cases[index] = case
    return cases


def _is_open(case: Case) -> bool:
    texts = {item.text for item in case.candidates if all(check.passed for check in item.checks)}
    drafts = {item.text for item in case.candidates if item.origin == "draft"}
    return bool(drafts) and bool(texts - drafts)


def _translation(prepared: Prepared, case: Case, rounds: Sequence[Round], index: int, plan: Plan) -> Translation:
    doubt = foreign(prose(prepared.segment.text, prepared.segment.spans), plan.pair.source)
    suspect = (Decision("source", "suspect", f"the source {doubt}"),) if doubt else ()
    faults = [decision for item in rounds for decision in item.answers[index].decisions(item.origin)]
    chosen, decisions = _chosen(case, rounds, plan)
    if plan.gate.mode == "off" and faults and not _answers(rounds, index, None):
        # With the gate off nobody is there to choose the draft instead: without an answer the segment has failed.
        chosen = None
        decisions = [Decision("gate", "nothing", "the gate is off, and no answer came")]
    finished, ruled = _finished(chosen, prepared, plan)
    return Translation(
        segment=prepared.segment,
        text=finished.text,
        method=plan.method.name,
        pair=plan.pair,
        drafts=prepared.drafts,
        candidates=case.candidates,
        checks=(*chosen.checks, *chosen.rules) if chosen else (),
        decisions=(
            *suspect,
            *plan.decisions,
            *prepared.decisions,
            *faults,
            *_repairs(chosen, case, prepared.alternatives, rounds, index),
            *decisions,
            *_doubts(chosen, case, prepared),
            *ruled,
            *(plan.method.remarks(prepared, chosen, plan.kit) if chosen else ()),
        ),
        demonstrations=prepared.demonstrations,
        usage=sum((item.answers[index].usage for item in rounds), prepared.usage),
        error=None if chosen else _why(case, rounds, index, decisions),
        spans=finished.spans,
        terms=chosen.terms if chosen else (),
    )


def _finished(chosen: Candidate | None, prepared: Prepared, plan: Plan) -> tuple[Finished, list[Decision]]:
    """Do for the rules of a segment what a program can, and tell which are kept and which are not."""
    if chosen is None:
        return Finished(""), []
    if not prepared.rules:
        return Finished(chosen.text, chosen.spans), []
    done = prepared.rules.finish(prepared.segment, chosen.text, chosen.spans, plan.pair)
    told = [Decision("rules", "finished", f"without asking anybody: {'; '.join(done.told)}")] if done.told else []
    wrong = [f"{check.name}: {check.detail}" for check in broken_rules(chosen)]
    kept = f"{len(chosen.rules) - len(wrong)} of {len(chosen.rules)} kept"
    return done, [*told, Decision("rules", kept, "; ".join(wrong) or "all that hold for the segment")]


def _doubts(chosen: Candidate | None, case: Case, prepared: Prepared) -> list[Decision]:
    """Tell what a draft that is kept may have left out, where its specialist tells what it looked at."""
    if chosen is None or chosen.origin != "draft" or not case.draft or case.source != prepared.segment.text:
        return []
    left = unlinked(case.source, case.draft)
    why = f"no word of the draft stands for {left} of the source"
    return [Decision("coverage", "suspect", why)] if left else []


def _repairs(
    chosen: Candidate | None,
    case: Case,
    alternatives: Sequence[tuple[str, Draft]],
    rounds: Sequence[Round],
    index: int,
) -> list[Decision]:
    """Tell what was done to keep the protected spans of the text that was chosen."""
    if chosen is None:
        return []
    if chosen.origin == "draft":
        told = case.draft.repairs if case.draft else ()
    elif (other := dict(alternatives).get(chosen.origin)) is not None:
        told = other.repairs
    else:
        # A method may have asked several times: what was done to the answer that was chosen is told.
        answers = [item.answers[index] for item in rounds if item.origin == chosen.origin]
        told = next(
            (item.repairs for item in answers if item.candidate and item.candidate.text == chosen.text), ()
        )
    return [Decision("spans", chosen.origin, repair) for repair in told]


def _chosen(case: Case, rounds: Sequence[Round], plan: Plan) -> tuple[Candidate | None, list[Decision]]:
    if rounds or any(item.origin != "draft" for item in case.candidates):
        return plan.gate.judge(case)
    draft = case.candidates[0] if case.candidates else None
    if draft and draft.text:
        broken = next((check.detail for check in draft.checks if check.name == "spans" and not check.passed), "")
        return (None, [Decision("spans", "failed", broken)]) if broken else (draft, [])
    return None, [Decision("draft", "nothing", "the specialist gave no draft in the target language")]


def _why(case: Case, rounds: Sequence[Round], index: int, decisions: Sequence[Decision]) -> Exception:
    faults = [item.answers[index].fault for item in rounds]
    fault = next((fault for fault in faults if fault), None)
    if fault:
        return fault
    reasons = "; ".join(f"{item.outcome}: {item.reason}" for item in decisions)
    if any(check.name == "spans" and not check.passed for item in case.candidates for check in item.checks):
        return IntegrityError(f"Protected content was lost and could not be put back: {reasons}")
    return GeneralistError(reasons) if rounds else BackendError(reasons)
