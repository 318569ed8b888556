"""Finding terms in texts."""

from __future__ import annotations

import random
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import ConfigurationError
from scalemt.glossary import FoundTerm, Glossary, TermEntry, TermFinder, load_glossary
from scalemt.types import Pair, Span

EN_PT = Pair("en", "pt")


def finder(*sources: str | TermEntry, pair: Pair = EN_PT) -> TermFinder:
    entries = tuple(TermEntry(source, "x") if isinstance(source, str) else source for source in sources)
    return TermFinder(Glossary(entries), pair)


def found(text: str, *sources: str | TermEntry, pair: Pair = EN_PT) -> list[str]:
    return [term.text for term in finder(*sources, pair=pair).find(text)]


def test_a_term_with_all_its_entries_and_its_place() -> None:
    entries = (
        TermEntry("mask", "máscara"),
        TermEntry("Mask", "mascarilha", "forbidden"),
        TermEntry("lung", "pulmão"),
    )
    text = "Wear a mask."
    assert TermFinder(Glossary(entries), EN_PT).find(text) == [FoundTerm(7, 11, "mask", entries[:2])]


@pytest.mark.parametrize(
    ("text", "terms", "wanted"),
    [
        ("the acute bronchitis", ["bronchitis", "acute bronchitis"], ["acute bronchitis"]),
        ("acute respiratory disease syndrome", ["acute respiratory", "respiratory disease syndrome"],
         ["respiratory disease syndrome"]),
        ("mask, mask", ["mask"], ["mask", "mask"]),
        ("unmasked maskless", ["mask"], []),
        ("face, mask", ["face mask"], []),
        ("a face-mask, a face mask", ["face mask"], ["face-mask", "face mask"]),
        ("a FACE\u00a0MASK", ["face mask"], ["FACE\u00a0MASK"]),
        ("COVID 19", ["COVID-19"], ["COVID 19"]),
        ("the patient’s mask's strap", ["patient", "mask"], ["patient", "mask"]),
        ("l’hôpital Hôpital HO\u0302PITAL", ["hôpital"], ["hôpital", "Hôpital", "HO\u0302PITAL"]),
        ("C++ and C", ["C++"], ["C++"]),
        ("price: 5 €", ["€"], ["€"]),
        ("💉 and 👩‍⚕️", ["💉"], ["💉"]),
        ("ma\u00adsk", ["mask"], ["ma\u00adsk"]),
        ("", ["mask"], []),
        ("mask", [], []),
        ("mask", ["", "  "], []),
    ],
)  # fmt: skip
def test_what_is_found(text: str, terms: list[str], wanted: list[str]) -> None:
    assert found(text, *terms) == wanted


def test_inflected_terms_are_found() -> None:
    pytest.importorskip("simplemma")
    assert found("Masks and children's diseases", "mask", "child", "disease") == ["Masks", "children", "diseases"]
    assert found("the white blood cells", "white blood cell") == ["white blood cells"]
    assert found("mit neuen Masken in Krankenhäusern", "Maske", "Krankenhaus", pair=Pair("de", "en")) == [
        "Masken",
        "Krankenhäusern",
    ]
    assert found("doenças respiratórias agudas", "doença respiratória", pair=Pair("pt", "en")) == [
        "doenças respiratórias"
    ]
    assert found("birusaren maskarekin", "birus", "maskara", pair=Pair("eu", "en")) == ["birusaren", "maskarekin"]


def test_a_term_as_it_is_written_is_preferred_to_its_forms() -> None:
    pytest.importorskip("simplemma")
    one, other = TermEntry("mask", "máscara"), TermEntry("masks", "máscaras")
    assert [term.entries for term in finder(one, other).find("masks and mask")] == [(other,), (one,)]


def test_case() -> None:
    who = TermEntry("WHO", "OMS", case_sensitive=True)
    anyone = TermEntry("who", "quem")
    assert [term.entries for term in finder(who, anyone).find("WHO who Who")] == [
        (who, anyone),
        (anyone,),
        (anyone,),
    ]
    assert found("who Who", who) == []
    assert found("two ICUs, ICU, icu, ICUSs", TermEntry("ICU", "UCI", case_sensitive=True)) == ["ICUs", "ICU"]
    assert found("the apple of Apple", TermEntry("Apple", "Apple", "keep", case_sensitive=True)) == ["Apple"]


