"""Matches by meaning beside those by likeness, with a small encoder of the test's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scalemt.memory import Memories, MemoryStore, MemoryUse, Unit
from scalemt.memory.encoders import Encoder
from scalemt.memory.meaning import Meaning
from scalemt.types import Pair, Segment

EN_PT = Pair("en", "pt")
TOPICS = (("car", "automobile", "vehicle"), ("doctor", "physician"), ("rain", "weather"))


class TopicEncoder(Encoder):
    """Texts that name the same topic mean the same."""

    @property
    def signature(self) -> str:
        return "topics"

    @property
    def dimensions(self) -> int:
        return len(TOPICS) + 1

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        rows = [[float(any(word in text.lower() for word in topic)) for topic in TOPICS] for text in texts]
        return np.array([[*row, 0.0 if any(row) else 1.0] for row in rows], np.float32)


@pytest.fixture
def memories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Memories:
    monkeypatch.setattr("scalemt.memory.meaning.load_encoder", lambda spec, threads: TopicEncoder())
    path = tmp_path / "a.db"
    MemoryStore(path, create=True).add(
        [
            Unit("The automobile is red.", "O automóvel é vermelho.", EN_PT),
            Unit("Her physician has left town.", "O médico dela saiu da cidade.", EN_PT),
            Unit("My car is old.", "O meu carro é velho.", EN_PT),
        ]
    )
    return Memories([MemoryUse(path, 5)], meaning=Meaning("topics"))


def test_what_is_alike_comes_first_and_what_means_the_same_fills_up(memories: Memories) -> None:
    (row,) = memories.search([Segment("My car is new.")], EN_PT, 3, 60.0)
    assert [(match.kind, match.unit.target) for match in row] == [
        ("fuzzy", "O meu carro é velho."),
        ("semantic", "O automóvel é vermelho."),
    ]
    assert row[1].score == pytest.approx(95, abs=0.1)  # the penalty is taken off here too


def test_nothing_is_added_where_enough_is_alike(memories: Memories) -> None:
    (row,) = memories.search([Segment("My car is new.")], EN_PT, 1, 60.0)
    assert [match.kind for match in row] == ["fuzzy"]


def test_a_match_by_meaning_is_never_reused(memories: Memories) -> None:
    (row,) = memories.search([Segment("Doctor!")], EN_PT, 1, 60.0)
    assert [match.kind for match in row] == ["semantic"]
    assert memories.exact([Segment("Doctor!")], EN_PT) == [None]


def test_the_opposite_direction_and_removed_units(memories: Memories) -> None:
    memories.stores[0].remove([1, 3])
    assert memories.search([Segment("A vehicle")], EN_PT, 2, 60.0) == [[]]
    (row,) = memories.search([Segment("Um automóvel, automobile")], EN_PT.reversed, 2, 60.0)
    assert row == []  # the Portuguese side of what is left names no topic
