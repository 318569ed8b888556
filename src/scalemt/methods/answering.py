"""Put prepared prompts to the generalist, and turn its answers into checked candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalemt.errors import BudgetError, GeneralistError
from scalemt.generalists import Generalist
from scalemt.generalists.base import Progress
from scalemt.languages import base
from scalemt.methods.base import Answer, Prepared, Question
from scalemt.methods.integrity import Held, held, named, projected, shown
from scalemt.prompts import Template
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.cleaning import clean
from scalemt.quality.evidence import Case
from scalemt.retry import RetryBudget
from scalemt.text.spans import fault
from scalemt.types import Candidate, Completion, Decision, Decoding, Draft, Pair, Prompt, ThinkingEnd, Usage

MOST_THOUGHT = 200  # characters of a thought that a decision shows
SAMPLED = 0.8  # the least temperature of a further draw: at 0 it would be the first one
_ENDS: dict[ThinkingEnd, str] = {
    "natural": "ended by itself",
    "forced": "ended at the budget",
    "open": "never ended",
    "unknown": "ended",
}


@dataclass(frozen=True)
class Asking:
    """How a round of prompts is asked; `origin` is what its candidates are called in evidence and decisions."""

    generalist: Generalist
    decoding: Decoding
    template: Template
    pair: Pair
    origin: str

    def complete(self, prompts: Sequence[Prompt], progress: Progress | None = None) -> list[Completion]:
        """Complete prompts, in order."""
        return self.generalist.complete(prompts, self.decoding, progress)

    def may_ask_again(self) -> bool:
        """Take one of the tries that a job has for all that did not go well at first; without a job, always."""
        budget: RetryBudget | None = getattr(self.generalist, "retries", None)
        return budget is None or budget.take()


@dataclass(frozen=True)
class _Heard:
    """One completion and what of it holds the segment's spans."""

    completion: Completion
    said: str
    held: Held

    @property
    def broken(self) -> bool:
        """Whether spans are missing from an answer that is otherwise there."""
        return self.completion.finish_reason == "stop" and bool(self.held.text.strip()) and bool(self.held.wrong)