@pytest.mark.parametrize(
    ("text", "term", "tag"),
    [
        ("请戴口罩出门", "口罩", "zh"),
        ("マスクを着用してください", "マスク", "ja"),
        ("สวมหน้ากากอนามัย", "หน้ากาก", "th"),
        ("ကာကွယ်ဆေးထိုးပါ", "ကာကွယ်ဆေး", "my"),
        ("ពាក់ម៉ាស់", "ម៉ាស់", "km"),
        ("ໃສ່ໜ້າກາກ", "ໜ້າກາກ", "lo"),
        ("接种COVID-19疫苗", "COVID-19疫苗", "zh"),
        ("마스크를 쓰세요", "마스크", "ko"),
    ],
)
def test_scripts_without_spaces_and_korean(text: str, term: str, tag: str) -> None:
    (only,) = finder(term, pair=Pair(tag, "en")).find(text)
    assert text[only.start : only.end] == only.text
    assert only.text.startswith(term)


def test_protected_spans_are_not_looked_into_and_not_crossed() -> None:
    text = "a mask <mask> face <b> mask"
    spans = [Span(7, 13, "tag", 1), Span(19, 22, "tag", 2)]
    places = finder("mask", "face mask").find(text, spans)
    assert [(term.start, term.end) for term in places] == [(2, 6), (23, 27)]
    assert [term.text for term in finder("face mask").find("face mask", [Span(0, 9, "code", 1)])] == []


def test_a_glossary_of_the_opposite_direction_is_turned_round() -> None:
    glossary = Glossary((TermEntry("máscara", "mask"),), "pt", "en")
    (term,) = TermFinder(glossary, EN_PT).find("a mask")
    assert term.entries == (TermEntry("mask", "máscara"),)
    with pytest.raises(ConfigurationError):
        TermFinder(glossary, Pair("en", "xh"))


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_the_text_terms_stand_where_they_are_said_to(text: str, terms: list[str]) -> None:
    places = finder(*terms).find(text)
    assert all(text[term.start : term.end] == term.text for term in places)
    assert all(one.end <= other.start for one, other in pairwise(places))


def test_long_lines_take_no_time() -> None:
    search = finder("mask", "face mask", "the mask of the face", "x")
    start = time.perf_counter()
    for line in ("mask " * 20_000, "x" * 100_000, "👩‍⚕️" * 30_000, "的" * 100_000):
        search.find(line)
    assert time.perf_counter() - start < 10


def test_a_large_glossary_is_quick() -> None:
    draw = random.Random(0)
    syllables = "ba co du fe gi ho ju ke li mo na pu ra se ti vo xu za".split()
    words = list({"".join(draw.choices(syllables, k=draw.randint(2, 4))) for _ in range(20_000)})
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    entries = tuple(
        TermEntry(" ".join(draw.choices(words, k=draw.choice((1, 2, 2, 3)))), "x") for _ in range(50_000)
    )
    texts = [" ".join(draw.choices(words, weights, k=25)) for _ in range(1_000)]
    start = time.perf_counter()
    search = TermFinder(Glossary(entries), Pair("oc", "pt"))
    assert sum(len(search.find(text)) for text in texts) > 1_000
    assert time.perf_counter() - start < 30  # 3 s on an idle machine


@pytest.mark.data
def test_terms_of_tico_19(shared_data: Path) -> None:
    folder = shared_data / "tico19"
    search = TermFinder(load_glossary(folder / "terminologies" / "f_en-pt_XX.csv", EN_PT), EN_PT)
    lines = (folder / "dev" / "eng_Latn.txt").read_text("utf-8").splitlines()
    terms = [term for line in lines for term in search.find(line)]
    assert 1_500 < len(terms) < 2_000
    assert {"masks", "lungs", "SARS-CoV-2"} & {term.text for term in terms}
