"""Drafts go to JSON and come back equal; what is no draft is named by place and field."""

from __future__ import annotations

import json

import pytest

from scalemt.drafts import draft_from_json, draft_to_json
from scalemt.errors import InputError
from scalemt.types import Draft, Span, Word


@pytest.mark.parametrize(
    "draft",
    [
        Draft(""),
        Draft("a casa", (Word("a"), Word("casa", 0.25))),
        Draft("a", (Word("a", 1.0),), -0.5, "bergamot", "pt-BR"),
        Draft("text and words", (Word("differ", 0.0),), 0.0),
        Draft("no words kept"),
    ],
)
def test_a_draft_survives_json(draft: Draft) -> None:
    assert draft_from_json(json.loads(json.dumps(draft_to_json(draft))), "here") == draft


def test_fields_without_a_value_are_left_out() -> None:
    assert draft_to_json(Draft("a", (Word("a"),))) == {"text": "a", "words": [{"text": "a", "confidence": None}]}


def test_without_words_the_text_is_split_at_white_space() -> None:
    assert draft_from_json({"text": " a  casa\u00a0azul "}, "here").words == (
        Word("a"),
        Word("casa"),
        Word("azul"),
    )
    assert draft_from_json({"text": "a", "words": None}, "here").words == (Word("a"),)


def test_without_text_the_words_are_joined() -> None:
    value = {"words": [{"text": "a"}, {"text": "casa", "confidence": 1}]}
    assert draft_from_json(value, "here") == Draft("a casa", (Word("a"), Word("casa", 1.0)))


def test_fields_of_others_are_left_alone() -> None:
    assert draft_from_json({"text": "a", "id": 7, "engine": None, "score": None}, "here") == Draft(
        "a", (Word("a"),)
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "here: a draft is None; expected a JSON object"),
        ("a", "here: a draft is 'a'; expected a JSON object"),
        ({}, 'here: a draft needs "text" or "words"; it has no fields'),
        ({"id": 1, "txt": "a"}, "it has id, txt"),
        ({"text": 3}, "here: text is 3; expected a string"),
        ({"text": "a\nb"}, "here: text is .*; expected a string without line breaks"),
        ({"text": "a", "words": {}}, "here: words is {}; expected a list of objects"),
        ({"words": ["a"]}, r"here: words\[0\] is 'a'; expected a JSON object"),
        ({"words": [{"confidence": 1}]}, r"here: words\[0\].text is None; expected a string"),
        (
            {"words": [{"text": "a"}, {"text": "b", "confidence": 1.5}]},
            r"words\[1\].confidence is 1.5; .*from 0 to 1",
        ),
        ({"words": [{"text": "a", "confidence": -0.1}]}, r"words\[0\].confidence is -0.1"),
        ({"words": [{"text": "a", "confidence": "0.5"}]}, r"words\[0\].confidence is '0.5'; expected a number"),
        ({"words": [{"text": "a", "confidence": True}]}, r"words\[0\].confidence is True"),
        ({"text": "a", "score": "x"}, "score is 'x'; expected a number or null"),
        ({"text": "a", "score": float("inf")}, "score is inf; expected a finite number"),
        ({"text": "a", "score": 10**400}, "score is 1000.*; expected a finite number"),
        ({"text": "a", "engine": 1}, "engine is 1; expected a string"),
        ({"text": "a", "language": ["pt"]}, r"language is \['pt'\]; expected a string"),
    ],
)
def test_what_is_no_draft_is_named_by_place_and_field(value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draft_from_json(value, "here")


def test_long_values_are_shown_short() -> None:
    with pytest.raises(InputError) as caught:
        draft_from_json({"text": "a", "words": "x" * 10_000}, "here")
    assert len(str(caught.value)) < 200


def test_the_language_of_a_draft_becomes_a_canonical_tag() -> None:
    assert draft_from_json({"text": "a", "language": "por_Latn"}, "here").language == "pt"
    with pytest.raises(InputError, match=r"here: Unknown language 'nonsense-xyz'"):
        draft_from_json({"text": "a", "language": "nonsense-xyz"}, "here")


def test_alignment_spans_and_repairs_come_back() -> None:
    spans = (Span(2, 5, "tag", 0, "open", 1), Span(6, 10, "tag", 1, "close", 0))
    draft = Draft(
        "a <b>x</b>",
        (Word("a", 0.5), Word("<b>x</b>")),
        alignment=((0, 1), (2, 0)),
        spans=spans,
        repairs=("moved",),
    )
    held = draft_to_json(draft)
    assert json.loads(json.dumps(held)) == held
    assert draft_from_json(json.loads(json.dumps(held)), "here") == draft
    assert "alignment" not in draft_to_json(Draft("a"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alignment": [[0]]}, r"alignment\[0\] is \[0\]; expected two numbers of words"),
        ({"alignment": [[0, -1]]}, "expected two numbers of words"),
        ({"alignment": 3}, "alignment is 3; expected a list"),
        ({"spans": [{"start": 0}]}, r"spans\[0\] is .* expected start, end, kind, key, role and partner"),
        (
            {"spans": [{"start": 0, "end": 9, "kind": "tag", "key": 0}]},
            "offsets into the text, which has 1 char",
        ),
        ({"spans": [{"start": 0, "end": 1, "kind": "odd", "key": 0}]}, "a kind of tag, placeholder"),
        ({"repairs": [1]}, "repairs is 1; expected a string"),
    ],
)
def test_wrong_alignments_and_spans_are_named(fields: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        draft_from_json({"text": "a", **fields}, "here")
