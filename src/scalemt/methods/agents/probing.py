"""Counterfactual probes: the text is translated as if a term had a translation, and it is looked what comes back.

A candidate is put into the specialist's draft in the place of the term (around a mask, or where the words are
aligned); a specialist of the opposite direction, which knows nothing of the term, translates it back. If the term
does not come back though it does from the draft itself, the candidate has changed the story. Where backends score,
the likelihood of the text with the candidate is compared with that of the draft.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scalemt.errors import BackendError
from scalemt.glossary import FoundTerm, Glossary, TermEntry, TermFinder, verify
from scalemt.methods.agents.graph import Rendering, Term, Trial
from scalemt.methods.base import Kit, Prepared
from scalemt.methods.constraining import constrained
from scalemt.quality.evidence import Case, EvidenceGatherer, chrf
from scalemt.quality.gate import DEFAULT_WEIGHTS
from scalemt.specialists import Specialist
from scalemt.specialists.road import DirectRoad
from scalemt.types import Candidate, Pair, Prompt

BACK, ALONE, LIKELIHOOD, ROUNDTRIP = "back-translation", "back alone", "likelihood", "round trip"

_SLACK = 0.03  # chrF by which a round trip may be below that of the draft and be as good
_SHOWN = 160  # characters of a back-translation that are kept


@dataclass
class Probe:
    """One translation of one term, tried in one segment.

    Args:
        term, rendering: what is tried.
        item: the segment, with its draft.
        place: of the term in it.
        text: the draft with the translation in it, "" where none could be made.
        back: that, or the translation alone, in the source language again; "" where nobody could tell.
        alone: whether `back` is of the translation alone.
    """

    term: Term
    rendering: Rendering
    item: Prepared
    place: FoundTerm
    text: str = ""
    back: str = ""
    alone: bool = False


def probe(probes: Sequence[Probe], kit: Kit, scoring: Sequence[Prompt | None]) -> None:
    """Try translations, and write what came of it into their trials.

    Args:
        probes: what to try; those of one term and segment stand behind each other.
        kit: specialists, and what scores.
        scoring: for each probe, the prompt under which the generalist scores its segment.
    """
    if not probes:
        return
    _substitute(probes, kit)
    backward = _backward(kit)
    if backward:
        _translate_back(probes, backward, kit.pair)
    if isinstance(kit.road, DirectRoad) and kit.gatherer:
        # What has lost the term is refused anyway; scores cost most.
        rows = [row for row in zip(probes, scoring, strict=True) if not _failed(row[0])]
        _score(
            [item for item, _ in rows], replace(kit.gatherer, backward=None), kit.pair, [row[1] for row in rows]
        )


def _failed(item: Probe) -> bool:
    trial = item.rendering.trial(BACK)
    return trial is not None and trial.passed is False


def _backward(kit: Kit) -> Specialist | None:
    found = kit.gatherer.backward if kit.gatherer else None
    return found if found and found.supports(kit.pair.reversed) else None


def _substitute(probes: Sequence[Probe], kit: Kit) -> None:
    """Make the drafts of the counterfactual: as they are where they hold the translation, else with it put in."""
    missing = []
    for item in probes:
        draft = item.item.standing
        if draft is None or not draft.text.strip():
            continue
        (use,) = verify([_found(item)], draft.text, kit.pair)
        if use.state in ("applied", "inflected"):
            item.text = draft.text
        elif isinstance(kit.road, DirectRoad):
            missing.append(item)
    if missing and kit.road:
        made = constrained([(item.item, [_found(item)]) for item in missing], kit.road)
        for item, drafts in zip(missing, made, strict=True):
            # Words put into the place of others leave the rest of the draft as it is: one thing is changed.
            named = dict(drafts)
            best = named.get("replaced terms") or named.get("masked terms")
            item.text = best.text if best else ""


def _found(item: Probe) -> FoundTerm:
    place = item.place
    return replace(place, entries=(TermEntry(item.term.text, item.rendering.text),))


def _translate_back(probes: Sequence[Probe], backward: Specialist, pair: Pair) -> None:
    """Translate back what the counterfactuals say, and compare it with what comes back from the drafts."""
    texts = dict.fromkeys(item.text or item.rendering.text for item in probes)
    texts |= dict.fromkeys(item.item.standing.text for item in probes if item.text and item.item.standing)
    try:
        drafts = backward.draft(list(texts), pair.reversed)
    except BackendError:
        # A probe is a help, not a duty: what was not tried has no trial, and is not verified by it.
        return
    back = {text: made[0].text for text, made in zip(texts, drafts, strict=True)}
    for item in probes:
        item.back = back[item.text or item.rendering.text]
        item.alone = not item.text
        finder = returning(item.term.text, pair.source)
        came = len(finder.find(item.back))
        told = item.back[:_SHOWN]
        if item.alone:
            # Out of its sentence a word may come back as another of its meanings: that refutes nothing.
            item.rendering.trials.append(Trial(ALONE, bool(came) or None, told))
            continue
        draft = item.item.standing
        control = back[draft.text] if draft else ""
        # A term may stand there twice, and come back from the place that was not changed.
        returned = len(finder.find(control))
        item.term.drafted = item.term.drafted or bool(returned)
        source = item.item.segment.text
        near, before = chrf(item.back, source), chrf(control, source)
        same = came >= max(1, returned) or (not returned and near >= before - _SLACK)
        item.rendering.trials.append(Trial(BACK, same, told, near))
        item.rendering.trials.append(Trial(ROUNDTRIP, None, "against that of the draft", near - before))


def lost(items: Sequence[tuple[Prepared, FoundTerm]], kit: Kit) -> list[bool]:
    """Return for each term whether its segment's draft has lost it: it does not come back from there.

    Where nothing can be translated back, nothing is known to be lost.
    """
    backward = _backward(kit)
    texts = list(dict.fromkeys(item.standing.text for item, _ in items if item.standing))
    if not texts or backward is None:
        return [False] * len(items)
    try:
        drafts = backward.draft(texts, kit.pair.reversed)
    except BackendError:
        return [False] * len(items)
    back = {text: made[0].text for text, made in zip(texts, drafts, strict=True)}
    return [
        item.standing is not None and not returning(term.text, kit.pair.source).find(back[item.standing.text])
        for item, term in items
    ]


def returning(term: str, language: str) -> TermFinder:
    """Return what finds a term in a text of its own language, in any of its forms."""
    return TermFinder(Glossary((TermEntry(term, term),)), Pair(language, language))


def _score(
    probes: Sequence[Probe], gatherer: EvidenceGatherer, pair: Pair, scoring: Sequence[Prompt | None]
) -> None:
    """Compare how likely the text is with the translation and as the draft has it, in the gate's chrF points."""
    cases = []
    tried = []
    for item, prompt in zip(probes, scoring, strict=True):
        draft = item.item.standing
        if draft and item.text and item.text != draft.text:
            candidates = (Candidate("draft", draft.text), Candidate("probe", item.text))
            cases.append(Case(item.item.segment.text, pair, draft, candidates, prompt))
            tried.append(item)
    for item, case in zip(tried, gatherer.gather(cases), strict=True):
        before, after = (candidate.evidence for candidate in case.candidates)
        known = {name: after[name] - before[name] for name in ("forward", "likelihood") if name in after}
        if known:
            gain = sum(DEFAULT_WEIGHTS[name] * value for name, value in known.items())
            told = ", ".join(f"{name} {value:+.2f} nats a token" for name, value in known.items())
            item.rendering.trials.append(Trial(LIKELIHOOD, None, told, gain))
