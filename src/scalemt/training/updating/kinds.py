"""Trainers of a kind: what makes the next version of a model, by the backend that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from scalemt.errors import UsageError
from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.tables import Corpus, Texts
from scalemt.training.watching import Watcher
from scalemt.types import Pair


@dataclass(frozen=True, slots=True)
class Order:
    """What a trainer is asked for.

    Args:
        name: the model that gets a version.
        parent: what is trained further: NAME:VERSION, or "" for the packaged student.
        pair: the direction.
        corpora: what is trained on, weights set.
        dev: what decides when to stop.
        training: fields of the trainer's own [training] that are set otherwise.
        seed: of all that is drawn.
        licence, notes: for the card.
        work: folder of the unfinished training.
    """

    name: str
    parent: str
    pair: Pair
    corpora: tuple[Corpus, ...]
    dev: Texts
    training: Mapping[str, Any]
    seed: int
    licence: str
    notes: str
    work: Path


class Trainer(Protocol):
    """Makes versions of models of one kind."""

    def train(self, order: Order, *, shelf: TrainedModels, watcher: Watcher) -> ModelCard:
        """Train and register a version, going on where an earlier call was ended; it is not promoted.

        Raises:
            UsageError: the order cannot be carried out.
            PausedError: it cannot go on now; what was done is kept.
        """
        ...

    def corpora_of(self, card: ModelCard, folder: Path) -> tuple[tuple[Corpus, ...], Texts | None, Texts | None]:
        """Return corpora, dev and general that a version was made with, as far as its folder tells."""
        ...


TRAINERS = {
    "bergamot": "scalemt.training.updating.of_bergamot:BergamotTrainer",
    "ctranslate2": "scalemt.training.updating.of_specialists:SpecialistTrainer",
    "transformers": "scalemt.training.updating.of_specialists:SpecialistTrainer",
}
"""By the backend of a model."""


def trainer_of(backend: str, name: str) -> Trainer:
    """Return the trainer of what a backend runs.

    Raises:
        UsageError: there is none.
    """
    if backend not in TRAINERS:
        raise UsageError(
            f"{name} is run by {backend}, which nothing here trains further. Models that can be updated are run "
            f"by {', '.join(TRAINERS)}."
        )
    module, _, attribute = TRAINERS[backend].partition(":")
    made: Trainer = getattr(import_module(module), attribute)()
    return made
