"""The recipe of `recipes/bergamot`, at toy size, from its file to a specialist that is used by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from training.students import corpus, student

pytest.importorskip("transformers", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow

RECIPE = Path(__file__).parents[2] / "recipes" / "bergamot" / "libreoffice-pt.toml"


def test_the_recipe_trains_and_its_model_translates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    here = tmp_path / "files"
    (here / "corpora").mkdir(parents=True)
    (here / "flores200" / "dev").mkdir(parents=True)
    corpus(here / "corpora" / "libreoffice-help.en-pt-BR.train.tsv")
    (here / "corpora" / "libreoffice-help.en-pt-BR.dev.tsv").write_text("The tin is open.\tA lata está aberto.\n")
    (here / "flores200" / "dev" / "eng_Latn.txt").write_text("A month.\n")
    (here / "flores200" / "dev" / "por_Latn.txt").write_text("Um mês.\n")
    changes = [f"base={student(tmp_path / 'base')}", "training.steps=4", "training.every=2", "training.batch=4"]
    flags = [part for change in changes for part in ("--set", change)]
    made = CliRunner().invoke(cli, ["train", "bergamot", str(RECIPE), "--data", str(here), *flags, "--json"])
    assert made.exit_code == 0, made.output
    card = json.loads(made.stdout)
    assert (card["name"], card["version"], card["settings"]["steps"]) == ("libreoffice-pt", 1, 4)
    assert set(card["scores"]) == {"dev", "general", "signature"}
    used = CliRunner().invoke(
        cli, ["translate", "--specialist", "libreoffice-pt", "--method", "draft", "--from", "en", "--to", "pt",
              "--json", "The ferry is blue."],
    )  # fmt: skip
    assert used.exit_code == 0, used.output
    assert json.loads(used.stdout)["draft"]["engine"] == "bergamot"
