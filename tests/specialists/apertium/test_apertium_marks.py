"""Escaping keeps every character, and marks become confidences without touching the text."""

from __future__ import annotations

import pytest

from scalemt.specialists.apertium.marks import LONGEST, escape, unescape, words


@pytest.mark.parametrize(
    "text",
    [
        r"a\b [c] {d} ^e$ @f /g <h>",
        "^ ~ ^~",
        "\ue000 ^ \ue001 ~ \ue002",
        "[[t:b:x]]word[[/]]",
        "[][",
        "\\",
        "y" * (LONGEST + 1) + "[^" + " z",
        "e\u0301 \U0001f600 \u200b \u2028 \x0c \t",
    ],
)
def test_escaping_can_be_undone(text: str) -> None:
    assert unescape(escape(text), text) == text


def test_what_would_end_a_text_becomes_a_space() -> None:
    assert escape("a\nb\0c") == b"a b c[]"


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert escape("a\ud800b") == b"a?b[]"


def test_a_word_beyond_the_longest_goes_through_as_a_blank() -> None:
    long = "y" * (LONGEST + 1)
    assert escape(f"a {long}/ b") == f"a [{long}\\/] b[]".encode()
    assert escape("y" * LONGEST) == b"y" * LONGEST + b"[]"


def zeros(clean: str, marked: str) -> list[str]:
    found = words(clean, marked)
    assert [word.text for word in found] == clean.split()
    assert {word.confidence for word in found} <= {None, 0.0}
    return [word.text for word in found if word.confidence == 0.0]


@pytest.mark.parametrize(
    ("clean", "marked", "expected"),
    [
        ("La casa frobnix.", "La casa *frobnix.", ["frobnix."]),
        ("(frobnix) casa", "(*frobnix) casa", ["(frobnix)"]),
        ("foo-bar casa", "*foo-*bar casa", ["foo-bar"]),
        ("go home", "#go @home", ["go", "home"]),
        ("5*3 C# a@b.org *note #1", "5*3 C# a@b.org *note #1", []),
        ("*frobnix **x", "**frobnix ***x", ["*frobnix", "**x"]),
        ("un#b", "un#*b", ["un#b"]),
        ("  dos  espacios ", "  dos  *espacios ", ["espacios"]),
        ("", "", []),
    ],
)
def test_only_what_the_marked_text_has_more_is_a_mark(clean: str, marked: str, expected: list[str]) -> None:
    assert zeros(clean, marked) == expected


@pytest.mark.parametrize(
    ("clean", "marked", "expected"),
    [
        # Pairs that Apertium's post-generators give: elision and contraction stop at a mark.
        ("declinar l'startup avui", "declinar el *startup avui", ["l'startup"]),
        ("No França, as eleições", "Em #o França, as eleições", ["No"]),
        ("and an emisora filial", "and a *emisora filial", ["emisora"]),
        ("C# d'USA i foo", "C# de *USA i *foo", ["d'USA", "foo"]),
    ],
)
def test_texts_that_differ_in_more_than_marks_are_matched_by_words(
    clean: str, marked: str, expected: list[str]
) -> None:
    assert zeros(clean, marked) == expected


def test_a_word_beyond_the_longest_was_not_translated() -> None:
    long = "y" * (LONGEST + 1)
    assert zeros(f"casa {long}", f"casa {long}") == [long]
