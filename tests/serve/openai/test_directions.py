"""What the name of a model, or a system message, says about languages; and how a message is cut into lines."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalemt.serve.directions import Direction, of_code, of_sentence
from scalemt.serve.linewise import Lines
from scalemt.serve.tongues import Tongues
from scalemt.types import Pair

SERVED = Tongues([Pair("en", "pt"), Pair("pt", "en"), Pair("en", "zh-Hant")])


@pytest.mark.parametrize(
    ("code", "source", "target"),
    [
        ("en-pt", "en", "pt"),
        ("en_pt", "en", "pt"),
        ("EN-PT", "EN", "PT"),
        ("eng_Latn-por_Latn", "eng_Latn", "por_Latn"),
        ("English-Portuguese", "English", "Portuguese"),
        ("en-pt-BR", "en", "pt-BR"),
        ("en-pt-br", "en", "pt-br"),
        ("en-zh-Hant", "en", "zh-Hant"),
        ("auto-pt", "auto", "pt"),
        ("en>pt-BR", "en", "pt-BR"),
        ("en->pt", "en", "pt"),
        ("en → pt", "en", "pt"),
        ("AUTO>pt", "auto", "pt"),
        (">pt", None, "pt"),
        ("pt", None, "pt"),
        ("Portuguese", None, "Portuguese"),
        ("por_Latn", None, "por_Latn"),
        # The spelling of BCP-47 is of one language, also where the halves are a pair that is served.
        ("en-PT", None, "en-PT"),
        ("pt-BR", None, "pt-BR"),
        ("zh-Hant", None, "zh-Hant"),
        # Not Portuguese to Breton, which nobody serves.
        ("pt-br", None, "pt-br"),
        ("PT-BR", None, "PT-BR"),
        # A pair that is not served is refused as such, later.
        ("de-en", "de", "en"),
    ],
)
def test_a_code_is_a_direction(code: str, source: str | None, target: str) -> None:
    assert of_code(code, SERVED) == Direction(source, target)


@pytest.mark.parametrize(
    "code", ["", " ", ">", "en>", "x>y", "nonsense", "en>>", "\0", "a" * 100_000, "-" * 10_000]
)
def test_nonsense_is_no_direction(code: str) -> None:
    assert of_code(code, SERVED) is None


@pytest.mark.parametrize(
    ("message", "source", "target"),
    [
        ("Translate from English to Portuguese", "English", "Portuguese"),
        (
            "Please translate the following text from English into Brazilian Portuguese.",
            "English",
            "Brazilian Portuguese",
        ),
        (
            "You are a professional English to Portuguese translator. Answer with nothing else.",
            "English",
            "Portuguese",
        ),
        ("translate english to portuguese (brazil)", "english", "portuguese (brazil)"),
        ("Translate to Portuguese", None, "Portuguese"),
        ("Translate everything into pt-BR, please", None, "pt-BR"),
        ("translate en to pt", "en", "pt"),
        ("en -> pt", "en", "pt"),
        ("EN → IT", "EN", "IT"),
        ("English => Portuguese", "English", "Portuguese"),
        ("auto -> pt", "auto", "pt"),
        ("Translate from auto to pt", None, "pt"),
        ("Source language: English\nTarget language: pt", "English", "pt"),
        ("source=en, target=pt", "en", "pt"),
        ("Be terse. Be kind.\nTranslate to German", None, "German"),
        # Codes that are words: languages only where no doubt is left.
        ("Translate from it to en", "it", "en"),
        ("it -> en", "it", "en"),
    ],
)
def test_a_sentence_is_a_direction(message: str, source: str | None, target: str) -> None:
    assert of_sentence(message, SERVED) == Direction(source, target)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "You are a helpful assistant.",
        "Answer to it in French",
        "Translate this to it",
        "Translate the text to plain text",
        "I want to be able to translate",
        "Please go to France",
        "Translate to",
        "-> pt",
        "en ->",
        "Translate from English to Even",  # a small language, which nobody means by that
    ],
)
def test_other_sentences_say_nothing(message: str) -> None:
    assert of_sentence(message, SERVED) is None


@pytest.mark.parametrize(
    "piece", ["to ", "from x to ", "-> ", "a" * 50, "(", "translate to Abc def ghi ", "é>", ": = "]
)
def test_a_long_message_is_read_in_no_time(piece: str) -> None:
    began = time.perf_counter()
    of_sentence(piece * (2_000_000 // len(piece)), SERVED)
    assert time.perf_counter() - began < 1


def test_what_one_place_leaves_out_another_may_say() -> None:
    assert Direction(None, "pt").or_else(Direction("en", "fr")) == Direction("en", "pt")


@given(st.text(alphabet="ab \t\r\n\u2028é", max_size=60), st.integers(1, 8))
def test_lines_and_gaps_are_the_text(text: str, most: int) -> None:
    lines = Lines.of(text, most)
    assert len(lines.gaps) == len(lines.texts) + 1
    assert "".join(gap + held for gap, held in zip(lines.gaps, (*lines.texts, ""), strict=True)) == text
    assert len(lines.texts) <= most
    assert all(held == held.strip() != "" for held in lines.texts)
    assert all(not gap.strip() for gap in lines.gaps)


def test_each_line_is_a_segment_and_of_many_several_are_one() -> None:
    assert Lines.of("a\n\n  b\r\nc\n") == Lines(("", "\n\n  ", "\r\n", "\n"), ("a", "b", "c"))
    assert Lines.of("a\nb\n\nc\nd\ne", most=3).texts == ("a\nb", "c\nd", "e")
