"""What the configurations of all that is trained on pairs have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field

from scalemt.data.reading import Source
from scalemt.data.tables import Place, Table, below, tag_of
from scalemt.types import Pair

PAGE = "docs/training.md"

Share = Annotated[float, Field(gt=0, le=1)]


class Texts(Table):
    """A table such as [dev]: pairs that are measured on.

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

    def as_source(self, pair: Pair | None = None) -> Source:
        """Return it as an input of `scalemt.data`; where it says no language, it is in those of a direction."""
        if pair is None:
            return Source(self.files, self.source, self.target, self.format, self.encoding, False, self.name)
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


Kind = TypeVar("Kind", bound=Texts)


def placed(item: Kind, where: Path, text: str, here: Path, place: Place) -> Kind:
    """Return a table with paths as meant from a folder, and canonical tags.

    Args:
        item: the table.
        where, text: the file that it stands in, and `place` its place there.
        here: the folder.

    Raises:
        ConfigurationError: a language that nobody knows.
    """
    files = tuple(below(here, file) for file in item.files)
    source = tag_of(where, text, (*place, "from"), item.source)
    target = tag_of(where, text, (*place, "to"), item.target)
    return item.model_copy(update={"files": files, "source": source, "target": target})


def placed_base(folder: Path, base: str) -> str:
    """Return a base as meant from a folder: a path where there is one, else the name of a trained model."""
    if not base:
        return ""
    there = below(folder, base)
    return there if Path(there).exists() or "/" in base else base
