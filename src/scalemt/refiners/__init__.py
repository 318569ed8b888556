"""Refiners that come with scalemt: adapters for the packaged generalist, each with the card that it was made with.

    refiners/NAME/1/    adapter.gguf, the prompt template, card.json, README.md, calibration.json

They lie as `TrainedModels` keeps those that users train (`scalemt train refiner`), and are made by the recipes in
`recipes/refiner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from scalemt import languages
from scalemt.trained import TrainedModels
from scalemt.types import Pair

CALIBRATION = "calibration.json"
"""The gate as it was fitted on answers of a refiner, beside its card."""


def packaged_refiners() -> TrainedModels:
    """Return the shelf of what comes with scalemt; nothing is added to it or removed."""
    return TrainedModels(Path(__file__).parent)


def fitting_refiner(generalist: str, pair: Pair, drafter: str) -> str | None:
    """Return the name of the packaged refiner that was trained for a direction, or None.

    Args:
        generalist: signature of the model that is to be asked; a refiner belongs to the model it was trained on.
        pair: a variety of a language (es-MX) is served by the refiner of the language.
        drafter: name of the specialist that drafts.
    """
    wanted = (languages.base(pair.source), languages.base(pair.target))
    for name, parent, drafters in _known():
        if generalist == parent and drafter in drafters.get(wanted, ()):
            return name
    return None


@cache
def _known() -> list[tuple[str, str, dict[tuple[str, str], tuple[str, ...]]]]:
    """Return name, signature of the model, and the specialists by direction of each packaged refiner."""
    shelf = packaged_refiners()
    cards = [shelf.card(name) for name in shelf.names("generalist")]
    return [(card.name, f"{card.backend}:{card.parent}", _by_direction(card.drafters)) for card in cards]


def _by_direction(drafters: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, str], tuple[str, ...]]:
    made = {}
    for pair, names in drafters.items():
        source, _, target = pair.partition("->")
        made[languages.base(source), languages.base(target)] = names
    return made
