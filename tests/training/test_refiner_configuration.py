"""What a refiner's configuration may say, and what is said of what it may not."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError
from scalemt.training.refiner import RefinerConfiguration, read_refiner
from scalemt.training.refiner.configuration import Base, Corpus, Difficulty, Lora, Training
from scalemt.types import Pair

DOCS = Path(__file__).resolve().parents[2] / "docs" / "training.md"

LEAST = """name = "toy"
[[corpora]]
files = ["pairs.tsv"]
from = "spa_Latn"
to = "en"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "toy.toml"
    path.write_text(text, "utf-8")
    return path


def test_paths_are_meant_from_the_folder_of_the_file(tmp_path: Path) -> None:
    made = read_refiner(written(tmp_path, f'{LEAST}dev = ["/dev.tsv"]\n[base]\nmodel = "m.gguf"\n'))
    corpus = made.corpora[0]
    assert corpus.files == (str(tmp_path / "pairs.tsv"),)
    assert corpus.dev == ("/dev.tsv",)
    assert made.base.model == str(tmp_path / "m.gguf")
    assert corpus.pair == Pair("es", "en")
    assert made.training.chosen_schedule == "cosine"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "is not TOML"),
        ('name = "toy"\n', "line 1, field corpora: it is missing"),
        (LEAST.replace('to = "en"\n', ""), "line 2, field to: it is missing"),
        (LEAST.replace("spa_Latn", "spanisch"), "line 4, field from: .*spanisch"),
        (f"{LEAST}lines = -1\n", "line 6, field lines: .*greater than or equal to 0; found -1"),
        (
            f"{LEAST}linse = 1\n",
            "line 6, field linse: there is no such field. Valid choices: files, from, to",
        ),
        (f'{LEAST}[training]\norder = "hard"\n', "line 7, field order: input should be 'easy-to-hard' or 'mixed'"),
        (f'{LEAST}[lora]\ntargets = ["lm_head"]\n', "field targets: input should be 'q_proj'"),
        (f"{LEAST}[difficulty]\ncuts = [0.5, 0.2]\n", "line 7, field cuts: value error, two rising numbers"),
        (f"{LEAST}[trainnig]\n", "line 6, field trainnig: there is no such field. Valid choices: name, seed"),
        (LEAST.replace('"toy"', '"../toy"'), "cannot be the name of a model"),
        (LEAST.replace('"toy"', '"llamacpp"'), "generalist that is built in"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_field(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(Exception, match=told) as caught:
        read_refiner(written(tmp_path, text))
    assert type(caught.value).__module__ == "scalemt.errors"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"toy\.toml cannot be read: No such file"):
        read_refiner(tmp_path / "toy.toml")


def test_fields_can_be_set_otherwise_and_paths_meant_from_elsewhere(tmp_path: Path) -> None:
    path = written(tmp_path, LEAST)
    made = read_refiner(path, folder="/data", changes=["training.steps=7", "corpora.0.lines=20", "name=other"])
    assert (made.training.steps, made.corpora[0].lines, made.name) == (7, 20, "other")
    assert made.corpora[0].files == ("/data/pairs.tsv",)


def test_the_docs_show_every_field_with_its_default(tmp_path: Path) -> None:
    section = re.search(r"^## Train a refiner\n(.*?)^## ", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert section
    block = re.search(r"```toml\n(.*?)```", section[1], re.DOTALL)
    assert block
    table = tomllib.loads(block[1])
    made = read_refiner(written(tmp_path, block[1]))
    fields = RefinerConfiguration.model_fields.keys() - {"licence", "notes"}
    assert table.keys() == fields
    for name, kind in (("base", Base), ("difficulty", Difficulty), ("lora", Lora), ("training", Training)):
        assert table[name].keys() == kind.model_fields.keys(), name
        default = kind()
        told = {field for field in table[name] if getattr(default, field) != getattr(getattr(made, name), field)}
        assert told <= {"cuts", "steps"}, name
    aliases = {item.alias or field for field, item in Corpus.model_fields.items()}
    assert table["corpora"][0].keys() == aliases
