"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_tester(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests translate and train neither comes from nor goes into the folders of whoever runs them."""
    before = {name: os.environ.get(name) for name in ("SCALEMT_CACHE_DIR", "SCALEMT_DATA_DIR")}
    for name in before:
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))
    yield
    for name, value in before.items():
        os.environ.pop(name)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for each test: one must not be answered by what another has asked."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, in which nothing was trained yet."""
    folder = tmp_path_factory.mktemp("data")
    monkeypatch.setenv("SCALEMT_DATA_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The measuring data beside the checkout; never part of the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the measuring data is not there: {folder}")
    return folder
