"""How a specialist is trained: read from TOML; every field has its place in docs/training.md."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scalemt.data.configuration import read_steps
from scalemt.data.filters import Filter
from scalemt.data.reading import Source
from scalemt.data.tables import Place, below, explained, fields_of, set_field, tag_of, text_of
from scalemt.errors import ConfigurationError
from scalemt.types import Pair

Schedule = Literal["inverse_sqrt", "linear", "cosine", "constant"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Share = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Texts(_Table):
    """A table [dev]: pairs that are measured on.

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

    def as_source(self, pair: Pair) -> Source:
        """Return it as an input of `scalemt.data`; where it says no language, it is in those of the direction."""
        told = (self.source, self.target) if self.source or self.target else pair
        made = Source(self.files, *told, self.format, self.encoding, False, self.name)
        return Source(self.files, "", "", self.format, self.encoding, False, self.name) if made.is_memory else made


class Corpus(Texts):
    """A table [[corpora]]: pairs that are trained on.

    Args:
        weight: how often it is drawn from, against the weights of the other corpora (mixed fine-tuning).
        fraction: share of its pairs that is used, drawn by the seed; a smaller share is part of a larger one.
    """

    weight: float = Field(default=1.0, gt=0)
    fraction: Share = 1.0


class Vocabulary(_Table):
    """The table [vocabulary]: sentence pieces, of a model that is trained from scratch.

    Args:
        size: pieces of a vocabulary; lowered where the corpus is too small for it.
        kind: "unigram" (Kudo 2018) or "bpe" (Sennrich et al. 2016).
        shared: one for both languages, else one each, of `size` both.
        byte_fallback: what no piece spells is spelt in bytes, so that nothing is unknown.
        coverage: share of the characters of the corpus that get a piece of their own.
        sampling: above 0, texts are cut anew in each pass: with "bpe" so many merges are left out by chance
            (Provilkov et al. 2020), with "unigram" it is the smoothing of what is drawn from (Kudo 2018). Usual is
            0.1.
    """

    size: int = Field(default=4000, ge=64)
    kind: Literal["unigram", "bpe"] = "unigram"
    shared: bool = True
    byte_fallback: bool = True
    coverage: Share = 0.9995
    sampling: Rate = 0.0


class Model(_Table):
    """The table [model].

    Args:
        base: what is trained further: a trained model NAME or NAME:VERSION, or a folder of transformers (Marian,
            NLLB, M2M100 …); "" trains from scratch, and only then do shape and vocabulary count.
        layers, decoder_layers: of encoder and decoder.
        width: of the states.
        heads: of attention.
        inner: width of the feed-forward blocks.
        dropout: share of the states that is dropped; None is 0.1 from scratch, else what the folder says.
    """

    base: str = ""
    layers: int = Field(default=3, ge=1)
    decoder_layers: int = Field(default=3, ge=1)
    width: int = Field(default=256, ge=8)
    heads: int = Field(default=4, ge=1)
    inner: int = Field(default=1024, ge=8)
    dropout: Rate | None = None

    @model_validator(mode="after")
    def _divides(self) -> Model:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        return self


