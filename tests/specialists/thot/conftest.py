"""A small real model, trained once a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scalemt.specialists.thot import ThotSpecialist, train
from specialists.thot.thot_memory import EN_ES, memory


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained folder; tests that learn take a copy."""
    pytest.importorskip("thot")
    folder = tmp_path_factory.mktemp("thot") / "en-es"
    train(memory(), EN_ES, folder)
    return folder


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained folder, to learn into or to spoil."""
    return Path(shutil.copytree(trained, tmp_path / "model"))


@pytest.fixture(scope="session")
def specialist(trained: Path) -> ThotSpecialist:
    """The trained model, for tests that learn nothing."""
    return ThotSpecialist(trained)


@pytest.fixture
def text_of() -> Callable[[ThotSpecialist, str], str]:
    """Draft one text."""
    return lambda specialist, source: specialist.draft([source], EN_ES)[0][0].text
