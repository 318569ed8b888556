"""What a method asks generalists beside that of the profile: written down, counted, and pinned with the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import english_portuguese
from jobs.ledgers import settings
from scalemt.config import Configuration
from scalemt.errors import PausedError
from scalemt.generalists.fake import FakeGeneralist
from scalemt.jobs.answers import LedgerJournal, Limits
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.settings import Settings
from scalemt.jobs.working import Worker
from scalemt.retry import RetryBudget
from scalemt.types import Completion, Segment

NOTE = Completion("An old house stands in the village.", "stop", 100, 10, 0.5)
CARDS = {"cards": "med=med", "semantic": "off"}


def job(tmp_path: Path, limits: Limits | None = None) -> tuple[Worker, Ledger]:
    """A job whose method asks a card, by a fake generalist of the configuration, and edits nothing."""
    pinned = settings(method="knowledge", shots=0, gate="off", options=CARDS)
    tables = {"med": {"type": "fake"}, "unused": {"type": "fake"}}
    told = Settings(pinned.source, pinned.target, pinned.profile, Configuration(generalists=tables))
    ledger = Ledger.create(tmp_path / "job", told)
    working = Worker(
        told,
        lambda prices: LedgerJournal(ledger, limits or Limits(), prices),
        RetryBudget(None),
        generalist=FakeGeneralist(["a casa"], cache_key="main"),
    )
    working.engine.assembly.specialists = [english_portuguese()]
    around = working.engine.assembly.beside
    card = FakeGeneralist([NOTE], cache_key="card")
    working.engine.assembly.beside = lambda _: around(card)
    return working, ledger


def test_what_cards_answer_is_written_down_and_counted(tmp_path: Path) -> None:
    working, ledger = job(tmp_path)
    (done,) = working.work([[Segment("the old house", "1")]])
    assert done[0].text == "a casa"
    assert done[0].usage.calls == 2
    assert ledger.tallies()["calls"] == 2
    assert ledger.tallies()["cost"] == 0.5


def test_cards_keep_to_the_limits_of_the_job(tmp_path: Path) -> None:
    working, ledger = job(tmp_path, Limits(max_tokens=1))
    with pytest.raises(PausedError):
        list(working.work([[Segment("the old house", "1")]]))
    assert not ledger.tallies().get("calls")


def test_the_tables_of_cards_are_pinned(tmp_path: Path) -> None:
    working, _ = job(tmp_path)
    assert set(working._settings.as_json()["generalists"]) == {"med"}
