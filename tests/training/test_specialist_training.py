"""A specialist trained at toy size: registered, used by name; killed, it goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalemt.config import Configuration, Profile
from scalemt.engine.backends import build_specialist
from scalemt.specialists.transformers import TransformersSpecialist
from scalemt.trained import TrainedModels
from scalemt.training.faults import InterruptedTrainingError
from scalemt.training.specialist.configuration import Recipe, read_recipe
from scalemt.training.specialist.making import Made, train_specialist
from scalemt.training.watching import Measured, Progress, Silent
from scalemt.types import Pair
from training.toy_corpora import RECIPE, write_toys

pytest.importorskip("accelerate", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow

EN_EU = Pair("en", "eu")
_KILLED = """
import os, signal, sys
from scalemt.training.specialist.configuration import read_recipe
from scalemt.training.specialist.making import train_specialist
from scalemt.training.watching import Silent

class Killer(Silent):
    def progress(self, told):
        if told.step == 45:
            os.kill(os.getpid(), signal.SIGKILL)

train_specialist(read_recipe(sys.argv[1]), work=sys.argv[2], watcher=Killer())
"""


class Curve(Silent):
    """Keeps what is told, and does something at a step."""

    def __init__(self, at: int = 0, then: Callable[[], Any] = lambda: None) -> None:
        self.steps: list[int] = []
        self.scores: dict[int, float] = {}
        self._at, self._then = at, then

    def progress(self, told: Progress) -> None:
        self.steps.append(told.step)
        if told.step == self._at:
            self._then()

    def measured(self, told: Measured) -> None:
        assert told.chrf is not None
        self.scores[told.step] = told.chrf


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("toy")
    write_toys(folder)
    (folder / "recipe.toml").write_text(RECIPE, "utf-8")
    return read_recipe(folder / "recipe.toml")


@pytest.fixture(scope="module")
def place(recipe: Recipe) -> Path:
    return Path(recipe.dev.files[0]).parent


@pytest.fixture(scope="module")
def whole(recipe: Recipe, place: Path) -> tuple[Made, Curve]:
    curve = Curve()
    made = train_specialist(
        recipe, configuration=RECIPE, work=place / "whole", watcher=curve, shelf=TrainedModels(place / "models")
    )
    return made, curve


def history(made: Made) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in (made.folder / "history.jsonl").read_text("utf-8").splitlines()]


def test_it_is_registered_with_what_it_was_made_of(whole: tuple[Made, Curve], recipe: Recipe, place: Path) -> None:
    made, curve = whole
    card = made.card
    assert (card.shown, card.backend, card.pairs, card.parent) == ("toy:1", "ctranslate2", ("en->eu",), "")
    assert curve.scores[90] > curve.scores[30]
    told = next(iter(card.scores.values()))
    assert abs(told["int8 - float32, chrf++"]) <= 0.3
    assert told["ctranslate2, int8"]["chrf++"] > 5
    assert card.data["corpus 1"]["pairs"] == 240
    assert card.data["corpus 1"]["files"]["train.tsv"].startswith("sha256:")
    assert card.settings["updates"] == 90
    assert (made.folder / "recipe.toml").read_text("utf-8") == RECIPE
    assert Recipe.model_validate_json((made.folder / "recipe.json").read_text("utf-8")) == recipe
    assert list((made.folder / "logs").glob("events.out.tfevents.*"))
    assert not (place / "whole").exists()


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_it_is_used_by_name_and_by_transformers(
    whole: tuple[Made, Curve], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import MarianMTModel, MarianTokenizer

    made, _ = whole
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(made.folder.parents[2]))
    named = build_specialist("toy", Configuration(), Profile())
    assert named.signature == made.signature
    ours = TransformersSpecialist(made.folder / "model", pairs=["en->eu"])
    text = "the user opens the page."
    draft = ours.draft([text], EN_EU)[0][0].text
    assert named.draft([text], EN_EU)[0][0].text == draft
    tokenizer = MarianTokenizer.from_pretrained(made.folder / "model")
    model: Any = MarianMTModel.from_pretrained(made.folder / "model")
    made_by_them = model.generate(**tokenizer([text], return_tensors="pt"), num_beams=1, max_new_tokens=40)
    assert tokenizer.decode(made_by_them[0], skip_special_tokens=True) == draft


def test_killed_it_goes_on_to_the_same_losses(recipe: Recipe, whole: tuple[Made, Curve], place: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _KILLED, str(place / "recipe.toml"), str(place / "killed")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    curve = Curve()
    made = train_specialist(recipe, work=place / "killed", watcher=curve, shelf=TrainedModels(place / "again"))
    assert curve.steps[0] == 45
    assert history(made) == history(whole[0])
    assert made.card.scores == whole[0].card.scores


def test_interrupted_it_saves_first(recipe: Recipe, whole: tuple[Made, Curve], place: Path) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(InterruptedTrainingError, match=r"after update 46 of 90.*the same command") as caught:
        train_specialist(recipe, work=place / "ended", watcher=Curve(45, interrupt))
    assert caught.value.signal == signal.SIGTERM
    made = train_specialist(recipe, work=place / "ended", shelf=TrainedModels(place / "ended-models"))
    assert [row for row in history(made) if row["step"] > 60] == [
        row for row in history(whole[0]) if row["step"] > 60
    ]


def test_cut_off_behind_the_training_it_is_not_trained_again(recipe: Recipe, place: Path) -> None:
    class Cutting(Silent):
        def phase(self, name: str) -> None:
            if name.startswith("Converting"):
                raise KeyboardInterrupt

    short = recipe.model_copy(update={"training": recipe.training.model_copy(update={"steps": 6, "every": 3})})
    with pytest.raises(KeyboardInterrupt):
        train_specialist(short, work=place / "cut", watcher=Cutting())
    curve = Curve()
    made = train_specialist(short, work=place / "cut", watcher=curve, shelf=TrainedModels(place / "cut-models"))
    assert curve.steps == []
    assert made.card.settings["updates"] == 6
