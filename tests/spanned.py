"""Texts with protected spans, for tests of properties."""

from __future__ import annotations

from hypothesis import strategies as st

from scalemt.types import Segment, Span, SpanKind

# Words of every kind that masks, placeholders and the white space around them are made of.
PIECES = [
    "a", "Save", "é", "x1", "1", "１", "٣", "²", "÷", " ", "\u00a0", "\u3000", "\t", "\n", "\0", "<", ">", "</",
    "/>", "g1", "<g1>", "</g2>", "<x3/>", "< G1 >", "{", "}", "{1}", "{0}", "[1]", "[", "]", "XX", "X", "XX1",
    "xx 2", "1X", "#1#", "#", "__1__", "_", "__", "http://x1.org", "http://", "%s", "%(name)s", "&amp;", "字",
    "。", "\"", "“", ",", ".", "😀", "\u0301", "▁", "<unk>", "<|im_start|>", "</s>", "<b>", "</b>", "İ", "ﬁ",
    "\u200d", "\ud7ff",
]  # fmt: skip
KINDS: list[SpanKind] = ["tag", "placeholder", "address", "code", "formula", "term"]


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """A text of such pieces, some of which are spans, some of those nested pairs."""
    count = draw(st.integers(0, 9))
    word = st.sampled_from(PIECES) | st.text(max_size=4)
    text, spans = "", list[Span]()
    waiting: list[int] = []
    for _ in range(count):
        text += draw(word)
        held = draw(word)
        what = draw(st.sampled_from(["none", "alone", "open", "close"]))
        if not held or what == "none":
            continue
        start, key = len(text), len(spans)
        text += held
        kind: SpanKind = draw(st.sampled_from(KINDS))
        if what == "open":
            waiting.append(key)
            spans.append(Span(start, len(text), "tag", key, "open", -1))
        elif what == "close" and waiting:
            partner = waiting.pop()
            opening = spans[partner]
            spans[partner] = Span(opening.start, opening.end, "tag", partner, "open", key)
            spans.append(Span(start, len(text), "tag", key, "close", partner))
        else:
            spans.append(Span(start, len(text), kind, key))
    return Segment(text + draw(word), spans=tuple(spans))
