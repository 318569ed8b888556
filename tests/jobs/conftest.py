"""A billing server on loopback, and a desk from which it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.billing_server import BillingServer
from jobs.desk import KEY, Desk, in_process
from jobs.runs import WITH_PARTS, Place


@pytest.fixture
def server() -> Iterator[BillingServer]:
    with BillingServer().running() as running:
        yield running


@pytest.fixture
def desk(
    tmp_path: Path,
    server: BillingServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    """A folder with a configured generalist; processes and this one see the same environment."""
    place = Place.at(tmp_path, WITH_PARTS, OPENAI_API_KEY=KEY)
    for name, value in place.environment.items():
        if name.startswith(("SCALEMT_", "OPENAI_")):
            monkeypatch.setenv(name, value)
    made = Desk(place, server, in_process(tmp_path, monkeypatch, capsys))
    made.configure()
    yield made
    place.clear()
