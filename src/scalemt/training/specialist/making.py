"""The whole road of a specialist: read, prepare, train, average, convert, compare, register."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scalemt.errors import MissingExtraError
from scalemt.fingerprint import library_version
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.specialists.transformers import TransformersSpecialist
from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.faults import told_of_scarcity
from scalemt.training.judging import Judged
from scalemt.training.naming import check_specialist_name
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.specialist.finishing import Finished, finish, put, weigh, write_folder, write_history
from scalemt.training.specialist.fitting import Trained, fit
from scalemt.training.specialist.material import Material, read_material
from scalemt.training.specialist.network import WEIGHTS, Machine, base_folder, machine_of, prepare
from scalemt.training.specialist.work import Work
from scalemt.training.watching import Silent, Watcher

CONFIGURATION, EFFECTIVE, HISTORY, LOGS = "recipe.toml", "recipe.json", "history.jsonl", "logs"
"""Beside a model: its file, what that comes to with all defaults and changes, losses, TensorBoard's."""


@dataclass(frozen=True, slots=True)
class Made:
    """A specialist that was trained and registered.

    Args:
        card: its card, with name and version.
        folder: of its version.
        signature: of the specialist.
        seconds: of all runs together.
    """

    card: ModelCard
    folder: Path
    signature: str
    seconds: float


def train_specialist(
    recipe: Recipe,
    *,
    configuration: str = "",
    work: str | Path | None = None,
    fresh: bool = False,
    watcher: Watcher | None = None,
    shelf: TrainedModels | None = None,
) -> Made:
    """Train a specialist and register it. Killed at any moment, the same call goes on where it was.

    Args:
        recipe: what is made of what.
        configuration: the text of the file that said so, copied beside what was made.
        work: folder of the unfinished work; None is `training/NAME` in the data folder. It is removed at the end.
        fresh: begin anew where unfinished work lies.
        watcher: is told how far it is.
        shelf: where it is registered; None is the user's.

    Raises:
        UsageError: something is wrong with recipe, data or base, and the message says what and how to mend it.
        PausedError: it cannot go on now; what was done is kept.
    """
    check_specialist_name(recipe.name)
    _require()
    place, told = Work(recipe, work), watcher or Silent()
    with place.held(fresh=fresh), told_of_scarcity(place.path):
        made = _Making(recipe, place, told).run(configuration, shelf or TrainedModels())
        place.remove()
    return made


def _require() -> None:
    """Raise MissingExtraError if a package is missing that is wanted an hour later."""
    for package in ("torch", "transformers", "accelerate", "sentencepiece", "ctranslate2", "tensorboardX"):
        if find_spec(package) is None:
            raise MissingExtraError("Training a specialist", "training")


