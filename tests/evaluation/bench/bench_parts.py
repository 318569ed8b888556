"""Small real parts for tests of the bench: a dictionary drafts, a generalist knows a few more words."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path

from helpers import EN_PT, PT_EN, WORDS, DictionarySpecialist, english_portuguese
from scalemt.config import Configuration
from scalemt.errors import GeneralistError
from scalemt.evaluation.bench.arms import Choice
from scalemt.evaluation.bench.backends import Backends
from scalemt.evaluation.bench.running import Bench
from scalemt.evaluation.systems import TestSet
from scalemt.generalists import GENERALISTS
from scalemt.generalists.fake import Answer, FakeGeneralist
from scalemt.specialists import SPECIALISTS
from scalemt.types import Completion, Draft, Pair, Prompt, Word

KNOWN = {**WORDS, "door": "porta", "red": "vermelha"}
SOURCES = ("the house is blue", "the door is old", "the house is red", "the door is green")
REFERENCES = ("a casa é azul", "a porta é velha", "a casa é vermelha", "a porta é verde")


def source_of(prompt: Prompt) -> str:
    """The source that a prompt of the template `scale` asks for."""
    asked: list[str] = re.findall(r"^Source sentence: (.*)$", prompt.messages[-1].content, re.MULTILINE)
    return asked[-1]


def better(prompt: Prompt) -> Answer:
    """A translation with more words than the dictionary has, and what it took."""
    text = " ".join(KNOWN.get(word, word) for word in source_of(prompt).split())
    return Completion(text, prompt_tokens=100, completion_tokens=10)


def worse(prompt: Prompt) -> Answer:
    """An answer that has nothing to do with the source, but passes the checks."""
    return Completion("uma frase bem diferente", prompt_tokens=100, completion_tokens=10)


def failing(prompt: Prompt) -> Answer:
    """Fails for what is red."""
    return GeneralistError("Nothing is known of red.") if "red" in source_of(prompt) else better(prompt)


class Plain(DictionarySpecialist):
    """A dictionary without confidences that cannot sample."""

    name = "plain"

    def __init__(self) -> None:
        super().__init__({EN_PT: WORDS, PT_EN: {}}, "plain[test]")

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        from scalemt.errors import SpecialistError

        if n > 1:
            raise SpecialistError("This dictionary has one draft a text.")
        rows = super()._draft(texts, pair, n)
        return [
            [Draft(item.text, tuple(Word(word.text) for word in item.words), engine="plain") for item in row]
            for row in rows
        ]


def improver() -> FakeGeneralist:
    """What the command line builds for `--generalist improver`."""
    return FakeGeneralist(better)


def failer() -> FakeGeneralist:
    """For `--generalist failer`."""
    return FakeGeneralist(failing)


def killer() -> FakeGeneralist:
    """For `--generalist killer`: at the prompt of number BENCH_STOP_AT the process is sent BENCH_SIGNAL."""
    count = 0

    def answer(prompt: Prompt) -> Answer:
        nonlocal count
        count += 1
        if str(count) == os.environ.get("BENCH_STOP_AT"):
            os.kill(os.getpid(), getattr(signal, os.environ["BENCH_SIGNAL"]))
        return better(prompt)

    return FakeGeneralist(answer)


BACKENDS = {
    (SPECIALISTS, "dictionary"): "helpers:english_portuguese",
    (SPECIALISTS, "plain"): f"{__name__}:Plain",
    (GENERALISTS, "improver"): f"{__name__}:improver",
    (GENERALISTS, "failer"): f"{__name__}:failer",
    (GENERALISTS, "killer"): f"{__name__}:killer",
}


def register() -> None:
    """Let the command line find these by name."""
    for (registry, name), place in BACKENDS.items():
        registry._builtin[name] = place


def small_set(count: int = 4, name: str = "small") -> TestSet:
    """The first sentences as a test set."""
    ids = tuple(str(number) for number in range(1, count + 1))
    return TestSet(name, SOURCES[:count], (REFERENCES[:count],), EN_PT, ids)


def choice(**overrides: object) -> Choice:
    """The built-in profiles, with what keeps tests from the user's cache: no demonstrations."""
    return Choice(Configuration(), None, {"shots": 0, **overrides})


def bench(folder: Path, generalist: FakeGeneralist | None = None, *, limit: int | None = None,
          retry_failed: bool = False, notes: list[str] | None = None) -> Bench:  # fmt: skip
    """A bench over the dictionary and a generalist."""
    told = notes if notes is not None else []
    parts = Backends(
        Configuration(), told.append, specialists=[english_portuguese()], generalist=generalist or improver()
    )
    return Bench(folder, parts, limit, retry_failed, told.append)
