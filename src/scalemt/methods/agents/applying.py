"""CRAT's translator: what was settled is listed in prompts, verified after, and put into drafts that lack it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scalemt.glossary import FoundTerm, TermFinder, missed, verify
from scalemt.methods.agents.desks import Desk
from scalemt.methods.agents.graph import Graph
from scalemt.methods.agents.judging import is_firm
from scalemt.methods.agents.probing import lost
from scalemt.methods.agents.words import is_headword
from scalemt.methods.answering import case_of
from scalemt.methods.base import Kit, Prepared
from scalemt.methods.constraining import constrained
from scalemt.quality.gate import Scale, features
from scalemt.types import Candidate, Decision, TermUse

_LESS_LIKELY = 0.15  # nats a token by which a consistent draft may be less likely (benchmarks/agents.py)
_WORSE = 1.0  # expected chrF++ points


def applied(desks: Sequence[Desk], kit: Kit) -> list[Prepared]:
    """Return the segments with the settled terms of their documents, in prompts that list them."""
    finders = {id(desk.graph): TermFinder(desk.graph.glossary(), kit.pair) for desk in desks}
    made = [_with_terms(desk, finders[id(desk.graph)], kit) for desk in desks]
    _harmonise(made, desks, kit)
    _put_in(made, desks, kit)
    return made


def _with_terms(desk: Desk, finder: TermFinder, kit: Kit) -> Prepared:
    item, segment = desk.item, desk.item.segment
    given = kit.found(segment)
    own = [
        term
        for term in finder.find(segment.text, segment.spans)
        if not any(term.start < other.end and other.start < term.end for other in given)
    ]
    prompt = item.prompt
    # Names that the draft has left as they are need no line in a prompt.
    plain = verify(own, item.standing.text, kit.pair) if item.standing else ()
    kept = {(use.start, use.end) for use in plain if use.source == use.target and not missed([use])}
    shown = [*given, *(term for term in own if (term.start, term.end) not in kept)]
    if shown and prompt:
        prompt = kit.prompt(segment, item.drafts, item.demonstrations, terms=kit.listed(shown))
    return replace(item, prompt=prompt, terms=tuple(own), decisions=(*item.decisions, *desk.decisions))


def _harmonise(made: list[Prepared], desks: Sequence[Desk], kit: Kit) -> None:
    """Have drafts call the same the same, where the specialist itself finds that as good.

    Only nouns, names and phrases that its drafts render in different ways, and only where it tells how likely a
    text is.
    """
    rows = {
        at: terms
        for at, item in enumerate(made)
        if (terms := [term for term in _lacking(item, kit) if _varies(term, desks[at].graph)])
    }
    if not rows or kit.road is None or kit.gatherer is None:
        return
    drafts = constrained([(made[at], terms) for at, terms in rows.items()], kit.road)
    cases = []
    for at, alternatives in zip(rows, drafts, strict=True):
        item = made[at]
        texts = [Candidate(name, draft.text, spans=draft.spans) for name, draft in alternatives]
        own = item.standing.text if item.standing else ""
        cases.append(case_of(item, [Candidate("draft", own), *texts], kit.pair))
    measuring = replace(kit.gatherer, generalist=None)
    for at, alternatives, case in zip(rows, drafts, measuring.gather(cases), strict=True):
        draft, *others = case.candidates
        for (_, other), candidate in reversed(list(zip(alternatives, others, strict=True))):
            if _is_as_good(candidate, draft):
                told = "; ".join(f"{use.source} = {use.target}" for use in _uses(made[at], other.text, kit))
                decision = Decision("terms", "draft made consistent", told)
                made[at] = replace(made[at], standing=other, decisions=(*made[at].decisions, decision))
                break


def _is_as_good(candidate: Candidate, draft: Candidate) -> bool:
    known, gain = features(candidate, draft), Scale().gain(candidate, draft)
    return known.get("forward", -1.0) > -_LESS_LIKELY and gain is not None and gain > -_WORSE


def _uses(item: Prepared, text: str, kit: Kit) -> list[TermUse]:
    """Return the terms that a text holds and the draft does not."""
    lacking = _lacking(item, kit)
    uses = verify(lacking, text, kit.pair)
    return [use for use in dict.fromkeys(uses) if not missed([use])]


def _put_in(made: list[Prepared], desks: Sequence[Desk], kit: Kit) -> None:
    """Have the specialist make drafts that hold the terms which its own draft lacks.

    What evidence alone has verified is put in only where the draft has lost the term: another word for it is no
    reason to force one in, and forced words seldom agree with those around them. Nor without a gate that weighs
    what comes of it.
    """
    rows = {
        at: given
        for at, item in enumerate(made)
        if (given := _missing(kit.found(item.segment), item, kit))  # there the user has decided
    }
    pairs = [(at, term) for at, item in enumerate(made) for term in _lacking(item, kit)]
    weighed = kit.gate.mode == "quality"
    gone = lost([(made[at], term) for at, term in pairs], kit) if weighed else [False] * len(pairs)
    for (at, term), away in zip(pairs, gone, strict=True):
        if away or _is_firm(term, desks[at].graph):
            rows.setdefault(at, []).append(term)
    if rows and kit.road:
        drafts = constrained([(made[at], terms) for at, terms in rows.items()], kit.road)
        for at, alternatives in zip(rows, drafts, strict=True):
            made[at] = replace(made[at], alternatives=(*made[at].alternatives, *alternatives))


def _lacking(item: Prepared, kit: Kit) -> list[FoundTerm]:
    """Return the terms of the method that a segment's draft does not hold."""
    return _missing(item.terms, item, kit)


def _missing(terms: Sequence[FoundTerm], item: Prepared, kit: Kit) -> list[FoundTerm]:
    if not item.standing:
        return []
    uses = verify(terms, item.standing.text, kit.pair)
    return [term for term, use in zip(terms, uses, strict=True) if missed([use])]


def _varies(found: FoundTerm, graph: Graph) -> bool:
    """Whether drafts of the document have used what was settled for a term: one that does not is the odd one."""
    term = graph.known(found.entries[0].source)
    if term is None or term.settled is None or not term.settled.has("draft"):
        return False
    return " " in term.text or not term.text.islower() or is_headword(term.text, graph.pair.source)


def _is_firm(found: FoundTerm, graph: Graph) -> bool:
    term = graph.known(found.entries[0].source)
    return bool(term and term.settled and is_firm(term.settled))
