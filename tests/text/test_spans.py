"""Laws of the algebra of spans."""

# ruff: noqa: E501  # a row a case

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.text.spans import between, crossing, emptied, fault, literal, part, prose, rebuild, rewrite, shifted
from scalemt.types import Segment, Span
from spanned import segments


@settings(deadline=None, max_examples=200)
@given(segments())
def test_a_text_is_what_lies_between_its_spans_and_in_them(segment: Segment) -> None:
    outside = between(segment.text, segment.spans)
    pieces: list[str | tuple[Span, str]] = [outside[0]]
    for span, plain in zip(segment.spans, outside[1:], strict=True):
        pieces += [(span, literal(segment.text, span)), plain]
    assert rebuild(pieces) == (segment.text, segment.spans)
    assert rewrite(segment.text, segment.spans, lambda _, held: held) == (segment.text, segment.spans)
    assert prose(segment.text, segment.spans).split() == " ".join(outside).split()
    assert fault(segment.text, segment.spans, segment.text, segment.spans) == crossing(segment.text, segment.spans)


@settings(deadline=None, max_examples=200)
@given(segments(), st.text("xy <", max_size=4), st.text("pq", max_size=3))
def test_rewriting_changes_only_what_it_is_told_to(segment: Segment, held: str, plain: str) -> None:
    text, spans = rewrite(segment.text, segment.spans, lambda _, __: held, lambda _: plain)
    assert [literal(text, span) for span in spans] == [held] * len(segment.spans)
    assert between(text, spans) == [plain] * (len(segment.spans) + 1)
    assert [replace(span, start=0, end=0) for span in spans] == [
        replace(span, start=0, end=0) for span in segment.spans
    ]


@settings(deadline=None, max_examples=200)
@given(segments(), st.data())
def test_parts_hold_their_spans(segment: Segment, data: st.DataObject) -> None:
    free = [at for at in range(len(segment.text) + 1) if not any(s.start < at < s.end for s in segment.spans)]
    start, end = sorted((data.draw(st.sampled_from(free)), data.draw(st.sampled_from(free))))
    before, inside, behind = (
        part(segment, 0, start),
        part(segment, start, end),
        part(segment, end, len(segment.text)),
    )
    assert before.text + inside.text + behind.text == segment.text
    together = {*before.spans, *shifted(inside.spans, start), *shifted(behind.spans, end)}
    assert together >= {span for span in segment.spans if span.end > span.start}


@settings(deadline=None, max_examples=200)
@given(segments(), st.data())
def test_a_lost_doubled_or_changed_span_is_a_fault(segment: Segment, data: st.DataObject) -> None:
    if not segment.spans:
        return
    at = data.draw(st.integers(0, len(segment.spans) - 1))
    lost = [span for number, span in enumerate(segment.spans) if number != at]
    assert "is missing" in fault(segment.text, segment.spans, segment.text, lost)
    doubled = [*segment.spans, segment.spans[at]]
    assert "is not in the source" in fault(segment.text, segment.spans, segment.text, doubled)
    text, spans = rewrite(
        segment.text, segment.spans, lambda span, held: held + "!" * (span.key == segment.spans[at].key)
    )
    assert "is missing" in fault(segment.text, segment.spans, text, spans)


def pair(text: str) -> tuple[str, tuple[Span, ...]]:
    opening, closing = text.index("<b>"), text.index("</b>")
    one, other = Span(opening, opening + 3, "tag", 0, "open", 1), Span(closing, closing + 4, "tag", 1, "close", 0)
    return text, tuple(sorted((one, other), key=lambda span: span.start))


def test_pairs_nest() -> None:
    assert crossing(*pair("a <b>c</b>")) == ""
    assert "stands where nothing of its own is open" in crossing(*pair("a </b>c<b>"))
    spans = (Span(0, 1, "tag", 0, "open", 1), Span(1, 2, "tag", 2, "open", 3), Span(2, 3, "tag", 1, "close", 0), Span(3, 4, "tag", 3, "close", 2))  # fmt: skip
    assert "stands where nothing of its own is open" in crossing("abcd", spans)
    open_ = (Span(0, 1, "tag", 0, "open", 1), Span(1, 2, "tag", 2, "open", 3), Span(3, 4, "tag", 1, "close", 0))
    assert "stands where" in crossing("abcd", (*open_, Span(4, 4, "tag", 3, "close", 2)))


def test_pairs_that_came_out_empty() -> None:
    text, spans = pair("Close the <b>door</b>")
    source = Segment(text, spans=spans)
    assert emptied(source, *pair("Feche a porta <b></b>")) == spans
    assert emptied(source, *pair("Feche a porta<b> .</b>")) == spans
    assert emptied(source, *pair("Feche a <b>porta</b>")) == ()
    held, empty = pair("Close the door<b></b>")
    assert emptied(Segment(held, spans=empty), *pair("<b></b>Feche")) == ()
