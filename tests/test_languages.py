"""Codes of all standards in, one canonical tag inside, each engine's code out."""

from __future__ import annotations

from itertools import product

import pytest

from scalemt import languages
from scalemt.errors import UnknownLanguageError
from scalemt.types import Pair


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        # BCP-47
        ("pt", "pt"),
        ("pt-BR", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("pt-Latn", "pt"),
        ("pt-Latn-BR", "pt-BR"),
        ("es-419", "es-419"),
        ("zh-Hant", "zh-Hant"),
        ("zh-Hans", "zh"),
        ("zh-TW", "zh-Hant-TW"),
        ("zh-HK", "zh-Hant-HK"),
        ("zh-CN", "zh-CN"),
        ("zh-Hans-TW", "zh-Hans-TW"),
        ("sr-Latn", "sr-Latn"),
        ("sr-Cyrl", "sr"),
        ("ca-valencia", "ca-valencia"),
        ("en-u-ca-gregory", "en"),
        ("iw", "he"),
        ("in", "id"),
        ("mo", "ro"),
        ("zh-yue", "yue"),
        ("no", "nb"),
        ("no-NO", "nb-NO"),
        # FLORES-200 / NLLB-200
        ("por_Latn", "pt"),
        ("zho_Hans", "zh"),
        ("zho_Hant", "zh-Hant"),
        ("arb_Arab", "ar"),
        ("kmr_Latn", "ku"),
        ("kor_Hang", "ko"),
        ("acm_Arab", "acm"),
        ("prs_Arab", "fa-AF"),
        ("srp_Cyrl", "sr"),
        ("ace_Arab", "ace-Arab"),
        ("xho_Latn", "xh"),
        # ISO 639-3 and the bibliographic codes of ISO 639-2
        ("por", "pt"),
        ("eus", "eu"),
        ("baq", "eu"),
        ("ger", "de"),
        ("deu", "de"),
        ("fre", "fr"),
        ("cmn", "zh"),
        ("nor", "nb"),
        ("swh", "sw"),
        # Apertium
        ("eng", "en"),
        ("cat_valencia", "ca-valencia"),
        ("eng_US", "en-US"),
        ("pt_BR", "pt-BR"),
        ("hbs", "sh"),
        ("hbs_HR", "sh-HR"),
        ("oci_aran", "oc-aranes"),
        ("oc_aran", "oc-aranes"),
        # OPUS, DeepL, LibreTranslate
        ("pt_br", "pt-BR"),
        ("zh_CN", "zh-CN"),
        ("sr_Latn", "sr-Latn"),
        ("PT-PT", "pt-PT"),
        ("EN-GB", "en-GB"),
        ("ZH-HANT", "zh-Hant"),
        ("ZH-HANS", "zh"),
        ("NB", "nb"),
        ("pb", "pt-BR"),
        ("zt", "zh-Hant"),
        # English names
        ("Portuguese", "pt"),
        ("basque", "eu"),
        ("Brazilian Portuguese", "pt-BR"),
        ("brazilian-portuguese", "pt-BR"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("Chinese (Traditional)", "zh-Hant"),
        ("English (UK)", "en-GB"),
        ("Catalan (Valencian)", "ca-valencia"),
        ("Norwegian", "nb"),
        ("Haitian Creole", "ht"),
        ("scottish_gaelic", "gd"),
        ("Serbo-Croatian", "sh"),
        ("Dari", "fa-AF"),
        # With white space around it
        (" pt\n", "pt"),
    ],
)
def test_every_accepted_spelling(code: str, tag: str) -> None:
    assert languages.parse(code) == tag


def test_all_flores_codes_make_the_round_trip() -> None:
    tags = [languages.parse(code) for code in languages.FLORES_CODES]
    assert len(set(tags)) == len(languages.FLORES_CODES) == 203
    assert [languages.to_flores(tag) for tag in tags] == list(languages.FLORES_CODES)
    assert [languages.parse(tag) for tag in tags] == tags


def test_names_of_all_flores_languages_lead_back() -> None:
    tags = [languages.parse(code) for code in languages.FLORES_CODES]
    assert [languages.parse(languages.name(tag)) for tag in tags] == tags


def test_the_language_alone_is_enough_where_flores_has_it_in_one_script() -> None:
    """ISO 639-3 codes name no script, and for some languages CLDR knows none or another one."""
    for code in languages.FLORES_CODES:
        found = languages.to_flores(languages.parse(code[:3]))
        assert found[:3] == code[:3], code


def test_a_canonical_tag_is_its_own_canonical_tag() -> None:
    every = product(
        ["zh", "sr", "ko", "az", "pa", "uz", "sh", "crh", "tzm", "acm", "ca", "no"],
        ["", "Hans", "Hant", "Latn", "Cyrl", "Arab", "Hang", "Kore", "Tfng"],
        ["", "TW", "CN", "IR", "ME", "KR", "PK", "HR"],
    )
    for parts in every:
        tag = languages.parse("-".join(part for part in parts if part))
        assert languages.parse(tag) == tag, parts
        assert languages.parse(languages.base(tag)) == languages.base(tag) == languages.base(languages.base(tag))


