"""Ladder: a refiner edits a draft, then its own edits (MT-Ladder, Feng et al., EMNLP 2024, arXiv 2406.15741)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from scalemt.errors import ConfigurationError
from scalemt.memory.matching import without_drafts
from scalemt.methods.answering import case_of, draft_candidates
from scalemt.methods.base import Answer, Kit, Method, Prepared
from scalemt.methods.few_shot import FewShotMethod
from scalemt.quality.gate import Gate
from scalemt.specialists.road import Drafted
from scalemt.types import Candidate, Decision, Draft, Pair, Prompt, Segment

MOST_ROUNDS = 10
_MOST_CHANGES = 3  # that a decision shows


@dataclass(frozen=True)
class Rung(Prepared):
    """A segment on its way up.

    Args:
        round: of the refinement that is asked for, from 1; 0 asks for the draft that is missing.
        asked: rounds of the run that have been answered.
        best: the answer that is refined; None while that is the draft.
        gain: that of the best over the reference, as far as it is known.
        reference: what gains are measured over, with its evidence, once that is known.
    """

    round: int = 1
    asked: int = 0
    best: Candidate | None = None
    gain: float = 0.0
    reference: Candidate | None = None

    @property
    def text(self) -> str:
        """What is refined."""
        standing = self.standing.text if self.standing else ""
        return self.best.text if self.best else standing

    def compared(self, pair: Pair) -> Candidate:
        """Return what gains are measured over: the draft, or, without one, the first answer."""
        drafts = draft_candidates(self, pair)
        found = self.reference or (drafts[0] if drafts else self.best)
        assert found is not None  # noqa: S101  # nothing is refined before there is a text
        return found


@dataclass(frozen=True)
class Measured:
    """An answer and what it is compared with, both with their evidence."""

    reference: Candidate
    candidate: Candidate


class LadderMethod(Method):
    """A draft is refined, and what comes of it is refined again while quality estimation improves.

    The authors refine once. Going on, estimation by the gate's own evidence, and stopping where it finds no gain
    were decided here, for the authors' results tell that drafts better than the refiner get worse. The body of the
    paper was not read; the lines of the prompts are those of the released code, their opening sentence is not.

    Estimation takes only what does not come from the generalist, which would judge its own answer, unless a
    calibration was fitted with it. A text that failed checks is never refined further. Where no specialist gives a
    draft in the target language, the generalist is asked for one first, by a plain prompt.

    Args:
        rounds: the most refinements of one segment.
        always: refine each answer again, whatever it gained; nothing is measured between rounds.

    Raises:
        ConfigurationError: `rounds` is not from 1 to 10.
    """

    name = "ladder"
    needs_specialist = False
    drafts_where_possible = True
    needs_generalist = True
    shows_confidences = False
    template = {"chat": "ladder", "base": "ladder-plain"}  # noqa: RUF012  # never written to

    def __init__(self, rounds: int = 2, always: bool = False) -> None:
        if not 1 <= rounds <= MOST_ROUNDS:
            raise ConfigurationError(f"rounds is {rounds}; expected 1 to {MOST_ROUNDS} rounds of refinement.")
        self.rounds = rounds
        self.always = always
        self.most_calls = rounds + 1  # one for a draft, where no specialist makes it

    @property
    def signature(self) -> str:
        """The name, the number of rounds, and whether all of them are asked."""
        return f"{self.name}[rounds:{self.rounds}{',always' if self.always else ''}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, and render the prompts of the first round."""
        drafted = kit.road.draft(segments) if kit.road else [Drafted((), None)] * len(segments)
        rows = kit.choose_standing(segments)
        prepared: list[Prepared] = []
        for segment, item, row in zip(segments, drafted, rows, strict=True):
            rung = Rung(segment, item.shown, item.standing, tuple(row))
            if item.standing and item.standing.text.strip():
                prepared.append(replace(rung, prompt=_prompt(rung, item.standing, kit)))
                continue
            told = Decision(
                "ladder", "no draft", "no specialist gives one in the target language: it is asked for"
            )
            prompt = kit.prompt(segment, (), without_drafts([row])[0])
            prepared.append(replace(rung, prompt=prompt, round=0, decisions=(told,)))
        return prepared

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        """Take what was gained, and have it refined again."""
        rungs = [item for item in prepared if isinstance(item, Rung)]
        measured = {} if self.always else _measured(rungs, answers, kit)
        return [
            self._after(rung, said, measured.get(index), kit) if rung.prompt else rung
            for index, (rung, said) in enumerate(zip(rungs, answers, strict=True))
        ]

    def _after(self, rung: Rung, said: Answer, measured: Measured | None, kit: Kit) -> Rung:
        """Return what becomes of a segment after an answer: another prompt, or none and the reason."""
        place, rung = rung.asked, replace(rung, asked=rung.asked + 1)
        candidate = said.candidate
        if candidate is None:
            return _stopped(rung, "fault", f"round {rung.round} brought no answer")
        if failed := [f"{check.name}: {check.detail}" for check in candidate.checks if not check.passed]:
            return _stopped(rung, "checks failed", f"round {rung.round}: {'; '.join(failed)}")
        if rung.round == 0:
            return self._climbed(rung, candidate, 0.0, place, kit)
        if candidate.text == rung.text:
            return _stopped(rung, "no change", f"round {rung.round} gave back what it was given")
        gain = _gain(measured, kit) if measured else None
        rung = _told(rung, candidate, gain, kit)
        if gain is None and not self.always:
            return _stopped(rung, "no evidence", "nothing that is independent of the generalist could be measured")
        if gain is not None and gain <= rung.gain:
            before = f"the text before, which had {rung.gain:+.2f}" if rung.best else "the draft"
            return _stopped(rung, "no gain", f"it is no better than {before}")
        rung = replace(rung, reference=measured.reference) if measured else rung
        return self._climbed(rung, candidate, gain or 0.0, place, kit)

    def _climbed(self, rung: Rung, candidate: Candidate, gain: float, place: int, kit: Kit) -> Rung:
        """Have the best text so far refined, if there is a round left."""
        rung = replace(rung, best=candidate, gain=gain, result=place)
        if rung.round == self.rounds:
            return _stopped(rung, "rounds used", f"{self.rounds} of {self.rounds}")
        rung = replace(rung, round=rung.round + 1)
        # Confidences are a specialist's, and the text is no longer its own.
        return replace(rung, prompt=_prompt(rung, Draft(candidate.text, spans=candidate.spans), kit))


