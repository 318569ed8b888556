"""The folder in which a specialist comes to be: it survives a kill, and says what was begun in it.

state.json          identity of the recipe, machine, and what is done
clean/              corpora behind their filters
start/              vocabulary and configuration
checkpoints/        of the trainer
kept/               weights that will be averaged
logs/               for TensorBoard
made/               the finished weights as transformers has them
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from scalemt.data.workfiles import held
from scalemt.errors import UsageError
from scalemt.fingerprint import file_digest
from scalemt.folders import data_dir
from scalemt.lines import write_whole
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.specialist.network import base_folder

_STATE = "state.json"
_FREE = {"parts", "threads", "device", "precision"}
"""Fields of [training] that may be changed between two runs: they say how, not what."""


class Work:
    """The folder of one training.

    Args:
        recipe: what is made in it.
        folder: where; None is `training/NAME` in the data folder.
    """

    def __init__(self, recipe: Recipe, folder: str | Path | None = None) -> None:
        self.path = data_dir() / "training" / recipe.name if folder is None else Path(folder)
        self._identity = identity(recipe)
        self.start, self.checkpoints = self.path / "start", self.path / "checkpoints"
        self.kept, self.logs, self.made = self.path / "kept", self.path / "logs", self.path / "made"

    @contextmanager
    def held(self, *, fresh: bool = False) -> Iterator[None]:
        """Hold the folder, which is made where there is none; `fresh` forgets what it held.

        Raises:
            UsageError: see `workfiles.held`; or the folder holds work on another recipe.
        """
        with held(self.path, fresh=fresh):
            self._check()
            yield

    def told(self) -> dict[str, Any]:
        """Return what was noted, {} at the beginning."""
        try:
            found: dict[str, Any] = json.loads((self.path / _STATE).read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def note(self, **more: Any) -> None:
        """Note something; it is on the disk when this returns."""
        told = self.told() | {"identity": self._identity} | more
        write_whole(self.path / _STATE, json.dumps(told, ensure_ascii=False, indent=1) + "\n")

    def remove(self) -> None:
        """Delete the folder: what it was for is done."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _check(self) -> None:
        if self.told().get("identity", self._identity) != self._identity:
            raise UsageError(
                f"{self.path} holds unfinished work on another configuration or other data. Go on with what it "
                "was begun with, name another folder with --work, or begin anew with --fresh."
            )


def identity(recipe: Recipe) -> str:
    """Return a hash of all that decides what is learnt: the recipe and the texts it names.

    Raises:
        UsageError: a file cannot be read.
    """
    told = recipe.model_dump()
    told["training"] = {key: value for key, value in told["training"].items() if key not in _FREE}
    for name in ("licence", "notes"):
        del told[name]
    texts = [*recipe.corpora, recipe.dev]
    try:
        digests = [file_digest(Path(file)) for table in texts for file in table.files]
    except OSError as fault:
        raise UsageError(
            f"{fault.filename} cannot be read: {fault.strerror}. Paths are meant from the configuration's folder, "
            "or from that of --data."
        ) from None
    if recipe.model.base:
        digests += [file_digest(path) for path in sorted(base_folder(recipe.model.base)[0].glob("*.safetensors"))]
    return sha256(json.dumps([told, digests], sort_keys=True).encode()).hexdigest()
