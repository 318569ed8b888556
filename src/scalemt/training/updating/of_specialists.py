"""Updates of what `scalemt train specialist` made: trained further from the weights of the version before."""

from __future__ import annotations

import json
from pathlib import Path

from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.specialist.making import EFFECTIVE, train_specialist
from scalemt.training.tables import Corpus, Texts
from scalemt.training.updating.kinds import Order
from scalemt.training.watching import Watcher

_BRIEFLY = {"epochs": 3, "warmup": 100, "patience": 3}
"""What a recipe says for training from scratch is too much for weights that are trained already."""


class SpecialistTrainer:
    """See `Trainer`."""

    def train(self, order: Order, *, shelf: TrainedModels, watcher: Watcher) -> ModelCard:
        """Train further from the weights of the version before."""
        recipe = Recipe.model_validate(
            {
                "name": order.name, "from": order.pair.source, "to": order.pair.target,
                "model": {"base": order.parent},
                "seed": order.seed, "licence": order.licence, "notes": order.notes,
                "training": _BRIEFLY | dict(order.training),
                "corpora": [corpus.model_dump() for corpus in order.corpora], "dev": order.dev.model_dump(),
            }
        )  # fmt: skip
        return train_specialist(recipe, work=order.work, watcher=watcher, shelf=shelf).card

    def corpora_of(self, card: ModelCard, folder: Path) -> tuple[tuple[Corpus, ...], Texts | None, Texts | None]:
        """Return what the recipe beside the model tells, if its files are where it says."""
        try:
            recipe = Recipe.model_validate(json.loads((folder / EFFECTIVE).read_text("utf-8")))
        except (OSError, ValueError):
            return (), None, None
        texts: list[Texts] = [*recipe.corpora, recipe.dev]
        there = all(Path(file).is_absolute() and Path(file).exists() for item in texts for file in item.files)
        return (recipe.corpora, recipe.dev, None) if there else ((), None, None)