def _prompt(rung: Rung, draft: Draft, kit: Kit) -> Prompt:
    return kit.prompt(rung.segment, (draft,), rung.demonstrations)


def _measured(rungs: Sequence[Rung], answers: Sequence[Answer], kit: Kit) -> dict[int, Measured]:
    """Measure the answers that may be worth another round, and once what they are compared with."""
    hopeful = {
        index: said.candidate
        for index, (rung, said) in enumerate(zip(rungs, answers, strict=True))
        if rung.prompt and rung.round and said.candidate and _new(said.candidate, rung)
    }
    if kit.gatherer is None or not hopeful:
        return {}
    segments = [rungs[index].segment for index in hopeful]
    # Of the generalist's own judgement only a calibration knows what it is worth.
    asked = FewShotMethod().prepare(segments, kit) if kit.gate.scales else [None] * len(segments)
    cases = []
    for (index, candidate), scoring in zip(hopeful.items(), asked, strict=True):
        reference = rungs[index].compared(kit.pair)
        candidates = [candidate] if reference.evidence else [reference, candidate]
        case = case_of(rungs[index], candidates, kit.pair)
        cases.append(replace(case, prompt=scoring.prompt if scoring else None))
    measured = {}
    for index, case in zip(hopeful, kit.gatherer.gather(cases), strict=True):
        known = case.candidates[0] if len(case.candidates) > 1 else rungs[index].compared(kit.pair)
        measured[index] = Measured(known, case.candidates[-1])
    return measured


def _new(candidate: Candidate, rung: Rung) -> bool:
    return candidate.text != rung.text and all(check.passed for check in candidate.checks)


def _gain(measured: Measured, kit: Kit) -> float | None:
    """Return what an answer is expected to gain; what a calibration knows of is the draft, and no other text."""
    gate = kit.gate if measured.reference.origin == "draft" else Gate()
    return gate.gain(measured.candidate, measured.reference)


def _told(rung: Rung, candidate: Candidate, gain: float | None, kit: Kit) -> Rung:
    """Say what a round changed."""
    over = "the draft" if rung.standing else "the first answer"
    by = "the calibration" if kit.gate.scales else "the specialists"
    expected = "" if gain is None else f"; {by} expect{'s' if kit.gate.scales else ''} {gain:+.2f} over {over}"
    decision = Decision("ladder", f"round {rung.round}", f"{_changes(rung.text, candidate.text)}{expected}")
    return replace(rung, decisions=(*rung.decisions, decision))


def _changes(before: str, after: str) -> str:
    """Return which words differ, the first few of them."""
    old, new = before.split(), after.split()
    told = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = " ".join(old[a:b]), " ".join(new[c:d])
        if kind == "replace":
            told.append(f"{gone!r} became {come!r}")
        elif kind != "equal":
            told.append(f"left out {gone!r}" if gone else f"added {come!r}")
    more = f", and {len(told) - _MOST_CHANGES} more" if len(told) > _MOST_CHANGES else ""
    return ", ".join(told[:_MOST_CHANGES]) + more or "only the space between words changed"


def _stopped(rung: Rung, outcome: str, reason: str) -> Rung:
    return replace(rung, prompt=None, decisions=(*rung.decisions, Decision("ladder", outcome, reason)))
