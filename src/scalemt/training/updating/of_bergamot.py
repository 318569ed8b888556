"""Updates of Bergamot students: fine-tuned further from the version before."""

from __future__ import annotations

import json
from pathlib import Path

from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.bergamot import FineTuning, fine_tune
from scalemt.training.tables import Corpus, Texts
from scalemt.training.updating.kinds import Order
from scalemt.training.watching import Watcher


class BergamotTrainer:
    """See `Trainer`."""

    def train(self, order: Order, *, shelf: TrainedModels, watcher: Watcher) -> ModelCard:
        """Fine-tune a student."""
        settings = FineTuning.model_validate(
            {
                "name": order.name, "from": order.pair.source, "to": order.pair.target, "base": order.parent,
                "seed": order.seed, "licence": order.licence, "notes": order.notes,
                "training": dict(order.training),
                "corpora": [corpus.model_dump() for corpus in order.corpora], "dev": order.dev.model_dump(),
            }
        )  # fmt: skip
        return fine_tune(settings, order.work, shelf=shelf, watcher=watcher).card

    def corpora_of(self, card: ModelCard, folder: Path) -> tuple[tuple[Corpus, ...], Texts | None, Texts | None]:
        """Return what `training.json` beside the model tells."""
        try:
            told = json.loads((folder / "training.json").read_text("utf-8"))
        except (OSError, ValueError):
            return (), None, None
        general = told.get("general")
        return (
            tuple(Corpus.model_validate(item) for item in told["corpora"]),
            Texts.model_validate(told["dev"]),
            Texts.model_validate(general) if general else None,
        )
