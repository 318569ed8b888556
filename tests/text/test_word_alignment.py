"""The heuristic aligner: anchors between words that look alike."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.text.alignment import align


def test_numbers_names_and_cognates_are_linked() -> None:
    source = "In 1974, the documentation of Django was translated in Lisbon !".split()
    target = "A documentação do Django foi traduzida em Lisboa em 1974 !".split()
    linked = {(source[a], target[b]) for a, b in align(source, target)}
    assert {("documentation", "documentação"), ("Django", "Django"), ("Lisbon", "Lisboa"), ("!", "!")} <= linked
    assert ("1974,", "1974") not in linked  # it would cross all others
    assert align(["1974,"], ["(1974)"]) == [(0, 0)]


def test_unlike_words_are_not_linked() -> None:
    assert align(["dog", "is", "12"], ["cão", "é", "13"]) == []
    assert align([], ["a"]) == []
    assert align(["", "a"], ["", "a"]) == [(1, 1)]


def test_a_text_is_aligned_with_itself() -> None:
    words = "the cat and the dog saw the cat".split()
    assert align(words, words) == [(index, index) for index in range(len(words))]


def test_no_more_than_can_be_afforded() -> None:
    assert align(["a"] * 1000, ["a"] * 1000) == []


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=6), max_size=12), st.lists(st.text(max_size=6), max_size=12))
def test_links_rise_on_both_sides(source: list[str], target: list[str]) -> None:
    links = align(source, target)
    for (a, b), (c, d) in pairwise(links):
        assert a < c
        assert b < d
    assert all(source[a].strip() and target[b].strip() for a, b in links)
