"""Folders of unfinished work: held by one process, and cleared only where they are ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.data.workfiles import LOCK, held, is_held
from scalemt.errors import UsageError


def test_a_folder_is_held_by_one_and_goes_where_nothing_came_to_be(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "work"
    with held(folder):
        assert is_held(folder)
        with pytest.raises(UsageError, match="Another process works in"), held(folder):
            pass
    assert not folder.exists()
    assert not is_held(folder)


def test_what_came_to_be_stays_until_it_is_to_be_made_anew(tmp_path: Path) -> None:
    with held(tmp_path):
        (tmp_path / "checkpoints" / "1").mkdir(parents=True)
        (tmp_path / "state.json").write_text("{}")
    with held(tmp_path):
        assert (tmp_path / "state.json").exists()
    with held(tmp_path, fresh=True):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_with_files_of_somebody_else_is_refused_and_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "thesis.odt").write_text("ten years")
    with (
        pytest.raises(UsageError, match=r"holds other files.*Name an empty folder with --work"),
        held(tmp_path, fresh=fresh),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_what_a_link_points_to_is_not_cleared(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.odt").write_text("ten years")
    with held(tmp_path / "work"):
        (tmp_path / "work" / "logs").symlink_to(outside)
    with held(tmp_path / "work", fresh=True):
        pass
    assert (outside / "thesis.odt").exists()


_TRAIN = """
name = "mine"
from = "en"
to = "pt"
[[corpora]]
files = ["pairs.tsv"]
[dev]
files = ["dev.tsv"]
"""
_REFINE = """
name = "mine"
[[corpora]]
files = ["pairs.tsv"]
from = "en"
to = "pt"
specialists = ["bergamot"]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "configuration"),
    [
        (["train", "specialist"], _TRAIN),
        (["train", "bergamot"], _TRAIN),
        (["train", "loop"], _TRAIN),
        (["train", "refiner"], _REFINE),
        (["update"], _TRAIN.replace("[[corpora]]", "[[new]]")),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_each_training_refuses_such_a_folder(
    tmp_path: Path, data_folder: Path, command: list[str], configuration: str
) -> None:
    pytest.importorskip("transformers", reason="the extra 'training' is not installed")
    pytest.importorskip("peft", reason="the extra 'training' is not installed")
    home = tmp_path / "home"
    (home / "training").mkdir(parents=True)
    for name in ("thesis.odt", "training/notes.txt"):
        (home / name).write_text("ten years")
    (tmp_path / "pairs.tsv").write_text(
        "".join(f"Word {n} is here.\tA palavra {n} está aqui.\n" for n in range(40))
    )
    (tmp_path / "dev.tsv").write_text("Good morning.\tBom dia.\n")
    (tmp_path / "mine.toml").write_text(configuration)
    made = CliRunner().invoke(cli, [*command, str(tmp_path / "mine.toml"), "--work", str(home), "--fresh"])
    assert isinstance(made.exception, UsageError), made.output
    assert f"{home} holds other files than those of unfinished work." in str(made.exception)
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*.*")) == [
        "thesis.odt",
        "training/notes.txt",
    ]
