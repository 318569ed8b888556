"""Small real backends for tests of jobs: a dictionary that drafts at once, and plug-ins that do not keep count."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from itertools import islice, product
from typing import Any

from helpers import EN_PT
from scalemt.generalists import GENERALISTS
from scalemt.generalists.base import BaseGeneralist, GeneralistKind, Progress
from scalemt.specialists import SPECIALISTS
from scalemt.specialists.base import BaseSpecialist
from scalemt.types import Completion, Decoding, Draft, Pair, Prompt

NOUNS = {
    "house": "casa", "door": "porta", "table": "mesa", "chair": "cadeira", "window": "janela", "street": "rua",
    "kitchen": "cozinha", "school": "escola", "church": "igreja", "library": "biblioteca", "city": "cidade",
    "island": "ilha", "beach": "praia", "river bank": "margem", "farm": "quinta", "square": "praça",
}  # fmt: skip
ADJECTIVES = {
    "blue": "azul", "green": "verde", "old": "velha", "new": "nova", "small": "pequena", "white": "branca",
    "beautiful": "bonita", "clean": "limpa", "quiet": "tranquila", "empty": "vazia", "open": "aberta",
    "closed": "fechada", "dark": "escura", "cold": "fria", "expensive": "cara", "famous": "famosa",
}  # fmt: skip
TEMPLATE, TRANSLATED = (
    "The {} of my friend is not so {} as it was before.",
    "A {} do meu amigo não é tão {} como era.",
)


KNOWN = {
    TEMPLATE.format(noun, adjective): TRANSLATED.format(NOUNS[noun], ADJECTIVES[adjective])
    for noun, adjective in product(NOUNS, ADJECTIVES)
}


def sentences(count: int) -> list[str]:
    """Return up to 256 different sentences that the phrasebook knows."""
    return list(islice(KNOWN, count))


def translated(source: str) -> str:
    """Return the draft of one of them, and of anything else the text in Portuguese clothes."""
    return KNOWN.get(source, f"A frase do meu amigo não é tão conhecida: {source}")


class Phrasebook(BaseSpecialist):
    """Drafts sentence by sentence; `JOB_DRAFT_SECONDS` says how long it takes over each."""

    name = "phrasebook"

    @property
    def signature(self) -> str:
        return "phrasebook[test]"

    def pairs(self) -> list[Pair]:
        return [EN_PT]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        time.sleep(float(os.environ.get("JOB_DRAFT_SECONDS", "0")) * len(texts))
        return [[Draft(translated(text), engine=self.name)] * n for text in texts]


class Renewed(Phrasebook):
    """The same in another version: what it drafts may be different."""

    @property
    def signature(self) -> str:
        return f"phrasebook[{os.environ.get('JOB_VERSION', 'test')}]"


class Forgetful(Phrasebook):
    """Loses the last draft of a batch that holds a marked text, until JOB_MENDED is set."""

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        rows = super()._draft(texts, pair, n)
        return rows[:-1] if any("POISON" in text for text in texts) and "JOB_MENDED" not in os.environ else rows


class Deadly(Phrasebook):
    """Takes its process with it at a marked text, as a fault in native code does."""

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        if any("POISON" in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._draft(texts, pair, n)


class Lost(BaseGeneralist):
    """Completes all prompts but one."""

    name = "lost"

    @property
    def kind(self) -> GeneralistKind:
        return "chat"

    @property
    def signature(self) -> str:
        return "lost[test]"

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        return [Completion("Uma frase.", "stop") for _ in prompts[1:]]


class Unruly:
    """A plug-in that follows the protocol and not the base class: nobody counts for it."""

    name = "unruly"
    kind = "chat"
    signature = "unruly[test]"

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress | None = None
    ) -> list[Completion]:
        return [Completion("Uma frase.", "stop") for _ in [*prompts, None]]


BACKENDS: dict[tuple[Any, str], str] = {
    (SPECIALISTS, "phrasebook"): f"{__name__}:Phrasebook",
    (SPECIALISTS, "renewed"): f"{__name__}:Renewed",
    (SPECIALISTS, "forgetful"): f"{__name__}:Forgetful",
    (SPECIALISTS, "deadly"): f"{__name__}:Deadly",
    (GENERALISTS, "lost"): f"{__name__}:Lost",
    (GENERALISTS, "unruly"): f"{__name__}:Unruly",
}


def register() -> None:
    """Let the command line find these by name."""
    for (registry, name), place in BACKENDS.items():
        registry._builtin[name] = place
