"""Cached drafts: made once, made again when anything that can change them does, and never in the way."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from scalemt.memory import DraftCache
from scalemt.specialists import BaseSpecialist
from scalemt.types import Draft, Pair, Word

EN_PT = Pair("en", "pt")
TEXTS = ["one", "two\u2028lines", "", "três ≠ 3"]


class CountingSpecialist(BaseSpecialist):
    """Turns texts round, and remembers what it was asked."""

    name = "counting"

    def __init__(self, signature: str = "counting[1]") -> None:
        self._signature = signature
        self.asked: list[tuple[str, ...]] = []

    @property
    def signature(self) -> str:
        return self._signature

    def pairs(self) -> list[Pair]:
        return [EN_PT, Pair("en", "es")]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        self.asked.append(tuple(texts))
        return [[self._one(text, pair, path) for path in range(n)] for text in texts]

    def _one(self, text: str, pair: Pair, path: int) -> Draft:
        words = (Word(text[::-1], 1 / 3), Word(str(path)))
        return Draft(f"{text[::-1]} {path}", words, -0.1 * path, self.name, pair.target)


@pytest.fixture
def cache(tmp_path: Path) -> DraftCache:
    return DraftCache(tmp_path / "deep" / "drafts.sqlite")


def test_a_second_call_does_not_ask_the_specialist(cache: DraftCache) -> None:
    specialist = CountingSpecialist()
    made = cache.draft(specialist, TEXTS, EN_PT)
    assert made == CountingSpecialist().draft(TEXTS, EN_PT)
    assert cache.draft(specialist, TEXTS, EN_PT) == made
    assert DraftCache(cache.path).draft(specialist, TEXTS[::-1], EN_PT) == made[::-1]
    assert len(specialist.asked) == 1


def test_only_what_is_missing_is_made(cache: DraftCache) -> None:
    specialist = CountingSpecialist()
    cache.draft(specialist, ["a", "b"], EN_PT)
    found = cache.draft(specialist, ["b", "c", "a"], EN_PT)
    assert [drafts[0].text for drafts in found] == ["b 0", "c 0", "a 0"]
    assert specialist.asked == [("a", "b"), ("c",)]


def test_signature_pair_and_count_each_make_it_anew(cache: DraftCache) -> None:
    specialist = CountingSpecialist()
    cache.draft(specialist, ["a"], EN_PT)
    assert cache.draft(specialist, ["a"], Pair("en", "es"))[0][0].language == "es"
    assert len(cache.draft(specialist, ["a"], EN_PT, 3)[0]) == 3
    assert len(specialist.asked) == 3
    newer = CountingSpecialist("counting[2]")
    cache.draft(newer, ["a"], EN_PT)
    assert newer.asked == [("a",)]


def test_nothing_asked_and_the_same_text_twice(cache: DraftCache) -> None:
    specialist = CountingSpecialist()
    assert cache.draft(specialist, [], EN_PT) == []
    twice = cache.draft(specialist, ["a", "a"], EN_PT)
    assert twice[0] == twice[1]
    assert cache.draft(specialist, ["a", "a"], EN_PT) == twice


def test_a_lone_surrogate_is_a_text_like_any_other(cache: DraftCache) -> None:
    assert cache.draft(CountingSpecialist(), ["\ud800"], EN_PT)[0][0].text == "\ud800 0"


@pytest.mark.parametrize("content", [b"", b"not a database at all", b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_only_costs_time(cache: DraftCache, content: bytes) -> None:
    cache.path.parent.mkdir()
    cache.path.write_bytes(content)
    specialist = CountingSpecialist()
    expected = CountingSpecialist().draft(["a"], EN_PT)
    assert cache.draft(specialist, ["a"], EN_PT) == expected
    assert cache.draft(specialist, ["a"], EN_PT) == expected


@pytest.mark.parametrize("stored", ["not json", "7", "[7]", '[{"text": 7}]', '{"text": "x"}', "null"])
def test_a_damaged_row_is_made_again(cache: DraftCache, stored: str) -> None:
    specialist = CountingSpecialist()
    expected = cache.draft(specialist, ["a", "b"], EN_PT)
    file = sqlite3.connect(cache.path)
    file.execute("UPDATE drafts SET drafts = ? WHERE rowid = 1", (stored,))
    file.commit()
    file.close()
    assert cache.draft(specialist, ["a", "b"], EN_PT) == expected
    assert len(specialist.asked) == 2
    assert cache.draft(specialist, ["a", "b"], EN_PT) == expected
    assert len(specialist.asked) == 2


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "drafts.sqlite", tmp_path / "folder"):
        specialist = CountingSpecialist()
        for _ in range(2):
            assert DraftCache(path).draft(specialist, ["a"], EN_PT)[0][0].text == "a 0"
        assert len(specialist.asked) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert DraftCache(tmp_path / "drafts.sqlite").draft(CountingSpecialist(), ["a"], EN_PT)
    finally:
        tmp_path.chmod(0o700)


def _fill(path: Path, first: int) -> None:
    cache = DraftCache(path)
    for number in range(first, first + 40):
        cache.draft(CountingSpecialist(), [str(number), "shared"], EN_PT)


def test_two_processes_at_once(cache: DraftCache) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(cache.path, first)) for first in (0, 40)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    specialist = CountingSpecialist()
    found = cache.draft(specialist, [str(number) for number in range(80)], EN_PT)
    assert [drafts[0].text for drafts in found] == [f"{str(number)[::-1]} 0" for number in range(80)]
    assert specialist.asked == []
