"""The gate: whether the generalist's answer is kept, or the draft, or a third candidate.

Modes: `off` takes the answer as it is (only an empty or cut-off one is refused, or one that lost tags or
placeholders); `checks` takes it when all checks pass; `quality` also weighs the evidence and keeps the draft
unless a candidate wins by a margin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from scalemt.glossary import missed
from scalemt.quality.evidence import Case
from scalemt.quality.rule_judging import for_rules, keeping
from scalemt.types import Candidate, Decision, TermUse

GateMode = Literal["off", "checks", "quality"]
GATES: tuple[GateMode, ...] = get_args(GateMode)

DEFAULT_WEIGHTS = {"roundtrip": 40.0, "backward": 4.0, "forward": 3.0, "likelihood": 2.0}
"""Weights before calibration, in chrF++ points, rounded from a fit for Galician to English: there the round trip
tells most of the gain of a refinement (r = 0.7), and the generalist's own likelihood least (0.3)."""

INDEPENDENT = frozenset({"backward", "forward", "roundtrip"})
"""Evidence that does not come from the generalist. Without any, an uncalibrated gate would let the generalist
judge its own answer: from Basque to Portuguese that took pivot refinements 29 chrF++ below the draft."""

DEFAULT_THRESHOLD = 3.0
"""Expected chrF++ points at which an uncalibrated gate gives up the draft: wide, since it may be wrong."""

TERM_TOLERANCE = 4.0
"""Expected chrF++ points a term that a candidate may be worse by evidence and still be taken: a wanted term that
the specialist would not have chosen always looks less likely to it (see benchmarks/terminology.py)."""

TERM_SHARE_TOLERANCE = 60.0
"""The same for the share of the source that missed terms take up: in a short text the round trip of another word
for the same thing ("difficulty breathing" for "shortness of breath") is most of what is compared."""

LEAST_FOR_OWN_TERMS, MOST_FORCED = 2.0, 0.4
"""Where only the method wants the terms: expected chrF++ points that a candidate must gain, and nats a token by
which the specialist may find it less likely. What is forced in comes back as well, and so looks better than it
reads; chosen on lines 141 to 440 of TICO-19 dev, en->pt (`benchmarks/agents.py`)."""

FORCED = frozenset({"masked terms", "replaced terms"})
"""Drafts that were made to hold terms (`scalemt.methods.constraining`)."""

EDITS, EDITS_A_WORD = 3, 1.5
"""Words of the draft that a text may change and still be an edit of it: so many, and as many for each word of the
missed terms."""

_FATAL = frozenset({"empty", "truncated", "spans"})

NEVER = 1e9
"""A threshold that no gain reaches: the draft is always kept."""


@dataclass(frozen=True)
class Scale:
    """How evidence becomes an expected gain over the draft.

    gain = bias + sum of weight x (evidence of the candidate - evidence of the draft), over what both have.
    `doubt` belongs to the draft and is taken as it is: the less sure the specialist, the more there is to gain.
    One such scale a kind of candidate ("refine", …).

    Args:
        weights: by name of evidence.
        bias: added to every gain.
        calibrated: whether it was fitted on a development set, in chrF++ points.
    """

    weights: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    bias: float = 0.0
    calibrated: bool = False

    def gain(self, candidate: Candidate, draft: Candidate) -> float | None:
        """Return the expected gain, or None when nothing comparable was measured on both.

        A calibrated scale needs all that it was fitted on: without some of it, its bias means nothing.
        """
        known = features(candidate, draft)
        used = self.weights.keys() & known.keys()
        if not used or (self.calibrated and used != self.weights.keys()):
            return None
        gain = self.bias + sum(self.weights[name] * known[name] for name in sorted(used))
        return gain if math.isfinite(gain) else None


def features(candidate: Candidate, draft: Candidate) -> dict[str, float]:
    """Return the differences of evidence between a candidate and the draft, by name."""
    shared = candidate.evidence.keys() & draft.evidence.keys()
    found = {name: candidate.evidence[name] - draft.evidence[name] for name in shared}
    if "doubt" in shared:
        found["doubt"] = draft.evidence["doubt"]
    return found


