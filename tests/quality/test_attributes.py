"""The rules for variety and formality, held to sentences written for them and to the banks."""

from __future__ import annotations

import json
import re
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from scalemt.memory import packaged_demonstrations
from scalemt.quality.attributes import Verdict, formality_of, judged_languages, variety_of
from scalemt.types import Pair

FOLDER = Path(__file__).parent / "attributes"
NOTHING = Verdict(None, {}, ())


def written() -> list[tuple[str, str, str, str]]:
    """Attribute, tag, value ("-" for none), sentence, of the files in `attributes/`."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        attribute, language, _ = path.name.split(".")
        for line in path.read_text("utf-8").splitlines():
            *tag, value, sentence = line.split(" | ")
            found.append((attribute, tag[0] if tag else language, value, sentence))
    return found


def judged(attribute: str, text: str, tag: str) -> Verdict:
    return variety_of(text, tag) if attribute == "variety" else formality_of(text, tag)


@pytest.mark.parametrize(("attribute", "tag", "value", "sentence"), written())
def test_a_written_sentence(attribute: str, tag: str, value: str, sentence: str) -> None:
    verdict = judged(attribute, sentence, tag)
    assert verdict.value == (None if value == "-" else value), verdict


def test_there_are_sentences_of_every_value_in_every_language() -> None:
    rows = written()
    for attribute, language in [("variety", "pt"), *(("formality", tag) for tag in ("de", "es", "fr", "pt"))]:
        values = [value for kind, tag, value, _ in rows if kind == attribute and tag.split("-")[0] == language]
        assert len(values) >= 60
        assert min(values.count(value) for value in set(values)) >= 14
    assert len({row[1:] for row in rows}) == len(rows)


def bank_targets() -> list[dict[str, str]]:
    text = (files("scalemt.memory") / "data" / "banks.jsonl").read_text("utf-8")
    return [target for line in text.splitlines() for target in json.loads(line)["targets"]]


@pytest.mark.parametrize("target", bank_targets(), ids=lambda target: target["target"][:30])
def test_every_entry_of_the_banks_shows_what_it_states(target: dict[str, Any]) -> None:
    text, language = target["target"], target["language"]
    tag = target.get("variety", language)
    assert (formality_of(text, tag).value or "neutral") == target["formality"]
    if "variety" in target:
        assert variety_of(text, language).value == target["variety"]
        # Where the tag does not name the variety, the text's own marks do.
        assert formality_of(text, language) == formality_of(text, tag)


def test_the_general_pool_is_brazilian_and_says_nothing_else() -> None:
    pool = [item.target for item in packaged_demonstrations(Pair("en", "pt-BR"))]
    values = [variety_of(text, "pt").value for text in pool]
    assert values.count("pt-PT") == 0
    assert values.count("pt-BR") >= len(pool) // 3


def test_what_a_verdict_holds() -> None:
    assert variety_of("O ônibus e o comboio.", "pt") == Verdict(
        None, {"pt-BR": 2, "pt-PT": 2}, ("ônibus", "comboio")
    )
    verdict = formality_of("Dime, ¿quiere usted que te llame?", "es")
    assert verdict == Verdict("informal", {"informal": 4, "formal": 2}, ("Dime", "usted", "te"))
    assert formality_of("N’oublie pas.", "fr").value == "informal"


def test_the_territory_decides_about_forms_that_differ() -> None:
    assert formality_of("Você pode entrar.", "pt-BR").value == "informal"
    assert formality_of("Você pode entrar.", "pt-PT").value == "formal"
    assert formality_of("Você pode entrar.", "pt").value == "informal"
    assert formality_of("Você pode entrar no autocarro.", "pt").value == "formal"
    assert formality_of("Ustedes pueden entrar.", "es").value == "formal"
    assert formality_of("Ustedes pueden entrar.", "es-ES").value == "formal"
    assert formality_of("Ustedes pueden entrar.", "es-MX") == NOTHING
    assert variety_of("O autocarro partiu.", "pt-BR").value == "pt-PT"


def test_languages_without_rules_have_no_verdict() -> None:
    assert judged_languages("variety") == ["pt"]
    assert judged_languages("formality") == ["de", "es", "fr", "pt"]
    for tag in ("en", "it", "eu", "zh-Hant", "es", "und", ""):
        assert variety_of("O ônibus chegou. Tu viens?", tag) == NOTHING
    for tag in ("en", "it", "xh", "zh-Hans-TW"):
        assert formality_of("Tu viens? Sie kommen, wenn Sie wollen.", tag) == NOTHING


@pytest.mark.parametrize("tag", ["pt", "pt-PT", "es", "fr", "de"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "😀👩‍👩‍👧‍👦🇵🇹",
        "\x00\ufffd\u2028",
        "'",
        "-",
        "¿?¡!",
        "12 345,60 €",
        "e\u0301\u0301",
        "你好,世界",
        "\ud83d",
    ],
)
def test_texts_that_are_no_sentences(tag: str, text: str) -> None:
    assert variety_of(text, tag) == NOTHING
    assert formality_of(text, tag) == NOTHING


@pytest.mark.slow
@pytest.mark.parametrize("tag", ["pt", "es", "fr", "de"])
@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("a", 1_000_000),
        ("está a ", 1_000_000),
        *((unit, 100_000) for unit in ("pode se ", "¿puede ", "vous, ", "😀", "ção-me ", "-", "o senhor ", '", ')),
    ],
    ids=repr,
)
def test_a_megabyte_is_judged_in_seconds(tag: str, unit: str, size: int) -> None:
    text = (unit * (size // len(unit) + 1))[:size]
    started = time.process_time()
    variety_of(text, tag)
    formality_of(text, tag)
    assert time.process_time() - started < 30


def test_the_lists_hold_no_word_twice_for_different_values() -> None:
    """A word that marks both values marks nothing: one of the two lists is wrong."""
    from scalemt.quality.attributes import _rules

    for attribute, base, territory in [
        ("variety", "pt", ""),
        *(
            ("formality", *tag)
            for tag in [("pt", "pt-BR"), ("pt", "pt-PT"), ("es", "es-ES"), ("fr", ""), ("de", "")]
        ),
    ]:
        rules = _rules(attribute, base, territory)
        assert rules is not None
        first, second = rules.marks
        assert not first.words.keys() & second.words.keys(), (base, territory)
        assert not first.openers & second.openers, (base, territory)
        for marks in rules.marks:
            assert all(re.fullmatch(r"[^\W\d_]+", word) for word in (*marks.words, *marks.openers)), base


def test_there_are_eighty_pairs_of_words() -> None:
    from scalemt.quality.attributes import _tables

    assert sum(bool(brazil and portugal) for brazil, portugal in _tables()["pt"]["variety"]["pairs"]) >= 80
