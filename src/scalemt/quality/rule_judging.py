"""What the gate makes of rules: a candidate must not break what the draft keeps, and may win by keeping more.

The rules are those of `scalemt.quality.rules`; verdicts on them stand in `Candidate.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scalemt.types import Candidate, Check, Decision

RULE_TOLERANCE = 12.0
"""Expected chrF++ points a rule that a candidate may be worse by evidence and still be taken: to put something in
other words costs as much, for the specialist likes its own best (references have 19 less than drafts)."""

SHORTER_TOLERANCE = 50.0
"""The same for the share by which it is shorter than the draft: what is left out for a rule about length does not
come back. On FLORES dev, English to Portuguese, references that lack a third to a half have 18 less than whole
ones; a text that is wrong from its middle on has 31 less, and one of another sentence 60."""

Gain = Callable[[Candidate, Candidate], float | None]


def broken_rules(candidate: Candidate) -> list[Check]:
    """Return the rules that a candidate breaks."""
    return [check for check in candidate.rules if not check.passed]


def keeping(passed: Sequence[Candidate], draft: Candidate) -> tuple[list[Candidate], list[Decision]]:
    """Return the candidates that break no rule which the draft keeps, and why the others are refused."""
    kept = {check.name for check in draft.rules if check.passed}
    good: list[Candidate] = []
    refused: list[Decision] = []
    for item in passed:
        lost = [check for check in broken_rules(item) if check.name in kept]
        if lost:
            told = "; ".join(f"{check.name}: {check.detail}" for check in lost)
            refused.append(Decision("gate", f"refused {item.origin}", f"rules that the draft keeps: {told}"))
        else:
            good.append(item)
    return good, refused


def for_rules(
    passed: Sequence[Candidate], draft: Candidate, gain: Gain, *, weighs: bool
) -> tuple[Candidate, Decision] | None:
    """Return the candidate that keeps most rules, of several the one that the evidence likes best, or None.

    Args:
        passed: those that may be taken.
        draft: what rules are counted against.
        gain: what a candidate is expected to gain over the draft, None where nothing was measured.
        weighs: whether a candidate may still win by evidence; else the draft stands where none keeps more rules.
    """
    before = len(broken_rules(draft))
    if not before:
        return None
    ranked: list[tuple[int, float, int, float | None, Candidate]] = []
    for item in passed:
        after, expected = len(broken_rules(item)), gain(item, draft)
        shorter = max(0.0, 1 - len(item.text) / max(1, len(draft.text)))
        room = RULE_TOLERANCE * (before - after) + SHORTER_TOLERANCE * shorter
        if after < before and (expected is None or expected > -room):
            ranked.append((after, -(expected or 0.0), len(ranked), expected, item))
    if ranked:
        after, _, _, told, best = min(ranked, key=lambda row: row[:3])
        evidence = "no evidence was measured" if told is None else f"expected gain over the draft {told:+.2f}"
        why = f"{before - after} of {before} broken rules are kept; {evidence}"
        return best, Decision("gate", best.origin, why)
    if passed and not weighs:
        return draft, Decision("gate", "draft", "no other candidate keeps more rules without being clearly worse")
    return None
