"""`scalemt update`, `scalemt train bergamot` and `scalemt train loop` where they are used wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scalemt.cli import cli
from scalemt.errors import UsageError
from scalemt.trained import ModelCard, TrainedModels


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def told(result: Result) -> str:
    assert isinstance(result.exception, UsageError)
    return str(result.exception)


def test_what_is_updated_must_be_said() -> None:
    assert "CONFIG.toml" in told(run("update"))
    assert "There is no trained model named 'plums'" in told(run("update", "--rollback", "plums"))
    assert "say the direction" in told(run("update", "plums", "--memory", "team.db"))


def test_a_configuration_says_all(place: Path) -> None:
    (place / "update.toml").write_text('name = "plums"\n', "utf-8")
    assert "says all" in told(run("update", str(place / "update.toml"), "--memory", "team.db"))
    assert "Valid choices: name, from, to, base" in told(
        run("update", str(place / "update.toml"), "--set", "memory=team.db")
    )


def test_versions_are_listed_and_gone_back_to() -> None:
    assert run("update", "--list").stdout == ""
    shelf = TrainedModels()
    for _ in range(2):
        with shelf.adding("plums") as made:
            made.card = ModelCard("specialist", "bergamot", pairs=("en->pt",))
    shelf.promote("plums", 2)
    lines = run("update", "plums", "--list").stdout.splitlines()
    assert [line[:9] for line in lines] == ["  plums:1", "* plums:2"]
    back = run("update", "--rollback", "plums")
    assert back.exit_code == 0
    assert back.stdout.startswith("plums means plums:1 now")


def test_trainings_name_what_is_wrong_in_their_files(place: Path) -> None:
    (place / "a.toml").write_text('name = "plums"\nfrom = "en"\nto = "pt"\n', "utf-8")
    assert "field corpora: it is missing" in told(run("train", "bergamot", str(place / "a.toml")))
    assert "field corpora: it is missing" in told(run("train", "loop", str(place / "a.toml")))
    assert "cannot be read" in told(run("train", "bergamot", str(place / "none.toml")))
    text = (place / "a.toml").read_text() + '[[corpora]]\nfiles = ["a.tsv"]\n[dev]\nfiles = ["d.tsv"]\n'
    (place / "b.toml").write_text(text + "[training]\nstepps = 3\n", "utf-8")
    assert "line 9, field stepps: there is no such field" in told(run("train", "bergamot", str(place / "b.toml")))
    (place / "b.toml").write_text(text.replace("plums", "bergamot"), "utf-8")
    assert "is a specialist that is built in" in told(run("train", "bergamot", str(place / "b.toml")))
