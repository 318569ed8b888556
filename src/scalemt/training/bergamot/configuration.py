"""How a student is fine-tuned: read from TOML, or made in Python."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalemt.data.reading import Source
from scalemt.data.tables import Place, below, explained, fields_of, set_field, tag_of, text_of
from scalemt.errors import ConfigurationError
from scalemt.types import Pair

Share = Annotated[float, Field(gt=0, le=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Texts(_Table):
    """A table [dev] or [general]: pairs that are measured on.

    Args:
        files: one file of pairs or a memory; or two of parallel lines, source and target.
        source, target: the languages of the files (`from` and `to` in TOML), where they are not those of the
            direction in its order.
        lines: at most so many are drawn, by the seed; 0 is all.
        format, encoding: as `scalemt data` has them.
        name: in cards and reports; "" takes the file's name.
    """

    files: tuple[str, ...] = Field(min_length=1, max_length=2)
    source: str = Field(default="", alias="from")
    target: str = Field(default="", alias="to")
    lines: int = Field(default=0, ge=0)
    format: str = ""
    encoding: str = ""
    name: str = ""

    def as_source(self) -> Source:
        """Return it as an input of `scalemt.data`."""
        return Source(self.files, self.source, self.target, self.format, self.encoding, False, self.name)


class Corpus(Texts):
    """A table [[corpora]]: pairs that are trained on.

    Args:
        weight: how often it is drawn from, against the weights of the other corpora (mixed fine-tuning).
        fraction: share of its pairs that is used, drawn by the seed.
    """

    weight: float = Field(default=1.0, gt=0)
    fraction: Share = 1.0


class Training(_Table):
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


class FineTuning(_Table):
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


Kind = TypeVar("Kind", bound=Texts)

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
    try:
        table = tomllib.loads(text)
        for change in changes:
            set_field(table, change)
        made = FineTuning.model_validate(table)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{where} is not TOML: {fault}. See docs/training.md for an example.") from None
    except ValidationError as fault:
        raise explained(where, text, fault, (), _valid) from None
    source, target = tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target)
    here = where.parent if folder is None else Path(folder)
    corpora = tuple(_placed(where, text, here, ("corpora", n), item) for n, item in enumerate(made.corpora))
    dev = _placed(where, text, here, ("dev",), made.dev)
    general = _placed(where, text, here, ("general",), made.general) if made.general else None
    found = {"source": source, "target": target, "corpora": corpora, "dev": dev, "general": general}
    return made.model_copy(update=found | {"base": _base(here, made.base)})


def _placed(where: Path, text: str, here: Path, place: Place, item: Kind) -> Kind:
    """Return a table with paths as meant from a folder, and canonical tags."""
    files = tuple(below(here, file) for file in item.files)
    source = tag_of(where, text, (*place, "from"), item.source)
    target = tag_of(where, text, (*place, "to"), item.target)
    return item.model_copy(update={"files": files, "source": source, "target": target})


def _base(folder: Path, base: str) -> str:
    """A base is a path where there is something at that path, else the name of a trained model."""
    if not base:
        return ""
    there = below(folder, base)
    return there if Path(there).exists() or "/" in base else base


def _valid(place: Place, _: str) -> list[str]:
    return fields_of(_TABLES.get(str(place[0]), FineTuning) if len(place) > 1 else FineTuning)
