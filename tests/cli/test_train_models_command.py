"""`scalemt train models`: listed, shown, promoted, removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.errors import ModelError, UnknownNameError, UsageError
from scalemt.trained import ModelCard, TrainedModels


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(
        cli, ["train", "models", *arguments], catch_exceptions=False, standalone_mode=False
    )
    return result.return_value, result.output


@pytest.fixture
def shelf(data_folder: Path) -> TrainedModels:
    known = TrainedModels()
    for _ in range(2):
        with known.adding("help") as place:
            place.card = ModelCard("specialist", "ctranslate2", pairs=("en->eu",), scores={"chrf++": 40.5})
    return known


def test_nothing_yet(data_folder: Path) -> None:
    assert run() == (0, f"Nothing was trained yet; it would lie in {data_folder / 'models'}.\n")
    assert run("--json") == (0, "")


def test_listed_and_shown(shelf: TrainedModels) -> None:
    code, said = run()
    assert code == 0
    assert [line[:8] for line in said.splitlines()] == ["* help:1", "  help:2"]
    assert "specialist (ctranslate2), en->eu" in said
    entries = [json.loads(line) for line in run("--json")[1].splitlines()]
    assert [(entry["version"], entry["current"]) for entry in entries] == [(1, True), (2, False)]
    assert "chrf++: 40.5" in run("help")[1]
    assert json.loads(run("help:2", "--json")[1])["version"] == 2


def test_promoted_and_removed(shelf: TrainedModels) -> None:
    assert run("help:2", "--promote") == (0, "help means help:2 now.\n")
    assert shelf.current("help") == 2
    assert run("help:2", "--remove") == (0, "help:2 is deleted. help means help:1 now.\n")
    assert run("help:1", "--remove") == (0, "help:1 is deleted. There is no help any more.\n")
    assert shelf.names() == []


def test_wrong_use(shelf: TrainedModels) -> None:
    for arguments in (("help", "--remove"), ("--promote",), ("help:1", "--promote", "--remove")):
        with pytest.raises(UsageError):
            run(*arguments)
    with pytest.raises(UnknownNameError, match="help"):
        run("helf")
    assert shelf.versions("help") == [1, 2]


def test_a_damaged_card_is_told_and_does_not_hide_the_others(shelf: TrainedModels) -> None:
    (shelf.folder("help", 2) / "card.json").write_text("nonsense")
    code, said = run()
    assert code == 0
    assert "help:1" in said
    assert "cannot be read" in said
    with pytest.raises(ModelError):
        run("help:2")
