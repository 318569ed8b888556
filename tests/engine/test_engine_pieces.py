"""Long segments in pieces: cut, translated apart, joined with all that was decided."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.engine.pieces import Cut, Cutting, as_segments, cut
from scalemt.errors import DeadlineError, InputError, IntegrityError
from scalemt.text.spans import literal
from scalemt.types import Candidate, Check, Decision, Draft, Pair, Segment, Span, Translation, Usage

EN_PT = Pair("en", "pt")


def translated(piece: Segment, text: str, **more: object) -> Translation:
    return Translation(piece, text, "refine", EN_PT, **more)  # type: ignore[arg-type]


def rejoined(text: str, limit: int, change: dict[str, str] | None = None) -> str:
    whole = cut(Segment(text, "7"), Cutting(limit))
    made = [translated(piece, (change or {}).get(piece.text, piece.text)) for piece in whole.pieces]
    return whole.join(made).text


@pytest.mark.parametrize(
    "text",
    [
        "One short line.",
        "First sentence here.  Second one there.\tThird one.",
        "  Indented, and long enough to be cut in two. Yes.  ",
        "a" * 100,
        "今天很热。我们去海边。好的，一起去吧。",
        "",
        "   ",
    ],
)
@pytest.mark.parametrize("limit", [8, 25, 1000])
def test_pieces_that_stay_as_they_are_join_to_the_text(text: str, limit: int) -> None:
    assert rejoined(text, limit) == text


def test_white_space_around_the_whole_stays_outside_the_pieces() -> None:
    whole = cut(Segment("  Hello there.\n", "1"), Cutting(100))
    assert [piece.text for piece in whole.pieces] == ["Hello there."]
    assert whole.join([translated(whole.pieces[0], "Olá.")]).text == "  Olá.\n"


def test_pieces_keep_the_id_and_fit() -> None:
    whole = cut(Segment("One sentence. " * 20, "x9"), Cutting(50))
    assert {piece.id for piece in whole.pieces} == {"x9"}
    assert max(len(piece.text) for piece in whole.pieces) <= 50


def test_sentences_stand_apart_as_the_target_script_has_them() -> None:
    chinese = "今天很热。我们去海边。"
    english = {"今天很热。": "It is hot today.", "我们去海边。": "We go to the sea."}
    assert rejoined(chinese, 6, english) == "It is hot today. We go to the sea."
    back = {text: source for source, text in english.items()}
    assert rejoined("It is hot today. We go to the sea.", 18, back) == chinese
    # A word cut in the middle is not torn further apart.
    assert rejoined("abcdefgh", 4, {"abcd": "xyz.", "efgh": "w"}) == "xyz.w"


def test_joining_keeps_all_that_was_made_and_decided() -> None:
    whole = cut(Segment("First one. Second one.", "1"), Cutting(12))
    assert len(whole.pieces) == 2
    made = [
        translated(
            piece,
            name,
            drafts=(Draft(name),),
            candidates=(Candidate("refine", name),),
            checks=(Check("empty", True),),
            decisions=(Decision("gate", "refine", name),),
            usage=Usage(1, 10, 5, 0.5),
        )
        for piece, name in zip(whole.pieces, ("um.", "dois."), strict=True)
    ]
    joined = whole.join(made)
    assert joined.segment == whole.segment
    assert joined.text == "um. dois."
    assert [draft.text for draft in joined.drafts] == ["um.", "dois."]
    assert [item.text for item in joined.candidates] == ["um.", "dois."]
    assert len(joined.checks) == 2
    assert joined.usage == Usage(2, 20, 10, 1.0)
    assert [decision.step for decision in joined.decisions] == ["length", "gate", "gate"]
    assert joined.decisions[0].outcome == "2 pieces"


def test_one_failed_piece_fails_the_whole() -> None:
    whole = cut(Segment("First one. Second one.", "1"), Cutting(12))
    fault = DeadlineError("No answer within 60 s.")
    made = [translated(whole.pieces[0], "um."), translated(whole.pieces[1], "", error=fault)]
    joined = whole.join(made)
    assert joined.error is fault
    assert joined.text == ""


def test_one_piece_is_that_translation_with_the_whole_segment() -> None:
    whole = cut(Segment("Hello ", "1"), Cutting(100))
    one = translated(whole.pieces[0], "Olá", decisions=(Decision("gate", "refine", "x"),))
    joined = whole.join([one])
    assert (joined.segment, joined.text, joined.decisions) == (whole.segment, "Olá ", one.decisions)


def test_strings_get_their_position_as_id() -> None:
    given: list[str | Segment] = ["a", Segment("b", "own"), "c"]
    assert list(as_segments(given)) == [Segment("a", "1"), Segment("b", "own"), Segment("c", "3")]


def test_what_is_no_list_of_texts_is_refused() -> None:
    with pytest.raises(InputError, match=r"write \[text\]"):
        list(as_segments("the house"))
    with pytest.raises(InputError, match="Text 2 is of the type bytes"):
        list(as_segments(["the house", b"blue"]))  # type: ignore[list-item]
    with pytest.raises(InputError, match="Text 1, character 2: a lone surrogate"):
        list(as_segments(["a\ud800"]))


def same(whole: Cut) -> Translation:
    return whole.join([translated(piece, piece.text, spans=piece.spans) for piece in whole.pieces])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Press <b>Save</b> now.", ["Press <b>Save</b> now."]),
        ("<b>Save the file</b>", ["Save the file"]),
        ("<p><b>Save</b></p> ", ["Save"]),
        ("<br/>Save {0} files<br/>", ["Save {0} files"]),
        ("<b>Save</b> or <i>drop</i>", ["<b>Save</b> or <i>drop</i>"]),
        ("%s", [""]),
        ("<br/>", [""]),
        ("http://example.org/a", [""]),
        ("12:30", ["12:30"]),
    ],
)
def test_tags_around_a_piece_stay_outside_and_nothing_but_spans_is_no_piece(text: str, pieces: list[str]) -> None:
    whole = cut(Segment(text), Cutting(1000))
    assert [piece.text for piece in whole.pieces] == pieces
    assert same(whole).text == text


def test_lines_are_pieces_and_their_breaks_stay() -> None:
    whole = cut(Segment("One line.\r\n\r\n  Another\nlast\n"), Cutting(1000))
    assert [piece.text for piece in whole.pieces] == ["One line.", "Another", "last"]
    assert same(whole).text == whole.segment.text


def test_a_text_that_was_only_wrapped_is_one_line_for_the_translator() -> None:
    whole = cut(Segment("Press <b\n>Save</b>\n   to keep it.", breaks="soft"), Cutting(1000))
    assert [piece.text for piece in whole.pieces] == ["Press <b\n>Save</b> to keep it."]
    assert literal(whole.pieces[0].text, whole.pieces[0].spans[0]) == "<b\n>"


def test_a_translation_without_a_span_fails_and_names_it() -> None:
    whole = cut(Segment("Delete {name} now?"), Cutting(1000))
    joined = whole.join([translated(whole.pieces[0], "Apagar agora?")])
    assert joined.text == ""
    assert isinstance(joined.error, IntegrityError)
    assert "'{name}' of the source is missing" in str(joined.error)


def test_without_protection_only_the_spans_of_the_document_count() -> None:
    own = Span(7, 13, "tag", 0)
    whole = cut(Segment("Delete {name} now, %s?", spans=(own,)), Cutting(1000, protecting=False))
    assert whole.whole.spans == (own,)


def test_a_recorded_draft_belongs_to_the_whole_text() -> None:
    whole = cut(Segment("One. Two.\nThree <b>four</b>"), Cutting(5, recorded=True))
    assert [piece.text for piece in whole.pieces] == ["One. Two.\nThree <b>four</b>"]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from([*"ab .\n<>{}%é中。", "<b>", "</b>", "<br/>", "{0}", "%s", "http://a.b", "\r\n", "word "])
        | st.text(max_size=3),
        max_size=30,
    ),
    st.integers(1, 40),
)
def test_an_identity_translation_of_all_pieces_is_the_text(parts: list[str], limit: int) -> None:
    whole = cut(Segment("".join(parts)), Cutting(limit))
    joined = same(whole)
    assert joined.error is None
    assert joined.text == whole.segment.text
    assert [literal(joined.text, span) for span in joined.spans] == [
        literal(whole.whole.text, span) for span in whole.whole.spans
    ]


def test_long_texts_are_cut_as_their_language_and_splitter_say(tmp_path: Path) -> None:
    text = "Das gilt z. B. Montag. Dann nicht."
    assert [piece.text for piece in cut(Segment(text), Cutting(25, language="de")).pieces] == [
        "Das gilt z. B. Montag.",
        "Dann nicht.",
    ]
    rules = tmp_path / "a.srx"
    rules.write_text(
        '<srx version="2.0"><languagerules><languagerule languagerulename="x"><rule><beforebreak>gilt'
        "</beforebreak></rule></languagerule></languagerules><maprules>"
        '<languagemap languagepattern=".*" languagerulename="x"/></maprules></srx>'
    )
    pieces = cut(Segment(text), Cutting(25, language="de", splitter=str(rules))).pieces
    assert pieces[0].text == "Das gilt"
