"""What became of terms."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.glossary import FoundTerm, Glossary, TermEntry, TermFinder, load_glossary, missed, verify, wanted
from scalemt.glossary.checking import check
from scalemt.types import Pair, TermUse

EN_PT = Pair("en", "pt")
MASK = (
    TermEntry("mask", "careta", "admitted"),
    TermEntry("mask", "máscara"),
    TermEntry("mask", "mascarilha", "deprecated"),
    TermEntry("mask", "máscara cirúrgica", "forbidden"),
)


def use(target: str, *entries: TermEntry, pair: Pair = EN_PT) -> TermUse:
    source = entries[0].source
    (only,) = verify([FoundTerm(0, len(source), source, entries)], target, pair)
    return only


@pytest.mark.parametrize(
    ("target", "state", "found", "status"),
    [
        ("Use a Máscara!", "applied", "Máscara", "preferred"),
        ("Use a careta ou a máscara", "applied", "máscara", "preferred"),
        ("Use a careta", "applied", "careta", "admitted"),
        ("Use mascarilha e máscara", "applied", "máscara", "preferred"),
        ("Use máscaras", "inflected", "máscaras", "preferred"),
        ("Use caretas", "inflected", "caretas", "admitted"),
        ("Use mascarilha", "overridden", "mascarilha", "deprecated"),
        ("Use mascarilhas", "overridden", "mascarilhas", "deprecated"),
        ("Use máscara cirúrgica", "overridden", "máscara cirúrgica", "forbidden"),
        ("Use a máscara, não a máscara cirúrgica", "applied", "máscara", "preferred"),
        ("Use mascara", "missed", "", "preferred"),
        ("Use um desmascarado", "missed", "", "preferred"),
        ("", "missed", "", "preferred"),
    ],
)
def test_states(target: str, state: str, found: str, status: str) -> None:
    pytest.importorskip("simplemma")
    told = use(target, *MASK)
    assert (told.state, told.found, told.status) == (state, found, status)
    assert (told.source, told.target, told.start, told.end) == ("mask", "máscara", 0, 4)


def test_several_words_in_another_form() -> None:
    pytest.importorskip("simplemma")
    entry = TermEntry("respiratory disease", "doença respiratória")
    assert use("Muitas doenças respiratórias", entry).state == "inflected"
    assert use("Muitas doenças, respiratórias", entry).state == "missed"
    assert use("Hospitälern mit Masken", TermEntry("mask", "Maske"), pair=Pair("en", "de")).state == "inflected"
    assert use("birusaren txertoak", TermEntry("virus", "birus"), pair=Pair("en", "eu")).found == "birusaren"


def test_a_hyphen_more_or_less_is_another_form() -> None:
    entry = TermEntry("COVID-19", "COVID-19")
    assert use("a covid‑19", entry).state == "applied"
    assert use("a COVID 19", entry).state == "inflected"


def test_case() -> None:
    entry = TermEntry("Apple", "Apple", "keep", case_sensitive=True)
    assert use("a Apple", entry).state == "applied"
    assert use("a apple", entry).state == "missed"
    assert use("as Apples", entry).state == "inflected"
    assert use("as apples", entry).state == "missed"


def test_a_kept_term_stands_as_it_is() -> None:
    entry = TermEntry("Bluetooth", "Bluetooth", "keep")
    told = use("por Bluetooth", entry)
    assert (told.state, told.target, told.status) == ("applied", "Bluetooth", "keep")
    assert use("por dente azul", entry).state == "missed"


@pytest.mark.parametrize(
    ("target", "term", "tag"),
    [("请戴口罩出门", "口罩", "zh"), ("สวมหน้ากากอนามัย", "หน้ากาก", "th"), ("マスクを着用", "マスク", "ja")],
)
def test_scripts_without_spaces(target: str, term: str, tag: str) -> None:
    assert use(target, TermEntry("mask", term), pair=Pair("en", tag)).state == "applied"


def test_a_list_of_what_not_to_use() -> None:
    entry = TermEntry("mask", "mascarilha", "forbidden")
    fine = use("a máscara", entry)
    assert (fine.state, fine.target, fine.found) == ("applied", "", "")
    assert missed([fine]) == ()
    fault = use("a mascarilha", entry)
    assert (fault.state, fault.status) == ("overridden", "forbidden")
    assert missed([fault]) == (fault,)


def test_what_a_translation_should_hold() -> None:
    def aim(*entries: TermEntry) -> str | None:
        found = wanted(FoundTerm(0, 4, "mask", entries))
        return found.target if found else None

    assert aim(*MASK) == "máscara"
    assert aim(MASK[0], MASK[2]) == "careta"
    assert aim(TermEntry("mask", "mask", "keep")) == "mask"
    assert aim(MASK[2]) is None


def test_each_occurrence_is_told_and_one_translation_is_enough() -> None:
    finder = TermFinder(Glossary((*MASK, TermEntry("lung", "pulmão"))), EN_PT)
    found = finder.find("A mask, a mask and a lung")
    told = verify(found, "A máscara", EN_PT)
    assert [(use.state, use.start) for use in told] == [("applied", 2), ("applied", 10), ("missed", 21)]
    assert missed(told) == told[2:]
    assert verify([], "A máscara", EN_PT) == ()


@given(st.text(max_size=40), st.text(max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_target_that_stands_alone_in_the_text_is_applied(text: str, term: str) -> None:
    told = use(f"{text} {term} {text}", TermEntry("x", term))
    assert told.found in f"{text} {term} {text}"
    if term.strip().isalnum():
        assert told.state == "applied"


def test_checking_lines() -> None:
    finder = TermFinder(Glossary(MASK), EN_PT)
    lines = [("a mask", "a máscara"), ("none", "nada"), ("mask and mask", "mascarilha"), ("the mask", "o")]
    told = check(finder, lines, EN_PT)
    assert (told.lines, told.terms, told.percentage) == (4, 4, 25.0)
    assert told.counts == {"applied": 1, "inflected": 0, "overridden": 2, "missed": 1}
    assert [line for line, _ in told.faults] == [3, 3, 4]
    assert check(finder, [], EN_PT).percentage is None


@pytest.mark.data
def test_references_of_tico_19_use_most_terms(shared_data: Path) -> None:
    pytest.importorskip("simplemma")
    folder = shared_data / "tico19"
    finder = TermFinder(load_glossary(folder / "terminologies" / "f_en-pt_XX.csv", EN_PT), EN_PT)
    texts = [(folder / "dev" / f"{name}_Latn.txt").read_text("utf-8").splitlines() for name in ("eng", "por")]
    told = check(finder, zip(*texts, strict=True), EN_PT)
    # The lists give European Portuguese ("infeção"), the references Brazilian ("infecção").
    assert told.percentage is not None
    assert 60 < told.percentage < 75
    assert told.counts["inflected"] > 80


@pytest.mark.parametrize(
    ("target", "state"),
    [("os HCoVs", "inflected"), ("o HCoV", "applied"), ("os hcovs", "missed"), ("os HCoVx", "missed")],
)
def test_an_abbreviation_may_have_a_plural(target: str, state: str) -> None:
    found = TermFinder(Glossary((TermEntry("HCoV", "HCoV"),)), EN_PT).find("HCoVs")
    assert [use.state for use in verify(found, target, EN_PT)] == [state]