def ask_each(questions: Sequence[Question], generalist: Generalist, decoding: Decoding) -> list[Completion]:
    """Put the questions of a method, each to whom it is for; those for one generalist go together.

    Args:
        questions: in any order; their completions come in the same.
        generalist: that of the profile.
        decoding: the length of the answers left out: questions bound them.

    Raises:
        EndpointError: no request to the generalist of the profile can succeed.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for place, question in enumerate(questions):
        groups.setdefault((id(question.generalist), question.draw), []).append(place)
    found: dict[int, Completion] = {}
    for places in groups.values():
        asked = [questions[place] for place in places]
        drawn = replace(decoding, max_tokens=max(question.max_tokens for question in asked))
        if draw := asked[0].draw:
            drawn = replace(drawn, temperature=max(SAMPLED, decoding.temperature), seed=decoding.seed + draw)
        prompts = [question.prompt for question in asked]
        found |= zip(places, _completed(asked[0].generalist, generalist, prompts, drawn), strict=True)
    return [found[place] for place in range(len(questions))]


def _completed(
    helper: Generalist | None, generalist: Generalist, prompts: Sequence[Prompt], decoding: Decoding
) -> list[Completion]:
    if helper is None or helper is generalist:
        return generalist.complete(prompts, decoding)
    try:
        return helper.complete(prompts, decoding)
    except BudgetError:
        raise
    except GeneralistError as fault:
        return [Completion("", "error", error=fault) for _ in prompts]


def answer(prepared: Sequence[Prepared], asking: Asking, progress: Progress | None = None) -> list[Answer]:
    """Complete every prompt and return one answer a prepared segment, in order.

    An answer that lost protected spans is asked for once more, naming the loss; then they are put back by the
    words around them; what cannot be put back fails the check "spans".

    Args:
        prepared: segments; those without a prompt are passed over and answered by nothing.
        asking: whom to ask and how.

    Raises:
        EndpointError: no request can succeed.
    """
    asked = [(index, item.prompt) for index, item in enumerate(prepared) if item.prompt]
    completions = asking.complete([prompt for _, prompt in asked], progress)
    heard = {
        index: _heard(prepared[index], completion, asking)
        for (index, _), completion in zip(asked, completions, strict=True)
    }
    extra = _ask_again(prepared, heard, asking)
    answers = unasked(prepared)
    for index, item in heard.items():
        again = extra.get(index)
        better = again if again and not again.held.wrong and again.completion.finish_reason == "stop" else item
        made = _answer(prepared[index], better, asking)
        told = (f"asked again, for {item.held.wrong}",) if better is again else ()
        usage = item.completion.usage + (again.completion.usage if again else Usage())
        said = [item.completion, *([again.completion] if again else [])]
        thinking = tuple(decision for one in said for decision in _thinking(one, asking.decoding))
        answers[index] = replace(made, usage=usage, repairs=(*told, *made.repairs), thinking=thinking)
    return answers


def _thinking(completion: Completion, decoding: Decoding) -> list[Decision]:
    """Say how an answer was thought about, or that it was not though it should have been."""
    thought = completion.thought
    if thought is None:
        if not decoding.thinking or completion.finish_reason == "error":
            return []
        return [Decision("thinking", "none", "the model answered at once: it has no thoughts, or shows none")]
    bound = f" of {decoding.thinking}" if decoding.thinking else ""
    told = f"{thought.tokens}{bound} tokens"
    if decoding.wait:
        told += ", gone on with once after “wait”" if thought.waited else ", and no “wait” was put in"
    text = " ".join(thought.text.split())
    shown = f"{text[:MOST_THOUGHT]}…" if len(text) > MOST_THOUGHT else text
    return [Decision("thinking", _ENDS[thought.end], f"{told}: {shown}" if shown else told)]


def unasked(prepared: Sequence[Prepared]) -> list[Answer]:
    """Return what stands for the answers to segments for which nobody was asked."""
    return [Answer(None, None, Usage()) for _ in prepared]


def _heard(prepared: Prepared, completion: Completion, asking: Asking) -> _Heard:
    masked = shown(prepared.segment)
    said = clean(completion.text, masked.text, asking.template.answer_labels(asking.pair))
    return _Heard(completion, said, held(masked, prepared.segment, said))


def _ask_again(prepared: Sequence[Prepared], heard: dict[int, _Heard], asking: Asking) -> dict[int, _Heard]:
    """Ask once more for the answers that lost spans, where the template has words for that."""
    prompts: dict[int, Prompt] = {}
    for index, item in heard.items():
        prompt = prepared[index].prompt
        if item.broken and prompt:
            segment = prepared[index].segment
            lost = named(shown(segment), item.held.lost or segment.spans)
            again = asking.template.asked_again(prompt, item.said, lost, asking.pair)
            prompts |= {index: again} if again and asking.may_ask_again() else {}
    if not prompts:
        return {}
    completions = asking.complete(list(prompts.values()))
    return {
        index: _heard(prepared[index], completion, asking)
        for index, completion in zip(prompts, completions, strict=True)
    }


def _answer(prepared: Prepared, heard: _Heard, asking: Asking) -> Answer:
    completion = heard.completion
    if completion.finish_reason == "error":
        return Answer(None, completion.error, completion.usage)
    kept = projected(heard.held, prepared.segment, prepared.standing) if heard.broken else heard.held
    subject = Subject(
        prepared.segment.text,
        kept.text,
        asking.pair,
        prepared.standing.text if prepared.standing else "",
        completion.finish_reason == "stop",
        kept.wrong,
        _others(prepared, asking.pair),
        (prepared.segment.text, *(prepared.prompt.data if prepared.prompt else ())),
    )
    candidate = Candidate(asking.origin, kept.text, run_checks(subject), spans=kept.spans)
    return Answer(candidate, None, completion.usage, kept.repairs)


def _others(prepared: Prepared, pair: Pair) -> tuple[str, ...]:
    """Return the texts in other languages than the target that stand in the prompt beside the source."""
    pivots = [item.text for item in prepared.drafts if base(item.language or pair.target) != base(pair.target)]
    return (*pivots, *prepared.others)


def case_of(prepared: Prepared, candidates: Sequence[Candidate], pair: Pair) -> Case:
    """Return what evidence is measured on: candidates, and the text that specialists compare them with.

    Where drafts are in a third language, that is the pivot draft.
    """
    shown = prepared.drafts[0] if prepared.drafts else None
    if shown and shown.text and base(shown.language or pair.target) != base(pair.target):
        return Case(shown.text, Pair(shown.language, pair.target), prepared.standing, tuple(candidates))
    return Case(prepared.segment.text, pair, prepared.standing, tuple(candidates))


def draft_candidates(prepared: Prepared, pair: Pair) -> list[Candidate]:
    """Return the standing draft, if there is one, and the alternatives to it, as checked candidates."""
    drafts = [("draft", prepared.standing)] if prepared.standing else []
    return [_of_draft(origin, draft, prepared, pair) for origin, draft in (*drafts, *prepared.alternatives)]


def _of_draft(origin: str, draft: Draft, prepared: Prepared, pair: Pair) -> Candidate:
    segment = prepared.segment
    wrong = fault(segment.text, segment.spans, draft.text, draft.spans) if segment.spans else ""
    checks = run_checks(Subject(segment.text, draft.text, pair, damage=wrong))
    return Candidate(origin, draft.text, checks, spans=draft.spans)
