"""Specialists that learn: each unit of a memory once, corrections at once, whatever process added them."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import EN_PT, WORDS, DictionarySpecialist
from scalemt.config import Profile
from scalemt.engine import Engine, teaching
from scalemt.errors import ConfigurationError, InputError, UsageError
from scalemt.memory import Memories, MemoryStore, MemoryUse, Unit
from scalemt.specialists.learning import LearningSpecialist
from scalemt.types import Pair


class Learner(DictionarySpecialist):
    """A dictionary that learns translations of one word."""

    def __init__(self) -> None:
        super().__init__({EN_PT: dict(WORDS)})
        self.taught: list[tuple[str, str]] = []

    @property
    def model_id(self) -> str:
        return "learner"

    def cache_key(self, pair: Pair) -> str:
        return ""

    def learn(self, source: str, target: str, pair: Pair) -> None:
        if len(source) > 40:
            raise InputError("too long")
        self.taught.append((source, target))
        self.tables[EN_PT][source] = target  # type: ignore[index]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    MemoryStore(tmp_path / "m.db", create=True).close()
    return tmp_path / "m.db"


def add(path: Path, *pairs: tuple[str, str], pair: Pair = EN_PT) -> None:
    MemoryStore(path).add(Unit(source, target, pair) for source, target in pairs)


def engine(learner: Learner, path: Path | None) -> Engine:
    profile = Profile(method="draft", memories=(str(path),) if path else (), reuse="off")
    return Engine(profile, specialists=[learner])


def test_a_learner_is_one_and_a_dictionary_is_none() -> None:
    assert isinstance(Learner(), LearningSpecialist)
    assert not isinstance(DictionarySpecialist({}), LearningSpecialist)


def test_a_correction_is_learnt_at_once_and_once(path: Path) -> None:
    learner = Learner()
    made = engine(learner, path)
    assert made.translate(["tree"], "en", "pt")[0].text == "tree"
    made.correct("tree", "árvore", "en", "pt")
    assert made.translate(["tree"], "en", "pt")[0].text == "árvore"
    engine(learner, path).translate(["tree"], "en", "pt")
    assert learner.taught == [("tree", "árvore")]
    assert [unit.target for unit in MemoryStore(path).units()] == ["árvore"]


def test_what_was_added_elsewhere_is_learnt_when_a_run_begins(path: Path) -> None:
    learner = Learner()
    add(path, ("tree", "árvore"))
    add(path, ("rua", "street"), pair=EN_PT.reversed)
    assert engine(learner, path).translate(["tree"], "en", "pt")[0].text == "árvore"
    assert sorted(learner.taught) == [("street", "rua"), ("tree", "árvore")]
    add(path, ("sun", "sol"))
    engine(learner, path).translate(["sun"], "en", "pt")
    assert learner.taught[2:] == [("sun", "sol")]


def test_a_large_memory_is_not_taught_behind_the_users_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "_SMALL", 2)
    add(path, ("a", "um"), ("b", "dois"), ("c", "três"))
    learner, told = Learner(), list[str]()
    memories = Memories([MemoryUse(path)])
    teaching.teach([learner], memories, EN_PT, told.append)
    assert learner.taught == []
    assert "scalemt train thot --memory" in told[0]
    add(path, ("d", "quatro"))
    teaching.teach([learner], memories, EN_PT, told.append)
    assert learner.taught == [("d", "quatro")]


def test_no_more_than_can_be_learnt_before_a_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teaching, "_MOST", 2)
    add(path, ("a", "um"), ("b", "dois"), ("c", "três"))
    learner, told = Learner(), list[str]()
    memories = Memories([MemoryUse(path)])
    teaching.teach([learner], memories, EN_PT, told.append)
    assert learner.taught == [("a", "um"), ("b", "dois")]
    assert "the others wait" in told[0]
    teaching.teach([learner], memories, EN_PT, told.append)
    assert learner.taught[2:] == [("c", "três")]


def test_what_a_model_cannot_take_is_kept_in_the_memory(path: Path) -> None:
    learner = Learner()
    engine(learner, path).correct("x" * 50, "y", "en", "pt")
    assert learner.taught == []
    assert [unit.target for unit in MemoryStore(path).units()] == ["y"]


def test_without_a_memory_the_learner_learns_alone() -> None:
    learner = Learner()
    engine(learner, None).correct("tree", "árvore", "en", "pt")
    assert learner.taught == [("tree", "árvore")]


def test_a_correction_that_nobody_could_learn_is_refused() -> None:
    plain = Engine(Profile(method="draft"), specialists=[DictionarySpecialist({EN_PT: WORDS})])
    with pytest.raises(ConfigurationError, match="--memory FILE"):
        plain.correct("tree", "árvore", "en", "pt")
    with pytest.raises(UsageError, match="not empty"):
        plain.correct("tree", " ", "en", "pt")
