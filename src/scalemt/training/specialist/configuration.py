"""How a specialist is trained: read from TOML; every field has its place in docs/training.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from scalemt.data.configuration import read_steps
from scalemt.data.filters import Filter
from scalemt.data.tables import Table, parsed, tag_of, text_of, validated
from scalemt.training.tables import PAGE, Corpus, Share, Texts, placed, placed_base
from scalemt.types import Pair

Schedule = Literal["inverse_sqrt", "linear", "cosine", "constant"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Rate = Annotated[float, Field(ge=0, lt=1)]


class Vocabulary(Table):
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


class Model(Table):
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


class Training(Table):
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


class Recipe(Table):
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
    made = validated(Recipe, where, text, parsed(where, text, PAGE), changes, _TABLES)
    here = where.parent if folder is None else Path(folder)
    source, target = tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target)
    corpora = tuple(placed(item, where, text, here, ("corpora", n)) for n, item in enumerate(made.corpora))
    dev = placed(made.dev, where, text, here, ("dev",))
    steps = read_steps(where, text, made.steps, list(dev.files), (source, target))
    told = tuple(step.model_dump(exclude_none=True) for step in steps)
    model = made.model.model_copy(update={"base": placed_base(here, made.model.base)})
    found = {"source": source, "target": target, "corpora": corpora, "dev": dev, "steps": told, "model": model}
    return made.model_copy(update=found)
