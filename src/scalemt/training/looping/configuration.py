"""What goes round, and when it ends: read from TOML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from scalemt.data.tables import Table, below, parsed, tag_of, text_of, validated
from scalemt.training.tables import PAGE, Corpus, Texts, placed
from scalemt.types import Pair


class Errors(Table):
    """The table [errors]: what the error report looks for.

    Args:
        glossary: terms that are looked for; "" takes terms out of the corpora (`scalemt glossary extract`).
        terms: at most so many weak ones are written about in a round.
        missed: a term is weak where it is missed so often on dev.
        worst: segments that the report shows.
    """

    glossary: str = ""
    terms: int = Field(default=40, ge=1)
    missed: int = Field(default=1, ge=1)
    worst: int = Field(default=5, ge=0)


class Synthetic(Table):
    """The table [synthesis]: how sentences around weak terms are made; see `scalemt data synthesise`.

    Args:
        each, sources, targets, together, corpus, about: as of the kind `terms`; without `corpus`, the sources of
            the training corpora.
        generalist: who is asked, where somebody is.
        specialist: drafts where the engine writes the targets; "" is the one of the round before.
        share: of what is drawn for training, from the synthetic pairs.
    """

    each: int = Field(default=3, ge=1)
    sources: str = "corpus"
    targets: str = "engine"
    together: int = Field(default=3, ge=1)
    corpus: tuple[str, ...] = ()
    about: str = ""
    generalist: str = ""
    specialist: str = ""
    share: float = Field(default=0.3, gt=0, le=1)


class Loop(Table):
    """A whole configuration.

    Args:
        name: the model; each round that is better is a version of it.
        source, target: the direction (`from` and `to` in TOML).
        base: what the first round starts from: "bergamot", or a trained model.
        rounds: at most; the first trains on the corpora alone.
        patience: rounds in a row that gain less than `gain` chrF++ on dev; then it ends.
        gain: chrF++.
        corpora: what is trained on in all rounds.
        dev: what is looked at: errors are found on it, and rounds are judged by it.
        test: measured in each round and never looked at; without it nobody knows what dev was fitted to.
        general: text of another domain, likewise.
        errors, synthesis: see there.
        training: fields of the trainer's own [training].
        seed: of all that is drawn.
        licence, notes: for the cards.
    """

    name: str
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    base: str = "bergamot"
    rounds: int = Field(default=3, ge=1)
    patience: int = Field(default=1, ge=1)
    gain: float = Field(default=0.1, ge=0)
    corpora: tuple[Corpus, ...] = Field(min_length=1)
    dev: Texts
    test: Texts | None = None
    general: Texts | None = None
    errors: Errors = Errors()
    synthesis: Synthetic = Synthetic()
    training: dict[str, Any] = Field(default_factory=dict)
    seed: int = Field(default=1, ge=0)
    licence: str = ""
    notes: str = ""

    @property
    def pair(self) -> Pair:
        """The direction."""
        return Pair(self.source, self.target)


_TABLES: dict[str, type[BaseModel]] = {
    "corpora": Corpus, "dev": Texts, "test": Texts, "general": Texts, "errors": Errors, "synthesis": Synthetic,
}  # fmt: skip


def read_loop(path: str | Path, *, folder: str | Path | None = None, changes: Sequence[str] = ()) -> Loop:
    """Read a configuration.

    Args:
        path: the TOML file.
        folder: what its paths are meant from; None is the file's own folder.
        changes: fields that are set otherwise, as "rounds=2" or "training.steps=100".

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
    """
    where = Path(path)
    text = text_of(where)
    made = validated(Loop, where, text, parsed(where, text, PAGE), changes, _TABLES)
    here = where.parent if folder is None else Path(folder)
    texts = {
        name: getattr(made, name) and placed(getattr(made, name), where, text, here.absolute(), (name,))
        for name in ("dev", "test", "general")
    }
    corpus = tuple(below(here, file) for file in made.synthesis.corpus)
    glossary = below(here, made.errors.glossary) if made.errors.glossary else ""
    return made.model_copy(
        update={
            **texts,
            "source": tag_of(where, text, ("from",), made.source),
            "target": tag_of(where, text, ("to",), made.target),
            "corpora": tuple(
                placed(item, where, text, here.absolute(), ("corpora", n)) for n, item in enumerate(made.corpora)
            ),
            "errors": made.errors.model_copy(update={"glossary": glossary}),
            "synthesis": made.synthesis.model_copy(update={"corpus": corpus}),
        }
    )
