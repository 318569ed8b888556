"""What a specialist is updated with, and when the new version is promoted: from TOML, or from flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from scalemt.data.tables import Table, below, parsed, tag_of, text_of, validated
from scalemt.training.tables import PAGE, Corpus, Texts, placed


class Scale(Table):
    """The table [scale]: how the specialist is used with a generalist, in which both versions are compared too.

    Args:
        use: false compares the specialists alone.
        profile: the profile; "" is the default one.
        generalist, method, gate: take the place of the profile's.
        shots: likewise; None leaves it.
        lines: of dev, at most, drawn by the seed.
    """

    use: bool = True
    profile: str = ""
    generalist: str = ""
    method: str = ""
    gate: str = ""
    shots: int | None = Field(default=None, ge=0)
    lines: int = Field(default=60, ge=1)

    def overrides(self) -> dict[str, Any]:
        """Return the fields of the profile that are set otherwise."""
        named = {"generalist": self.generalist, "method": self.method, "gate": self.gate}
        shots = {} if self.shots is None else {"shots": self.shots}
        return {key: value for key, value in named.items() if value} | shots


class Promotion(Table):
    """The table [promotion]: what a new version must not be.

    Args:
        alpha: the level at which it is worse on dev, alone or inside SCALE.
        margin: chrF++ that it may lose on general text.
    """

    alpha: float = Field(default=0.05, gt=0, lt=1)
    margin: float = Field(default=1.0, ge=0)


class Update(Table):
    """A whole configuration.

    Args:
        name: the model that gets a new version.
        source, target: the direction (`from` and `to` in TOML); "" is that of the version before.
        base: what the first version is made from, where there is none of that name: "bergamot" is the packaged
            student.
        memories: translation memories, of which what was confirmed since the version before is trained on.
        new: tables [[new]], files of new pairs.
        corpora: tables [[corpora]], older pairs that are mixed in; without them those of the version before.
        share: of what is drawn, from the new pairs (mixed fine-tuning); the rest is from `corpora`.
        least: with fewer new pairs nothing is trained.
        held_out: share of the new pairs that are measured on and not trained on.
        dev: what decides; without it that of the version before, else what is held out.
        general: text of another domain, on which forgetting is measured; without it that of the version before.
        training: fields of the trainer's own [training] that are set otherwise.
        scale, promotion: see there.
        seed: of all that is drawn.
        licence, notes: for the card.
    """

    name: str
    source: str = Field(default="", alias="from")
    target: str = Field(default="", alias="to")
    base: str = "bergamot"
    memories: tuple[str, ...] = ()
    new: tuple[Texts, ...] = ()
    corpora: tuple[Corpus, ...] = ()
    share: float = Field(default=0.5, gt=0, le=1)
    least: int = Field(default=20, ge=1)
    held_out: float = Field(default=0.1, ge=0, le=0.5)
    dev: Texts | None = None
    general: Texts | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    scale: Scale = Scale()
    promotion: Promotion = Promotion()
    seed: int = Field(default=1, ge=0)
    licence: str = ""
    notes: str = ""


_TABLES: dict[str, type[BaseModel]] = {
    "new": Texts, "corpora": Corpus, "dev": Texts, "general": Texts, "scale": Scale, "promotion": Promotion,
}  # fmt: skip


def read_update(path: str | Path, *, folder: str | Path | None = None, changes: Sequence[str] = ()) -> Update:
    """Read a configuration.

    Args:
        path: the TOML file.
        folder: what its paths are meant from; None is the file's own folder.
        changes: fields that are set otherwise, as "training.steps=100" or "promotion.margin=0.5".

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
    """
    where = Path(path)
    text = text_of(where)
    table = parsed(where, text, PAGE)
    return _made(where, text, table, where.parent if folder is None else Path(folder), changes)


def update_from(table: Mapping[str, Any], changes: Sequence[str] = ()) -> Update:
    """Return the configuration that flags say; paths are meant from the working folder.

    Raises:
        ConfigurationError: a field is unknown or wrong.
    """
    return _made(Path("the command line"), "", dict(table), Path(), changes)


def _made(where: Path, text: str, table: dict[str, Any], here: Path, changes: Sequence[str]) -> Update:
    made = validated(Update, where, text, table, changes, _TABLES)
    whole = here.absolute()
    source, target = tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target)
    return made.model_copy(
        update={
            "source": source,
            "target": target,
            "memories": tuple(below(here, path) for path in made.memories),
            "new": tuple(placed(item, where, text, whole, ("new", n)) for n, item in enumerate(made.new)),
            "corpora": tuple(
                placed(item, where, text, whole, ("corpora", n)) for n, item in enumerate(made.corpora)
            ),
            "dev": made.dev and placed(made.dev, where, text, whole, ("dev",)),
            "general": made.general and placed(made.general, where, text, whole, ("general",)),
        }
    )
