"""CRAT's causality-enhanced judge: which translation of a term stands, and whether any does.

A translation is dropped where something contradicts it: a glossary, the generalist's counterfactual question, or a
back-translation in which the term is gone. It is verified only by a test that it passed: what a dictionary says is
no test. Of several that pass, the score decides: the verdict of the generalist, what comes back, how likely the
text is with it, and how far its witnesses are trusted (alpha, beta and gamma of the sheet; likelihood was added).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scalemt.glossary.tokens import fold
from scalemt.methods.agents.asking import text_in
from scalemt.methods.agents.graph import Rendering, State, Term, Trial
from scalemt.methods.agents.probing import ALONE, BACK, LIKELIHOOD, ROUNDTRIP, returning
from scalemt.types import Pair

JUDGE, GLOSS, AUTHORITY, TEXTS, AGREEMENT = "judge", "blind gloss", "authority", "texts", "agreement"
OPPOSITE = "opposite dictionary"

WEIGHTS = {"verdict": 0.4, "back": 0.25, "likelihood": 0.15, "trust": 0.2}
"""Of the score; what is not known is left out, and the others take its share."""

LEAST = 0.5
"""Score from which on a translation is verified."""

MARGIN = 0.1
"""By which another translation must be better than the one that the drafts use, for the document to be changed."""

_RANGE = 6.0  # expected chrF points at which likelihood says all that it can


def settle(term: Term) -> None:
    """Give each translation of a term its state, from its trials."""
    for item in term.renderings.values():
        item.score = _score(item) if item.trials else None
        item.state = _state(item, term)
    standing = [item for item in term.renderings.values() if item.state == "admitted"]
    if not standing:
        term.verdict = "none fits" if any(_tested(item) for item in term.renderings.values()) else "nothing known"
        return
    best = max(standing, key=_rank)
    used = max((item for item in standing if item.has("draft")), key=_rank, default=None)
    if used and used is not best and _rank(best) - _rank(used) < MARGIN and not _decided(best):
        best = used
    if used is None and term.drafted and not (_decided(best) or best.trial(JUDGE)):
        # The draft says it in words that no alignment could point at: nothing proves that others are better.
        term.verdict = "left to the draft"
        return
    best.state = "verified"
    term.verdict = _told(best)


def _state(item: Rendering, term: Term) -> State:
    if any(fold(text) == fold(item.text) for text in term.forbidden):
        return "refused"
    if (decided := item.trial(AUTHORITY)) is not None:
        return "admitted" if decided.passed else "refused"
    verdict, back, gloss = item.trial(JUDGE), item.trial(BACK), item.trial(GLOSS)
    if verdict and verdict.passed is False:
        return "refused"
    if back and back.passed is False and not (verdict and verdict.passed):
        return "refused"
    if gloss and gloss.passed is False and not (verdict and verdict.passed):
        return "refused"
    if not any(trial.passed for trial in item.trials):
        return "unproven"
    return "admitted" if (item.score or 0.0) >= LEAST else "unproven"


def _score(item: Rendering) -> float:
    known: dict[str, float] = {"trust": _trust(item)}
    if (verdict := item.trial(JUDGE)) and verdict.passed is not None:
        known["verdict"] = verdict.value if verdict.value is not None else float(verdict.passed)
    if (back := _back(item)) is not None:
        known["back"] = back
    if (likely := item.trial(LIKELIHOOD)) and likely.value is not None:
        known["likelihood"] = min(1.0, max(0.0, 0.5 + likely.value / (2 * _RANGE)))
    elif item.trial(BACK):
        known["likelihood"] = 0.5  # the draft itself: what all others are compared with
    weights = sum(WEIGHTS[name] for name in known)
    return sum(WEIGHTS[name] * value for name, value in known.items()) / weights


def _trust(item: Rendering) -> float:
    """Return how far the witnesses are trusted; texts that hold a translation make it likelier, and prove none."""
    texts = item.trial(TEXTS)
    doubt = 1.0 - item.trust
    return 1.0 - doubt * (1.0 - 0.1 * min(3.0, texts.value or 0.0)) if texts else item.trust


def _back(item: Rendering) -> float | None:
    """Return how much of the concept comes back, 0 to 1, None where nobody could tell."""
    back, alone, gloss = item.trial(BACK), item.trial(ALONE), item.trial(GLOSS)
    if back:
        trip = item.trial(ROUNDTRIP)
        lost = max(0.0, -(trip.value or 0.0)) if trip else 0.0
        return max(0.0, float(bool(back.passed)) - 2 * lost)
    for trial in (alone, gloss):
        if trial and trial.passed is not None:
            return 0.7 * trial.passed  # without the sentence it says less
    return None


def _rank(item: Rendering) -> float:
    if _decided(item):
        return 2.0
    drafted = sum(witness.provenance.kind == "draft" for witness in item.witnesses)
    return (item.score or 0.0) + 0.01 * min(drafted, 9)  # of two that are as good, the one that is used more


def is_firm(item: Rendering) -> bool:
    """Whether more than evidence speaks for a translation: the user, or a verdict of the generalist."""
    verdict = item.trial(JUDGE)
    return _decided(item) or bool(verdict and verdict.passed)


def _decided(item: Rendering) -> bool:
    trial = item.trial(AUTHORITY)
    return bool(trial and trial.passed)


def _tested(item: Rendering) -> bool:
    return any(trial.passed is not None for trial in item.trials)


def _told(item: Rendering) -> str:
    passed = ", ".join(dict.fromkeys(trial.name for trial in item.trials if trial.passed))
    said = "; ".join(dict.fromkeys(witness.provenance.source for witness in item.witnesses))
    return f"{item.text}: {passed} ({said}), score {item.score or 0.0:.2f}"


def compare_witnesses(
    term: Term,
    pair: Pair,
    back: Mapping[str, Mapping[str, Sequence[str]]],
    texts: Mapping[str, Mapping[str, int]],
) -> None:
    """Note what witnesses that do not know of each other say of the same translation.

    Args:
        term: with all its translations.
        pair: the languages.
        back: for each translation, what sources say that it is in the source language.
        texts: for each translation, how many texts of each source hold it.
    """
    finder = None
    for item in term.renderings.values():
        external = {one.provenance.source for one in item.witnesses if one.provenance.kind == "external"}
        if item.has("draft") and external:
            told = f"the drafts and {', '.join(sorted(external))} say the same"
            item.trials.append(Trial(AGREEMENT, True, told))
        for source, words in back.get(item.text, {}).items():
            finder = finder or returning(term.text, pair.source)
            # Both directions of one dictionary have its errors in common.
            if source not in external and any(finder.find(word) for word in words):
                item.trials.append(Trial(OPPOSITE, True, f"{source}: {', '.join(words[:4])}"))
        if held := texts.get(item.text):
            told = ", ".join(f"{count} in {source}" for source, count in held.items())
            item.trials.append(Trial(TEXTS, None, told, float(sum(held.values()))))


def note_glosses(asked: Sequence[Rendering], answer: Sequence[Any] | None, term: Term, pair: Pair) -> bool:
    """Write into translations what they were said to mean by somebody who did not know the term.

    Returns:
        Whether the answer could be read.
    """
    if answer is None or len(answer) != len(asked):
        return False
    finder = returning(term.text, pair.source)
    for item, said in zip(asked, answer, strict=True):
        meaning = text_in(said, "meaning", "text")[:160]
        # A gloss may use another word for the same: only one that gives the term back is a test.
        item.trials.append(Trial(GLOSS, bool(finder.find(meaning)) or None, meaning))
    return True


def note_verdict(asked: Sequence[Rendering], answer: Mapping[str, Any] | None) -> str:
    """Write the generalist's verdict into translations.

    Args:
        asked: in the order of their numbers, from 1.
        answer: "candidates" with "number", "fits" and "would change"; "best", 0 for none.

    Returns:
        Why it could not be read, "" where it could. A verdict that contradicts itself is none.
    """
    rows = answer.get("candidates") if answer else None
    if not isinstance(rows, list) or answer is None:
        return "its answer cannot be read"
    verdicts: dict[int, tuple[bool, str]] = {}
    for row in rows:
        number, fits = (row.get("number"), row.get("fits")) if isinstance(row, dict) else (None, None)
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(fits, bool):
            return "its answer cannot be read"
        if not 1 <= number <= len(asked) or (number in verdicts and verdicts[number][0] != fits):
            return "its answer contradicts itself"
        why = text_in(row, "would change", "would_change", "why")[:160]
        if not fits and why.strip(". ").casefold() in ("nothing", "none"):
            return "its answer contradicts itself"
        verdicts[number] = (fits, why)
    best = answer.get("best")
    if not isinstance(best, int) or isinstance(best, bool) or len(verdicts) != len(asked):
        return "it did not judge all candidates"
    if best and not verdicts.get(best, (False, ""))[0]:
        return "its answer contradicts itself"
    if not best and any(fits for fits, _ in verdicts.values()):
        return "its answer contradicts itself"
    for number, (fits, why) in verdicts.items():
        value = 1.0 if number == best else 0.7 if fits else 0.0
        asked[number - 1].trials.append(Trial(JUDGE, fits, why, value))
    return ""
