"""Agents: hard terms are found, looked up, doubted and only then used (CRAT, 2024, arXiv 2410.21067)."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from scalemt.errors import ConfigurationError, InputError
from scalemt.generalists.base import GeneralistKind
from scalemt.glossary import missed, verify
from scalemt.lines import write_whole
from scalemt.memory.matching import without_drafts
from scalemt.methods.agents.desks import Limits
from scalemt.methods.agents.gathering import Library
from scalemt.methods.agents.graph import Graph
from scalemt.methods.agents.investigating import Investigation
from scalemt.methods.agents.picture import SUFFIXES, written
from scalemt.methods.agents.sources import Setting
from scalemt.methods.base import Answer, Kit, Method, Prepared, Question, Talk, with_drafts
from scalemt.prompts import Surroundings, Template, load_template
from scalemt.types import Candidate, Completion, Decision, Message, Prompt, Segment, Translation

By = Literal["auto", "generalist", "evidence", "specialist"]

MOST_TERMS = 12
MOST_CALLS = 50


@dataclass(frozen=True)
class Checked(Prepared):
    """A segment whose answer missed verified terms and is asked for once more."""


class AgentsMethod(Method):
    """CRAT's four agents: a detector of unknown terms, a constructor of a knowledge graph, a judge, a translator.

    Of the paper only its abstract and others' reports were read: all prompts, the score of the judge,
    detection by evidence and the rules below were decided here. What a dictionary says is a proposal: a
    translation is used only when it passed a test (the draft says the same of its own, the term comes back
    from another model, a verdict of the generalist, a second dictionary). The judge may find that none fits;
    such a term is looked up once more, then left to the translator. What was settled for a term stands until
    the document ends, one sense a document (Gale, Church and Yarowsky 1992), and so does a refusal. Entries of
    the glossary hold without a test.

    Args:
        by: who finds, explains and judges terms. "generalist" asks the generalist, and weighs evidence beside it;
            "evidence" has it translate only; "specialist" does without one altogether. "auto" asks chat models,
            and has evidence decide with base models, which cannot do that.
        sources: names of sources, each with an argument behind a colon where it takes one; "auto" asks the
            glossary and the memories, where some are in use, and FreeDict.
        terms: new terms that are looked into for one segment, at most.
        candidates: translations of one term that are tried, at most.
        calls: questions about one segment before its translation, at most.
        repair: ask once more where an answer misses verified terms.
        graph: a file that the graph is written to after each batch (.json, .svg or .html); "" for none.

    Raises:
        ConfigurationError: an option has a value that it cannot have.
    """

    name = "agents"
    needs_specialist = False
    needs_generalist = True
    drafts_where_possible = True
    wants_terms = True
    sequential = True

    def __init__(
        self,
        by: By = "auto",
        sources: str | tuple[str, ...] = "auto",
        terms: int = 4,
        candidates: int = 4,
        calls: int = 10,
        repair: bool = True,
        graph: str = "",
    ) -> None:
        for name, value, most in (("terms", terms, MOST_TERMS), ("candidates", candidates, MOST_TERMS)):
            if not 1 <= value <= most:
                raise ConfigurationError(f"{name} is {value}; expected 1 to {most}.")
        if not 0 <= calls <= MOST_CALLS:
            raise ConfigurationError(f"calls is {calls}; expected 0 to {MOST_CALLS} questions about a segment.")
        if graph and Path(graph).suffix.lower() not in SUFFIXES:
            raise ConfigurationError(f"graph is {graph!r}; expected a file that ends in {', '.join(SUFFIXES)}.")
        self.by = by
        self.sources = (
            tuple(filter(None, map(str.strip, sources.split(",")))) if isinstance(sources, str) else sources
        )
        self.limits = Limits(terms, candidates, calls)
        self.repair = repair
        self.graph = graph
        self.needs_generalist = by != "specialist"
        self.needs_specialist = by == "specialist"
        self.most_calls = (calls if by in ("auto", "generalist") else 0) + 1 + repair
        self._libraries: list[Library] = []  # one at most, shared by all runs
        self._library: Library | None = None
        self._graphs: dict[str, Graph] = {}

    @property
    def signature(self) -> str:
        """The name, who is asked, and how much is looked at."""
        limits = self.limits
        told = [self.by, f"terms:{limits.terms}", f"candidates:{limits.candidates}", f"calls:{limits.calls}"]
        return f"{self.name}[{','.join([*told, *([] if self.repair else ['no repair'])])}]"

    def signature_for(self, kit: Kit) -> str:
        """The same with the sources that can be asked, and their versions."""
        known = "+".join(source.signature for source in self._opened(kit).sources) or "none"
        return f"{self.signature}sources:{known}"

    def begin(self) -> AgentsMethod:
        """Return one that knows no terms yet."""
        fresh = copy.copy(self)
        fresh._graphs, fresh._library = {}, None
        return fresh

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, and render prompts without terms: they stand where none is found."""
        if not self.needs_generalist:
            drafted = zip(segments, kit.require_road(self.name).draft(segments), strict=True)
            bare = [Prepared(segment, item.shown, item.standing) for segment, item in drafted]
            return _run(self._investigation(bare, kit, None).run())
        if kit.road:
            return with_drafts(segments, kit, kit.road)
        rows = without_drafts(kit.choose(segments))
        return [
            Prepared(segment, demonstrations=tuple(row), prompt=kit.prompt(segment, (), row))
            for segment, row in zip(segments, rows, strict=True)
        ]

    def talk(self, prepared: Sequence[Prepared], kit: Kit) -> Talk:
        """Find terms, look them up, have them judged, and list what was verified."""
        kind = _kind(kit)
        unable = self.by == "auto" and kind == "base"
        asked = None if unable or self.by == "evidence" else kind
        made = yield from self._investigation(prepared, kit, asked).run()
        if not unable:
            return made
        why = "a base model cannot name, explain and judge terms (by=generalist asks it all the same)"
        told = Decision("agents", "by evidence", why)
        return [replace(item, decisions=(told, *item.decisions)) for item in made]

    def _investigation(self, prepared: Sequence[Prepared], kit: Kit, kind: GeneralistKind | None) -> Investigation:
        if self._library is None:
            self._library = self._opened(kit).begun()
        library = self._library

        def graph_of(document: str) -> Graph:
            return self._graphs.setdefault(document, Graph(kit.pair, document, faults=library.faults))

        return Investigation(prepared, kit, graph_of, library, self.limits, kind)

    def _opened(self, kit: Kit) -> Library:
        if not self._libraries:
            setting = Setting(kit.pair, kit.terms, kit.memories)
            found = {"glossary": kit.terms is not None, "memory": kit.memories is not None, "freedict": True}
            auto = [name for name, there in found.items() if there]
            named = [name for spec in self.sources for name in (auto if spec == "auto" else [spec])]
            self._libraries.append(Library(list(dict.fromkeys(named)), setting, kit.notice))
        return self._libraries[0]

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        """Ask chat models once more where an answer misses verified terms."""
        if not self.repair or kit.template.kind != "chat" or any(isinstance(item, Checked) for item in prepared):
            return ()
        made = []
        for item, said in zip(prepared, answers, strict=True):
            lost = _lost(item, said.candidate, kit)
            if item.prompt and said.candidate and lost:
                listed = "; ".join(f"{source} = {target}" for source, target in lost)
                told = Decision("terms", "asked again", f"the answer misses {listed}")
                prompt = _repair(item.prompt, said.candidate.text, lost, kit)
                made.append(_checked(item, prompt, told))
            else:
                made.append(_checked(item, None))
        return made if any(item.prompt for item in made) else ()

    def conclude(self, translations: Sequence[Translation], kit: Kit) -> None:
        """Note which translations of terms were kept, and write the graph."""
        for item in translations:
            if graph := self._graphs.get(item.segment.document):
                for use in item.terms:
                    graph.used(use)
                graph.recent.append(item.segment.text)
        if self.graph and self._graphs:
            try:
                write_whole(self.graph, written(list(self._graphs.values()), Path(self.graph).suffix.lower()))
            except InputError as fault:
                # The translations are there: they are worth more than the picture.
                kit.notice(f"The graph of terms is not written: {fault}")


