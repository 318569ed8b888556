"""A toy refiner from its configuration to its use; killed, stopped, short of what it needs; nothing is mocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.trained import TrainedModels
from training.toy_refiner import Quiet, toy

for package in ("torch", "peft", "accelerate", "gguf", "xllamacpp", "tensorboardX"):
    pytest.importorskip(package)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of toy material."""
    made = tmp_path_factory.mktemp("toy")
    toy(made)
    return made


def test_a_refiner_is_trained_registered_and_used(folder: Path, data_folder: Path, tmp_path: Path) -> None:
    from scalemt.training.refiner import train_refiner

    watcher = Quiet()
    card, place = train_refiner(toy(folder), tmp_path / "work", watcher)
    assert watcher.phases == ["Reading the model", "Drafting", "Training", "Measuring"]
    assert sorted(watcher.losses) == list(range(1, 7))
    assert watcher.losses[6] < watcher.losses[1]
    assert (card.kind, card.backend, card.pairs) == ("generalist", "llamacpp", ("en->pt",))
    assert card.scores["training"]["samples"] == 24
    assert card.licence.endswith("CC0 (texts)")
    assert card.data["triplets"] == 20
    assert "Samples, en->pt" in card.notes
    assert TrainedModels().names("generalist") == ["toy"]
    assert {path.name for path in place.iterdir()} == {"adapter.gguf", "refiner.toml", "card.json", "README.md"}
