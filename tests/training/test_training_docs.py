"""What docs/training.md says of fine-tuning, updates and the loop is what the code takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from scalemt.training.bergamot import FineTuning, Training, read_fine_tuning
from scalemt.training.looping import read_loop
from scalemt.training.updating import Update
from scalemt.training.updating.configuration import Promotion, Scale

HOME = Path(__file__).parents[2]


def section(title: str) -> str:
    text = (HOME / "docs" / "training.md").read_text("utf-8")
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def example(title: str, folder: Path) -> Path:
    (text,) = re.findall(r"```toml\n(.*?)```", section(title), re.DOTALL)
    (folder / "example.toml").write_text(text, "utf-8")
    return folder / "example.toml"


def test_the_examples_can_be_read(tmp_path: Path) -> None:
    assert read_fine_tuning(example("Fine-tune Bergamot", tmp_path)).dev.lines == 200
    assert read_loop(example("The loop", tmp_path)).rounds == 3
    assert read_fine_tuning(HOME / "recipes" / "bergamot" / "libreoffice-pt.toml").training == Training()


@pytest.mark.parametrize(
    ("title", "kinds"), [("Fine-tune Bergamot", (Training, FineTuning)), ("Update", (Update, Scale, Promotion))]
)
def test_the_tables_name_every_field(title: str, kinds: tuple[type[BaseModel], ...]) -> None:
    text = section(title)
    named = set(re.findall(r"`\[{0,2}(\w+)\]{0,2}`", text))
    for kind in kinds:
        fields = {item.alias or name for name, item in kind.model_fields.items()}
        assert fields - named - {"name", "from", "to", "seed", "licence", "notes"} == set(), kind.__name__


def test_the_defaults_are_those_of_the_code() -> None:
    cells = [line.split("|") for line in section("Fine-tune Bergamot").split("\n") if line.count("|") == 4]
    rows = {cell[2].strip(): cell[3].strip() for cell in cells}
    for what, shown in rows.items():
        names = [name for name in re.findall(r"`(\w+)`", what) if name in Training.model_fields]
        defaults = [Training.model_fields[name].default for name in names]
        if names:
            assert [value.strip() for value in shown.split(",")] == [
                f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value) for value in defaults
            ], what
