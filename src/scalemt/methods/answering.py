"""Put prepared prompts to the generalist, and turn its answers into checked candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.generalists import Generalist
from scalemt.generalists.base import Progress
from scalemt.methods.base import Prepared
from scalemt.prompts import Template
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.cleaning import clean
from scalemt.types import Candidate, Completion, Decision, Decoding, Pair, Prompt, Usage


@dataclass(frozen=True)
class Answer:
    """What came back for one segment: a candidate, or the fault that kept it away, and what it cost."""

    candidate: Candidate | None
    fault: Exception | None
    usage: Usage

    def decisions(self, origin: str) -> list[Decision]:
        """Say that the generalist failed, if it did: a fallback is never silent."""
        return [Decision("generalist", f"no {origin}", str(self.fault))] if self.fault else []


def answer(
    prepared: Sequence[Prepared],
    generalist: Generalist,
    decoding: Decoding,
    template: Template,
    pair: Pair,
    origin: str,
    progress: Progress | None = None,
) -> list[Answer]:
    """Complete every prompt and return one answer a prepared segment, in order.

    Args:
        prepared: segments; those without a prompt are passed over and answered by nothing.
        origin: what the candidates are called in evidence and decisions.

    Raises:
        EndpointError: no request can succeed.
    """
    asked = [(index, item.prompt) for index, item in enumerate(prepared) if item.prompt]
    prompts: list[Prompt] = [prompt for _, prompt in asked]
    answers = unasked(prepared)
    labels = template.answer_labels(pair)
    completions = generalist.complete(prompts, decoding, progress)
    for (index, _), completion in zip(asked, completions, strict=True):
        answers[index] = _answer(prepared[index], completion, labels, pair, origin)
    return answers


def unasked(prepared: Sequence[Prepared]) -> list[Answer]:
    """Return what stands for the answers to segments for which nobody was asked."""
    return [Answer(None, None, Usage()) for _ in prepared]


def _answer(prepared: Prepared, completion: Completion, labels: Sequence[str], pair: Pair, origin: str) -> Answer:
    if completion.finish_reason == "error":
        return Answer(None, completion.error, completion.usage)
    source = prepared.segment.text
    draft = prepared.standing.text if prepared.standing else ""
    text = clean(completion.text, source, labels)
    checks = run_checks(Subject(source, text, pair, draft, completion.finish_reason == "stop"))
    return Answer(Candidate(origin, text, checks), None, completion.usage)


def draft_candidate(prepared: Prepared, pair: Pair) -> Candidate | None:
    """Return the standing draft as a checked candidate, or None when there is none."""
    if prepared.standing is None:
        return None
    text = prepared.standing.text
    return Candidate("draft", text, run_checks(Subject(prepared.segment.text, text, pair)))
