"""Masks: put in, survived, mended, restored; and whatever a model may answer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalemt.text.marks import leftovers
from scalemt.text.masking import STYLES, located, mask, restore, shown_in
from scalemt.text.protection import protect
from scalemt.text.spans import fault
from scalemt.types import Segment, Span, SpanRole
from spanned import PIECES, segments

ALL = sorted(STYLES)


@pytest.mark.parametrize("style", ALL)
@settings(deadline=None, max_examples=60)
@given(segment=segments())
@example(segment=protect(Segment("<b>%s</b>%s{0}{1}")))
@example(segment=Segment("{1}{1}x", spans=(Span(0, 3, "code", 0),)))
def test_mask_and_identity_give_the_source(style: str, segment: Segment) -> None:
    masked = mask(segment, style)
    restored = restore(masked, masked.text)
    assert restored.text == segment.text
    assert restored.spans == segment.spans
    assert not restored.repairs
    assert not restored.lost
    assert not restored.added
    assert fault(masked.segment.text, segment.spans, restored.text, restored.spans) == restored.fault


@pytest.mark.parametrize("style", ALL)
@settings(deadline=None, max_examples=50)
@given(
    segment=segments(), answer=st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
)
def test_any_answer_can_be_restored(style: str, segment: Segment, answer: str) -> None:
    restored = restore(mask(segment, style), answer)
    keys = [span.key for span in restored.spans]
    assert len(keys) == len(set(keys))
    assert {*keys, *(span.key for span in restored.lost)} == {span.key for span in segment.spans}
    for span in restored.spans:
        source = segment.spans[span.key]
        assert restored.text[span.start : span.end] == segment.text[source.start : source.end]
    assert list(restored.spans) == sorted(restored.spans, key=lambda span: span.start)
    assert bool(restored.lost) <= bool(restored.fault)


@settings(deadline=None, max_examples=50)
@given(segment=segments(), style=st.sampled_from(ALL), order=st.randoms(use_true_random=False))
def test_masks_in_any_order_are_found(segment: Segment, style: str, order: object) -> None:
    masked = mask(segment, style)
    tokens = list(masked.tokens.items())
    order.shuffle(tokens)  # type: ignore[attr-defined]
    restored = restore(masked, " palavra ".join(token for _, token in tokens))
    # Of equal literals nobody can tell which is which: they are taken in the order of the source.
    assert sorted(span.key for span in restored.spans) == sorted(key for key, _ in tokens)
    assert [masked.held[span.key] for span in restored.spans] == [masked.held[key] for key, _ in tokens]


TEXT = "Click <b>here</b>, %s files (100%%) at %(name)s."


def typed(text: str) -> Segment:
    return protect(Segment(text))


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("typed", "Click <g1>here</g1>, %s files (100%%) at %(name)s."),
        ("tags", "Click <g1>here</g1>, <x2/> files (100%%) at <x3/>."),
        ("literal", "Click <b>here</b>, %s files (100%%) at %(name)s."),
        ("bracket", "Click [1]here[2], [3] files (100%%) at [4]."),
        ("word", "Click XX1 here XX2, XX3 files (100%%) at XX4."),
    ],
)
def test_what_a_model_is_shown(style: str, expected: str) -> None:
    masked = mask(typed(TEXT), style)
    assert masked.text == expected
    assert [span.key for span in masked.spans] == [0, 1, 2, 3]


def test_a_long_address_is_only_numbered_in_a_prompt() -> None:
    text = f"See http://example.org/{'a' * 40} or http://x.org/a."
    assert mask(typed(text), "typed").text == "See <x1/> or http://x.org/a."


def test_a_literal_that_could_end_a_prompt_is_numbered() -> None:
    segment = Segment("Write <|im_start|> here", spans=(Span(6, 18, "code", 0),))
    assert mask(segment, "typed").text == "Write <x1/> here"


def test_kinds_can_be_left_out() -> None:
    masked = mask(typed("a <br> b <b>c</b> %s"), "bracket", {"tag"})
    assert masked.text == "a b c [1]"
    restored = restore(masked, "A B C [1]")
    assert restored.text == "A B C %s"
    assert [span.key for span in restored.lost] == [0, 1, 2]
    assert mask(typed("a <br> %s"), "none").text == "a"


@pytest.mark.parametrize(
    ("style", "source", "shown"),
    [
        ("typed", "The tag <g1> is not %s <br>", "The tag <g1> is not %s <x2/>"),
        ("typed", "The tag < G １ ＞ <br>", "The tag < G １ ＞ <x2/>"),
        ("bracket", "(1) first, [ 2 ] second <br>", "(1) first, [ 2 ] second [3]"),
        ("word", "XX1 and xx 2 and XX3a <br>", "XX1 and xx 2 and XX3a XX3"),
        ("literal", "A <b> and <b>x</b>", "A <b> and <g1>x</g1>"),
    ],
)
def test_a_source_that_looks_like_a_mask_is_safe(style: str, source: str, shown: str) -> None:
    held = ["<b>", "</b>"] if "</b>" in source else [text for text in ("%s", "<br>") if text in source]
    starts = [source.rindex(text) for text in held]
    roles: list[tuple[SpanRole, int]] = [("open", 1), ("close", 0)] if "</b>" in held else [("alone", -1)] * 2
    made = [
        Span(start, start + len(text), "placeholder" if text == "%s" else "tag", key, *roles[key])
        for key, (start, text) in enumerate(zip(starts, held, strict=True))
    ]
    masked = mask(Segment(source, spans=tuple(made)), style)
    assert masked.text == shown
    # A translation that brings the look-alike and drops the mask must not have the one taken for the other.
    restored = restore(masked, source[: made[0].start])
    assert not restored.spans
    assert not restored.added


@pytest.mark.parametrize(
    ("style", "answer", "expected"),
    [
        ("typed", "Clique < g1 >aqui< / G1 >, % s f em %( name )s.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("typed", "Clique <g1>aqui<g1>, ％s f em %(nome)s.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("typed", 'Clique "g1"aqui(/g1), %S f em %(name).', "Clique <b>aqui</b>, %s f em %(name)s."),
        ("typed", "Clique ＜ｇ１＞aqui＜／g1＞, %s f em %(name)s.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("typed", "Clique <г1>aqui</1>, %s f em %(name)s.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("typed", "Clique g1>aqui</g1, %s f em %(name)s.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("tags", "Clique <g1>aqui</g1>, <X 2 /> f em <x3>.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("word", "Clique XX1 aqui XX2 , xx 3 f em X X4 .", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("bracket", "Clique [ 1 ] aqui [2], (3) f em 【４】.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("under", "Clique _ _1__ aqui __ 2 __, __3__ f em __4__.", "Clique <b>aqui</b>, %s f em %(name)s."),
        ("address", "Clique http://x1.org aqui Http: //x2.org, http://x3.org f em http://x4.org.",
         "Clique <b>aqui</b>, %s f em %(name)s."),
    ],
)  # fmt: skip
def test_near_misses_are_put_right_and_told(style: str, answer: str, expected: str) -> None:
    segment = typed(TEXT)
    restored = restore(mask(segment, style), answer)
    assert restored.text == expected
    assert restored.fault == ""
    assert restored.added == ()
    assert restored.repairs


def test_a_mask_that_comes_twice_is_damage() -> None:
    masked = mask(typed("Delete %s now"), "bracket")
    restored = restore(masked, "Apague [1] agora [1]")
    assert restored.added == ("[1]",)
    assert len(restored.spans) == 1
    literal = restore(mask(typed("Delete %s now"), "typed"), "Apague %s agora %s")
    assert literal.added == ("%s",)


def test_crossing_pairs_are_damage_and_nothing_is_taken_away() -> None:
    masked = mask(typed("<b>a <i>c</i></b> d"), "typed")
    restored = restore(masked, "<g1>A <g2>C</g1></g2> D")
    assert restored.text == "<b>A <i>C</b></i> D"
    assert "stands where nothing of its own is open" in restored.fault


def test_a_mask_that_stands_for_nothing_is_damage() -> None:
    assert restore(mask(typed("Delete %s now"), "tags"), "Apague <x1/> <x7/>").added == ("<x7/>",)
    assert restore(mask(typed("Delete %s now"), "bracket"), "Apague [1] [7]").added == ("[7]",)


def test_a_scrap_of_a_literal_is_damage() -> None:
    restored = restore(mask(typed("Hello %(username)s!"), "literal"), "Olá %(usern!")
    assert restored.lost
    assert restored.added == ("%(usern",)


@pytest.mark.parametrize(
    "mark", ["▁", "<unk>", "</s>", "<|im_end|>", "<end_of_turn>", "<0xE2>", "__pt__", "por_Latn"]
)
def test_marks_of_models_are_damage_unless_the_source_has_them(mark: str) -> None:
    assert restore(mask(typed("Delete %s now"), "bracket"), f"Apague [1] {mark}").added == (mark,)
    assert leftovers("plain", f"liso {mark}") == (mark,)
    assert leftovers(f"plain {mark}", f"liso {mark}") == ()


@pytest.mark.parametrize(
    ("source", "answer", "expected"),
    [
        ("%s%% done", "[1] %% feito", "%s%% feito"),
        ('"%s" failed', '" [1] " falhou', '"%s" falhou'),
        ("<b>x</b>, y", "[1] x [2] , y", "<b>x</b>, y"),
        ("see <b>x</b>", "veja[1]x[2]", "veja <b>x</b>"),
        ("see <b>x</b> y", "veja [1] x [2] y", "veja <b>x</b> y"),
        ("%s files", "[1]ficheiros", "%s ficheiros"),
        ("%s%s", "[1] [2]", "%s%s"),
        ("%s %s", "[1][2]", "%s %s"),
        ("open %s", "[1]を開く", "%sを開く"),
        ("%s: x", "[1]\u00a0: x", "%s\u00a0: x"),
        ("“%s” gone", "o[1] foi", "o %s foi"),
    ],
)
def test_white_space_around_masks_follows_the_source(source: str, answer: str, expected: str) -> None:
    syntax = ("python",)
    segment = protect(Segment(source, syntax=syntax))
    spans = tuple(span for span in segment.spans if segment.text[span.start : span.end] != "%%")
    assert restore(mask(Segment(source, spans=spans), "bracket"), answer).text == expected


def test_recorded_drafts_are_searched_as_they_are() -> None:
    found = located(typed("Open <b>%s</b> now"), "Abra <b> %s</b>")
    assert found.text == "Abra <b> %s</b>"
    assert [span.key for span in found.spans] == [0, 1, 2]
    assert found.fault == ""
    assert [span.key for span in located(typed("Open <b>%s</b> now"), "Abra").lost] == [0, 1, 2]


def test_another_text_wears_the_same_masks() -> None:
    segment = typed("Open <b>x</b> %s")
    masked = mask(segment, "typed")
    draft = located(segment, "%s <b>y</b>")
    assert shown_in(masked, draft.text, draft.spans)[0] == "%s <g1>y</g1>"
