"""A specialist of `scalemt train specialist` gets a second version from a memory, by the same road."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from scalemt.memory import MemoryStore, Unit
from scalemt.trained import TrainedModels
from scalemt.training.specialist.configuration import read_recipe
from scalemt.training.specialist.making import train_specialist
from scalemt.training.updating import update, update_from
from scalemt.types import Pair
from training.toy_corpora import RECIPE, write_toys

pytest.importorskip("accelerate", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow


def test_a_specialist_is_trained_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    write_toys(tmp_path)
    (tmp_path / "recipe.toml").write_text(RECIPE, "utf-8")
    recipe = read_recipe(tmp_path / "recipe.toml", changes=["training.steps=12", "training.every=12"])
    first = train_specialist(recipe, configuration=RECIPE).card
    rows = Path(recipe.corpora[0].files[0]).read_text("utf-8").splitlines()[:30]
    with closing(MemoryStore(tmp_path / "team.db", create=True)) as store:
        texts = (row.split("\t") for row in rows)
        store.add(Unit(f"{text[0]} !", f"{text[1]} !", Pair("en", "eu")) for text in texts)
    changes = ["training.steps=4", "training.every=4", "scale.use=false", "promotion.margin=100",
               "promotion.alpha=1e-9"]  # fmt: skip
    wanted = update_from(
        {
            "name": first.name, "memories": [str(tmp_path / "team.db")], "dev": {"files": list(recipe.dev.files)},
            "corpora": [corpus.model_dump() for corpus in recipe.corpora],
        },
        changes,
    )  # fmt: skip
    made = update(wanted)
    assert (made.card.backend, made.card.parent) == (first.backend, first.shown)
    assert made.card.version == 2
    assert made.record.promoted
    assert TrainedModels().current(first.name) == 2
    assert made.record.data["found"] == {"team.db": 30}