class Training(_Table):
    """The table [training].

    Args:
        epochs: passes, at most: through the only corpus, or as many draws from several as these have pairs.
        steps: updates of the weights, at most; 0 sets no limit of its own.
        batch_tokens: of an update: pairs, times the tokens of the longest side. Batches hold pairs of like length.
        parts: pieces that an update is computed in, to save memory; what is learnt is the same, dropout aside.
        rate: the learning rate at its highest; 0 takes 0.001 from scratch and 0.00005 otherwise.
        schedule: of the rate behind the warm-up.
        warmup: updates over which the rate rises.
        smoothing: of labels (Szegedy et al. 2016).
        decay: of weights.
        clip: the longest gradient.
        every: updates between two measurements on dev, each with a checkpoint; 0 takes one a pass, at most 500.
        measured: lines of dev that are translated then, drawn by the seed; 0 is all. The end is measured on all.
        patience: measurements without a better one before training stops; 0 never stops early.
        average: how many checkpoints are averaged at the end.
        averaging: those with the best scores on dev, or the last.
        longest: tokens of the longest side of a pair; longer pairs are left out, and counted.
        masks: train on tags, placeholders and addresses as the masks that specialists are shown.
        precision: "auto" takes bfloat16 where that is faster.
        device: "cpu", "cuda"; "" takes a GPU where there is one.
        threads: of the processor.
    """

    epochs: float = Field(default=20, gt=0)
    steps: int = Field(default=0, ge=0)
    batch_tokens: int = Field(default=1500, ge=16)
    parts: int = Field(default=1, ge=1)
    rate: float = Field(default=0.0, ge=0, lt=1)
    schedule: Schedule = "inverse_sqrt"
    warmup: int = Field(default=400, ge=0)
    smoothing: Rate = 0.1
    decay: Rate = 0.0
    clip: float = Field(default=1.0, gt=0)
    every: int = Field(default=0, ge=0)
    measured: int = Field(default=500, ge=0)
    patience: int = Field(default=5, ge=0)
    average: int = Field(default=4, ge=1)
    averaging: Literal["best", "last"] = "best"
    longest: int = Field(default=128, ge=4, le=510)
    masks: bool = True
    precision: Precision = "auto"
    device: str = ""
    threads: int = Field(default=1, ge=1)


class Recipe(_Table):
    """A whole configuration.

    Args:
        name: the trained model is called so.
        source, target: the direction (`from` and `to` in TOML).
        seed: of all that is drawn.
        corpora: what is trained on.
        dev: what decides when to stop, and which weights are kept.
        steps: filters that each corpus goes through first, as `scalemt data clean` has them.
        model, vocabulary, training: see there.
        licence, notes: for the card.
    """

    name: str
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    seed: int = Field(default=1, ge=0)
    corpora: tuple[Corpus, ...] = Field(min_length=1)
    dev: Texts
    steps: tuple[dict[str, Any], ...] = ()
    model: Model = Model()
    vocabulary: Vocabulary = Vocabulary()
    training: Training = Training()
    licence: str = ""
    notes: str = ""

    @property
    def pair(self) -> Pair:
        """The direction."""
        return Pair(self.source, self.target)

    def filters(self) -> tuple[Filter, ...]:
        """Return the filters that `steps` say; they were checked when the file was read."""
        return read_steps(Path(), "", self.steps, list(self.dev.files), self.pair)


_TABLES: dict[str, type[BaseModel]] = {
    "corpora": Corpus, "dev": Texts, "model": Model, "vocabulary": Vocabulary, "training": Training,
}  # fmt: skip


def read_recipe(path: str | Path, *, folder: str | Path | None = None, changes: Sequence[str] = ()) -> Recipe:
    """Read a configuration.

    Args:
        path: the TOML file.
        folder: what its paths are meant from; None is the file's own folder.
        changes: fields that are set otherwise, as "training.epochs=2" or "corpora.0.fraction=0.1".

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
        made = Recipe.model_validate(table)
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{where} is not TOML: {fault}. See docs/training.md for an example.") from None
    except ValidationError as fault:
        raise explained(where, text, fault, (), _valid) from None
    here = where.parent if folder is None else Path(folder)
    source, target = tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target)
    corpora = tuple(_placed(where, text, here, ("corpora", n), item) for n, item in enumerate(made.corpora))
    dev = _placed(where, text, here, ("dev",), made.dev)
    steps = read_steps(where, text, made.steps, list(dev.files), (source, target))
    told = tuple(step.model_dump(exclude_none=True) for step in steps)
    model = made.model.model_copy(update={"base": _base(here, made.model.base)})
    found = {"source": source, "target": target, "corpora": corpora, "dev": dev, "steps": told, "model": model}
    return made.model_copy(update=found)


def _placed(where: Path, text: str, here: Path, place: Place, item: Texts) -> Texts:
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
    return fields_of(_TABLES.get(str(place[0]), Recipe) if len(place) > 1 else Recipe)