@dataclass(frozen=True)
class Gate:
    """Decides for one segment.

    Args:
        mode: one of `GATES`.
        scales: by origin of the candidate, from a calibration; None before one. An origin that the calibration
            does not hold is not weighed.
        threshold: the least expected gain at which the draft is given up.
        aims_at_terms: a candidate that uses more of the glossary's terms is taken unless it is clearly worse, and
            one that does not is left.
        wants_terms: the same, but a candidate that brings in no term is weighed as any other.
        aims_at_rules: a candidate that keeps more of the rules is taken unless it is clearly worse.
    """

    mode: str = "quality"
    scales: dict[str, Scale] | None = None
    threshold: float = DEFAULT_THRESHOLD
    aims_at_terms: bool = False
    wants_terms: bool = False
    aims_at_rules: bool = False

    def judge(self, case: Case) -> tuple[Candidate | None, list[Decision]]:
        """Return the candidate that becomes the translation, or None when none may, and why."""
        # An empty draft is none: it must not win over a text only because there is no evidence.
        drafts = [item for item in case.candidates if item.origin == "draft" and item.text.strip()]
        draft = next((item for item in drafts if not _unusable(item)), None)
        others = [item for item in case.candidates if item.origin != "draft"]
        decisions = [_refusal(item) for item in others if _refused(item, self.mode)]
        passed = [item for item in others if not _refused(item, self.mode)]
        if draft is not None and self.mode != "off":
            decisions += [_term_refusal(item, draft) for item in passed if _loses_terms(item, draft)]
            passed = [item for item in passed if not _loses_terms(item, draft)]
            passed, refused = keeping(passed, draft)
            decisions += refused
            weighs = self.mode == "quality"
            if self.aims_at_rules and (ruled := for_rules(passed, draft, Scale().gain, weighs=weighs)):
                return ruled[0], [*decisions, ruled[1]]
        if (self.aims_at_terms or self.wants_terms) and draft is not None and self.mode != "off":
            for_terms = self._for_terms(passed, draft, case.source)
            if for_terms:
                return for_terms[0], [*decisions, for_terms[1]]
            if self.wants_terms:
                passed = [item for item in passed if item.origin not in FORCED]
            if passed and self.mode == "checks" and self.aims_at_terms:
                why = "no edit of it uses more of the terms without being another translation, or clearly worse"
                return draft, [*decisions, Decision("gate", "draft", why)]
        if not passed:
            return self._nothing_passed(draft, others, decisions)
        if draft is None or self.mode != "quality":
            why = {"off": "the gate is off", "checks": "all checks passed"}.get(self.mode, "there is no draft")
            return passed[0], [*decisions, Decision("gate", passed[0].origin, why)]
        chosen, decision = self._weigh(passed, draft)
        return chosen, [*decisions, decision]

    def _for_terms(
        self, passed: Sequence[Candidate], draft: Candidate, source: str
    ) -> tuple[Candidate, Decision] | None:
        """Return the candidate that uses most terms, of several the one that the evidence likes best, or None.

        The guard of terminology-constrained editing: more terms than the draft, near to the draft, not clearly
        worse by the evidence where there is any. For a term that nobody but the method wants it must be better.
        """
        before, given = len(missed(draft.terms)), _given(draft)
        share = sum(use.end - use.start for use in given) / max(1, len(source))
        ranked = []
        for item in passed:
            after = len(missed(item.terms))
            gained = max(0, len(given) - len(_given(item)))
            room = TERM_TOLERANCE * gained + TERM_SHARE_TOLERANCE * share if gained else -LEAST_FOR_OWN_TERMS
            gain = Scale().gain(item, draft)
            forced = not gained and features(item, draft).get("forward", 0.0) < -MOST_FORCED
            if after < before and not forced and _near(item, draft) and (gain is None or gain > -room):
                ranked.append((after, -(gain or 0.0), gain, item))
        if not ranked:
            return None
        after, _, told, best = min(ranked, key=lambda row: row[:2])
        evidence = "no evidence was measured" if told is None else f"expected gain over the draft {told:+.2f}"
        why = f"{before - after} of {before} missed terms are used; {evidence}"
        return best, Decision("gate", best.origin, why)

    def _nothing_passed(
        self, draft: Candidate | None, others: Sequence[Candidate], decisions: list[Decision]
    ) -> tuple[Candidate | None, list[Decision]]:
        if draft is not None:
            why = "no other candidate passed" if others else "there is no other candidate"
            return draft, [*decisions, Decision("gate", "draft", why)]
        usable = [item for item in others if not _unusable(item) and not _obeyed(item)]
        if usable:
            # Without a draft to fall back on, a doubtful text with its failed checks beats silence. One that did
            # what a stranger told it does not.
            return usable[0], [*decisions, Decision("gate", usable[0].origin, "there is no draft to fall back on")]
        return None, [*decisions, Decision("gate", "nothing", "no candidate can be used")]

    def _weigh(self, passed: Sequence[Candidate], draft: Candidate) -> tuple[Candidate, Decision]:
        different = [item for item in passed if item.text != draft.text]
        if not different:
            return draft, Decision("gate", "draft", "the answer is the same as the draft")
        if self.threshold >= NEVER:
            return draft, Decision("gate", "draft", "calibration found nothing that beats the draft of this pair")
        gains = [(self.gain(item, draft), item) for item in different]
        known = [(gain, item) for gain, item in gains if gain is not None]
        if not known:
            calibrated = self.scales is None or any(item.origin in self.scales for item in different)
            why = "no evidence could be measured" if calibrated else "the calibration holds no such candidate"
            return draft, Decision("gate", "draft", f"{why}; the draft is the safe choice")
        best, winner = max(known, key=lambda pair: pair[0])
        told = ", ".join(f"{item.called} {gain:+.2f}" for gain, item in known)
        verdict = f"expected gain over the draft: {told}; needed {self.threshold:+.2f}"
        if best > self.threshold:
            return winner, Decision("gate", winner.origin, verdict)
        return draft, Decision("gate", "draft", verdict)

    def gain(self, candidate: Candidate, draft: Candidate) -> float | None:
        """Return what a candidate is expected to gain over the draft, None where nothing tells."""
        if self.scales is None:
            return Scale().gain(candidate, draft) if features(candidate, draft).keys() & INDEPENDENT else None
        scale = self.scales.get(candidate.origin)
        return scale.gain(candidate, draft) if scale else None


