"""OpenDocument: spans of equal styles, white space as it shows, notes, what cells compute, languages."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages import odt, read, shouted, unpacked, written
from scalemt.errors import InputError
from scalemt.formats import FormatOptions, Target
from scalemt.types import Segment

STYLES = "".join(
    f'<style:style style:name="{name}" style:family="text"><style:text-properties {held}/></style:style>'
    for name, held in {
        "B": 'fo:font-weight="bold"', "B2": 'fo:font-weight="bold" style:rsid="123"', "I": 'fo:font-style="italic"',
        "N": 'fo:language="en" fo:country="US"',
    }.items()
)  # fmt: skip


def texts(path: Path) -> list[str]:
    return [segment.text for segment in read(path)]


def content(data: bytes) -> str:
    held = unpacked(data)["content.xml"]
    return held.partition("<office:text>")[2].partition("</office:text>")[0]


def test_spans_of_one_look_are_one(tmp_path: Path) -> None:
    body = (
        '<text:p>A <text:span text:style-name="B">very</text:span><text:span text:style-name="B2"> old</text:span> '
        '<text:span text:style-name="N">fern</text:span>, <text:a xlink:href="x">see <text:span '
        'text:style-name="I">this</text:span></text:a>.</text:p>'
    )
    path = odt(tmp_path / "a.odt", body, STYLES)
    assert texts(path) == ["A <g1>very old </g1>fern, <g2>see <g3>this</g3></g2>.", "My garden"]
    assert written(path) == path.read_bytes()
    assert '<text:span text:style-name="B">VERY OLD </text:span>' in content(written(path, shouted))


def test_white_space_is_what_shows(tmp_path: Path) -> None:
    body = '<text:p>\n  two   words<text:s text:c="2"/>then<text:tab/>a<text:line-break/>line </text:p>'
    body += '<text:p>in the <text:bookmark-ref text:ref-name="x">book</text:bookmark-ref> there</text:p>'
    body += '<text:p>at <text:bookmark text:name="x"/> home</text:p>'
    path = odt(tmp_path / "a.odt", body)
    assert texts(path)[:3] == ["two words  then<x1/>a<x2/>line ", "in the <x1/> there", "at <x1/>home"]
    held = content(written(path, shouted))
    assert 'TWO WORDS <text:s text:c="1"/>THEN<text:tab/>A<text:line-break/>LINE' in held
    assert written(path) == path.read_bytes()


@settings(deadline=None, max_examples=60)
@given(st.text("ab \t\n\u2028<&\x00\ud800😀", min_size=1, max_size=30))
def test_any_text_is_read_again_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = odt(tmp_path_factory.mktemp("odf") / "a.odt", "<text:p>words</text:p>")
    made = path.with_name("b.odt")
    made.write_bytes(written(path, lambda segment: Target(f"[{text}]z")))
    clean = text.replace("\x00", "").replace("\ud800", "").replace("\u2028", "\n")
    again = read(made)[0]
    shown = "".join(
        {"<text:tab/>": "\t", "<text:line-break/>": "\n"}.get(piece, piece)
        for piece in _pieces(content(made.read_bytes()))
    )
    assert shown == f"[{clean}]z"
    assert again.text.endswith("]z")


def _pieces(held: str) -> list[str]:
    import re

    held = held.removeprefix("<text:p>").removesuffix("</text:p>")
    held = re.sub(r'<text:s text:c="(\d+)"/>', lambda found: " " * int(found[1]), held)
    return [
        piece
        if piece.startswith("<text")
        else piece.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        for piece in re.split(r"(<text:[^>]*>)", held)
    ]


def test_notes_tables_and_deleted_text(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes><text:h>Head</text:h><text:p>Said<text:note><text:note-citation>1"
        "</text:note-citation><text:note-body><text:p>A note</text:p></text:note-body></text:note> so.</text:p>"
        "<table:table><table:table-row><table:table-cell><text:p>Cell</text:p></table:table-cell>"
        '<table:table-cell office:value-type="float" office:value="5"><text:p>five 5</text:p></table:table-cell>'
        "</table:table-row></table:table>"
    )
    path = odt(tmp_path / "a.odt", body)
    assert texts(path) == ["Head", "A note", "Said<x1/> so.", "Cell", "My garden"]
    held = content(written(path, shouted))
    assert "gone" in held
    assert "five 5" in held
    assert "SAID<text:note>" in held
    assert (
        "<text:p>A NOTE</text:p></text:note-body></text:note> SO.".replace(" SO", '<text:s text:c="1"/>SO') in held
    )


def test_what_formulas_compare_with_stays(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    body = f"<table:table><table:table-row>{cell.format('open')}{cell.format('Rows')}"
    body += '<table:table-cell table:formula="of:=COUNTIF([.A1:.A2];&quot;open&quot;)" office:value-type="float" '
    body += 'office:value="1"><text:p>one</text:p></table:table-cell></table:table-row></table:table>'
    assert texts(odt(tmp_path / "a.ods", body, kind="spreadsheet")) == ["Rows", "My garden"]


def test_styles_name_the_new_language(tmp_path: Path) -> None:
    path = odt(tmp_path / "a.odt", '<text:p>One <text:span text:style-name="N">two</text:span></text:p>', STYLES)
    made = unpacked(written(path, shouted, FormatOptions(source="en", target="pt")))
    assert 'fo:language="pt" fo:country="BR"' in made["styles.xml"]
    assert 'fo:language="pt" fo:country="BR"' in made["content.xml"]
    hebrew = unpacked(written(path, shouted, FormatOptions(source="en", target="he")))
    assert 'style:language-complex="he"' in hebrew["styles.xml"]
    assert 'style:writing-mode="rl-tb"' in hebrew["styles.xml"]
    chinese = unpacked(written(path, shouted, FormatOptions(source="en", target="zh")))
    assert 'style:language-asian="zh" style:country-asian="CN"' in chinese["styles.xml"]
    assert (
        unpacked(written(path, shouted, FormatOptions()))["styles.xml"]
        == unpacked(path.read_bytes())["styles.xml"]
    )


def test_failed_and_locked(tmp_path: Path) -> None:
    path = odt(tmp_path / "a.odt", "<text:p>One</text:p><text:p>Two</text:p>")

    def half(segment: Segment) -> Target:
        return Target(segment.text, failed=True) if segment.text == "One" else Target("Dois")

    assert content(written(path, half)) == "<text:p>One</text:p><text:p>Dois</text:p>"
    locked = odt(tmp_path / "b.odt", "", manifest='<manifest:file-entry manifest:full-path="content.xml">'
                 "<manifest:encryption-data/></manifest:file-entry>")  # fmt: skip
    with pytest.raises(InputError, match="is protected by a password"):
        read(locked)
