"""The agents of CRAT in their order, for the segments of a window together: from texts to verified terms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace

from scalemt.generalists import ScoringGeneralist
from scalemt.generalists.base import GeneralistKind
from scalemt.glossary import FoundTerm, Glossary, TermEntry, TermFinder, wanted
from scalemt.memory.matching import without_drafts
from scalemt.methods.agents.applying import applied
from scalemt.methods.agents.asking import Agent, prompt_of, read_answer, read_object
from scalemt.methods.agents.desks import Desk, Limits, Search
from scalemt.methods.agents.detecting import Scene, Spot, by_evidence, by_generalist, chosen, holds, keyed
from scalemt.methods.agents.gathering import (
    Library,
    headword,
    propose_draft,
    propose_form,
    propose_generalist,
    varying_spots,
)
from scalemt.methods.agents.graph import Graph, Provenance, Rendering, Term, Trial, Witness, key_of
from scalemt.methods.agents.judging import (
    AUTHORITY,
    compare_witnesses,
    note_glosses,
    note_verdict,
    settle,
)
from scalemt.methods.agents.probing import BACK, Probe, probe
from scalemt.methods.base import Kit, Prepared, Question
from scalemt.types import Completion, Prompt

Asked = Generator[Sequence[Question], Sequence[Completion], list[Completion | None]]
Step = Generator[Sequence[Question], Sequence[Completion], None]

_TOKENS: dict[Agent, tuple[int, int]] = {
    "detector": (100, 40),
    "constructor": (100, 160),
    "glosser": (60, 40),
    "judge": (80, 70),
}
"""Of an answer: so many, and so many more for each term or candidate."""


_PATIENCE = 6  # answers in a row that cannot be read, before a model is asked no more
_MOST_FAULTS = 3  # that a segment's decisions tell; the graph has all


class Investigation:
    """One window's worth of detecting, looking up and judging.

    Args:
        prepared: segments with their drafts.
        kit: what there is to work with.
        graph_of: gives the graph of a document.
        library: the sources.
        limits: see there.
        kind: of the generalist that is asked as an agent; None asks none, and evidence decides.
    """

    def __init__(
        self,
        prepared: Sequence[Prepared],
        kit: Kit,
        graph_of: Callable[[str], Graph],
        library: Library,
        limits: Limits,
        kind: GeneralistKind | None,
    ) -> None:
        self._kit = kit
        self._library = library
        self._limits = limits
        self._kind = kind
        self._desks = list(self._opened(prepared, graph_of))

    def _opened(self, prepared: Sequence[Prepared], graph_of: Callable[[str], Graph]) -> Iterator[Desk]:
        before: dict[str, list[str]] = {}
        finders: dict[str, TermFinder] = {}
        for item in prepared:
            name = item.segment.document
            graph = graph_of(name)
            if name not in finders:
                finders[name] = TermFinder(graph.glossary(), self._kit.pair)
            context = before.setdefault(name, list(graph.recent))
            known = [*self._kit.found(item.segment), *finders[name].find(item.segment.text, item.segment.spans)]
            taken = tuple((term.start, term.end) for term in known)
            yield Desk(item, graph, Scene(item.segment, item.standing, self._kit.pair, taken), context[-3:])
            context.append(item.segment.text)

    def run(self) -> Generator[Sequence[Question], Sequence[Completion], list[Prepared]]:
        """Ask what is to be asked, and return the segments with their verified terms."""
        for desk in self._desks:
            self._note_given(desk)
        spots = yield from self._detect()
        searches = self._searches(spots)
        self._look_up(searches)
        if searches and self._kind:
            yield from self._construct(searches)
        yield from self._try(searches)
        unsettled = [item for item in searches if item.term.settled is None]
        if unsettled and self._kind:
            # CRAT's reflection: what was refused is sent back once, to be looked for anew.
            yield from self._construct(unsettled, again=True)
            yield from self._try([item for item in unsettled if self._untried(item.term)])
        self._tell(searches)
        return applied(self._desks, self._kit)

    # Detector

    def _note_given(self, desk: Desk) -> None:
        """Write the terms of the glossary into the graph: there the user has decided."""
        name = f"glossary {self._kit.terms.glossary.name}".rstrip() if self._kit.terms else "glossary"
        for found in self._kit.found(desk.item.segment):
            entry = wanted(found)
            term = desk.graph.term(entry.source if entry else found.entries[0].source)
            term.given = True
            term.seen(desk.item.segment.id, ("glossary", "it has an entry"))
            for item in found.entries:
                provenance = Provenance(name, item.status)
                if item.is_fault:
                    term.forbidden[item.target] = provenance
                else:
                    term.propose(item.target, Witness(provenance, item.domain or item.concept, 1.0))
            for rendering in term.renderings.values():
                if not rendering.trials:
                    rendering.trials.append(Trial(AUTHORITY, True, "the glossary decides"))
            settle(term)

    def _detect(self) -> Generator[Sequence[Question], Sequence[Completion], list[list[Spot]]]:
        for desk in self._desks:
            desk.graph.counts.update({key for key, _, _ in keyed(desk.scene)})
        varying = varying_spots([(desk.scene, desk.graph) for desk in self._desks])
        found = [
            chosen([*by_evidence(desk.scene, self._library.quick, desk.graph.counts), *varied], desk.scene.taken)
            for desk, varied in zip(self._desks, varying, strict=True)
        ]
        if self._kind:
            rows = [
                (at, {"text": desk.item.segment.text, "before": desk.before, "most": self._limits.terms}, 0)
                for at, desk in enumerate(self._desks)
            ]
            answers = yield from self._ask("detector", rows)
            for at, (desk, answer) in enumerate(zip(self._desks, answers, strict=True)):
                found[at] = chosen([*self._named(desk, answer), *found[at]], desk.scene.taken)
        return [row[: self._limits.terms] for row in found]

    def _named(self, desk: Desk, answer: Completion | None) -> list[Spot]:
        if answer is None:
            return []
        named = read_answer(answer, "terms")
        self._note_read(desk, "detector", named is not None)
        if named is None:
            desk.note("evidence alone", f"the detector's answer is none: {_fault(answer)}", "detector")
            return []
        spots, strange = by_generalist(named, desk.scene, self._limits.terms)
        if strange:
            desk.note(
                "left out", f"{strange} of what was named do not stand in the text, or are no terms", "detector"
            )
        if not named:
            desk.note("no terms", "the generalist names none", "detector")
        return spots

    def _searches(self, spots: Sequence[Sequence[Spot]]) -> list[Search]:
        """Write what was detected into the graphs, and return the terms of which nothing is known yet."""
        found: dict[tuple[str, str], Search] = {}
        for at, (desk, row) in enumerate(zip(self._desks, spots, strict=True)):
            for spot in row:
                term = desk.graph.term(headword(spot.text, self._kit.pair.source))
                for reason in spot.reasons:
                    term.seen(desk.item.segment.id, reason)
                if not term.verdict:
                    place = FoundTerm(spot.start, spot.end, spot.text, ())
                    search = found.setdefault((desk.graph.document, term.key), Search(term, desk.graph, []))
                    search.places.append((at, place))
        self._find_elsewhere(found)
        return list(found.values())

    def _find_elsewhere(self, searches: Mapping[tuple[str, str], Search]) -> None:
        """Find new terms in the other segments of their document: all of their drafts tell how one is rendered."""
        finders = {}
        for desk in self._desks:
            name = desk.graph.document
            if name not in finders:
                texts = [search.term.text for search in searches.values() if search.graph is desk.graph]
                texts += [term.text for term in desk.graph.terms.values()]
                entries = tuple(TermEntry(text, text) for text in dict.fromkeys(texts))
                finders[name] = TermFinder(Glossary(entries), self._kit.pair)
        for at, desk in enumerate(self._desks):
            segment, name = desk.item.segment, desk.graph.document
            for place in finders[name].find(segment.text, segment.spans):
                search = searches.get((name, key_of(place.entries[0].source, self._kit.pair.source)))
                if search is None or any(at == other for other, _ in search.places):
                    continue
                if not any(place.start < end and start < place.end for start, end in desk.scene.taken):
                    search.term.seen(segment.id)
                    search.places.append((at, replace(place, entries=())))

    # Constructor

    def _look_up(self, searches: Sequence[Search]) -> None:
        if not searches:
            return
        terms = [search.term for search in searches]
        self._library.consult(terms)
        for search in searches:
            for fault in self._library.faults[:_MOST_FAULTS]:
                self._desks[search.places[0][0]].note("missing", fault, "sources")
            for at, place in search.places:
                item = self._desks[at].item
                if item.standing:
                    span = (place.start, place.end)
                    propose_draft(search.term, item.segment, item.standing, span, self._kit.pair)
            propose_form(search.term, self._desks[search.places[0][0]].item.segment.id)
            for rendering in search.term.renderings.values():
                if any(self._library.decides(one.provenance.source) for one in rendering.witnesses):
                    rendering.trials.append(Trial(AUTHORITY, True, "the source decides"))
        texts = list({item.text: None for term in terms for item in term.renderings.values()})
        back, attested = self._library.back(texts), self._library.attested(texts)
        for term in terms:
            compare_witnesses(term, self._kit.pair, back, attested)

    def _construct(self, searches: Sequence[Search], *, again: bool = False) -> Step:
        """Ask the generalist what it knows of the new terms of each segment."""
        by_desk: defaultdict[int, list[Search]] = defaultdict(list)
        for search in searches:
            by_desk[search.places[0][0]].append(search)
        rows = []
        for at, group in by_desk.items():
            asked = [
                {
                    "term": search.places[0][1].text,
                    "snippets": [fact.object for fact in search.term.facts if fact.relation == "stands in"],
                    "refused": [item.text for item in search.term.renderings.values() if item.state == "refused"],
                }
                for search in group
            ]
            desk = self._desks[at]
            data = {"text": desk.item.segment.text, "before": desk.before, "terms": asked}
            rows.append((at, data, len(group)))
        answers = yield from self._ask("constructor", rows)
        for (at, group), answer in zip(by_desk.items(), answers, strict=True):
            if answer is None:
                continue
            said = read_answer(answer, "terms")
            asked_terms = {search.places[0][1].text: search.term for search in group}
            self._note_read(self._desks[at], "constructor", said is not None)
            if said is None:
                self._desks[at].note(
                    "no facts", f"the constructor's answer is none: {_fault(answer)}", "constructor"
                )
            elif not propose_generalist(asked_terms, said, self._name(), self._desks[at].graph, again):
                self._desks[at].note(
                    "no facts", "nothing in the constructor's answer could be used", "constructor"
                )

    def _name(self) -> str:
        generalist = self._kit.gatherer.generalist if self._kit.gatherer else None
        return f"generalist {generalist.signature}" if generalist else "generalist"

    # Judge

    def _untried(self, term: Term) -> list[Rendering]:
        """Return the translations of a term to be tried, the likeliest first."""
        fresh = [item for item in term.renderings.values() if item.state == "open" and not item.trial(AUTHORITY)]
        return sorted(fresh, key=lambda item: (item.has("draft"), item.trust), reverse=True)[
            : self._limits.candidates
        ]

    def _try(self, searches: Sequence[Search]) -> Step:
        """Probe translations, have them judged, and settle what can be settled."""
        tried = {id(search): self._untried(search.term) for search in searches}
        open_searches = [search for search in searches if tried[id(search)]]
        self._probe(open_searches, tried)
        if self._kind:
            yield from self._gloss(open_searches, tried)
            yield from self._judge(open_searches, tried)
        for search in searches:
            settle(search.term)

    def _probe(self, searches: Sequence[Search], tried: Mapping[int, list[Rendering]]) -> None:
        probes, prompts = [], []
        scoring: dict[int, Prompt | None] = {}
        for search in searches:
            for rendering in tried[id(search)]:
                at, place = self._place_for(search, rendering)
                if at not in scoring:
                    scoring[at] = self._scoring_prompt(self._desks[at].item)
                probes.append(Probe(search.term, rendering, self._desks[at].item, place))
                prompts.append(scoring[at])
        probe(probes, self._kit, prompts)

    def _place_for(self, search: Search, rendering: Rendering) -> tuple[int, FoundTerm]:
        """Return where a translation is tried: where a draft holds it of its own, else where there is a draft."""
        drafted = [row for row in search.places if self._desks[row[0]].item.standing]
        for at, place in drafted:
            standing = self._desks[at].item.standing
            if standing and holds(standing.text, [rendering.text], self._kit.pair.target):
                return at, place
        return next(iter(drafted), search.places[0])

    def _scoring_prompt(self, item: Prepared) -> Prompt | None:
        """Return the prompt under which the generalist scores: few-shot, without draft or term."""
        generalist = self._kit.gatherer.generalist if self._kit.gatherer else None
        if not isinstance(generalist, ScoringGeneralist):
            return None
        return self._kit.prompt(item.segment, (), without_drafts([item.demonstrations])[0], terms=())

    def _gloss(self, searches: Sequence[Search], tried: Mapping[int, list[Rendering]]) -> Step:
        """Have what no specialist translated back explained by somebody who does not see the text."""
        rows, asked = [], []
        for search in searches:
            if blind := [item for item in tried[id(search)] if not item.trial(BACK)]:
                at = search.places[0][0]
                rows.append((at, {"expressions": [item.text for item in blind]}, len(blind)))
                asked.append((search, blind))
        answers = yield from self._ask("glosser", rows)
        for (search, blind), answer in zip(asked, answers, strict=True):
            if answer is not None and not note_glosses(
                blind, read_answer(answer, "meanings"), search.term, self._kit.pair
            ):
                why = f"the glosser's answer on {search.term.text!r} is none: {_fault(answer)}"
                self._desks[search.places[0][0]].note("no gloss", why, "glosser")

    def _judge(self, searches: Sequence[Search], tried: Mapping[int, list[Rendering]]) -> Step:
        rows = []
        for search in searches:
            at, place = search.places[0]
            desk = self._desks[at]
            facts = [f"{one.relation}: {one.object}" for one in search.term.facts if one.relation != "is left out"]
            data = {
                "text": desk.item.segment.text,
                "before": desk.before,
                "term": place.text,
                "facts": facts[:8],
                "candidates": [_shown(number, item) for number, item in enumerate(tried[id(search)], 1)],
            }
            rows.append((at, data, len(tried[id(search)])))
        answers = yield from self._ask("judge", rows)
        for search, answer in zip(searches, answers, strict=True):
            if answer is None:
                continue
            why = note_verdict(tried[id(search)], read_object(answer))
            self._note_read(self._desks[search.places[0][0]], "judge", not why)
            if why:
                told = f"{why if answer.finish_reason == 'stop' else _fault(answer)}: {search.term.text!r}"
                self._desks[search.places[0][0]].note("evidence alone", told, "judge")

    # What is asked, and what comes of it

    @staticmethod
    def _note_read(desk: Desk, agent: Agent, read: bool) -> None:
        """Count the answers of an agent that could not be read, from the last one that could."""
        desk.graph.unread[agent] = 0 if read else desk.graph.unread[agent] + 1

    def _ask(self, agent: Agent, rows: Sequence[tuple[int, Mapping[str, object], int]]) -> Asked:
        """Put questions, as many as each segment may still ask; None stands for those that were not put."""
        if self._kind is None:
            return [None] * len(rows)
        questions, placed = [], []
        base, more = _TOKENS[agent]
        for at, data, size in rows:
            desk = self._desks[at]
            if desk.graph.unread[agent] >= _PATIENCE:
                why = f"{_PATIENCE} answers in a row could not be used: it is asked no more in this document"
                desk.note("given up", why, agent)
                placed.append(False)
                continue
            if desk.asked >= self._limits.calls:
                why = f"{self._limits.calls} questions were put about this segment, and no more may be"
                desk.note("calls spent", why, agent)
                placed.append(False)
                continue
            desk.asked += 1
            desk.graph.calls[agent] += 1
            placed.append(True)
            prompt = prompt_of(agent, data, self._kit.shown_pair, self._kind)
            questions.append(Question(prompt, at, base + more * (size or self._limits.terms)))
        completions = iter((yield questions) if questions else ())
        return [next(completions) if put else None for put in placed]

    def _tell(self, searches: Sequence[Search]) -> None:
        """Write into each segment what was found of its new terms."""
        for search in searches:
            chosen_one = search.term.settled
            for at, _ in search.places:
                if chosen_one:
                    self._desks[at].note(f"{search.term.text} = {chosen_one.text}", search.term.verdict)
                    continue
                told = ", ".join(f"{item.text} ({item.state})" for item in search.term.renderings.values())
                self._desks[at].note(
                    f"{search.term.verdict}: {search.term.text}", told or "no translation was proposed"
                )


def _shown(number: int, item: Rendering) -> dict[str, object]:
    """Return a candidate as the judge is shown it."""
    meanings = dict.fromkeys(one.sense for one in item.witnesses if one.sense)
    back = next((trial for trial in reversed(item.trials) if trial.name in _TOLD_BACK), None)
    return {
        "number": number,
        "translation": item.text,
        "meaning": "; ".join(meanings),
        "said by": "; ".join(dict.fromkeys(str(one.provenance) for one in item.witnesses)),
        "back": back.detail if back else "",
    }


_TOLD_BACK = frozenset({"back-translation", "back alone", "blind gloss"})


def _fault(answer: Completion) -> str:
    if answer.error:
        return str(answer.error)
    reasons = {"length": "it was cut off", "filter": "it was withheld", "error": "no reason was given"}
    return reasons.get(answer.finish_reason, "it cannot be read")
