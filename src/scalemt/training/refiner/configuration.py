"""How a refiner is trained: read from TOML; every field has its place in docs/training.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scalemt.errors import ConfigurationError, UnknownLanguageError
from scalemt.languages import parse
from scalemt.types import Pair

Order = Literal["easy-to-hard", "mixed"]
Schedule = Literal["auto", "staged", "cosine", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]

Projection = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROJECTIONS: tuple[Projection, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The matrices of a block that an adapter changes; llama.cpp loads these, `lm_head` and embeddings it may not."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Corpus(_Table):
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
        return Pair(parse(self.source), parse(self.target))


class Base(_Table):
    """The table [base]: what is trained.

    Args:
        model: a GGUF file, or a transformers folder; "" is the packaged Gemma 3 270M.
        gguf: the same weights as GGUF, where `model` is a folder: then llama.cpp runs the adapter over it.
        template: a plain prompt template, by name or path.
    """

    model: str = ""
    gguf: str = ""
    template: str = "refiner"


class Difficulty(_Table):
    """The table [difficulty]: how triplets are told easy, medium and hard.

    Args:
        metric: "edit" (characters), "ter" (words), or `module:function` of two strings, draft and target, that
            returns a distance: 0 for equal texts. Not the metric that is reported.
        by: "quantiles" cuts the triplets of each corpus into shares, "thresholds" at distances.
        cuts: the two places to cut at.
    """

    metric: str = "edit"
    by: Literal["quantiles", "thresholds"] = "quantiles"
    cuts: tuple[float, float] = (1 / 3, 2 / 3)

    @model_validator(mode="after")
    def _ordered(self) -> Difficulty:
        if not 0 < self.cuts[0] < self.cuts[1] or (self.by == "quantiles" and self.cuts[1] >= 1):
            raise ValueError("cuts must be two rising numbers above 0, and of quantiles below 1")
        return self


class Lora(_Table):
    """The table [lora]: the adapter (Hu et al. 2022). `targets` are names of projections."""

    rank: Annotated[int, Field(ge=1, le=512)] = 16
    alpha: Annotated[float, Field(gt=0)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Annotated[tuple[Projection, ...], Field(min_length=1)] = PROJECTIONS


class Training(_Table):
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

    order: Order = "easy-to-hard"
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


class RefinerConfiguration(_Table):
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


def read_refiner(path: str | Path) -> RefinerConfiguration:
    """Read a configuration; paths in it are meant from its folder.

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
    """
    where = Path(path)
    try:
        text = where.read_text("utf-8")
        fields = tomllib.loads(text)
    except OSError as fault:
        raise ConfigurationError(f"{where} cannot be read: {fault.strerror or fault}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"{where} is not TOML: {fault}. See docs/training.md for an example.") from None
    try:
        made = RefinerConfiguration.model_validate(fields)
    except ValidationError as fault:
        raise _told(where, text, fault) from None
    from scalemt.trained import check_name

    check_name(made.name)
    for number, corpus in enumerate(made.corpora):
        for field, code in (("from", corpus.source), ("to", corpus.target)):
            try:
                parse(code)
            except UnknownLanguageError as fault:
                line = _line(text, ("corpora", number, field))
                raise ConfigurationError(f"{where}, line {line}, field {field}: {fault}") from None
    return _placed(made, where.parent)


def _placed(made: RefinerConfiguration, folder: Path) -> RefinerConfiguration:
    """Return the configuration with its paths meant from the working directory."""

    def below(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(folder / Path(name).expanduser()) for name in names)

    corpora = tuple(
        corpus.model_copy(update={"files": below(corpus.files), "dev": below(corpus.dev)})
        for corpus in made.corpora
    )
    base = {name: below((value,))[0] for name in ("model", "gguf") if (value := getattr(made.base, name))}
    if made.base.template.endswith(".toml"):
        base["template"] = below((made.base.template,))[0]
    return made.model_copy(update={"corpora": corpora, "base": made.base.model_copy(update=base)})


def _told(where: Path, text: str, fault: ValidationError) -> ConfigurationError:
    """Return the first thing that is wrong as a sentence with file, line, field and mend."""
    first = fault.errors(include_url=False)[0]
    place: tuple[str | int, ...] = first["loc"]
    names = [str(part) for part in place if isinstance(part, str)] or ["file"]
    mend = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        mend = f"there is no such field. Valid choices: {', '.join(_fields(place))}"
    elif first["type"] == "missing":
        mend = "it is missing, and there is no default"
    elif first["type"] == "literal_error":
        choices = str(first["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
        mend = f"{first['input']!r} is not known. Valid choices: {choices}"
    else:
        mend = f"{mend[:1].lower()}{mend[1:]}; found {first['input']!r:.60}"
    return ConfigurationError(f"{where}, line {_line(text, place)}, field {names[-1]}: {mend}.")


def _fields(place: tuple[str | int, ...]) -> list[str]:
    kind: type[BaseModel] = RefinerConfiguration
    tables: dict[str, type[BaseModel]] = {
        "corpora": Corpus, "base": Base, "difficulty": Difficulty, "lora": Lora, "training": Training,
    }  # fmt: skip
    if len(place) > 1:
        kind = tables[str(place[0])]
    return sorted(field.alias or name for name, field in kind.model_fields.items())


def _line(text: str, place: tuple[Any, ...]) -> int:
    """Return the line of a field as well as it can be told: the key below its table's header, else the header."""
    lines = text.split("\n")
    keys = [part for part in place if isinstance(part, str)]
    start = 0
    if len(keys) > 1 or (len(place) > 1 and isinstance(place[1], int)):
        header = re.compile(rf"\s*\[+\s*{re.escape(keys[0])}\s*\]+")
        found = [number for number, line in enumerate(lines) if header.match(line)]
        index = place[1] if isinstance(place[1], int) else 0
        start = found[index] if index < len(found) else 0
    key = re.compile(rf"\s*\"?{re.escape(keys[-1])}\"?\s*=") if keys else None
    for number in range(start, len(lines)) if key else ():
        if number > start and start and re.match(r"\s*\[", lines[number]):
            break
        if key and key.match(lines[number]):
            return number + 1
    return start + 1
