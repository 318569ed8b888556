"""Knowledge cards: what can be asked to write about a text, be it a model or a source of facts."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from scalemt import languages
from scalemt.errors import ConfigurationError
from scalemt.generalists import Generalist
from scalemt.generalists.base import GeneralistKind
from scalemt.generalists.thoughts import without_thoughts
from scalemt.glossary.tokens import Token, tokenise
from scalemt.methods.agents.sources import SOURCES, Finding, Source
from scalemt.methods.agents.words import is_content
from scalemt.methods.base import Question
from scalemt.methods.knowledge.asking import card_prompt, fault_of
from scalemt.methods.knowledge.documents import Document, Query
from scalemt.types import Completion, Prompt

Style = Literal["notes", "continue"]

MOST_DOCUMENTS = 5
_MOST_TERMS = 60  # that a source is asked for
_LONGEST_TERM = 3  # words, or letters where words are not parted, twice as many
_MOST_SAID = 3  # translations of one term
_MOST_CONTEXTS = 6  # of one source
_MOST_CHARACTERS = 4000  # of what a model has written
_TOKENS = 200
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,60}")


@dataclass(frozen=True)
class CardSpec:
    """A card as it is described.

    Args:
        name: what users and models call it.
        spec: a generalist, or a source of terms with its argument: `llamacpp:FILE`, `glossary:FILE`.
        description: what it knows, by which it is chosen; by default the name.
        languages: those that it knows, canonical tags, none for any; of a source of translations both, in order.
        domains: those that it is for, none for all.
        documents: texts that a model writes for one query.
        style: whether a base model is asked for notes, or to go on from the text, as the paper's cards do.

    Raises:
        ConfigurationError: a value that it cannot have.
    """

    name: str
    spec: str
    description: str = ""
    languages: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    documents: int = 1
    style: Style = "notes"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name != self.name.strip():
            raise ConfigurationError(f"A card is named {self.name!r}; expected 1 to 60 characters on one line.")
        if not 1 <= self.documents <= MOST_DOCUMENTS:
            raise ConfigurationError(
                f"The card {self.name} has documents = {self.documents}; expected 1 to {MOST_DOCUMENTS}."
            )
        if self.style not in ("notes", "continue"):
            raise ConfigurationError(
                f"The card {self.name} has style = {self.style!r}. Valid choices: notes, continue."
            )

    @property
    def is_source(self) -> bool:
        """Whether it is no model, but a source that costs no call."""
        return self.spec.partition(":")[0] in SOURCES.names()

    @property
    def about(self) -> str:
        """The description, or the name."""
        return self.description or self.name

    @property
    def signature(self) -> str:
        """The start of a hash of all that is described."""
        return sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def unfit(self, query: Query, domain: str = "") -> str:
        """Say why a card is not asked about a query, "" where it is."""
        known = {languages.base(tag) for tag in self.languages}
        if known and languages.base(query.language) not in known:
            return f"it knows {', '.join(self.languages)}, and the text is in {query.language}"
        if self.is_source and len(known) > 1 and query.target and languages.base(query.target) not in known:
            return f"it is of {', '.join(self.languages)}, and {query.target} is wanted"
        if domain and self.domains and domain not in self.domains:
            return f"it is for {', '.join(self.domains)}, and not for {domain}"
        return ""


class Card(ABC):
    """One card, ready to be asked."""

    def __init__(self, spec: CardSpec) -> None:
        self.spec = spec

    @property
    def name(self) -> str:
        """What it is called."""
        return self.spec.name

    @property
    @abstractmethod
    def signature(self) -> str:
        """One token without spaces that tells what writes."""


@dataclass
class ModelCard(Card):
    """A language model that writes what it knows.

    Args:
        spec: its description.
        generalist: who is asked; None is the generalist of the profile.
        kind: of the generalist.
        known: the signature of the generalist.
    """

    spec: CardSpec
    generalist: Generalist | None
    kind: GeneralistKind
    known: str = "generalist"

    @property
    def signature(self) -> str:
        """The name, what is described, and the model."""
        return f"{_token(self.name)}.{self.spec.signature}={self.known}"

    def questions(self, query: Query, place: int, about: str) -> list[Question]:
        """Return what is asked for the documents of a query; `about` is what is wanted, "" for all."""
        prompt = self._prompt(query, about)
        return [Question(prompt, place, _TOKENS, self.generalist, draw) for draw in range(self.spec.documents)]

    def _prompt(self, query: Query, about: str) -> Prompt:
        style = "continue" if self.spec.style == "continue" and self.kind == "base" else "notes"
        return card_prompt(query, self.spec.about, about, self.kind, style)

    def heard(self, completion: Completion) -> tuple[str, str]:
        """Return the text of an answer, "" for none, and what is to be told of it.

        Of a text that was cut off the last line is left out, for nobody knows how it ends.
        """
        if completion.finish_reason not in ("stop", "length") or completion.error:
            return "", f"it wrote nothing: {fault_of(completion)}"
        text = without_thoughts(completion.text).strip()[:_MOST_CHARACTERS]
        if completion.finish_reason == "length":
            whole = max(text.rfind(sign) for sign in ("\n", ". ", "! ", "? ", "。"))
            return text[: whole + 1].strip(), "what it wrote was cut off: the last line is left out"
        return text, "" if text else "it wrote nothing: the answer is empty"


@dataclass
class SourceCard(Card):
    """A source of facts: a glossary, a memory, a dictionary, a folder of documents. It costs no call."""

    spec: CardSpec
    source: Source
    _failed: list[str] = field(default_factory=list)

    @property
    def signature(self) -> str:
        """The name, what is described, and the source."""
        return f"{_token(self.name)}.{self.spec.signature}={self.source.signature}"

    def look_up(self, query: Query) -> list[Document]:
        """Return what the source says of the words and phrases of a query, most of all the longest of them."""
        terms = _terms(query)
        translations: list[str] = []
        contexts: dict[str, None] = {}
        for term, row in zip(terms, self.source.look_up(terms) if terms else (), strict=True):
            if said := _said(row):
                translations.append(f"{term} = {said}")
            contexts |= dict.fromkeys(one.text for one in row if one.kind == "context")
        trust = 1.0 if self.source.authority else self.source.trust
        texts = [*(["\n".join(translations)] if translations else []), *list(contexts)[:_MOST_CONTEXTS]]
        return [Document(self.name, text, trust) for text in texts]


def _said(row: Sequence[Finding]) -> str:
    """Return what a term is in the other language, as a line of notes says it."""
    words = dict.fromkeys(" ".join(one.text.split()) for one in row if one.kind == "translation")
    return "; ".join(list(words)[:_MOST_SAID])


def _terms(query: Query) -> list[str]:
    """Return words and phrases of a text that begin and end with words that say something, the longest first."""
    tokens = tokenise(query.text)
    found: dict[str, int] = {}
    for start, first in enumerate(tokens):
        longest = 2 * _LONGEST_TERM if first.kind == "letter" else _LONGEST_TERM
        for end in range(start + 1, min(len(tokens), start + longest) + 1):
            phrase = tokens[start:end]
            if any(token.kind not in ("word", "letter") for token in phrase):
                break
            if _is_edge(first, query.language) and _is_edge(phrase[-1], query.language):
                found.setdefault(query.text[first.start : phrase[-1].end], end - start)
    return sorted(found, key=lambda text: -found[text])[:_MOST_TERMS]


def _is_edge(token: Token, language: str) -> bool:
    return token.kind == "letter" or is_content(token, language)


def _token(name: str) -> str:
    return re.sub(r"[\s|;,()=]+", "-", name)
