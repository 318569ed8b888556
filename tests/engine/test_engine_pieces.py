"""Long segments in pieces: cut, translated apart, joined with all that was decided."""

from __future__ import annotations

import pytest

from scalemt.engine.pieces import as_segments, cut
from scalemt.errors import DeadlineError, InputError
from scalemt.types import Candidate, Check, Decision, Draft, Pair, Segment, Translation, Usage

EN_PT = Pair("en", "pt")


def translated(piece: Segment, text: str, **more: object) -> Translation:
    return Translation(piece, text, "refine", EN_PT, **more)  # type: ignore[arg-type]


def rejoined(text: str, limit: int, change: dict[str, str] | None = None) -> str:
    whole = cut(Segment(text, "7"), limit)
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
    whole = cut(Segment("  Hello there.\n", "1"), 100)
    assert [piece.text for piece in whole.pieces] == ["Hello there."]
    assert whole.join([translated(whole.pieces[0], "Olá.")]).text == "  Olá.\n"


def test_pieces_keep_the_id_and_fit() -> None:
    whole = cut(Segment("One sentence. " * 20, "x9"), 50)
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
    whole = cut(Segment("First one. Second one.", "1"), 12)
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
    whole = cut(Segment("First one. Second one.", "1"), 12)
    fault = DeadlineError("No answer within 60 s.")
    made = [translated(whole.pieces[0], "um."), translated(whole.pieces[1], "", error=fault)]
    joined = whole.join(made)
    assert joined.error is fault
    assert joined.text == ""


def test_one_piece_is_that_translation_with_the_whole_segment() -> None:
    whole = cut(Segment("Hello ", "1"), 100)
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
