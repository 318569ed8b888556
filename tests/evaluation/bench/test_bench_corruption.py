"""Corrupted drafts: at the given rate, the same every time, nested, and never empty."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from helpers import EN_PT, PT_EN, DictionarySpecialist, english_portuguese
from scalemt.evaluation.bench.corruption import CorruptedSpecialist, Corruption, corrupted
from scalemt.specialists.base import ScoringSpecialist
from scalemt.types import Draft, Word

WORDS = tuple(Word(f"w{number}", number / 2000) for number in range(2000))
DRAFT = Draft(" ".join(word.text for word in WORDS), WORDS, -3.0, "test", "pt")
OTHER = [f"o{number}" for number in range(50)]


def test_nothing_is_done_at_rate_zero() -> None:
    made = Corruption().apply(DRAFT, OTHER, "x")
    assert (made.text, made.words, made.language, made.engine) == (DRAFT.text, WORDS, "pt", "test")


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_each_kind_of_error_has_a_third_of_the_rate(rate: float) -> None:
    made = Corruption(rate).apply(DRAFT, OTHER, "x").text.split()
    deleted = 2000 - len(made)
    substituted = sum(word.startswith("o") for word in made)
    order = [int(word[1:]) for word in made if word.startswith("w")]
    inversions = sum(a > b for a, b in pairwise(order))
    assert deleted / 2000 == pytest.approx(rate / 3, abs=0.03)
    assert substituted / 2000 == pytest.approx(rate / 3, abs=0.03)
    # A swap does not show where the word beside it is substituted or swapped in its turn.
    assert rate * (1 - rate) / 3 - 0.03 < inversions / 2000 < rate / 3 + 0.03


def test_errors_at_a_lower_rate_are_among_those_at_a_higher_one() -> None:
    untouched = [
        {word for word in Corruption(rate).apply(DRAFT, OTHER, "x").text.split() if word.startswith("w")}
        for rate in (0.1, 0.3, 0.5)
    ]
    assert untouched[2] < untouched[1] < untouched[0]


def test_the_same_seed_gives_the_same_and_another_text_another() -> None:
    once = Corruption(0.3).apply(DRAFT, OTHER, "x")
    assert Corruption(0.3).apply(DRAFT, OTHER, "x") == once
    assert Corruption(0.3).apply(DRAFT, OTHER, "y") != once
    assert Corruption(0.3, seed=1).apply(DRAFT, OTHER, "x") != once


def test_confidences_stay_with_their_words_or_are_dealt_out_anew() -> None:
    before = {word.text: word.confidence for word in WORDS}
    kept = Corruption(0.3).apply(DRAFT, OTHER, "x")
    shuffled = Corruption(0.3, shuffled=True).apply(DRAFT, OTHER, "x")
    assert all(word.confidence == before[word.text] for word in kept.words if word.text.startswith("w"))
    assert kept.text == shuffled.text
    assert Counter(word.confidence for word in kept.words) == Counter(word.confidence for word in shuffled.words)
    assert kept.words != shuffled.words
    assert kept.score is None


@pytest.mark.parametrize("text", ["", " ", "one", "uma casa", "私は昨日の夜に古い本を読みました", "x" * 5000])
def test_short_and_unparted_drafts(text: str) -> None:
    draft = Draft(text, tuple(Word(part, 0.5) for part in text.split()))
    made = Corruption(1.0).apply(draft, [], "x")
    assert bool(made.text) == bool(text.strip())
    assert " ".join(word.text for word in made.words) == made.text
    if len(text) > 12:
        assert made.text != text
        assert set(made.text) <= set(text)
        assert made.words[0].confidence == 0.5


def test_drafts_without_words_are_cut_at_white_space() -> None:
    made = Corruption(0.5).apply(Draft("a b c d e f g h i j k l m n"), [], "x")
    assert made.text != "a b c d e f g h i j k l m n"
    assert all(word.confidence is None for word in made.words)


SOURCES = ["the house is blue", "the old house", "green is the house"]


def test_only_the_pair_is_made_worse_whatever_the_batch() -> None:
    inner = english_portuguese()
    spoilt = corrupted(inner, EN_PT, Corruption(0.7), SOURCES)
    together = spoilt.draft(SOURCES, EN_PT)
    alone = [spoilt.draft([text], EN_PT)[0] for text in SOURCES]
    assert together == alone
    assert together != inner.draft(SOURCES, EN_PT)
    assert spoilt.draft(["a casa"], PT_EN) == inner.draft(["a casa"], PT_EN)
    assert spoilt.pairs() == inner.pairs()
    assert spoilt.name == inner.name


def test_sampled_paths_have_errors_of_their_own() -> None:
    spoilt = corrupted(english_portuguese(), EN_PT, Corruption(0.6), SOURCES)
    (paths,) = spoilt.draft(["the house is blue the house is green"], EN_PT, 3)
    assert len({path.text.replace("#1", "").replace("#2", "").strip() for path in paths}) > 1


def test_substitutes_are_words_of_other_drafts() -> None:
    spoilt = corrupted(english_portuguese(), EN_PT, Corruption(1.0), ["zebra lion", *SOURCES])
    words = {word for text in SOURCES * 5 for row in spoilt.draft([text], EN_PT) for word in row[0].text.split()}
    assert words <= {"zebra", "lion", "a", "casa", "é", "azul", "velha", "verde"}
    assert words & {"zebra", "lion"}


def test_signatures_tell_what_was_done_and_scoring_is_kept() -> None:
    inner = english_portuguese()
    spoilt = corrupted(inner, EN_PT, Corruption(0.3, shuffled=True), SOURCES)
    assert "rate:0.3,shuffled:yes,seed:0,pool:" in spoilt.signature_for(EN_PT)
    assert spoilt.signature_for(PT_EN) == inner.signature_for(PT_EN)
    assert corrupted(inner, EN_PT, Corruption(0.3, shuffled=True), SOURCES[:2]).signature != spoilt.signature
    assert isinstance(spoilt, ScoringSpecialist)
    assert spoilt.score(["the house"], ["a casa"], EN_PT) == inner.score(["the house"], ["a casa"], EN_PT)
    plain = corrupted(DictionarySpecialist(inner.tables), EN_PT, Corruption(0.3), [])
    assert isinstance(plain, CorruptedSpecialist)
    assert not isinstance(plain, ScoringSpecialist)
