"""Sentences around weak terms, through `scalemt.data.synthesis`: the one seam between the loop and synthesis."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from scalemt.glossary import Glossary, save_glossary
from scalemt.training.looping.configuration import Loop
from scalemt.training.tables import Corpus


class Synthesiser(Protocol):
    """Makes pairs around terms."""

    def __call__(
        self, loop: Loop, terms: Glossary, specialist: str, folder: Path
    ) -> tuple[Corpus, dict[str, Any]]:
        """Return a corpus in a folder, and what the report says of it.

        Args:
            loop: the configuration.
            terms: weak terms.
            specialist: the one of the round before, as `--specialist` names it.
            folder: what is made goes there; what was begun there is gone on with.

        Raises:
            InputError: nothing that was made is left behind the filters.
            PausedError: it cannot go on now.
        """
        ...


def around_terms(loop: Loop, terms: Glossary, specialist: str, folder: Path) -> tuple[Corpus, dict[str, Any]]:
    """See `Synthesiser`; dev, test and general are the test sets that nothing made may be like."""
    from scalemt.data.synthesis import build, synthesise
    from scalemt.data.synthesis.terms import Terms

    folder.mkdir(parents=True, exist_ok=True)
    glossary = folder / "terms.csv"
    save_glossary(terms, glossary)
    wanted = loop.synthesis
    told = wanted.model_dump(include={"each", "sources", "targets", "together", "about"})
    corpus = wanted.corpus or tuple(file for item in loop.corpora for file in item.files[:1])
    kind = Terms.model_validate(
        told | {"glossary": str(glossary), "corpus": corpus if wanted.sources == "corpus" else ()}
    )
    tests = tuple(item.files[0] for item in (loop.dev, loop.test, loop.general) if item and len(item.files) == 1)
    profile: dict[str, Any] = {"specialists": (wanted.specialist or specialist,)}
    made = synthesise(
        build(kind, loop.pair, tests=tests, profile=profile, seed=loop.seed, generalist=wanted.generalist),
        folder / "synthetic.jsonl",
        workers=1,
    )
    card = made.card
    dropped = {step.name: step.dropped for step in card.steps if step.dropped}
    found = {"pairs": card.output["pairs"], "filters dropped": dropped}
    return Corpus(files=(str(folder / "synthetic.jsonl"),), name="synthetic", weight=wanted.share), found
