"""Inline codes: shown as short tags, tied over both sides, and written back as they were."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalemt.memory.exchange import read_units, write_units
from scalemt.memory.exchange.tmxcodes import coded, markup, rendered
from scalemt.memory.units import Unit
from scalemt.text.spans import literal
from scalemt.types import Pair, Span

HEADER = '<?xml version="1.0" encoding="UTF-8"?><tmx version="1.4"><header srclang="en"/><body>'
OMEGAT = (
    'Press <bpt i="0" x="0">&lt;b&gt;</bpt>OK<ept i="0">&lt;/b&gt;</ept> now<ph x="1">&lt;br/&gt;</ph>.',
    '<ph x="1">&lt;br/&gt;</ph>Prima <bpt i="0" x="0">&lt;b&gt;</bpt>OK<ept i="0">&lt;/b&gt;</ept> agora.',
)
TRADOS = (
    'See <bpt i="1" type="b">{\\b </bpt>this<ept i="1">}</ept> and <bpt i="2" type="i" x="7" />that<ept i="2" />.',
    '<bpt i="1" type="i" x="7" />Isso<ept i="1" /> e <bpt i="2" type="b">{\\b </bpt>isto<ept i="2">}</ept>.',
)


def tmx(source: str, target: str) -> str:
    variants = f'<tuv xml:lang="en"><seg>{source}</seg></tuv><tuv xml:lang="pt"><seg>{target}</seg></tuv>'
    return f"{HEADER}<tu>{variants}</tu></body></tmx>"


def read(folder: Path, source: str, target: str) -> Unit:
    path = folder / "in.tmx"
    path.write_text(tmx(source, target), "utf-8")
    (unit,) = read_units(path)
    return unit


def written(folder: Path, unit: Unit) -> list[str]:
    """Return the content of the segments that are written, in one way of writing XML."""
    write_units([unit], folder / "out.tmx")
    root = fromstring((folder / "out.tmx").read_text("utf-8"))
    return [markup(seg) for seg in root.iter("seg")]


def canonical(*segments: str) -> list[str]:
    return [markup(fromstring(f"<seg>{text}</seg>")) for text in segments]


def tags(text: str, spans: tuple[Span, ...]) -> list[tuple[str, int, str, int]]:
    return [(literal(text, span), span.key, span.role, span.partner) for span in spans]


def test_codes_of_omegat_are_spans_and_come_out_again(tmp_path: Path) -> None:
    unit = read(tmp_path, *OMEGAT)
    assert unit.source == "Press <g1>OK</g1> now<x2/>."
    assert unit.target == "<x2/>Prima <g1>OK</g1> agora."
    assert tags(unit.source, unit.source_spans) == [
        ("<g1>", 0, "open", 1), ("</g1>", 1, "close", 0), ("<x2/>", 2, "alone", -1),
    ]  # fmt: skip
    assert tags(unit.target, unit.target_spans) == [
        ("<x2/>", 2, "alone", -1), ("<g1>", 0, "open", 1), ("</g1>", 1, "close", 0),
    ]  # fmt: skip
    assert unit.codes[0] == '<bpt i="0" x="0">&lt;b&gt;</bpt>'
    assert written(tmp_path, unit) == canonical(*OMEGAT)


def test_codes_of_trados_are_tied_by_what_they_hold(tmp_path: Path) -> None:
    unit = read(tmp_path, *TRADOS)
    assert unit.source == "See <g1>this</g1> and <g2>that</g2>."
    assert unit.target == "<g2>Isso</g2> e <g1>isto</g1>."
    assert [span.key for span in unit.target_spans] == [2, 3, 0, 1]
    assert written(tmp_path, unit) == canonical(*TRADOS)


@pytest.mark.parametrize(
    ("source", "target", "shown"),
    [
        # By x, though i and the content differ.
        ('<bpt i="1" x="1">a</bpt>A<ept i="1"/><ph x="2"/>', '<ph x="2">b</ph><bpt i="9" x="1"/>B<ept i="9"/>',
         ("<g1>A</g1><x2/>", "<x2/><g1>B</g1>")),
        # By type.
        ('<ph type="lb"/>A<ph type="fnote"/>', '<ph type="fnote">1</ph>B<ph type="lb">2</ph>',
         ("<x1/>A<x2/>", "<x2/>B<x1/>")),
        # By order.
        ("<ph>a</ph>A<ph>b</ph>", "<ph>c</ph>B<ph>d</ph>", ("<x1/>A<x2/>", "<x1/>B<x2/>")),
        # What only the target has gets a number that the source does not have.
        ("A<ph/>", '<bpt i="1"/>B<ept i="1"/><ph/><ph x="3"/>', ("A<x1/>", "<g2>B</g2><x1/><x3/>")),
        ("A", "<ph/>B", ("A", "<x1/>B")),
        # <hi> surrounds text, <sub> is part of its code.
        ('A <hi type="x">b</hi> c', 'C <hi type="x">b</hi> a', ("A <g1>b</g1> c", "C <g1>b</g1> a")),
        ("A<ph>x <sub>a title</sub></ph>", "B<ph>x <sub>um</sub></ph>", ("A<x1/>", "B<x1/>")),
        ("a <hi/> <hi><hi>b</hi></hi>", "B", ("a <x1/> <g2><g3>b</g3></g2>", "B")),
        # Isolated, crossing, unpaired and untied ones.
        ('A<it pos="begin">a</it><ut>u</ut>', 'B<it pos="begin">a</it>', ("A<x1/><x2/>", "B<x1/>")),
        ('<bpt i="1"/>a<bpt i="2"/>b<ept i="1"/>c<ept i="2"/>', "B", ("<g1>a<g2>b</g1>c</g2>", "B")),
        ('<bpt i="1"/>a', 'B<ept i="1"/>', ("<g1>a", "B<x2/>")),
        ("<bpt/>a<ept/>", "<ept/>B<bpt/>", ("<g1>a<x2/>", "<x2/>B<g1>")),
    ],
)  # fmt: skip
def test_targets_have_the_tags_of_their_sources(
    tmp_path: Path, source: str, target: str, shown: tuple[str, str]
) -> None:
    unit = read(tmp_path, source, target)
    assert (unit.source, unit.target) == shown
    assert {span.key for span in unit.source_spans} <= unit.codes.keys()
    for side, spans in ((unit.source, unit.source_spans), (unit.target, unit.target_spans)):
        assert len({span.key for span in spans}) == len(spans)
        assert all(literal(side, span).startswith("<") for span in spans)
    assert written(tmp_path, unit) == canonical(source, target)
    assert read_back(tmp_path) == unit


def read_back(folder: Path) -> Unit:
    (unit,) = read_units(folder / "out.tmx")
    return unit


def test_a_tag_that_is_text_stays_text(tmp_path: Path) -> None:
    unit = read(tmp_path, "a &lt;g1&gt; <ph/>", "b &amp;lt; <ph/>")
    assert (unit.source, unit.target) == ("a <g1> <x1/>", "b &lt; <x1/>")
    assert written(tmp_path, unit) == canonical("a &lt;g1&gt; <ph/>", "b &amp;lt; <ph/>")


def test_codes_of_other_formats_are_wrapped(tmp_path: Path) -> None:
    spans = (Span(0, 3, "tag", 0, "open", 1), Span(4, 8, "tag", 1, "close", 0), Span(8, 12, "tag", 2))
    codes = {0: '<g id="1">', 1: "</g>", 2: '<x id="2"/>'}
    unit = Unit(
        "<b>a</b><br>", "<b>b</b>", Pair("en", "pt"), source_spans=spans, target_spans=spans[:2], codes=codes
    )
    source, target = written(tmp_path, unit)
    assert source == (
        '<bpt i="1" x="1">&lt;g id="1"&gt;</bpt>a<ept i="1">&lt;/g&gt;</ept><ph x="3">&lt;x id="2"/&gt;</ph>'
    )
    assert target == '<bpt i="1" x="1">&lt;g id="1"&gt;</bpt>b<ept i="1">&lt;/g&gt;</ept>'
    assert read_back(tmp_path) == unit


def test_a_code_cannot_break_out_of_its_segment(tmp_path: Path) -> None:
    codes = {0: "<ph/></seg><seg>", 1: "<hi>", 2: "<!DOCTYPE x>", 3: "<ph></bpt>", 4: "\x00<ph/>"}
    spans = tuple(Span(n, n + 1, "tag", n) for n in codes)
    unit = Unit("abcde", "x", Pair("en", "pt"), source_spans=spans, codes=codes)
    assert len(written(tmp_path, unit)) == 2
    assert read_back(tmp_path) == unit


def test_what_another_tool_changed_is_read_as_it_stands(tmp_path: Path) -> None:
    spans = (Span(0, 3, "placeholder", 7),)
    unit = Unit("%s a", "%s b", Pair("en", "pt"), source_spans=spans, target_spans=spans)
    written(tmp_path, unit)
    path = tmp_path / "out.tmx"
    path.write_text(path.read_text("utf-8").replace("<seg>%s b", "<seg>%s c"), "utf-8")
    assert read_back(tmp_path) == Unit("%s a", "%s c", Pair("en", "pt"))


def test_too_many_codes_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "in.tmx"
    path.write_text(tmx("a" + "<hi>" * 3000 + "</hi>" * 3000, "b"), "utf-8")
    skipped: Counter[str] = Counter()
    assert list(read_units(path, skipped=skipped)) == []
    assert skipped == {"with more than 2,000 inline codes": 1}


def test_nested_codes_are_read(tmp_path: Path) -> None:
    unit = read(tmp_path, "<hi>" * 1500 + "a" + "</hi>" * 1500, "b")
    assert len(unit.source_spans) == 3000


NAMES = st.sampled_from(["ph", "it", "ut", "bpt", "ept", "hi"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["i", "x", "type", "pos"]), st.sampled_from(["1", "2", "a", '"<&>\n', "é"]), max_size=2
)
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('<>&\r\n\t"'), max_size=6)


@st.composite
def elements(draw: st.DrawFn, depth: int = 2) -> str:
    """Content of a segment."""
    from scalemt.memory.exchange.tmxcodes import escaped, quoted

    made = escaped(draw(TEXTS))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(NAMES)
        about = "".join(f" {key}={quoted(value)}" for key, value in draw(ATTRIBUTES).items())
        inside = draw(elements(depth - 1)) if depth else escaped(draw(TEXTS))
        if name != "hi":
            inside = escaped(draw(TEXTS))
        made += f"<{name}{about}>{inside}</{name}>" + escaped(draw(TEXTS))
    return made


@given(elements(), elements())
def test_any_codes_come_out_as_they_came_in(
    tmp_path_factory: pytest.TempPathFactory, one: str, other: str
) -> None:
    folder = tmp_path_factory.mktemp("codes")
    source, target = f"a{one}", f"b{other}"
    unit = read(folder, source, target)
    assert written(folder, unit) == canonical(source, target)
    assert read_back(folder) == unit


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    assert rendered("a\x00b\x1b\ufffe", (), {}, target=False) == "a\ufffdb\ufffd\ufffd"
    assert coded(fromstring("<seg>a\ufffd</seg>")).text == "a\ufffd"
