"""Candidates for terms from translated sentences."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from scalemt.errors import MissingExtraError, UsageError
from scalemt.glossary import Glossary, TermEntry, TermFinder, extraction, load_glossary, verify
from scalemt.glossary.extraction import as_glossary, extract
from scalemt.glossary.phrases import Side, count_phrases, phrase_pairs
from scalemt.types import Pair

EN_PT = Pair("en", "pt")

NOUNS = {
    "mask": "máscara", "virus": "vírus", "lung": "pulmão", "vaccine": "vacina", "hospital": "hospital",
    "doctor": "médico", "fever": "febre",
    "patient": "paciente", "test": "teste", "immune response": "resposta imune",
    "blood pressure": "pressão arterial", "incubation period": "período de incubação", "COVID-19": "COVID-19",
}  # fmt: skip
VERBS = {"sees": "vê", "has": "tem", "needs": "precisa de", "loses": "perde", "knows": "conhece", "asks": "pede"}
PLACES = {
    "in the house": "na casa",
    "on the street": "na rua",
    "at the school": "na escola",
    "by the sea": "ao mar",
}


def corpus(count: int = 600, seed: int = 0) -> list[tuple[str, str]]:
    """Sentences of one grammar, in two languages."""
    draw = random.Random(seed)
    pairs = []
    for _ in range(count):
        (one, um), (other, outro) = draw.sample(list(NOUNS.items()), 2)
        verb, verbo = draw.choice(list(VERBS.items()))
        place, lugar = draw.choice(list(PLACES.items()))
        pairs.append((f"The {one} {verb} the {other} {place}.", f"O {um} {verbo} o {outro} {lugar}."))
    return pairs


@pytest.fixture
def _aligner() -> None:
    pytest.importorskip("systran_align")


def side(*words: int, starts: str = "", ends: str = "") -> Side:
    """Words by number; 0 for one that is in no phrase."""
    marks = [[mark == "1" for mark in text or "1" * len(words)] for text in (starts, ends)]
    return Side(tuple(word or 99 for word in words), words, *marks)


def test_phrases_are_consistent_with_the_links() -> None:
    found = list(phrase_pairs(side(1, 2, 3), side(4, 5, 6), [(0, 0), (1, 2), (2, 1)], (3, 3)))
    assert found == [((1,), (4,)), ((1, 2, 3), (4, 5, 6)), ((2,), (6,)), ((2, 3), (5, 6)), ((3,), (5,))]
    # The first target word belongs to two source words, so that neither stands alone.
    assert list(
        phrase_pairs(
            side(1, 2),
            side(
                4,
            ),
            [(0, 0), (1, 0)],
            (3, 3),
        )
    ) == [((1, 2), (4,))]


def test_phrases_begin_and_end_where_they_may() -> None:
    source, target = side(1, 2, starts="01"), side(4, 5, 6, starts="011")
    assert list(phrase_pairs(source, target, [(1, 0), (1, 1), (1, 2)], (3, 3))) == [((2,), (5, 6))]
    assert list(phrase_pairs(side(1, 0, 2), side(4, 5), [(0, 0), (2, 1)], (3, 3))) == [((1,), (4,)), ((2,), (5,))]
    assert list(phrase_pairs(side(1), side(4, 5, 6), [(0, 0), (0, 2)], (3, 2))) == []
    assert count_phrases([source, side(2, 2)], {(2,), (1, 2)}) == {(2,): 3}


@pytest.mark.usefixtures("_aligner")
def test_the_terms_of_a_small_world_are_found() -> None:
    found = extract(corpus(), EN_PT)
    terms = {term.source: term.target for term in found}
    assert {noun: terms.get(noun) for noun in NOUNS} == NOUNS
    assert not any({"the", "The"} & {term.source.split()[0], term.source.split()[-1]} for term in found)
    scores = [term.score for term in found]
    assert scores == sorted(scores, reverse=True)
    assert extract(corpus(), EN_PT) == found


@pytest.mark.usefixtures("_aligner")
def test_limits() -> None:
    pairs = corpus(300)
    assert all(term.count >= 50 for term in extract(pairs, EN_PT, least=50))
    assert all(len(term.source.split()) == 1 for term in extract(pairs, EN_PT, longest=1))
    assert extract(pairs, EN_PT, most=4) == extract(pairs, EN_PT)[:4]


@pytest.mark.usefixtures("_aligner")
def test_forms_of_a_word_are_counted_together() -> None:
    pytest.importorskip("simplemma")
    pairs = corpus(300)
    several = [
        (source.replace("mask", "masks"), target.replace("máscara", "máscaras"))
        if number % 3 == 0
        else (source, target)
        for number, (source, target) in enumerate(pairs)
    ]
    counts = [{term.source: term.count for term in extract(texts, EN_PT)} for texts in (pairs, several)]
    assert counts[0]["mask"] == counts[1]["mask"]
    assert "masks" not in counts[1]


@pytest.mark.usefixtures("_aligner")
def test_a_judge_has_the_last_word() -> None:
    asked: list[tuple[str, str]] = []

    def judge(candidates: list[tuple[str, str]]) -> list[bool]:
        asked.extend(candidates)
        return [source in NOUNS for source, _ in candidates]

    kept = extract(corpus(), EN_PT, judge=judge)
    assert {term.source for term in kept} == set(NOUNS)
    assert [(term.source, term.target) for term in extract(corpus(), EN_PT)] == asked
    with pytest.raises(UsageError, match="answered 0 of"):
        extract(corpus(), EN_PT, judge=lambda _: [])


@pytest.mark.usefixtures("_aligner")
@pytest.mark.parametrize(
    "pairs", [[], [("", "")], [("a", "")], [("word " * 200, "palavra " * 200)], [("…", "!")] * 9]
)
def test_odd_input(pairs: list[tuple[str, str]]) -> None:
    assert extract(pairs, EN_PT) == []


@pytest.mark.usefixtures("_aligner")
def test_of_many_pairs_some_are_drawn_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MOST_PAIRS", 200)
    said: list[str] = []
    found = extract(corpus(600), EN_PT, say=said.append)
    assert said == ["200 of 600 sentence pairs are looked at, drawn at random."]
    assert max(term.source_count for term in found) <= 200
    assert found == extract(iter(corpus(600)), EN_PT)


@pytest.mark.usefixtures("_aligner")
def test_a_script_without_spaces() -> None:
    words = {
        "口罩": "mask", "病毒": "virus", "疫苗": "vaccine", "老师": "teacher", "电脑": "computer", "苹果": "apple",
        "河流": "river", "城市": "city", "朋友": "friend", "音乐": "music",
    }  # fmt: skip
    verbs = {"看见": "sees", "需要": "needs", "知道": "knows"}
    draw = random.Random(0)
    pairs = []
    for _ in range(400):
        (one, first), (other, second) = draw.sample(list(words.items()), 2)
        did, verb = draw.choice(list(verbs.items()))
        pairs.append((f"{one}{did}{other}。", f"The {first} {verb} the {second}."))
    terms = {term.source: term.target for term in extract(pairs, Pair("zh", "en"))}
    assert sum(terms.get(source) == target for source, target in words.items()) >= 8


def test_without_the_aligner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systran_align", None)
    with pytest.raises(MissingExtraError, match=r"scalemt\[evaluation\]"):
        extract(corpus(10), EN_PT)


def test_candidates_become_admitted_entries() -> None:
    term = extraction.ExtractedTerm("WHO", "OMS", 12, 13, 14, 2.25)
    assert as_glossary([term], EN_PT, "mine") == Glossary(
        (TermEntry("WHO", "OMS", "admitted", True, note="found 12 times, score 2.25"),), "en", "pt", "mine"
    )


@pytest.mark.data
@pytest.mark.usefixtures("_aligner")
def test_most_terms_of_tico_19_are_found(shared_data: Path) -> None:
    pytest.importorskip("simplemma")
    folder = shared_data / "tico19"
    texts = [(folder / "dev" / f"{name}_Latn.txt").read_text("utf-8").splitlines() for name in ("eng", "por")]
    pairs = list(zip(*texts, strict=True))
    search = TermFinder(load_glossary(folder / "terminologies" / "f_en-pt_XX.csv", EN_PT), EN_PT)
    used = Counter(
        (use.source, use.target)
        for source, target in pairs
        for use in verify(search.find(source), target, EN_PT)
        if use.state in ("applied", "inflected")
    )
    gold = [term for term, count in used.items() if count >= 3]
    found = TermFinder(as_glossary(extract(pairs, EN_PT), EN_PT), EN_PT)
    hits = [
        (source, target)
        for source, target in gold
        if any(
            (term.start, term.end) == (0, len(source)) and verify([term], target, EN_PT)[0].state != "missed"
            for term in found.find(source)
        )
    ]
    assert len(gold) > 50
    assert len(hits) > 0.75 * len(gold)
