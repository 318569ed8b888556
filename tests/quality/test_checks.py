"""Each check on real-looking texts: right ones pass, wrong ones fail with a reason."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from scalemt import languages
from scalemt.memory import packaged_demonstrations
from scalemt.memory.demonstrations import packaged_languages
from scalemt.quality.checks import CHECKS, Subject, run_checks
from scalemt.quality.language import identify
from scalemt.types import Pair

EN_PT = Pair("en", "pt")
WALK = "The weather is so fine that we should all go for a walk. "


def detail(check: str, source: str, text: str, pair: Pair = EN_PT, **more: Any) -> str:
    """Run one check and return why it fails, or an empty string."""
    (verdict,) = run_checks(Subject(source, text, pair, **more), (check,))
    assert verdict.name == check
    assert verdict.passed == (not verdict.detail)
    return verdict.detail


def test_names_and_order() -> None:
    subject = Subject("The house is blue.", "A casa é azul.", EN_PT, "A casa é azul.")
    verdicts = run_checks(subject)
    assert [verdict.name for verdict in verdicts] == list(CHECKS)
    assert all(verdict.passed for verdict in verdicts)


def test_after_an_empty_answer_nothing_else_is_asked() -> None:
    (verdict,) = run_checks(Subject("The house", "  ", EN_PT))
    assert (verdict.name, verdict.passed, verdict.detail) == ("empty", False, "the answer is empty")
    assert detail("empty", "", "") == ""
    assert detail("empty", "  ", "") == ""


def test_truncated() -> None:
    assert detail("truncated", "a", "b", finished=False) == "the answer was cut off before its end"
    assert detail("truncated", "a", "b") == ""


@pytest.mark.parametrize(
    ("source", "text", "draft", "fails"),
    [
        ("Yes.", "Claro que sim.", "", False),
        ("The house is blue and the door is green.", "A casa é azul e a porta é verde.", "", False),
        ("The house is blue.", "A casa é azul. " * 8, "", True),
        ("The house is blue and the door of the neighbour is green. " * 3, "A casa é azul.", "", True),
        ("今天天气很好，我们一起去海边散步吧。" * 4, WALK * 4, "", False),
        (WALK * 4, "今天天气很好，我们去散步吧。" * 4, "", False),
        ("The house", "A casa azul que fica perto do rio e do mercado", "A casa", True),
        ("The house is blue and its door is green.", "A casa.", "A casa é azul e a porta é verde. " * 2, True),
    ],
)  # fmt: skip
def test_length(source: str, text: str, draft: str, fails: bool) -> None:
    pair = Pair("zh", "en") if source.startswith("今") else Pair("en", "zh") if "今" in text else EN_PT
    found = detail("length", source, text, pair, draft=draft)
    assert bool(found) == fails
    if fails:
        assert ("draft" if draft else "source") in found


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("He ran.", "Ele correu e correu e correu e correu e correu e", "repeats"),
        ("He ran.", "muito muito muito muito", "repeats 'muito'"),
        ("Very good.", "o que é o que é o que é o que é", "repeats 'o que é'"),
        ("It is so.", "是这样的是这样的是这样的是这样的是这样的", "repeats '是这样的'"),
        ("No, no, no, no!", "Não, não, não, não!", ""),
        ("hahahahahaha", "kkkkkkkk jajajajajaja", ""),
        ("Bora Bora is far.", "Bora Bora fica longe.", ""),
        ("He laughed.", "Ele riu, riu, riu.", ""),
        ("A line: ----------", "Uma linha: ----------", ""),
        ("1000000000000", "1000000000000", ""),
        ("See below ..........", "Veja abaixo ..........", ""),
    ],
)
def test_repetition(source: str, text: str, said: str) -> None:
    found = detail("repetition", source, text)
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("source", "text", "draft", "said"),
    [
        ("It cost 1,000.50 dollars in the 1990s.", "Custou 1.000,50 dólares nos anos 90.", "", ""),
        ("It cost 1,000 dollars.", "Custou mil dólares.", "", "the number 1000 of the source is missing"),
        ("It cost 1,000 dollars.", "Custou mil dólares.", "Custou mil dólares americanos.", ""),
        ("It cost a thousand.", "Custou 2500.", "", "the number 2500 is not in the source"),
        ("It cost 1,000 dollars.", "Custou 2.000.", "Custou mil dólares.", "2000 is not in the source"),
        ("It cost 1,000 dollars.", "Custou mil.", "Custou 1.000 dólares.", "1000 of the source is missing"),
    ],
)
def test_numbers(source: str, text: str, draft: str, said: str) -> None:
    found = detail("numbers", source, text, draft=draft)
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("source", "text", "missing"),
    [
        ("See https://example.org/a_b?c=d#e.", "Veja https://example.org/a_b?c=d#e!", ""),
        ("(see https://example.org/x).", "(veja https://example.org/x)", ""),
        ("Visit www.example.org, please", "Por favor, visite “www.example.org”.", ""),
        ("Write to ana.costa@example.org.", "Escreva para ana.costa@example.org", ""),
        ("Read https://example.org/page now.", "请阅读https://example.org/page。现在就读", ""),
        ("Mail a@example.org now.", "请写信给a@example.org吧", ""),
        ("<https://example.org>", "«https://example.org»", ""),
        ("[text](https://example.org/x)", "[texto](https://example.org/x)", ""),
        ("See https://example.org/a.", "Veja https://example.org/b.", "https://example.org/a"),
        ("See https://example.org/a.", "Veja o sítio.", "https://example.org/a"),
        ("Write to a@example.org.", "Escreva para a@exemplo.org.", "a@example.org"),
        ("https://a.org and https://a.org", "https://a.org", "https://a.org"),
        ("No address", "Veja https://example.org", ""),
    ],
)
def test_addresses(source: str, text: str, missing: str) -> None:
    found = detail("addresses", source, text)
    assert found == (f"{missing} of the source is missing" if missing else "")


def test_copy() -> None:
    source = "The house is blue and the door is green."
    assert detail("copy", source, source) == "100 % the same as the source"
    assert detail("copy", source, source.upper()) != ""
    assert detail("copy", source, "A casa é azul e a porta é verde.") == ""
    # A text in a third language that the prompt showed is no translation either.
    spanish = "La casa es azul y la puerta es verde."
    assert detail("copy", source, spanish, others=("bat", spanish)) == "100 % the same as another language's text"
    assert detail("copy", source, spanish, others=("La casa",)) == ""
    assert detail("copy", source, spanish, draft=spanish, others=(spanish,)) == ""
    # Short texts, close languages where the draft is a copy too, and two varieties of one language.
    assert detail("copy", "New York City", "New York City") == ""
    same = "A casa de Ana é grande."
    assert detail("copy", same, same, Pair("gl", "pt")) != ""
    assert detail("copy", same, same, Pair("gl", "pt"), draft=same) == ""
    assert detail("copy", same, same, Pair("pt-BR", "pt-PT")) == ""


def test_scores() -> None:
    assert detail("scores", "The house", "A(0.50) casa(0.91)") == "holds confidence scores of the prompt"
    assert detail("scores", "f(0.50) is zero", "f(0.50) é zero") == ""
    assert detail("scores", "The house (0.5)", "A casa (0,5)") == ""


def test_drift() -> None:
    source = "The train to the north leaves at noon."
    draft = "O trem para o norte sai ao meio-dia."
    assert detail("drift", source, "O comboio para o norte parte ao meio-dia.", draft=draft) == ""
    assert "like the draft" in detail("drift", source, "Gatos: xxx kkk www zzz yyy", draft=draft)
    assert detail("drift", source, "Gatos: xxx kkk www zzz yyy") == ""
    assert detail("drift", "Hi", "xxx", draft="Olá") == ""


# The language check.


@pytest.fixture(scope="module")
def pool() -> dict[str, list[str]]:
    return {
        tag: [item.target for item in packaged_demonstrations(Pair("en" if tag != "en" else "es", tag))]
        for tag in packaged_languages()
    }


def is_long(text: str) -> bool:
    return sum(character.isalpha() for character in text) >= 25


def test_no_right_sentence_of_the_pool_fails(pool: dict[str, list[str]]) -> None:
    wrong = [
        (tag, text)
        for tag, texts in pool.items()
        for text in texts
        if detail("language", "x", text, Pair("ja", tag))
    ]
    assert wrong == []


def test_wrong_languages_are_seen(pool: dict[str, list[str]]) -> None:
    """Unrelated languages nearly always, close ones mostly: doubt is decided for the text."""
    for target, given in permutations(pool, 2):
        texts = [text for text in pool[given] if is_long(text)][::3]
        seen = sum(bool(detail("language", "x", text, Pair("ja", target))) for text in texts) / len(texts)
        close = {languages.base(target), languages.base(given)} <= {"es", "pt", "gl", "ca"}
        assert seen >= (0.6 if close else 0.95), (target, given, seen)


def test_what_the_language_check_says() -> None:
    text = "The house stands on a hill near the river, and nobody has lived there for many years."
    found = detail("language", "x", text, Pair("es", "eu"))
    assert found == "looks like English (100%), not Basque"
    assert detail("language", "x", text, Pair("eu", "en")) == ""
    assert detail("language", "x", text, Pair("eu", "en-GB")) == ""


@pytest.mark.parametrize(
    "text", ["Porto Alegre", "IBM, NATO, UNESCO", "12:30 – 14:45", "", "OK", "São Paulo 2024"]
)
def test_short_texts_and_names_are_let_through(text: str) -> None:
    assert detail("language", "x", text, Pair("en", "eu")) == ""


def test_a_language_that_the_identifier_does_not_know_is_let_through() -> None:
    assert "fur" not in identify("Une frase lungje avonde par jessi judicade.")
    text = "Une frase lungje avonde par jessi judicade dal program."
    assert detail("language", "x", text, Pair("en", "fur")) == ""


def test_no_right_translation_of_the_pool_fails_any_check(pool: dict[str, list[str]]) -> None:
    failed = [
        (source, target, verdict)
        for source, target in permutations(pool, 2)
        for text, right in list(zip(pool[source], pool[target], strict=True))[::3]
        for verdict in run_checks(Subject(text, right, Pair(source, target)), tuple(CHECKS.keys() - {"language"}))
        if not verdict.passed
    ]
    assert failed == []


def test_what_is_no_language_is_called_so() -> None:
    said = detail("language", "the house", "asdf qwer zxcv uiop hjkl vbnm rtyu")
    assert said.startswith("looks like no language at all (")
