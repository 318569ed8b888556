"""Lines too many, lines lacking: the alignment that keeps the order."""

from __future__ import annotations

import random

import pytest
from rapidfuzz import fuzz

from scalemt.evaluation.drift import align_lines, describe_drift

WORDS = "river stone cloud lamp bread winter table horse garden window letter night".split()


def sentences(count: int, seed: int = 1) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=9)) + f" {number}." for number in range(count)]


@pytest.mark.parametrize("extra", [[0], [7], [40], [3, 4, 5], [0, 20, 39]])
def test_lines_too_many_are_found(extra: list[int]) -> None:
    references = sentences(40)
    lines = list(references)
    for place in sorted(extra, reverse=True):
        lines.insert(place, "As a language model I cannot say which is better, but both answers are fine.")
    found = align_lines(lines, references)
    assert [lines[place] for place in found if place is not None] == references


@pytest.mark.parametrize("lacking", [[0], [39], [10, 11], [2, 30]])
def test_lines_that_lack_are_found(lacking: list[int]) -> None:
    references = sentences(40)
    lines = [line for place, line in enumerate(references) if place not in lacking]
    found = align_lines(lines, references)
    assert [place for place, line in enumerate(found) if line is None] == lacking


def test_nothing_is_said_of_files_that_have_nothing_in_common() -> None:
    assert describe_drift(sentences(400), sentences(20)) == ""
    assert describe_drift([], sentences(3)) == ""
    assert describe_drift(["\u4f60" * 30] * 21, sentences(20)) == ""


def test_many_odd_lines_are_summed_up() -> None:
    references = sentences(40)
    odd = ["A long remark by the model about what it was asked to do, number " + str(n) for n in range(8)]
    told = describe_drift([*odd, *references], references)
    assert "line 1, 2, 3, 4, 5 and 3 more" in told


def test_nothing_is_compared_where_it_would_take_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 0

    def ratio(one: str, other: str) -> float:
        nonlocal longest
        longest = max(longest, len(one), len(other))
        return 100.0

    monkeypatch.setattr(fuzz, "ratio", ratio)
    many = ["x"] * 8000
    assert describe_drift(many[:7850], many) == ""
    assert longest == 0
    assert "too many" in describe_drift(["x" * 100_000] * 3, ["x" * 100_000] * 2)
    assert 1 <= longest <= 1000
