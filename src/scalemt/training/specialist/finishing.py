"""From checkpoints to a registered specialist: averaged, converted to CTranslate2 int8, compared, put away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalemt.errors import ModelError
from scalemt.specialists.base import BaseSpecialist
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.specialists.transformers import TransformersSpecialist
from scalemt.training.judging import METRICS, Judged, judge
from scalemt.training.pairs import Pairs
from scalemt.training.specialist.averaging import average
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.specialist.converting import convert
from scalemt.training.specialist.network import WEIGHTS
from scalemt.training.watching import Watcher
from scalemt.types import Pair

PARITY = 0.3
"""Most chrF++ points on dev by which CTranslate2 int8 may fall behind transformers and still be taken."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A model that can be registered.

    Args:
        full: its folder of transformers.
        converted: its folder of CTranslate2; None where transformers runs it.
        scores: for the card.
        notes: what a user should know.
    """

    full: Path
    converted: Path | None
    scores: dict[str, Any] = field(default_factory=dict)
    notes: str = ""


def weigh(
    recipe: Recipe, folders: Mapping[str, Path], dev: Pairs, threads: int, watcher: Watcher
) -> tuple[str, dict[str, Judged]]:
    """Return which of several folders of transformers is best on dev, and all scores; of equals the first.

    Args:
        recipe: names the direction.
        folders: by what they are called.
        dev: what is translated, greedily, by sentences and with masks, as an engine has it done.
        threads: of the processor.
        watcher: is told.
    """
    found = {}
    for name, folder in folders.items():
        watcher.phase(f"Measuring {name} on dev")
        found[name] = judge(
            TransformersSpecialist(folder, pairs=[str(recipe.pair)], threads=threads), recipe.pair, dev
        )
    return max(found, key=lambda name: found[name].deciding), found


def write_folder(start: Path, weights: list[Path], folder: Path) -> Path:
    """Make a folder of transformers of a prepared one and the mean of some weights."""
    from safetensors.torch import save_file

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(start, folder)
    made: Any = average(weights)
    save_file(
        {name: tensor.contiguous() for name, tensor in made.items()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    return folder


def finish(recipe: Recipe, full: Path, output: Path, dev: Pairs, judged: Judged, watcher: Watcher) -> Finished:
    """Convert a model and compare what it was and what it became on dev.

    Args:
        recipe: names direction and threads.
        full: its folder of transformers.
        output: where the converted one goes.
        dev: what is translated.
        judged: what transformers makes of it.
        watcher: is told.
    """
    scores: dict[str, Any] = {"transformers, float32": judged.scores}
    watcher.phase("Converting to CTranslate2 int8")
    try:
        convert(full, output)
    except ModelError as fault:
        return Finished(full, None, scores, f"{fault} So this one is run by transformers.")
    watcher.phase("Measuring CTranslate2 int8 on dev")
    compact = judge(specialist_of(output, recipe.pair, recipe.training.threads), recipe.pair, dev)
    difference = round(compact.deciding - judged.deciding, 2)
    scores = {"ctranslate2, int8": compact.scores} | scores | {f"int8 - float32, {METRICS[0]}": difference}
    if difference >= -PARITY:
        return Finished(full, output, scores)
    shutil.rmtree(output)
    note = (
        f"CTranslate2 int8 differs from transformers by {difference:+} {METRICS[0]} on dev, more than {PARITY}: "
        "this one is run by transformers."
    )
    return Finished(full, None, scores, note)


def specialist_of(converted: Path, pair: Pair, threads: int) -> BaseSpecialist:
    """Return the specialist that a converted folder is."""
    return CTranslate2Specialist(converted, pairs=[str(pair)], threads=threads)


_LOGGED = ("step", "loss", "grad_norm", "learning_rate", "eval_loss", "eval_chrf")


def write_history(history: list[dict[str, Any]], path: Path) -> None:
    """Write the log of a training as JSON Lines: losses and measurements, by update."""
    rows = [{key: row[key] for key in _LOGGED if key in row} for row in history]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows if len(row) > 1), "utf-8")


def put(finished: Finished, folder: Path, name: str) -> tuple[str, dict[str, Any]]:
    """Move a finished model into its place; return backend and options, with paths relative to the place.

    Args:
        finished: the model.
        folder: of the new version.
        name: as the model is called; its folder inside is called so too, for signatures show that.
    """
    shutil.copytree(finished.full, folder / WEIGHTS)
    if finished.converted is None:
        return "transformers", {"path": WEIGHTS}
    shutil.copytree(finished.converted, folder / name)
    return "ctranslate2", {"path": name}
