"""A student's folder: its model file with other weights, and what belongs beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.bergamot.files import ModelFiles
from scalemt.specialists.bergamot.marian import F32
from scalemt.specialists.bergamot.marian_writing import Storage, write_model
from scalemt.specialists.bergamot.shortlist import Shortlist, write_shortlist
from scalemt.types import Pair


@dataclass(frozen=True, slots=True)
class Student:
    """What does not change while a student is trained.

    Args:
        base: the files that are trained further.
        pair: the direction that is trained.
        shortlist: None where the trained model has none.
        storage: of the weights.
    """

    base: ModelFiles
    pair: Pair
    shortlist: Shortlist | None
    storage: Storage

    def write(self, folder: Path, tensors: Mapping[str, F32]) -> None:
        """Write a folder that the bergamot specialist runs; the names are those of Firefox Translations."""
        folder.mkdir(parents=True, exist_ok=True)
        part = "".join(self.pair).replace("-", "_").lower()
        kind = ".intgemm" if self.storage == "int8" else ""
        write_model(folder / f"model.{part}{kind}.bin", self.base.model, tensors, self.storage)
        if self.base.shared:
            shutil.copyfile(self.base.source_vocabulary, folder / f"vocab.{part}.spm")
        else:
            shutil.copyfile(self.base.source_vocabulary, folder / f"srcvocab.{part}.spm")
            shutil.copyfile(self.base.target_vocabulary, folder / f"trgvocab.{part}.spm")
        if self.shortlist is not None:
            write_shortlist(folder / f"lex.{part}.s2t.bin", self.shortlist)

    def options(self) -> dict[str, str]:
        """Return the options of the specialist that runs what `write` wrote, its path from the folder."""
        return {"path": ".", "pair": f"{self.pair.source}-{self.pair.target}"}

    def specialist(self, folder: Path, threads: int) -> BergamotSpecialist:
        """Return the specialist that runs what `write` wrote."""
        return BergamotSpecialist(folder, pair=self.options()["pair"], threads=threads)
