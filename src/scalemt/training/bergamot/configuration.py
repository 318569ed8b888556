"""How a student is fine-tuned: read from TOML, or made in Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from scalemt.data.tables import Table, parsed, tag_of, text_of, validated
from scalemt.training.tables import PAGE, Corpus, Texts, placed, placed_base
from scalemt.types import Pair


class Training(Table):
    """The table [training].

    Args:
        steps: updates of the weights, at most.
        batch: pairs in an update.
        rate: the learning rate at its highest. 3e-5 suits a trained student; ten times that spoils it.
        schedule: what becomes of the rate after the warm-up.
        warmup: updates over which the rate rises.
        dropout, smoothing: regularisation; a small student that is adapted briefly needs none.
        every: updates between two measurements on dev, each with a checkpoint.
        patience: measurements without a better one before training stops; 0 never stops early.
        longest: pieces of the longest side of a pair; longer pairs are left out, and counted.
        shortlist: "extend" adds to the shortlist what the corpora translate otherwise, "keep" leaves it, "none"
            makes a model without: slower.
        storage: "float32" keeps what was learnt, 68 MB; "int8", as the base is stored, 17 MB, rounds most of it
            away, for a step of 8 bits is larger than what brief training moves a weight by.
        precision: "bfloat16" computes matrices in it, where the machine is quicker at that.
        threads: of torch, and of numpy while dev is translated.
    """

    steps: int = Field(default=250, ge=1)
    batch: int = Field(default=16, ge=1)
    rate: float = Field(default=3e-5, gt=0, lt=1)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: int = Field(default=0, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    every: int = Field(default=50, ge=1)
    patience: int = Field(default=3, ge=0)
    longest: int = Field(default=96, ge=4, le=500)
    shortlist: Literal["extend", "keep", "none"] = "extend"
    storage: Literal["float32", "int8"] = "float32"
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = Field(default=1, ge=1)


class FineTuning(Table):
    """A whole configuration.

    Args:
        name: the trained model is called so.
        source, target: the direction (`from` and `to` in TOML).
        base: what is trained further: "" is the packaged student, else a trained model NAME or NAME:VERSION, a
            folder, or one model file.
        seed: of all that is drawn.
        corpora: what is trained on.
        dev: what decides when to stop, and which weights are kept.
        general: text of another domain, on which forgetting is measured.
        training: how.
        licence, notes: for the card.
    """

    name: str
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    base: str = ""
    seed: int = Field(default=1, ge=0)
    corpora: tuple[Corpus, ...] = Field(min_length=1)
    dev: Texts
    general: Texts | None = None
    training: Training = Training()
    licence: str = ""
    notes: str = ""

    @property
    def pair(self) -> Pair:
        """The direction."""
        return Pair(self.source, self.target)


_TABLES: dict[str, type[BaseModel]] = {"corpora": Corpus, "dev": Texts, "general": Texts, "training": Training}


def read_fine_tuning(
    path: str | Path, *, folder: str | Path | None = None, changes: Sequence[str] = ()
) -> FineTuning:
    """Read a configuration.

    Args:
        path: the TOML file.
        folder: what its paths are meant from; None is the file's own folder.
        changes: fields that are set otherwise, as "training.steps=100" or "corpora.0.fraction=0.1".

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
    """
    where = Path(path)
    text = text_of(where)
    made = validated(FineTuning, where, text, parsed(where, text, PAGE), changes, _TABLES)
    source, target = tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target)
    here = where.parent if folder is None else Path(folder)
    corpora = tuple(placed(item, where, text, here, ("corpora", n)) for n, item in enumerate(made.corpora))
    dev = placed(made.dev, where, text, here, ("dev",))
    general = placed(made.general, where, text, here, ("general",)) if made.general else None
    found = {"source": source, "target": target, "corpora": corpora, "dev": dev, "general": general}
    return made.model_copy(update=found | {"base": placed_base(here, made.base)})