class _Making:
    """One run through the road; what a run before has done is not done again."""

    def __init__(self, recipe: Recipe, work: Work, watcher: Watcher) -> None:
        self._recipe, self._work, self._watcher = recipe, work, watcher
        self._began = time.monotonic()

    def run(self, configuration: str, shelf: TrainedModels) -> Made:
        recipe, work = self._recipe, self._work
        self._watcher.phase("Reading")
        material = read_material(recipe, work.path, self._watcher.note)
        machine = self._prepared(material)
        self._watcher.phase("Training")
        try:
            trained = fit(recipe, work, material, machine, self._watcher)
        finally:
            self._count_time()
        full, judged, chosen = self._chosen(material, trained)
        converted = work.path / "converted"
        finished = finish(recipe, full, converted, material.dev, judged, self._watcher)
        self._count_time()
        return self._registered(shelf, configuration, material, machine, trained, finished, chosen)

    def _prepared(self, material: Material) -> Machine:
        told = self._work.told()
        wanted = self._recipe.training
        # What was measured is kept: a run that goes on computes as the one before, unless it is told otherwise.
        machine = machine_of(self._recipe)
        if wanted.precision == "auto" and told.get("device") == machine.device:
            machine = Machine(machine.device, told["precision"])
        if not told.get("prepared"):
            self._watcher.phase("Making the vocabulary" if not self._recipe.model.base else "Looking at the base")
            prepare(self._recipe, material.corpora, self._work.start)
            self._work.note(prepared=True, seconds=0.0)
        self._work.note(device=machine.device, precision=machine.precision)
        return machine

    def _count_time(self) -> None:
        now = time.monotonic()
        self._work.note(seconds=round(self._work.told().get("seconds", 0.0) + now - self._began, 1))
        self._began = now

    def _chosen(self, material: Material, trained: Trained) -> tuple[Path, Judged, str]:
        """Return the folder of the average, or of the best checkpoint where that is better on dev."""
        from scalemt.training.specialist.loop import chosen_steps

        training, work = self._recipe.training, self._work
        steps = chosen_steps(trained.history, training.average, best=training.averaging == "best")
        best = chosen_steps(trained.history, 1, best=True)[0]
        kept = {int(path.stem): path for path in work.kept.iterdir()}
        several = [kept[step] for step in steps if step in kept]
        work.made.mkdir(exist_ok=True)
        folders = {}
        if len(several) > 1:
            shown = f"the mean of checkpoints {', '.join(map(str, sorted(steps)))}"
            folders[shown] = write_folder(work.start, several, work.made / "mean")
        if best in kept:
            folders[f"checkpoint {best}"] = write_folder(work.start, [kept[best]], work.made / "best")
        name, scores = weigh(self._recipe, folders, material.dev, training.threads, self._watcher)
        told = {other: judged.scores for other, judged in scores.items()}
        work.note(weighed=told)
        return folders[name], scores[name], name

    def _registered(
        self, shelf: TrainedModels, configuration: str, material: Material, machine: Machine,
        trained: Trained, finished: Finished, chosen: str,
    ) -> Made:  # fmt: skip
        recipe, pair = self._recipe, str(self._recipe.pair)
        with shelf.adding(recipe.name) as place:
            backend, options = put(finished, place.folder, recipe.name)
            if configuration:
                (place.folder / CONFIGURATION).write_text(configuration, "utf-8")
            (place.folder / EFFECTIVE).write_text(_effective(recipe), "utf-8")
            write_history(trained.history, place.folder / HISTORY)
            if self._work.logs.is_dir():
                shutil.copytree(self._work.logs, place.folder / LOGS)
            kind = {"ctranslate2": CTranslate2Specialist, "transformers": TransformersSpecialist}[backend]
            signature = kind(place.folder / options["path"], pairs=[pair]).signature
            place.card = ModelCard(
                "specialist",
                backend,
                options={**options, "pairs": [pair]},
                paths=("path",),
                pairs=(pair,),
                parent=base_folder(recipe.model.base)[1] if recipe.model.base else "",
                data=material.told,
                settings=self._settings(material, machine, trained, chosen),
                scores={f"dev ({material.dev.name}, {len(material.dev):,} lines)": finished.scores}
                | {"signature": signature},
                licence=recipe.licence,
                notes="\n\n".join(filter(None, (recipe.notes, finished.notes))),
            )
        card = place.card
        return Made(card, shelf.folder(recipe.name, card.version), signature, self._work.told()["seconds"])

    def _settings(self, material: Material, machine: Machine, trained: Trained, chosen: str) -> dict[str, Any]:
        recipe = self._recipe
        shape = recipe.model.model_dump() if not recipe.model.base else {"base": recipe.model.base}
        vocabulary = {} if recipe.model.base else {"vocabulary": recipe.vocabulary.model_dump()}
        return {
            "seed": recipe.seed,
            "model": shape,
            **vocabulary,
            "training": recipe.training.model_dump() | machine._asdict(),
            "filters": [str(step["filter"]) for step in recipe.steps],
            "updates": trained.steps,
            "target tokens of a pass": trained.tokens,
            "weights": chosen,
            "seconds": self._work.told()["seconds"],
            "made with": ", ".join(
                f"{name} {library_version(name)}"
                for name in ("scalemt", "torch", "transformers", "accelerate", "ctranslate2", "sentencepiece")
            ),
        }


def _effective(recipe: Recipe) -> str:
    """Return a recipe as JSON, with paths that mean the same from everywhere."""
    told = recipe.model_dump(by_alias=True)
    for table in (*told["corpora"], told["dev"]):
        table["files"] = [str(Path(file).resolve()) for file in table["files"]]
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


__all__ = ["CONFIGURATION", "EFFECTIVE", "HISTORY", "LOGS", "WEIGHTS", "Made", "train_specialist"]
