"""What is on the table while a window is investigated: segments, and the terms that are new in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from scalemt.glossary import FoundTerm
from scalemt.methods.agents.detecting import Scene
from scalemt.methods.agents.graph import Graph, Term
from scalemt.methods.base import Prepared
from scalemt.types import Decision


@dataclass(frozen=True)
class Limits:
    """How much is looked at: new terms of a segment, translations of a term, questions about a segment."""

    terms: int
    candidates: int
    calls: int


@dataclass
class Desk:
    """One segment under investigation: its document's graph, what was found in it, what was asked and decided."""

    item: Prepared
    graph: Graph
    scene: Scene
    before: list[str]
    asked: int = 0
    decisions: list[Decision] = field(default_factory=list)

    def note(self, outcome: str, reason: str, step: str = "terms") -> None:
        """Write down a decision, once."""
        made = Decision(step, outcome, reason)
        if made not in self.decisions:
            self.decisions.append(made)


@dataclass
class Search:
    """A new term, and where it stands in the window: desks and places, the first one pays."""

    term: Term
    graph: Graph
    places: list[tuple[int, FoundTerm]]
