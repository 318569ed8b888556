"""What cards write, and the trace of what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from scalemt.types import Decision, Pair

State = Literal["open", "kept", "dropped"]
MOST_SHOWN = 160  # characters of a document in a decision


@dataclass(frozen=True)
class Query:
    """What cards are to write about.

    Args:
        text: a segment or a question.
        language: of the text, a canonical tag.
        target: the language that it is to be translated to; "" for a question, which is to be answered.
        draft: of the translation.
        id: of the segment.
    """

    text: str
    language: str
    target: str = ""
    draft: str = ""
    id: str = ""

    @property
    def languages(self) -> tuple[str, ...]:
        """That of the text, and the target where there is one."""
        return (self.language, self.target) if self.target else (self.language,)

    @property
    def pair(self) -> Pair:
        """The languages as prompts and sources take them."""
        return Pair(self.language, self.target or self.language)


@dataclass
class Document:
    """One text of a card.

    Args:
        card: its name.
        text: as it was written.
        trust: how far a source vouches for it, 0 to 1; None for what a model has written.
        round: of a top-down talk in which it was asked for, from 1; 0 bottom-up.
        shown: what brevity has left of it; at first all.
        relevance: likeness to the query, 0 to 1; None before it was measured.
        factuality: how well it is borne out, 0 to 1; None where nothing bears it out or speaks against it.
        evidence: what bears it out.
        state, why: what became of it.
    """

    card: str
    text: str
    trust: float | None = None
    round: int = 0
    shown: str = ""
    relevance: float | None = None
    factuality: float | None = None
    evidence: str = ""
    state: State = "open"
    why: str = ""

    def __post_init__(self) -> None:
        self.shown = self.shown or self.text

    def drop(self, why: str) -> None:
        """Leave it out, and say why."""
        self.state, self.why = "dropped", why

    def keep(self, why: str = "") -> None:
        """Keep it to the end."""
        self.state, self.why = "kept", why

    @property
    def scores(self) -> str:
        """The scores that were measured, for people."""
        told = [] if self.relevance is None else [f"relevance {self.relevance:.2f}"]
        if self.factuality is not None:
            told.append(f"factuality {self.factuality:.2f}: {self.evidence}")
        return ", ".join(told)

    def as_json(self) -> dict[str, Any]:
        """The document with all that is known of it."""
        scores = {
            name: None if value is None else round(value, 3)
            for name, value in (("relevance", self.relevance), ("factuality", self.factuality))
        }
        return {
            "card": self.card,
            "round": self.round,
            "text": self.text,
            "shown": self.shown if self.state == "kept" else "",
            **scores,
            "evidence": self.evidence,
            "state": self.state,
            "why": self.why,
        }


@dataclass
class Trace:
    """What was asked for one query, what came of it, and what is kept.

    Args:
        query: what it is about.
        mode: how cards were asked.
        documents: all that was written, in order.
        calls: questions that were put to generalists.
        steps: what else was decided.
    """

    query: Query
    mode: str
    documents: list[Document] = field(default_factory=list)
    calls: int = 0
    steps: list[Decision] = field(default_factory=list)

    def note(self, outcome: str, reason: str) -> None:
        """Write down a decision, once."""
        made = Decision("knowledge", outcome, reason)
        if made not in self.steps:
            self.steps.append(made)

    @property
    def kept(self) -> list[Document]:
        """The documents that are shown, in the order of a prompt."""
        return [item for item in self.documents if item.state == "kept"]

    @property
    def background(self) -> tuple[str, ...]:
        """What prompts show: each line by itself."""
        return tuple(line for item in self.kept for line in item.shown.split("\n") if line)

    def decisions(self) -> tuple[Decision, ...]:
        """What was decided, each document among it."""
        told = [_decision(item) for item in self.documents if item.state != "open"]
        if not self.kept:
            why = "nothing that was written is kept" if self.documents else "no card has anything to say"
            told.append(Decision("knowledge", "no background", f"{why}: a plain prompt is sent"))
        return (*self.steps, *told)

    def as_json(self) -> dict[str, Any]:
        """The trace, for programs."""
        query = self.query
        return {
            "id": query.id,
            "text": query.text,
            "languages": list(query.languages),
            "mode": self.mode,
            "calls": self.calls,
            "steps": [{"outcome": step.outcome, "reason": step.reason} for step in self.steps],
            "documents": [item.as_json() for item in self.documents],
        }


def _decision(item: Document) -> Decision:
    text = " / ".join((item.shown if item.state == "kept" else item.text).split("\n"))
    short = f"{text[:MOST_SHOWN]}…" if len(text) > MOST_SHOWN else text
    told = "; ".join(part for part in (item.why, item.scores) if part)
    return Decision("knowledge", f"{item.state}: {item.card}", f"{short} ({told})" if told else short)
