"""The translation knowledge graph of CRAT: terms, their senses, their translations, and where each fact is from.

It is built while a document is translated, and is also the memory of the run: what was settled for a term stands
until the document ends.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from scalemt.glossary import Glossary, TermEntry
from scalemt.glossary.fields import is_acronym
from scalemt.glossary.lemmas import forms
from scalemt.glossary.tokens import fold, tokenise
from scalemt.methods.agents.words import singular
from scalemt.types import Pair, TermUse

Kind = Literal["text", "draft", "form", "generalist", "external"]
"""Where a fact is from: the text itself, the specialist's drafts, how the term is written, what the generalist
says of its own, or a source that was asked."""

State = Literal["open", "verified", "admitted", "refused", "unproven"]
"""Of a translation: not yet judged, the one to be used, right too, contradicted, or without a test passed."""


CONTEXT = 3
"""Segments before one that agents are shown."""


VARIES = "rendered in different ways"
"""Why a term is looked at whose translation is not the same in all drafts of a document."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a fact comes from: the name of what said it, the place there, and what kind of witness that is."""

    source: str
    place: str = ""
    kind: Kind = "external"

    def as_json(self) -> dict[str, str]:
        """Return it as the file of the graph holds it."""
        return {"source": self.source, "place": self.place, "kind": self.kind}

    def __str__(self) -> str:
        return f"{self.source}, {self.place}" if self.place else self.source


