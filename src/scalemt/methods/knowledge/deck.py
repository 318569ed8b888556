"""The cards of a run, opened once: models by whoever builds them, sources for a pair of languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scalemt import languages
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.generalists import Generalist
from scalemt.generalists.base import GeneralistKind
from scalemt.glossary import Glossary, TermFinder, load_glossary
from scalemt.memory.recall import Memories, read_use
from scalemt.methods.agents.sources import SOURCES, Setting, Source, SourceMissingError
from scalemt.methods.knowledge.cards import Card, CardSpec, ModelCard, SourceCard
from scalemt.types import Pair

Builder = Callable[[str], Generalist | None]
_BILINGUAL = ("freedict", "glossary", "memory")
OWN = "own"
"""In the place of a generalist: the one that is helped."""


@dataclass(frozen=True)
class Table:
    """What cards are opened with.

    Args:
        setting: the languages, the glossary and the memories in use.
        builder: builds a generalist by name; None is the one that is helped.
        kind: of the one that is helped.
        strict: a folder that is not there is an error, not a note.
        own: the signature of the one that is helped.
    """

    setting: Setting
    builder: Builder
    kind: GeneralistKind
    strict: bool = False
    own: str = "generalist"


@dataclass
class Deck:
    """Cards that can be asked, and what of them is missing."""

    cards: list[Card] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def models(self) -> list[ModelCard]:
        """The cards that are models."""
        return [card for card in self.cards if isinstance(card, ModelCard)]

    @property
    def sources(self) -> list[SourceCard]:
        """The cards that are no models."""
        return [card for card in self.cards if isinstance(card, SourceCard)]

    @property
    def signature(self) -> str:
        """The cards."""
        return "+".join(card.signature for card in self.cards) or "none"


def automatic(setting: Setting, kind: GeneralistKind | None) -> list[CardSpec]:
    """Return the cards of what is in use anyway: glossary, memories, and the model itself if it chats.

    A base model that writes what it is then shown would only be led astray, and a dictionary has other words for
    most of a draft: such cards are for those who name them.

    Args:
        setting: what is in use.
        kind: of the generalist that is helped; None where nobody is asked.
    """
    found = [
        CardSpec("glossary", "glossary", "terms that are wanted") if setting.terms else None,
        CardSpec("memory", "memory", "confirmed translations") if setting.memories else None,
        CardSpec("own", OWN, "what the translating model knows itself") if kind == "chat" else None,
    ]
    return [card for card in found if card]


def open_deck(specs: Sequence[CardSpec], table: Table) -> Deck:
    """Open cards.

    Raises:
        ConfigurationError: a card is none, or its file is of other languages.
        InputError: a file cannot be read.
        UsageError: a model cannot be used.
    """
    deck = Deck()
    for spec in specs:
        if not spec.is_source:
            deck.cards.append(_model(spec, table))
            continue
        try:
            source = _source(spec, table.setting)
        except SourceMissingError as fault:
            told = f"The card {spec.name} cannot be used: {fault}"
            if table.strict and not _is_there(spec):
                raise ConfigurationError(told) from None
            deck.missing.append(told)
        else:
            deck.cards.append(SourceCard(spec, source))
            deck.missing += [f"The card {spec.name}: {fault}" for fault in source.faults]
    return deck


def _model(spec: CardSpec, table: Table) -> ModelCard:
    if spec.spec == OWN:
        return ModelCard(spec, None, table.kind, table.own)
    try:
        generalist = table.builder(spec.spec)
    except UnknownNameError as fault:
        raise ConfigurationError(
            f"The card {spec.name} is {spec.spec!r}: {fault} Or a source: {', '.join(SOURCES.names())}."
        ) from None
    if generalist is None:
        return ModelCard(spec, None, table.kind, table.own)
    return ModelCard(spec, generalist, generalist.kind, generalist.signature)


def _is_there(spec: CardSpec) -> bool:
    """Whether what a source reads exists, though it may hold nothing of a language."""
    _, _, argument = spec.spec.partition(":")
    return not argument or Path(argument).exists()


def _turned(pair: Pair, source: str) -> Pair:
    """Return the languages of a card as the text has them: from its own into the other one."""
    return pair.reversed if languages.base(pair.target) == languages.base(source) else pair


def _source(spec: CardSpec, setting: Setting) -> Source:
    """Open a source; a glossary and a memory may have files of their own beside those in use."""
    name, _, argument = spec.spec.partition(":")
    if len(spec.languages) > 1:
        setting = replace(setting, pair=_turned(Pair(*spec.languages[:2]), setting.pair.source))
    if name in _BILINGUAL and setting.pair.source == setting.pair.target:
        raise ConfigurationError(
            f"The card {spec.name} holds translations: tell the two languages, {spec.name}[en,pt]={spec.spec}, or "
            "languages in a file of cards."
        )
    if name == "glossary" and argument:
        finder = TermFinder(_glossary(spec, argument, setting.pair), setting.pair)
        setting, argument = replace(setting, terms=finder), ""
    elif name == "memory" and argument:
        setting, argument = replace(setting, memories=Memories([read_use(argument)])), ""
    made: Source = SOURCES.load(name)(setting, argument)
    return made


def _glossary(spec: CardSpec, path: str, pair: Pair) -> Glossary:
    """Return a glossary as it serves a direction; of a file that names no languages the card tells them."""
    stated = Pair(*spec.languages[:2]) if len(spec.languages) > 1 else pair
    found = load_glossary(path, stated)
    if not found.source and not found.target:
        found = replace(found, source=stated.source, target=stated.target)
    return found.for_pair(pair)
