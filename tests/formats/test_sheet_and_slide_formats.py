"""Workbooks and presentations: cells, tables in step, texts that formulas look for, slides in their order."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

from pathlib import Path

import pytest

from packages import pptx, read, shouted, unpacked, written, xlsx
from scalemt.errors import InputError
from scalemt.formats import FormatOptions

TABLE = (
    'id="1" name="T" displayName="T" ref="A1:B3"><tableColumns count="2">'
    '<tableColumn id="1" name="Plant"/><tableColumn id="2" name="Days"/></tableColumns>'
)
ROWS = (
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>12</v></c></row>'
    '<row r="3"><c r="A3" t="s"><v>3</v></c><c r="B3"><f>COUNTIF(A1:A3,"open")+SUM(T[Days])</f><v>1</v></c></row>'
    '<row r="4"><c r="A4" t="inlineStr"><is><t>In the cell</t></is></c><c r="B4" t="s"><v>2</v></c></row>'
)
SHARED = [
    "<t>Plant</t>",
    "<t>Days</t>",
    '<r><t xml:space="preserve">A </t></r><r><rPr><b/></rPr><t>green</t></r><r><t xml:space="preserve"> fern</t></r>',
    "<t>open</t>",
    "<t>nobody shows this</t>",
]


def test_cells_are_segments_once(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", SHARED, ROWS, TABLE)
    found = {segment.id: segment.text for segment in read(path)}
    # "Days" is named by a formula, "open" is compared with by one: both stay.
    assert found == {
        "Plants!A1": "Plant", "Plants!A2": "A <g1>green</g1> fern", "Plants!A4": "In the cell"
    }  # fmt: skip
    assert written(path) == path.read_bytes()


def test_headers_of_tables_follow_their_cells(tmp_path: Path) -> None:
    held = unpacked(written(xlsx(tmp_path / "a.xlsx", SHARED, ROWS, TABLE), shouted))
    assert '<tableColumn id="1" name="PLANT"/><tableColumn id="2" name="Days"/>' in held["xl/tables/table1.xml"]
    strings = held["xl/sharedStrings.xml"]
    assert "<si><t>PLANT</t></si><si><t>Days</t></si>" in strings
    assert "<r><rPr><b/></rPr><t>GREEN</t></r>" in strings
    assert "<t>nobody shows this</t>" in strings
    assert "<is><t>IN THE CELL</t></is>" in held["xl/worksheets/sheet1.xml"]
    assert 'COUNTIF(A1:A3,"open")+SUM(T[Days])' in held["xl/worksheets/sheet1.xml"]


def test_two_headers_that_become_the_same_differ(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    path = xlsx(
        tmp_path / "a.xlsx",
        ["<t>Day</t>", "<t>day of</t>"],
        rows,
        TABLE.replace("Plant", "Day").replace("Days", "day of"),
    )
    held = unpacked(written(path, lambda segment: type(shouted(segment))("Dia")))
    assert 'name="Dia"/>' in held["xl/tables/table1.xml"]
    assert 'name="Dia 2"/>' in held["xl/tables/table1.xml"]
    assert '<c r="B1" t="inlineStr"><is><t>Dia 2</t></is></c>' in held["xl/worksheets/sheet1.xml"]


def test_escapes_and_lists_of_validations(tmp_path: Path) -> None:
    more = (
        '<dataValidations><dataValidation><formula1>"red,dark green"</formula1></dataValidation></dataValidations>'
    )
    shared = ["<t>dark green</t>", "<t>line_x000D_end _x005F_x0041_</t>"]
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    path = xlsx(tmp_path / "a.xlsx", shared, rows, more=more)
    assert [segment.text for segment in read(path)] == ["line\rend _x0041_"]
    assert "<t>LINE_x000D_END _X0041_</t>" in unpacked(written(path, shouted))["xl/sharedStrings.xml"]


def test_slides_come_in_their_order_with_their_notes(tmp_path: Path) -> None:
    first = '<a:p><a:r><a:rPr lang="en-US" dirty="0"/><a:t>Open </a:t></a:r><a:r><a:rPr lang="en-GB"/><a:t>the </a:t></a:r>'
    first += '<a:r><a:rPr lang="en-US" b="1"/><a:t>window</a:t></a:r><a:br/><a:fld type="slidenum"><a:t>1</a:t></a:fld></a:p>'
    path = pptx(
        tmp_path / "a.pptx",
        [first, "<a:p><a:r><a:t>Close it</a:t></a:r></a:p>"],
        "<a:p><a:r><a:t>Be slow</a:t></a:r></a:p>",
    )
    assert [segment.text for segment in read(path)] == ["Open the <g1>window</g1>", "Be slow", "Close it"]
    assert written(path) == path.read_bytes()
    slide = unpacked(written(path, shouted, FormatOptions(target="pt")))["ppt/slides/slide2.xml"]
    assert (
        '<a:r><a:rPr lang="pt"/><a:t>OPEN THE </a:t></a:r><a:r><a:rPr b="1" lang="pt"/><a:t>WINDOW</a:t></a:r>'
        in slide
    )
    assert '<a:br/><a:fld type="slidenum"><a:t>1</a:t></a:fld></a:p>' in slide
    hebrew = unpacked(written(path, shouted, FormatOptions(target="he")))["ppt/slides/slide1.xml"]
    assert '<a:pPr algn="r" rtl="1"/>' in hebrew


def test_another_program_and_binary_workbooks_are_named(tmp_path: Path) -> None:
    path = pptx(tmp_path / "a.pptx", ["<a:p/>"])
    with pytest.raises(
        InputError, match=r"is no Excel workbook: its main part is .*presentation.* Try --format pptx"
    ):
        list(read(path.rename(tmp_path / "a.xlsx")))