@dataclass(frozen=True, slots=True)
class Fact:
    """One triple: the term that it belongs to is its subject."""

    relation: str
    object: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who says that a term has this translation, in which sense, and how far that is to be trusted."""

    provenance: Provenance
    sense: str = ""
    trust: float = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """One test of a translation: passed, failed, or None where it decides nothing; `value` was measured."""

    name: str
    passed: bool | None
    detail: str = ""
    value: float | None = None


@dataclass
class Rendering:
    """One translation that was proposed for a term, who proposed it, and what tests made of it."""

    text: str
    witnesses: list[Witness] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    state: State = "open"
    score: float | None = None

    @property
    def trust(self) -> float:
        """How far its witnesses hold together: what each leaves in doubt, multiplied; one source counts once."""
        best: dict[str, float] = {}
        for item in self.witnesses:
            best[item.provenance.source] = max(best.get(item.provenance.source, 0.0), item.trust)
        doubt = 1.0
        for trust in best.values():
            doubt *= 1.0 - trust
        return 1.0 - doubt

    def trial(self, name: str) -> Trial | None:
        """Return the last trial of a name."""
        return next((item for item in reversed(self.trials) if item.name == name), None)

    def has(self, kind: Kind) -> bool:
        """Whether a witness of a kind stands behind it."""
        return any(item.provenance.kind == kind for item in self.witnesses)


@dataclass
class Term:
    """One term of a document.

    Args:
        text: as it is listed: in the singular, where the text has a plural that is regular.
        key: by which its forms are one term.
        reasons: why it was looked at, each with who says so.
        segments: ids of those that hold it, in order.
        verdict: what was found, "" while nothing was looked for.
        given: the glossary decides, and what it says is in prompts without regard to this graph.
        drafted: the term comes back from the specialist's own draft: whatever that calls it, it says it.
    """

    text: str
    key: str
    reasons: list[tuple[str, str]] = field(default_factory=list)
    segments: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    renderings: dict[str, Rendering] = field(default_factory=dict)
    forbidden: dict[str, Provenance] = field(default_factory=dict)
    verdict: str = ""
    given: bool = False
    drafted: bool = False
    uses: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def settled(self) -> Rendering | None:
        """The translation that is used from now on, or None."""
        return next((item for item in self.renderings.values() if item.state == "verified"), None)

    def propose(self, text: str, witness: Witness) -> Rendering:
        """Note that somebody gives a translation; equal ones, case aside, are one."""
        made = self.renderings.setdefault(fold(text), Rendering(text))
        if witness not in made.witnesses:
            made.witnesses.append(witness)
        return made

    def note(self, fact: Fact) -> None:
        """Note a fact, once."""
        if fact not in self.facts:
            self.facts.append(fact)

    def seen(self, segment: str, reason: tuple[str, str] | None = None) -> None:
        """Note where it stands, and why it is looked at."""
        if segment not in self.segments:
            self.segments.append(segment)
        if reason and reason not in self.reasons:
            self.reasons.append(reason)

    def entry(self) -> TermEntry | None:
        """Return what was settled as an entry of a glossary, or None."""
        chosen = self.settled
        if chosen is None or self.given:
            return None
        kept = fold(chosen.text) == fold(self.text)
        told = "; ".join(str(item.provenance) for item in chosen.witnesses)
        return TermEntry(
            self.text,
            self.text if kept else chosen.text,
            status="keep" if kept else "preferred",
            case_sensitive=is_acronym(self.text),
            note=told,
        )


@dataclass
class Graph:
    """All that is known of the terms of one document.

    Args:
        pair: source and target.
        document: its name, "" where the run has only one.
        calls: what was asked of the generalist, by agent.
        unread: answers in a row that could not be read, by agent.
        faults: what could not be asked, and why.
        recent: the last sources of the document, for agents that read a term in its context.
        counts: how many segments so far hold a word or a phrase, by its key.
    """

    pair: Pair
    document: str = ""
    terms: dict[str, Term] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=CONTEXT))

    def term(self, text: str) -> Term:
        """Return the term of a text, a new one where there is none yet."""
        key = key_of(text, self.pair.source)
        return self.terms.setdefault(key, Term(text, key))

    def known(self, text: str) -> Term | None:
        """Return the term of a text, or None."""
        return self.terms.get(key_of(text, self.pair.source))

    def glossary(self) -> Glossary:
        """Return what was settled so far."""
        entries = (item.entry() for item in self.terms.values())
        return Glossary(tuple(item for item in entries if item), *self.pair, "agents")

    def used(self, use: TermUse) -> None:
        """Note what became of a term in a translation that was kept."""
        if term := self.known(use.source):
            term.uses[use.state, use.found] += 1

    def consistency(self) -> tuple[int, int]:
        """Return how many uses of settled terms hold what was settled, and how many uses there are."""
        held = whole = 0
        for term in self.terms.values():
            for (state, _), count in term.uses.items():
                whole += count
                held += count if state in ("applied", "inflected") else 0
        return held, whole

    def as_json(self) -> dict[str, Any]:
        """Return nodes and edges, each edge with its provenance."""
        held, whole = self.consistency()
        return {
            "document": self.document,
            "source": self.pair.source,
            "target": self.pair.target,
            "calls": dict(sorted(self.calls.items())),
            "consistency": {"held": held, "uses": whole},
            "faults": self.faults,
            "nodes": [node for term in self.terms.values() for node in _nodes(term)],
            "edges": [edge for term in self.terms.values() for edge in _edges(term)],
        }


def key_of(text: str, language: str) -> str:
    """Return what all forms of a term have in common: the lemmas of its words."""
    known = forms(language)
    words = (
        known.lemma(singular(token.text, language)) if token.kind == "word" else token.folded
        for token in tokenise(text)
    )
    return " ".join(words)


def _nodes(term: Term) -> Iterator[dict[str, Any]]:
    yield {
        "id": f"term:{term.key}",
        "kind": "term",
        "text": term.text,
        "reasons": [{"by": by, "why": why} for by, why in term.reasons],
        "segments": term.segments,
        "verdict": term.verdict,
        "uses": [
            {"state": state, "found": found, "count": count} for (state, found), count in sorted(term.uses.items())
        ],
    }
    for sense in _senses(term):
        yield {"id": f"sense:{term.key}/{sense}", "kind": "sense", "text": sense}
    for key, item in term.renderings.items():
        yield {
            "id": f"translation:{term.key}/{key}",
            "kind": "translation",
            "text": item.text,
            "state": item.state,
            "score": None if item.score is None else round(item.score, 3),
            "trials": [
                {
                    "name": trial.name,
                    "passed": trial.passed,
                    "detail": trial.detail,
                    "value": None if trial.value is None else round(trial.value, 3),
                }
                for trial in item.trials
            ],
        }


def _edges(term: Term) -> Iterator[dict[str, Any]]:
    me = f"term:{term.key}"
    for fact in term.facts:
        yield {"from": me, "relation": fact.relation, "object": fact.object} | _from(fact.provenance)
    for key, item in term.renderings.items():
        for witness in item.witnesses:
            sense = f"sense:{term.key}/{witness.sense}" if witness.sense else me
            if witness.sense:
                yield {"from": me, "relation": "has the sense", "to": sense} | _from(witness.provenance)
            edge = {"from": sense, "relation": "is translated as", "to": f"translation:{term.key}/{key}"}
            yield edge | _from(witness.provenance) | {"trust": round(witness.trust, 3)}
    for text, provenance in term.forbidden.items():
        yield {"from": me, "relation": "must not be translated as", "object": text} | _from(provenance)


def _from(provenance: Provenance) -> dict[str, Any]:
    return {"provenance": provenance.as_json()}


def _senses(term: Term) -> list[str]:
    found = (witness.sense for item in term.renderings.values() for witness in item.witnesses)
    return list(dict.fromkeys(sense for sense in found if sense))
