"""Evidence on candidate translations that can be had offline, without a reference.

likelihood  mean log-probability of a token of the candidate under the generalist, after a few-shot prompt
            that holds the source but no draft (nats a token)
forward     mean log-probability of a token under the specialist, given the source (forced decoding)
backward    mean log-probability of a token of the *source* under the reverse specialist, given the
            candidate: the noisy-channel direction
roundtrip   chrF of the reverse specialist's translation of the candidate against the source, 0 to 1
coverage    how much of the source that translation holds, by its widest gap and its length, 0 to 1: low where the
            candidate leaves something out (quality/coverage.py)
support     how much of that translation the source holds, likewise: low where the candidate puts something in
doubt       share of the draft's words whose confidence is known to be below 0.5, unknown words of a rule-based
            specialist among them; the same for all candidates of a segment
likeness    chrF of the candidate against the draft, 0 to 1

Which of them exist depends on the backends: a missing one is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalemt.errors import BackendError
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.quality.coverage import by_back_translation
from scalemt.specialists import ScoringSpecialist, Specialist
from scalemt.types import Candidate, Draft, Pair, Prompt


@dataclass(frozen=True)
class Case:
    """One segment before the gate: its candidates, and what they are compared with.

    Args:
        source: the text that specialists compare candidates with: the source, or, through a pivot, the pivot
            draft, which is as near to the source as a specialist gets.
        pair: the languages of `source` and of the candidates.
        draft: the draft that can stand as a translation.
        candidates: all texts that could become the translation.
        prompt: the few-shot prompt under which the generalist scores candidates.
    """

    source: str
    pair: Pair
    draft: Draft | None
    candidates: tuple[Candidate, ...]
    prompt: Prompt | None = None


@dataclass
class EvidenceGatherer:
    """Measures candidates with whatever the backends can do.

    Args:
        generalist: scores candidates if it can.
        forward: the specialist of the pair; scores candidates if it can.
        backward: a specialist of the reversed pair; scores the source if it can, else translates back.
    """

    generalist: Generalist | None = None
    forward: Specialist | None = None
    backward: Specialist | None = None

    def gather(self, cases: Sequence[Case]) -> list[Case]:
        """Return the cases with the evidence of every candidate filled in."""
        flat = [(case, candidate) for case in cases for candidate in case.candidates]
        columns = [self._likelihood(flat), self._forward(flat), *self._backward(flat), _from_draft(flat)]
        merged: list[dict[str, float]] = [{} for _ in flat]
        for column in columns:
            for row, evidence in zip(merged, column, strict=True):
                row.update(evidence)
        measured = iter(merged)
        return [
            replace(case, candidates=tuple(replace(item, evidence=next(measured)) for item in case.candidates))
            for case in cases
        ]

    def _likelihood(self, flat: Sequence[tuple[Case, Candidate]]) -> list[dict[str, float]]:
        """Score under the generalist, each distinct text of a case once."""
        if not isinstance(self.generalist, ScoringGeneralist):
            return [{} for _ in flat]
        asked = {(case.prompt, candidate.text): None for case, candidate in flat if case.prompt and candidate.text}
        prompts = [prompt for prompt, _ in asked if prompt]
        try:
            scores = self.generalist.score(prompts, [_continuation(*key) for key in asked])
        except BackendError:
            # Evidence is a help, not a duty, here and below: with less of it the gate keeps the draft.
            return [{} for _ in flat]
        found = dict(zip(asked, scores, strict=True))
        keys = [(case.prompt, candidate.text) for case, candidate in flat]
        return [{"likelihood": found[key].per_token} if key in found else {} for key in keys]

    def _forward(self, flat: Sequence[tuple[Case, Candidate]]) -> list[dict[str, float]]:
        if not flat or not isinstance(self.forward, ScoringSpecialist):
            return [{} for _ in flat]
        pair = flat[0][0].pair
        try:
            scores = self.forward.score([case.source for case, _ in flat], [item.text for _, item in flat], pair)
        except BackendError:
            return [{} for _ in flat]
        return [{"forward": score.per_token} for score in scores]

    def _backward(self, flat: Sequence[tuple[Case, Candidate]]) -> list[list[dict[str, float]]]:
        if not flat or self.backward is None:
            return []
        pair = flat[0][0].pair.reversed
        sources, texts = [case.source for case, _ in flat], [item.text for _, item in flat]
        columns = []
        try:
            if isinstance(self.backward, ScoringSpecialist):
                scores = self.backward.score(texts, sources, pair)
                columns.append([{"backward": score.per_token} for score in scores])
            back = self.backward.draft(texts, pair)
        except BackendError:
            return columns
        rows = zip(back, sources, strict=True)
        columns.append([_from_back_translation(drafts[0].text, source) for drafts, source in rows])
        return columns


def _continuation(prompt: Prompt | None, text: str) -> str:
    # A plain prompt ends in "English:"; the answer begins with the space that models put after a colon.
    return f" {text}" if prompt and prompt.text and not prompt.text[-1].isspace() else text


def _from_back_translation(back: str, source: str) -> dict[str, float]:
    coverage, support = by_back_translation(source, back)
    return {"roundtrip": chrf(back, source), "coverage": coverage.share, "support": support.share}


def _from_draft(flat: Sequence[tuple[Case, Candidate]]) -> list[dict[str, float]]:
    rows = []
    for case, candidate in flat:
        evidence = {}
        if case.draft:
            evidence["likeness"] = chrf(candidate.text, case.draft.text)
            evidence["doubt"] = _doubt(case.draft)
        rows.append(evidence)
    return rows


def _doubt(draft: Draft) -> float:
    known = [word.confidence for word in draft.words if word.confidence is not None]
    return sum(confidence < 0.5 for confidence in known) / max(1, len(draft.words))


def chrf(hypothesis: str, reference: str) -> float:
    """Return the sentence chrF (Popović 2015; sacreBLEU, effective order) of two texts, 0 to 1."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().sentence_score(hypothesis, [reference]).score) / 100
