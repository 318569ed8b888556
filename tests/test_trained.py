"""Models that were trained here: added whole or not at all, found by name and version."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from scalemt.errors import ModelError, UnknownNameError, UsageError
from scalemt.trained import ModelCard, TrainedModels


def card(**given: object) -> ModelCard:
    return ModelCard("specialist", "ctranslate2", **given)  # type: ignore[arg-type]


def add(shelf: TrainedModels, name: str, text: str = "weights") -> int:
    with shelf.adding(name) as place:
        (place.folder / "model.bin").write_text(text)
        place.card = card(
            options={"path": "."}, paths=("path",), pairs=("en->eu",), scores={"dev": {"chrf++": 51.2}}
        )
    return place.version


def test_the_first_version_is_the_current_one_and_later_ones_wait(tmp_path: Path) -> None:
    shelf = TrainedModels(tmp_path)
    assert shelf.names() == []
    assert [add(shelf, "help"), add(shelf, "help")] == [1, 2]
    assert (shelf.current("help"), shelf.versions("help")) == (1, [1, 2])
    shelf.promote("help", 2)
    found, folder = shelf.resolve("help")
    assert (found.shown, found.pairs, folder) == ("help:2", ("en->eu",), tmp_path / "help" / "2")
    assert found.options_in(folder) == {"path": str(folder)}
    assert shelf.resolve("help:1")[0].version == 1
    assert "chrf++: 51.2" in (folder / "README.md").read_text()
    assert found.made.endswith("+00:00")


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    shelf = TrainedModels(tmp_path)

    def interrupted() -> None:
        with shelf.adding("help") as place:
            (place.folder / "model.bin").write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        interrupted()
    assert list((tmp_path / "help").iterdir()) == []
    with pytest.raises(UsageError, match="has no card"), shelf.adding("help"):
        pass
    assert shelf.versions("help") == []
    assert shelf.names() == []


def test_removing_the_current_version_falls_back_to_the_newest(tmp_path: Path) -> None:
    shelf = TrainedModels(tmp_path)
    for _ in range(3):
        add(shelf, "help")
    shelf.promote("help", 3)
    shelf.remove("help", 3)
    assert shelf.current("help") == 2
    assert add(shelf, "help") == 3
    for version in (1, 2, 3):
        shelf.remove("help", version)
    assert not (tmp_path / "help").exists()


def test_versions_added_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    shelf, made = TrainedModels(tmp_path), []
    barrier = threading.Barrier(4)

    def one(number: int) -> None:
        barrier.wait()
        made.append((add(shelf, "help", f"weights {number}"), f"weights {number}"))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(version for version, _ in made) == [1, 2, 3, 4]
    for version, text in made:
        assert (shelf.folder("help", version) / "model.bin").read_text() == text
        assert shelf.card("help", version).version == version


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a:b", "current", "x" * 101])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"), TrainedModels(tmp_path / "shelf").adding(name):
        pass
    assert not (tmp_path / "shelf").exists()


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    shelf = TrainedModels(tmp_path)
    add(shelf, "help")
    with pytest.raises(UnknownNameError, match="help"):
        shelf.resolve("hlep")
    with pytest.raises(UnknownNameError, match="help:1"):
        shelf.resolve("help:7")
    with pytest.raises(UsageError, match="help:1"):
        shelf.resolve("help:latest")
    (tmp_path / "help" / "1" / "card.json").write_text("{")
    with pytest.raises(ModelError, match=r"card\.json"):
        shelf.card("help")