def _given(candidate: Candidate) -> list[TermUse]:
    """Return the terms of the glossary that a candidate misses."""
    return [use for use in missed(candidate.terms) if use.origin == "glossary"]


def _near(candidate: Candidate, draft: Candidate) -> bool:
    """Whether a text is an edit of the draft and no other translation: few words changed beside the terms."""
    from rapidfuzz.distance import Levenshtein

    uses = missed(draft.terms)
    room = sum(len(use.source.split()) + len(use.target.split()) for use in uses)
    return Levenshtein.distance(draft.text.split(), candidate.text.split()) <= EDITS + EDITS_A_WORD * room


def _loses_terms(candidate: Candidate, draft: Candidate) -> bool:
    return len(missed(candidate.terms)) > len(missed(draft.terms))


def _term_refusal(candidate: Candidate, draft: Candidate) -> Decision:
    kept = {(use.source, use.start) for use in missed(draft.terms)}
    lost = [use for use in missed(candidate.terms) if (use.source, use.start) not in kept]
    told = "; ".join(f"{use.source} = {use.target}" for use in lost)
    return Decision("gate", f"refused {candidate.called}", f"terms: it misses what the draft holds: {told}")


def _unusable(candidate: Candidate) -> bool:
    return any(check.name in _FATAL and not check.passed for check in candidate.checks)


def _obeyed(candidate: Candidate) -> bool:
    return any(check.name == "injection" and not check.passed for check in candidate.checks)


def _refused(candidate: Candidate, mode: str) -> bool:
    # A truncated or empty answer, or one without its tags, is never a translation, whatever the mode.
    return _unusable(candidate) if mode == "off" else any(not check.passed for check in candidate.checks)


def _refusal(candidate: Candidate) -> Decision:
    failed = [f"{check.name}: {check.detail}" for check in candidate.checks if not check.passed]
    return Decision("gate", f"refused {candidate.called}", "; ".join(failed))
