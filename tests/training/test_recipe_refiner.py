"""The recipes of refiners: each is read, and each is trained at toy size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalemt.cli import cli
from scalemt.training.refiner import read_refiner
from training.students import corpus, student
from training.tiny_gguf import write_tiny

FOLDER = Path(__file__).resolve().parents[2] / "recipes" / "refiner"
RECIPES = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_what_the_readme_says(recipe: Path) -> None:
    made = read_refiner(recipe, folder="/data")
    assert all(file.startswith("/data/") for item in made.corpora for file in (*item.files, *item.dev))
    assert all(item.licence for item in made.corpora)
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert f"`{recipe.name}`" in readme
    assert made.training.learning_rate == 3e-4


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_trained_at_toy_size(
    recipe: Path, data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("torch", "peft", "accelerate", "gguf", "xllamacpp", "tensorboardX"):
        pytest.importorskip(package)
    made = read_refiner(recipe, folder=tmp_path)
    student(tmp_path / "student")
    changes = [
        f"base.model={write_tiny(tmp_path / 'tiny.gguf', 'gemma3')}",
        "training.steps=2",
        "training.batch=2",
    ]
    changes += ["training.threads=1", "training.measure_every=0"]
    for number, item in enumerate(made.corpora):
        for file in (*item.files, *item.dev):
            corpus(Path(file))
        # The toy student knows English-Portuguese alone; what lies in a file says nothing of its languages.
        table = f"corpora.{number}"
        changes += [f"{table}.from=en", f"{table}.to=pt", f"{table}.swapped=false", f"{table}.dev_lines=1"]
        changes += [f'{table}.specialists=["bergamot:{tmp_path / "student"}"]', f"{table}.words=[1, 40]"]
        # What is measured is not trained on: the toy corpus of dev is the other one's.
        changes += [f"{table}.dev=[]"] if number else [f'{table}.dev=["dev.tsv"]']
    (tmp_path / "dev.tsv").write_text("The museum is small and old.\tA museu está pequeno e velho.\n", "utf-8")
    flags = [word for change in changes for word in ("--set", change)]
    code = cli.main(
        ["train", "refiner", str(recipe), "--data", str(tmp_path), *flags, "--json"], standalone_mode=False
    )
    assert code == 0
    card = json.loads(capsys.readouterr().out)["card"]
    assert (card["name"], card["backend"], card["settings"]["steps"]) == (made.name, "llamacpp", 2)
    assert len(card["data"]["corpora"]) == len(made.corpora)
