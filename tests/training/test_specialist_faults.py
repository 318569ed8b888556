"""What goes wrong while a specialist is trained is told with its mend, and what was done is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import InputError, MissingExtraError, ModelError, PausedError, UsageError
from scalemt.trained import TrainedModels
from scalemt.training.specialist.configuration import Recipe, read_recipe
from scalemt.training.specialist.making import Made, train_specialist
from scalemt.training.specialist.work import Work
from training.toy_corpora import RECIPE, write_toys

pytest.importorskip("accelerate", reason="the extra 'training' is not installed")

_STARVED = """
import resource, sys
from scalemt.errors import PausedError
from scalemt.training.specialist.configuration import read_recipe
from scalemt.training.specialist.making import train_specialist
from scalemt.training.watching import Silent

class Starving(Silent):
    def phase(self, name):
        if name == "Training":
            import torch
            from scalemt.training.specialist import loop
            pages = int(open("/proc/self/statm").read().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 300_000_000,) * 2)

changes = ["training.batch_tokens=20000", "model.width=256", "model.inner=2048"]
try:
    train_specialist(read_recipe(sys.argv[1], changes=changes), work=sys.argv[2], watcher=Starving())
except PausedError as fault:
    print(fault)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toys(folder)
    (folder / "recipe.toml").write_text(RECIPE, "utf-8")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("nobody but root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def toy(place: Path, *changes: str) -> Recipe:
    return read_recipe(place / "recipe.toml", changes=changes)


def run(recipe: Recipe, folder: Path) -> Made:
    return train_specialist(recipe, work=folder / "work", shelf=TrainedModels(folder / "models"))


def test_filters_that_take_all_say_which_took_how_much(place: Path, tmp_path: Path) -> None:
    recipe = toy(place, 'steps=[{filter="length", least=900}]')
    with pytest.raises(InputError, match=r"length.*240"):
        run(recipe, tmp_path)


def test_pairs_that_are_all_in_dev_or_too_long_are_counted(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Nothing of .*dev.tsv is left to train on: 16 with a side that dev"):
        run(toy(place, 'corpora.0.files=["dev.tsv"]'), tmp_path)


@pytest.mark.slow
def test_pairs_that_are_all_too_long_are_counted(place: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"Nothing of train.tsv is left to train on: 240 with a side that has too many"
    ):
        run(toy(place, "training.longest=4"), tmp_path)


@pytest.mark.slow
def test_an_update_that_does_not_fit_is_told_with_parts_that_do(place: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _STARVED, str(place / "recipe.toml"), str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "There is not enough memory for an update of 20,000 tokens. In " in done.stdout
    assert "set training.parts = " in done.stdout


@pytest.mark.slow
def test_a_full_disk_pauses_and_is_gone_on_from(place: Path, small_disk: Path, tmp_path: Path) -> None:
    recipe = toy(place, "training.every=5", "training.steps=15")
    with pytest.raises(PausedError, match=r"The disk of .* is full.*same command"):
        train_specialist(recipe, work=small_disk, shelf=TrainedModels(tmp_path / "models"))
    assert [path.name for path in small_disk.glob("checkpoints/checkpoint-*/whole")]
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    made = train_specialist(recipe, work=small_disk, shelf=TrainedModels(tmp_path / "models"))
    assert made.card.settings["updates"] == 15


@pytest.mark.slow
def test_a_base_that_is_broken_or_does_not_fit_is_told(place: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    made = run(toy(place, "training.steps=4", "training.every=4"), tmp_path)
    base = tmp_path / "base"
    shutil.copytree(made.folder / "model", base)
    weights: dict[str, Any] = load_file(base / "model.safetensors")
    spoilt = {name: torch.full_like(tensor, float("nan")) for name, tensor in weights.items()}
    save_file(spoilt, base / "model.safetensors", {"format": "pt"})
    further = toy(place, f'model.base="{base}"', "training.steps=4", "training.every=4")
    with pytest.raises(
        PausedError, match=r"The loss of update 1 is nan.*There is no checkpoint yet.*training.rate"
    ):
        run(further, tmp_path)
    _vocabulary_grows(base)
    with pytest.raises(ModelError, match=r"The tokenizer in .* does not fit its weights: it has ids up to 100000"):
        run(further, tmp_path / "other")
    foreign = tmp_path / "russian.tsv"
    foreign.write_text("".join(f"Слово {n} здесь.\tДругое слово {n}.\n" for n in range(50)), "utf-8")
    strange = toy(place, f'model.base="{made.folder / "model"}"', f'corpora.0.files=["{foreign}"]')
    with pytest.raises(ModelError, match=r"does not fit russian.tsv: \d+% of its tokens are unknown to it"):
        run(strange, tmp_path / "strange")


def _vocabulary_grows(folder: Path) -> None:
    ids = json.loads((folder / "vocab.json").read_text("utf-8"))
    (folder / "vocab.json").write_text(json.dumps(ids | {"zzz": 100000}), "utf-8")


def test_a_package_that_is_missing_is_told_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "scalemt.training.specialist.making.find_spec", lambda name: None if name == "accelerate" else 1
    )
    with pytest.raises(MissingExtraError, match=r"Training a specialist needs .*scalemt\[training\]"):
        train_specialist(toy(place))


def test_a_file_that_is_missing_is_told_with_where_paths_are_meant_from(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.tsv cannot be read: No such file.*--data"):
        run(toy(place, 'dev.files=["gone.tsv"]'), tmp_path)


def test_work_on_another_recipe_is_not_mixed_in(place: Path, tmp_path: Path) -> None:
    first, other = Work(toy(place), tmp_path), Work(toy(place, "training.rate=0.1"), tmp_path)
    with first.held():
        first.note(prepared=True)
        with pytest.raises(UsageError, match="Another process works in"), other.held():
            pass
    with pytest.raises(UsageError, match=r"another configuration or other data.*--fresh"), other.held():
        pass
    with Work(toy(place, "training.parts=4", "training.threads=2"), tmp_path).held():
        pass
    with other.held(fresh=True):
        assert other.told() == {}
