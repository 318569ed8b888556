"""Settings and ledgers for tests of single parts of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalemt.config import Configuration, Profile
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.reading import find_files, read, register
from scalemt.jobs.settings import Settings


def settings(target: str = "pt", **fields: Any) -> Settings:
    given = {"method": "draft", "specialists": ("bergamot",), **fields}
    return Settings.of(Profile.model_validate(given), Configuration(), "eng_Latn", target)


def read_job(folder: Path, *files: Path, **fields: Any) -> Ledger:
    """Begin a job in a folder, and read its files."""
    ledger = Ledger.create(folder, settings(**fields))
    register(ledger, find_files([str(path) for path in files], folder))
    assert read(ledger, lambda _: None, lambda: False)
    return ledger