@pytest.mark.parametrize(
    "code",
    [
        "",
        "   ",
        "C",
        "xx",
        "qq",
        "und",
        "mul",
        "mis",
        "zxx",
        "root",
        "und-Latn",
        "x-klingon",
        "qaa",
        "../",
        "../../etc/passwd",
        "😀",
        "英語",
        "\x00",
        "en\x00",
        "*",
        "-pt",
        "pt-",
        "pt--BR",
        "a-b-c-d-e-f-g-h-i-j",
        "eng-por",
        "eng-cat",
        "en->pt",
        "{{ 7*7 }}",
        "English (Mars)",
        "a" * 100_000,
        "en-" + "a" * 100_000,
        "\n" * 100_000,
    ],
)
def test_hostile_codes_are_refused_in_a_short_sentence(code: str) -> None:
    with pytest.raises(UnknownLanguageError, match=r"^Unknown language .*BCP-47 tag \(pt-BR\)") as caught:
        languages.parse(code)
    assert len(str(caught.value)) < 450
    assert "\n" not in str(caught.value)


def test_find_says_none_where_parse_refuses() -> None:
    assert [languages.find(code) for code in ("por_Latn", " Portuguese ", "en->pt", "", "\0")] == [
        "pt", "pt", None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "first"),
    [
        ("portugese", "pt (Portuguese)"),
        ("Protuguese", "pt (Portuguese)"),
        ("português", "pt (Portuguese)"),
        ("engish", "en (English)"),
        ("spanisch", "es (Spanish)"),
        ("galego", "gl (Galician)"),
        ("por_Latm", "pt (Portuguese)"),
        ("pt_BR.UTF-8", "pt (Portuguese)"),
        ("eng-por", "en (English)"),
        ("xx", "xh (Xhosa)"),
        ("esp", "es (Spanish)"),
        ("jp", "ja (Japanese)"),
        ("cz", "cs (Czech)"),
        ("ua", "uk (Ukrainian)"),
        ("gr", "el (Greek)"),
        ("us", "en (English)"),
    ],
)
def test_the_nearest_known_is_named_first(code: str, first: str) -> None:
    with pytest.raises(UnknownLanguageError) as caught:
        languages.parse(code)
    assert f"The nearest known: {first}" in str(caught.value)
    assert languages.nearest(code)[0] == first


def test_nearest_names_at_most_as_many_as_asked_each_once_and_nothing_for_nonsense() -> None:
    for code in ("z", "zz", "c", "portugese", "chinesse"):
        found = languages.nearest(code, 2)
        assert 0 < len(found) <= 2
        assert len(set(found)) == len(found)
    assert languages.nearest("😀") == languages.nearest("") == []


def test_parse_pair_names_the_wrong_side() -> None:
    assert languages.parse_pair("por_Latn", "Basque") == Pair("pt", "eu")
    with pytest.raises(UnknownLanguageError, match="'klingn'"):
        languages.parse_pair("en", "klingn")


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("pt-BR", "pt"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hans-TW", "zh"),
        ("es-419", "es"),
        ("ca-valencia", "ca"),
        ("eu", "eu"),
    ],
)
def test_base_leaves_language_and_script(tag: str, expected: str) -> None:
    assert languages.base(tag) == expected


@pytest.mark.parametrize(
    ("tag", "code"), [("pt-BR", "por"), ("sh", "hbs"), ("zh-Hant", "zho"), ("eu", "eus"), ("fil", "fil")]
)
def test_iso3(tag: str, code: str) -> None:
    assert languages.to_iso3(tag) == code


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("pt-BR", "por_Latn"),
        ("zh-Hant-TW", "zho_Hant"),
        ("zh-CN", "zho_Hans"),
        ("ca-valencia", "cat_Latn"),
        ("nb-NO", "nob_Latn"),
    ],
)
def test_flores_code_without_territory(tag: str, code: str) -> None:
    assert languages.to_flores(tag) == code


@pytest.mark.parametrize("tag", ["tlh", "sr-Latn", "sh"])
def test_a_language_that_nllb_lacks_is_named(tag: str) -> None:
    with pytest.raises(UnknownLanguageError, match=rf"^{tag} \(.+\) is not one of the 203 languages"):
        languages.to_flores(tag)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("xh", "Xhosa"),
        ("pt-BR", "Portuguese (Brazil)"),
        ("ca-valencia", "Catalan (Valencian)"),
        ("sh", "Serbo-Croatian"),
        ("fa-AF", "Dari"),
    ],
)
def test_names_are_those_of_prompts(tag: str, expected: str) -> None:
    assert languages.name(tag) == expected


@pytest.mark.parametrize("text", ["English to Portuguese", "spanishportuguese", "norwegianx", "Englishman"])
def test_a_text_that_only_begins_with_a_name_is_no_language(text: str) -> None:
    with pytest.raises(UnknownLanguageError):
        languages.parse(text)


@pytest.mark.parametrize(
    ("tag", "script"),
    [
        ("eu", "Latn"), ("ru", "Cyrl"), ("sr-Latn", "Latn"), ("zh", "Hans"), ("zh-Hant-TW", "Hant"),
        ("ja", "Jpan"), ("ko", "Kore"), ("ca-valencia", "Latn"), ("pt-BR", "Latn"), ("ur", "Arab"), ("ne", "Deva"),
    ],
)  # fmt: skip
def test_script(tag: str, script: str) -> None:
    assert languages.script(tag) == script
