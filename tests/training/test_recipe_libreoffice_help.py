"""The recipes of `recipes/libreoffice-help`, at toy size, from file to a specialist that is used by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from training.toy_corpora import write_toys

pytest.importorskip("accelerate", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parents[2] / "recipes" / "libreoffice-help"
_SMALL = (
    "model.layers=1", "model.decoder_layers=1", "model.width=16", "model.inner=16", "model.heads=2",
    "vocabulary.size=120", "vocabulary.byte_fallback=false",
    "training.steps=6", "training.every=3", "training.threads=1", "corpora.0.fraction=0.5",
)  # fmt: skip


def test_a_recipe_trains_and_its_model_translates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    train, dev = write_toys(tmp_path)
    train.rename(tmp_path / "libreoffice-help.en-eu.train.tsv")
    dev.rename(tmp_path / "libreoffice-help.en-eu.dev.tsv")
    flags = [part for change in _SMALL for part in ("--set", change)]
    recipe = str(FOLDER / "eus-eng.toml")
    made = CliRunner().invoke(cli, ["train", "specialist", recipe, "--data", str(tmp_path), *flags, "--json"])
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    card = told["card"]
    assert (card["name"], card["version"], card["pairs"]) == ("libreoffice-help-eus-eng", 1, ["eu->en"])
    assert card["settings"]["filters"] == ["length", "ratio", "overlap", "duplicates"]
    assert "overlap" in card["data"]["corpus 1"]["filters dropped"]
    configuration = (Path(told["folder"]) / "recipe.toml").read_text("utf-8")
    assert configuration.endswith("# set on the command line: corpora.0.fraction=0.5\n")
    again = CliRunner().invoke(cli, ["train", "specialist", recipe, "--data", str(tmp_path), *flags, "--promote"])
    assert again.exit_code == 0, again.output
    assert "libreoffice-help-eus-eng:2 is registered" in again.output
    assert "Use it as --specialist libreoffice-help-eus-eng\n" in again.output
    used = CliRunner().invoke(
        cli, ["translate", "--specialist", "libreoffice-help-eus-eng", "--method", "draft", "--from", "eu",
              "--to", "en", "--json", "resu eht egap eht snepo."],
    )  # fmt: skip
    assert used.exit_code == 0, used.output
    assert json.loads(used.stdout)["draft"]["engine"] == card["backend"]
