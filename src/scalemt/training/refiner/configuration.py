"""How a refiner is trained: read from TOML; every field has its place in docs/training.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from scalemt import languages
from scalemt.data.tables import Table, below, parsed, tag_of, text_of, validated
from scalemt.training.naming import check_generalist_name
from scalemt.training.refiner.difficulty import EVEN
from scalemt.training.tables import PAGE
from scalemt.types import Pair

Order = Literal["easy-to-hard", "mixed"]
Schedule = Literal["auto", "staged", "cosine", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]

Projection = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROJECTIONS: tuple[Projection, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The matrices of a block that an adapter changes; llama.cpp loads these, `lm_head` and embeddings it may not."""


class Corpus(Table):
    """A table [[corpora]]: pairs, and the specialists that draft their sources.

    Args:
        files: one file of pairs, a memory, or two of parallel lines.
        source, target: the direction that is trained (`from` and `to` in TOML).
        swapped: the file holds the target first.
        keep: the draft itself is what is to be answered: so a refiner learns to leave alone what it has not learnt
            about. The targets of the files are not looked at.
        specialists: as `--specialist` names them; each drafts its share of the lines.
        lines: how many are drawn, by the seed; 0 is all.
        words: least and most words of a source.
        dev: a file as the corpus, whose lines are measured and never trained on.
        dev_lines: how many of them are measured, drawn by the seed.
        licence: of the texts, for the card.
    """

    files: tuple[str, ...] = Field(min_length=1, max_length=2)
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    swapped: bool = False
    keep: bool = False
    specialists: Annotated[tuple[str, ...], Field(min_length=1)] = ("apertium",)
    lines: Annotated[int, Field(ge=0)] = 0
    words: tuple[int, int] = (3, 40)
    dev: tuple[str, ...] = ()
    dev_lines: Annotated[int, Field(ge=0)] = 60
    licence: str = ""

    @property
    def pair(self) -> Pair:
        """The direction that is trained."""
        return languages.parse_pair(self.source, self.target)


class Base(Table):
    """The table [base]: what is trained.

    Args:
        model: a GGUF file, or a transformers folder; "" is the packaged Gemma 3 270M.
        gguf: the same weights as GGUF, where `model` is a folder: then llama.cpp runs the adapter over it.
        template: a plain prompt template, by name or path.
    """

    model: str = ""
    gguf: str = ""
    template: str = "refiner"


class Difficulty(Table):
    """The table [difficulty]: how triplets are told easy, medium and hard.

    Args:
        metric: "edit" (characters), "ter" (words), or `module:function` of two strings, draft and target, that
            returns a distance: 0 for equal texts. Not the metric that is reported.
        by: "quantiles" cuts the triplets of each pair into shares, "thresholds" at distances.
        cuts: the two places to cut at.
    """

    metric: str = "edit"
    by: Literal["quantiles", "thresholds"] = "quantiles"
    cuts: tuple[float, float] = EVEN

    @field_validator("cuts")
    @classmethod
    def _ordered(cls, cuts: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
        if not 0 < cuts[0] < cuts[1] or (info.data.get("by") == "quantiles" and cuts[1] >= 1):
            raise ValueError("two rising numbers above 0 are needed, and of quantiles below 1")
        return cuts


class Lora(Table):
    """The table [lora]: the adapter (Hu et al. 2022). `targets` are names of projections."""

    rank: Annotated[int, Field(ge=1, le=512)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Annotated[tuple[Projection, ...], Field(min_length=1)] = PROJECTIONS


class Training(Table):
    """The table [training].

    Args:
        order: "easy-to-hard" trains on the easy bucket, then on the medium, then on the hard one (MT-Ladder's
            hierarchical fine-tuning); "mixed" on the same triplets in a drawn order.
        steps: updates; 0 goes through all triplets once.
        batch: triplets that are computed together.
        accumulation: batches to an update.
        learning_rate: at its highest.
        warmup: share of the steps (of each stage) on which it rises.
        schedule: "staged" begins anew with each bucket, as the paper has it, "cosine" falls once, "constant"
            stays; "auto" is staged for "easy-to-hard" and cosine for "mixed".
        without_draft: share of the triplets whose draft is not shown; 1 is the control without drafts.
        max_tokens: triplets with more are left out.
        threads: of the processor; two only where nothing else runs.
        precision: "auto" is bfloat16 where the processor computes in it, else float32.
        checkpoint_every: steps between two checkpoints; at most these are lost by a kill.
        measure_every: steps between two measures of the loss on dev; 0 for none.
    """

    order: Order = "mixed"
    steps: Annotated[int, Field(ge=0)] = 0
    batch: Annotated[int, Field(ge=1)] = 8
    accumulation: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03
    schedule: Schedule = "auto"
    without_draft: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_tokens: Annotated[int, Field(ge=16)] = 384
    threads: Annotated[int, Field(ge=1)] = 1
    precision: Precision = "auto"
    checkpoint_every: Annotated[int, Field(ge=1)] = 25
    measure_every: Annotated[int, Field(ge=0)] = 50

    @property
    def chosen_schedule(self) -> str:
        """The schedule, "auto" resolved."""
        if self.schedule != "auto":
            return self.schedule
        return "staged" if self.order == "easy-to-hard" else "cosine"


class RefinerConfiguration(Table):
    """The whole file.

    Args:
        name: under which the refiner is registered, for `--generalist NAME`.
        seed: of all that is drawn.
        licence: of what is made; "" tells those of base and corpora.
        notes: for the card.
        corpora, base, difficulty, lora, training: see there.
    """

    name: str
    seed: int = 0
    licence: str = ""
    notes: str = ""
    corpora: tuple[Corpus, ...] = Field(min_length=1)
    base: Base = Base()
    difficulty: Difficulty = Difficulty()
    lora: Lora = Lora()
    training: Training = Training()


_TABLES: dict[str, type[BaseModel]] = {
    "corpora": Corpus, "base": Base, "difficulty": Difficulty, "lora": Lora, "training": Training,
}  # fmt: skip


def read_refiner(
    path: str | Path, *, folder: str | Path | None = None, changes: Sequence[str] = ()
) -> RefinerConfiguration:
    """Read a configuration.

    Args:
        path: the TOML file.
        folder: what its paths are meant from; None is the file's own folder.
        changes: fields that are set otherwise, as "training.steps=100" or "corpora.0.lines=500".

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
        UsageError: no model can have such a name.
    """
    where = Path(path)
    text = text_of(where)
    made = validated(RefinerConfiguration, where, text, parsed(where, text, PAGE), changes, _TABLES)
    check_generalist_name(made.name)
    here = where.parent if folder is None else Path(folder)
    corpora = tuple(_placed(where, text, here, number, item) for number, item in enumerate(made.corpora))
    base = {name: below(here, value) for name in ("model", "gguf") if (value := getattr(made.base, name))}
    if made.base.template.endswith(".toml"):
        base["template"] = below(here, made.base.template)
    return made.model_copy(update={"corpora": corpora, "base": made.base.model_copy(update=base)})


def _placed(where: Path, text: str, here: Path, number: int, corpus: Corpus) -> Corpus:
    """Return a table with paths as meant from a folder, and canonical tags."""
    tags = {
        name: tag_of(where, text, ("corpora", number, field), getattr(corpus, name))
        for name, field in (("source", "from"), ("target", "to"))
    }
    paths = {name: tuple(below(here, file) for file in getattr(corpus, name)) for name in ("files", "dev")}
    return corpus.model_copy(update={**tags, **paths})
