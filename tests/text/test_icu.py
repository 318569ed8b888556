"""ICU messages: every message is written as it was read, and quoted text is read as it was."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.text.icu import Argument, Choice, IcuError, Text, names, parse, quoted, written

MESSAGES = [
    "",
    "Hello",
    "a } b",
    "Hello {name}, {n, number, integer} of {when, date, ::yMMMd}.",
    "It's {name}'s and it''s '{not}' a '' quote, '{nor' this",
    "{n, plural, offset:1 =0 {none} one {# file} other {# files of {owner}}} left",
    "{ n ,plural,=-1{a}other{b} }",
    "{g, select, male {He has {n, plural, one {# cat} other {# cats}}} other {They have #}}",
    "{n, selectordinal, one {#st} two {#nd} few {#rd} other {#th}}",
    "{d, date, yyyy '}' MM}",
    "# stays, {n, plural, other {'#' is quoted}}",
    "{0} and {1,choice,0#no|1#one}",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_written_as_it_was_read(message: str) -> None:
    assert written(parse(message)) == message


def test_what_is_shown_and_what_is_an_argument() -> None:
    message = parse("It's '{not}' {one} ''x'' {two, number}")
    assert [node.text if isinstance(node, Text) else node.raw for node in message if not isinstance(node, Choice)] == [
        "It's {not} ", "{one}", " 'x' ", "{two, number}"
    ]  # fmt: skip
    (choice,) = parse("{n, plural, offset:2 =1 {a #} other {{g, select, other {b #}}}}")
    assert isinstance(choice, Choice)
    assert (choice.name, choice.kind, choice.offset) == ("n", "plural", 2)
    assert [branch.selector for branch in choice.branches] == ["=1", "other"]
    assert [node for node in choice.branches[0].message if isinstance(node, Argument)] == [Argument("#", "#")]
    assert list(names((choice,))) == ["n", "g"]


def test_apostrophes_that_quote_nothing() -> None:
    assert list(names(parse("l'{name}", quoting=False))) == ["name"]
    assert list(names(parse("l'{name}"))) == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("a {", "a brace without the name of an argument at character 3"),
        ("{a", "neither a comma nor a closing brace"),
        ("{a b}", "neither a comma nor a closing brace"),
        ("{a, }", "'a' has no kind behind its comma"),
        ("{a, number", "a brace that is not closed at character 1"),
        ("{a, plural}", "the plural of 'a' has no branches"),
        ("{a, plural, one {x}}", "the plural of 'a' has no branch 'other'"),
        ("{a, plural, other x}", "the branch 'other' has no text in braces"),
        ("{a, plural, other {x}", "a branch of the plural without a name"),
        ("{a, select, =1 {x} other {y}}", "a branch of the select without a name"),
        ("{a, plural, other {x", "the text ends inside a brace that is open"),
        ("{a, select, other {" * 60, "more than 50 messages inside one another"),
    ],
)
def test_what_is_no_message(message: str, why: str) -> None:
    with pytest.raises(IcuError, match=why):
        parse(message)


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from(list("ab'{}#, ")) | st.characters(), max_size=30), st.booleans())
def test_quoted_text_is_read_as_it_was(text: str, counting: bool) -> None:
    nodes = parse(quoted(text, counting=counting)) if not counting else ()
    if counting:
        made = quoted(text, counting=True, before_brace=True)
        (choice,) = parse(f"{{n, plural, other {{{made}{{x}}}}}}")
        assert isinstance(choice, Choice)
        nodes = choice.branches[0].message[:-1]
    shown = "".join(node.text for node in nodes if isinstance(node, Text))
    assert shown.replace("\u2019", "'") == text.replace("\u2019", "'")


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from([*"{}'#,ab ", "{n, plural, ", "other {", "one {", "}}", "{a}", "''"]), max_size=14
    ).map("".join)
)
def test_whatever_parses_is_written_as_it_was(text: str) -> None:
    for quoting in (True, False):
        try:
            message = parse(text, quoting=quoting)
        except IcuError:
            continue
        assert written(message) == text