def _kind(kit: Kit) -> GeneralistKind:
    generalist = kit.gatherer.generalist if kit.gatherer else None
    if generalist is not None:
        return generalist.kind
    return "chat" if kit.template.kind == "chat" else "base"


def _run(steps: Generator[Sequence[Question], Sequence[Completion], list[Prepared]]) -> list[Prepared]:
    """Run an investigation that asks nothing."""
    try:
        next(steps)
    except StopIteration as end:
        made: list[Prepared] = end.value
        return made
    raise AssertionError("an investigation without a generalist asked one")


def _lost(item: Prepared, candidate: Candidate | None, kit: Kit) -> list[tuple[str, str]]:
    """Return the terms that an answer misses, those of the glossary too."""
    if candidate is None or not item.terms or not all(check.passed for check in candidate.checks):
        return []  # what the checks refuse is not worth another call
    uses = verify([*kit.found(item.segment), *item.terms], candidate.text, kit.pair)
    return list(dict.fromkeys((use.source, use.target) for use in missed(uses) if use.target))


def _checked(item: Prepared, prompt: Prompt | None, *told: Decision) -> Checked:
    fields = {name: getattr(item, name) for name in Prepared.__dataclass_fields__}
    return Checked(**(fields | {"prompt": prompt, "decisions": (*item.decisions, *told)}))


def _repair(prompt: Prompt, answer: str, lost: Sequence[tuple[str, str]], kit: Kit) -> Prompt:
    """Return the prompt with the answer, and a turn that names what it misses."""
    made = _repairing().render("", (), (), kit.shown_pair, surroundings=Surroundings(terms=tuple(lost)))
    turns = (Message("assistant", f"{prompt.prefill}{answer}"), *made.messages)
    return replace(prompt, messages=(*prompt.messages, *turns))


@cache
def _repairing() -> Template:
    with as_file(files("scalemt.prompts") / "templates" / "agents" / "repair.toml") as path:
        return load_template(str(path))
