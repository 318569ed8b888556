"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_tester(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests translate must neither come from, nor go into, the cache of whoever runs them."""
    before = os.environ.get("SCALEMT_CACHE_DIR")
    os.environ["SCALEMT_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("SCALEMT_CACHE_DIR")
    if before is not None:
        os.environ["SCALEMT_CACHE_DIR"] = before


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder for each test: one must not be answered by what another has asked."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The measuring data beside the checkout; never part of the repository."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the measuring data is not there: {folder}")
    return folder
