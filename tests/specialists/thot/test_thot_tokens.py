"""Tokens and back."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalemt.specialists.thot.tokens import clean, detokenise, tokenise


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Open it.", ["Open", "it", "￭."]),
        ("50% or 50 %", ["50", "￭%", "or", "50", "%"]),
        ("(and/or)", ["(￭", "and", "￭/￭", "or", "￭)"]),
        ("the user's l'eau, don't", ["the", "user's", "l'￭", "eau", "￭,", "don't"]),
        ("read-only 1.5 A1:B2", ["read-only", "1.5", "A1", "￭:￭", "B2"]),
        ("/usr/bin/x C:\\a.txt http://a.b/c?d.", ["/usr/bin/x", "C:\\a.txt", "http://a.b/c?d", "￭."]),
        ("<x1/>%(name)s[2]", ["&lt;x1/&gt;￭", "%(name)s", "￭[2]"]),
        ("||| # 1", ["&#124;", "￭&#124;", "￭&#124;", "&#35;", "1"]),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert tokenise(text) == tokens
    assert detokenise(tokens)[0] == text


@example("&amp; &#124;")
@given(st.text(max_size=60))
def test_any_text_comes_back(text: str) -> None:
    tokens = tokenise(text)
    assert all(token and token == "".join(token.split()) for token in tokens)
    made, places = detokenise(tokens)
    assert made == clean(text).replace("\ue000", "\u00a0").replace("\ue001", "\u202f")
    assert places == sorted(places)
    assert set(places) <= set(range(max(len(made.split()), 1)))


def test_nothing_that_the_library_writes_itself_can_be_a_token() -> None:
    tokens = tokenise("<s> </s> <unk> ||| ({ }) NULL # 1 <3bars>")
    assert not {"<s>", "</s>", "<unk>", "|||", "({", "})", "#", "<3bars>"} & set(tokens)


def test_spaces_that_do_not_break_are_kept_and_control_characters_are_not() -> None:
    text = "prix\u00a0: 5\u202f€\u0000\u0007\t\r\nok"
    assert detokenise(tokenise(text))[0] == "prix\u00a0: 5\u202f€ ok"
    assert tokenise("\u0000 \u0007\ud800") == []


def test_places_are_white_space_words() -> None:
    made, places = detokenise(["¿￭", "Dónde", "está", "￭?", "(￭", "a", "￭)"])
    assert made == "¿Dónde está? (a)"
    assert places == [0, 0, 1, 1, 2, 2, 2]
    assert detokenise([]) == ("", [])
