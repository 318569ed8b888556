"""The recipe of `recipes/terminology`, at toy size: the packaged generalist writes, a student learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.data import read_card
from scalemt.memory.exchange import read_units
from training.students import corpus, student

pytest.importorskip("transformers", reason="the extra 'training' is not installed")
pytest.importorskip("xllamacpp", reason="the extra 'embedded' is not installed")
pytestmark = pytest.mark.slow

RECIPE = Path(__file__).parents[2] / "recipes" / "terminology"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder as the recipe wants it, with texts of the project."""
    here = tmp_path / "files"
    for name in ("corpora", "flores200/dev", "tico19/dev", "tico19/terminologies"):
        (here / name).mkdir(parents=True)
    rows = [("fever", "febre"), ("hand hygiene", "higiene das mãos"), ("virus", "vírus"), ("cough", "tosse")]
    (here / "tico19/terminologies/f_en-pt_XX.csv").write_text(
        "sourceLang,targetLang,sourceString,targetString\n" + "".join(f"en,pt,{one},{two}\n" for one, two in rows)
    )
    for name in ("debian-descriptions", "libreoffice-help"):
        corpus(here / f"corpora/{name}.en-pt-BR.train.tsv")
    for name in ("flores200", "tico19"):
        (here / name / "dev/eng_Latn.txt").write_text("A month in the mountains.\n", "utf-8")
        (here / name / "dev/por_Latn.txt").write_text("Um mês nas montanhas.\n", "utf-8")
    return here


def test_the_recipe_makes_pairs_and_trains_on_them(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(tmp_path / "data"))
    made = tmp_path / "terms.tsv"
    told = RECIPE.joinpath("terms.toml").read_text("utf-8").replace("each = 4", "each = 1")
    glossary = "tico19/terminologies/f_en-pt_XX.csv"
    told += f'[[steps]]\nfilter = "overlap"\n[[steps]]\nfilter = "terms"\nglossary = "{glossary}"\n'
    (tmp_path / "terms.toml").write_text(told, "utf-8")
    arguments = ["data", "synthesise", str(tmp_path / "terms.toml"), "--data", str(files), "-o", str(made)]
    # A process of its own: llama.cpp stays until its process ends.
    done = subprocess.run(
        [sys.executable, "-c", "from scalemt.cli import main; main()", *arguments],
        env={**os.environ, "SCALEMT_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    units = list(read_units(made))
    assert units
    assert all(unit.source and unit.target for unit in units)
    card = read_card(made)
    assert card.made["calls"] == 4
    assert card.made["generalist"].startswith("llamacpp")
    (tmp_path / "dev.tsv").write_text("The tin is open.\tA lata está aberta.\n", "utf-8")
    changes = [
        f"corpora.0.files=['{made}']",
        f"dev.files=['{tmp_path / 'dev.tsv'}']",
        f"base={student(tmp_path / 'base')}",
        *("training.steps=2", "training.every=2", "training.batch=4"),
    ]
    flags = [part for change in changes for part in ("--set", change)]
    recipe = str(RECIPE / "fine-tuning.toml")
    trained = CliRunner().invoke(cli, ["train", "bergamot", recipe, "--data", str(files), *flags, "--json"])
    assert trained.exit_code == 0, trained.output
    assert json.loads(trained.stdout)["name"] == "terms-pt"
