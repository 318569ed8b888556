"""Training, short of what the specialist's own tests see of its result."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, InputError, MissingExtraError
from scalemt.specialists.thot import ThotSpecialist, train
from scalemt.specialists.thot.training import WEIGHTS
from specialists.thot.thot_memory import EN_ES, memory


class InterruptedByUserError(Exception):
    """Somebody has pressed Ctrl-C."""


def test_too_few_pairs_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("thot")
    bad = [("", "a"), ("a", " "), ("a " * 81, "b " * 81), ("a", "b " * 10)] * 100
    with pytest.raises(InputError, match=r"99 of 499 pairs can be trained on; at least 100"):
        train([*memory()[:99], *bad], EN_ES, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_an_unknown_aligner(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no aligner 'giza'.*fast-align"):
        train([], EN_ES, tmp_path / "model", aligner="giza")


def test_what_is_no_model_is_not_replaced(tmp_path: Path) -> None:
    pytest.importorskip("thot")
    (tmp_path / "letter.txt").write_text("Dear")
    for place in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(ConfigurationError, match="is no thot model: it will not be replaced"):
            train(memory(), EN_ES, place)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("package", ["machine", "thot"])
def test_a_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'scalemt\[thot\]'"):
        train(memory(), EN_ES, tmp_path / "model")


@pytest.mark.slow
def test_an_interrupted_training_leaves_nothing(tmp_path: Path) -> None:
    pytest.importorskip("thot")
    told: list[float] = []

    def progress(share: float, what: str) -> None:
        told.append(share)
        if share > 0.3:
            raise InterruptedByUserError(what)

    with pytest.raises(InterruptedByUserError):
        train(memory(), EN_ES, tmp_path / "model", progress=progress)
    assert told == sorted(told)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_folder_tells_what_it_is(trained: Path) -> None:
    about = json.loads((trained / "thot.json").read_text())
    assert (about["source"], about["target"], about["pairs"]) == ("en", "es", len(memory()))
    assert about["weights"] == list(WEIGHTS)
    assert about["versions"]["sil-thot"]
    assert [path.name for path in trained.parent.iterdir()] == ["en-es"]
    assert not list(trained.rglob("*.bestal"))


@pytest.mark.slow
def test_training_anew_keeps_what_was_learnt(copied: Path) -> None:
    before = ThotSpecialist(copied)
    before.learn("Do not touch the antenna!", "¡No toque la antena!", EN_ES)
    train(memory()[:150], EN_ES, copied)
    again = ThotSpecialist(copied)
    assert again.learnt_count == 1
    assert again.signature != before.signature
    assert [path.name for path in copied.parent.iterdir()] == [copied.name]
    assert again.draft(["Do not touch the antenna!"], EN_ES)[0][0].text == "¡No toque la antena!"


@pytest.mark.slow
def test_weights_can_be_tuned(tmp_path: Path) -> None:
    pytest.importorskip("thot")
    train(memory()[:200], EN_ES, tmp_path / "model", tune=True, aligner="ibm1")
    about = json.loads((tmp_path / "model" / "thot.json").read_text())
    assert about["weights"] != list(WEIGHTS)
    assert ThotSpecialist(tmp_path / "model").draft(["Open the file."], EN_ES)[0][0].text
