"""Forms of words, with dictionaries, with stems, and with neither."""

from __future__ import annotations

import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.glossary import lemmas
from scalemt.glossary.lemmas import Forms, forms

SAME = {
    "pt": "máscara/máscaras mão/mãos coração/corações infetado/infetada MÁSCARA/máscaras vírus/Vírus",
    "es": "ratón/ratones vacuna/vacunas luz/luces máscara/máscaras infección/infecciones",
    "de": "Maske/Masken Haus/Häuser Impfstoff/Impfstoffen Krankenhaus/Krankenhäusern Virus/Viren MASKEN/Maske",
    "ca": "mà/mans vacuna/vacunes infecció/infeccions malaltia/malalties país/països",
    "eu": "maskara/maskarak maskara/maskararekin birus/birusaren birusa/birusarekin txerto/txertoak "
    "gaixotasun/gaixotasunaren ospitale/ospitaleetan",
    "en": "mask/masks virus/viruses child/children mass/masses vaccinate/vaccinated",
    "ko": "백신/백신을 마스크/마스크는 바이러스/바이러스의",
    "oc": "vaccin/vaccins malautiá/malautiás",
    "ru": "вирус/вирусов маска/масок болезнь/болезни",
}
OTHER = {
    "pt": "vírus/virus máscara/mascara cidade/cidadão banco/banca papel/papa caso/casa porto/porta",
    "es": "universo/universidad público/publico caso/casa",
    "de": "Maske/Masse Haus/Hase Haus/aus",
    "ca": "casa/cas gent/gens mare/mar universal/universitat",
    "eu": "gaixo/gaixotasun mendi/mende maskara/mask",
    "en": "universe/university contrast/contract virus/viral organ/organization pathogen/pathogenic "
    "Martin/Marina Clara/Clark new/news infect/infection",
    "ko": "백신/백수",
    "oc": "vaccin/vaccinacion",
}


def pairs(table: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(tag, *couple.split("/")) for tag, couples in table.items() for couple in couples.split()]  # type: ignore[misc]


@pytest.fixture
def _libraries() -> None:
    pytest.importorskip("simplemma")
    pytest.importorskip("snowballstemmer")


@pytest.mark.usefixtures("_libraries")
@pytest.mark.parametrize(("tag", "one", "other"), pairs(SAME))
def test_forms_of_one_word(tag: str, one: str, other: str) -> None:
    assert forms(tag).same(one, other)
    assert forms(tag).same(other, one)


@pytest.mark.usefixtures("_libraries")
@pytest.mark.parametrize(("tag", "one", "other"), pairs(OTHER))
def test_words_that_only_look_alike(tag: str, one: str, other: str) -> None:
    assert not forms(tag).same(one, other)
    assert not forms(tag).same(other, one)


@pytest.mark.usefixtures("_libraries")
@pytest.mark.parametrize(
    ("tag", "kind", "word", "lemma"),
    [
        ("pt-BR", "lemmas", "Máscaras", "máscara"),
        ("hr", "lemmas", "kuće", "kuća"),
        ("ne", "stems", "घरहरू", "घर"),
        ("xh", "words", "Izifo", "izifo"),
        ("", "words", "Masks", "masks"),
        ("zh-Hant", "words", "口罩", "口罩"),
    ],
)
def test_the_best_that_there_is_for_a_language(tag: str, kind: str, word: str, lemma: str) -> None:
    assert (forms(tag).kind, forms(tag).lemma(word)) == (kind, lemma)


def test_forms_are_made_once() -> None:
    assert forms("pt-BR") is forms("pt")


def test_without_any_library_words_are_compared_by_their_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simplemma", None)
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    bare = Forms("pt", lemmas._dictionary("pt"), lemmas._stemmer("pt"))
    assert (bare.kind, bare.lemma("Máscaras")) == ("words", "máscaras")
    assert bare.same("máscara", "máscaras")
    assert not bare.same("mão", "mãos")


def test_with_stems_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("snowballstemmer")
    monkeypatch.setitem(sys.modules, "simplemma", None)
    stemmed = Forms("pt", lemmas._dictionary("pt"), lemmas._stemmer("pt"))
    assert stemmed.kind == "stems"
    assert stemmed.lemma("Infetados") == stemmed.lemma("infetada")
    assert stemmed.same("Infetados", "infetada")


def test_stems_are_right_from_several_threads() -> None:
    pytest.importorskip("snowballstemmer")
    shared = Forms("pt", None, lemmas._stemmer("pt"))
    words = [f"infeções{number}as" for number in range(300)]
    alone = Forms("pt", None, lemmas._stemmer("pt"))
    wanted = [alone.lemma(word) for word in words]
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append([shared.lemma(word) for word in words])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


@given(st.sampled_from(["pt", "eu", "de", "zh", "ko", "ar"]), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_two_texts_are_compared(tag: str, one: str, other: str) -> None:
    language = forms(tag)
    assert language.same(one, one)
    assert language.same(one, other) == language.same(other, one)
    assert isinstance(language.lemma(one), str)
    assert language.lemma("x" * 100_000) == "x" * 100_000
