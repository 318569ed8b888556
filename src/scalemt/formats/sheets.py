"""What a workbook refers to by text: which cells use which strings, headers of tables, texts in formulas.

Source: ISO/IEC 29500-1, section 18 (SpreadsheetML).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from scalemt.formats.formulas import folded, texts
from scalemt.formats.member import Member, attribute
from scalemt.formats.ooxml import Parts
from scalemt.formats.package import Package
from scalemt.formats.xmlevents import XmlEvent

_FORMULAS = {
    "f", "formula", "formula1", "formula2", "definedName", "calculatedColumnFormula", "totalsRowFormula",
}  # fmt: skip
# Where a filter or a pivot table names a text that cells hold, and in which attribute.
_NAMED = {"filter": "val", "customFilter": "val", "cacheField": "name"}
_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})", re.IGNORECASE)
_FORMULA_PARTS = ("worksheet+xml", "main+xml", "table+xml", "pivotCacheDefinition+xml")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)|[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def unescaped(text: str) -> str:
    """Return text in which `_x000D_` and the like are characters (ISO/IEC 29500-1, 22.9.2.19)."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def escaped(text: str) -> str:
    """Return text in which characters that XML cannot hold are written as `_x000B_`."""
    # Halves of surrogate pairs alone are no characters: nothing can be made of them.
    whole = re.sub("[\ud800-\udfff]", "", text)
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", whole)


def column_number(letters: str) -> int:
    """Return the number of a column, from 1 for A."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def cell_name(row: int, column: int) -> str:
    """Return "B4" for row 4, column 2."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


@dataclass
class Table:
    """A table: its part, and for each column the cells that hold its name and the label of its total, or ""."""

    part: str
    headers: list[str] = field(default_factory=list)
    totals: list[str] = field(default_factory=list)


@dataclass
class Sheet:
    """A worksheet: its part, its name, its tables, the shared strings of their headers, and whether cells hold
    text of their own.
    """

    part: str
    name: str
    tables: list[Table] = field(default_factory=list)
    shared: dict[str, int] = field(default_factory=dict)
    inline: bool = False


class Survey:
    """What is known of a workbook before anything is translated.

    Attributes:
        sheets: in their order.
        uses: the first cell that shows a shared string ("Sheet1!B4"), by the string's number.
        kept: texts that formulas, filters and pivot tables look for; see `formulas.folded`.
    """

    def __init__(self, package: Package, parts: Parts) -> None:
        self._package = package
        self._parts = parts
        self.uses: dict[int, str] = {}
        self.kept: set[str] = set()
        self.sheets = [Sheet(part, name) for name, part in self._sheets()]
        sheets = {sheet.part: sheet for sheet in self.sheets}
        for sheet in self.sheets:
            relations = parts.relations(sheet.part)
            sheet.tables = [self._table(item.target) for item in relations if item.kind.endswith("/table")]
        for part in parts.reachable():
            if part in sheets:
                self._cells(sheets[part])
            elif parts.type_of(part).endswith(_FORMULA_PARTS):
                for event, text in self._formulas(part):
                    self._keep(event, text)

    def _events(self, part: str) -> Iterator[XmlEvent]:
        return Member(self._package.read(part), part, self._package.label(part)).events()

    def _sheets(self) -> Iterator[tuple[str, str]]:
        targets = {item.id: item.target for item in self._parts.relations(self._parts.main)}
        for event in self._events(self._parts.main):
            if event.kind == "start" and event.name == "s:sheet":
                target = targets.get(attribute(event, "id"), "")
                if self._parts.type_of(target).endswith("worksheet+xml"):
                    yield event.attributes.get("name", ""), target

    def _table(self, part: str) -> Table:
        table = Table(part)
        area: list[tuple[int, int]] = []
        has_header, has_total, place = True, False, 0
        for event in self._events(part):
            if event.kind != "start":
                continue
            if event.name == "s:table":
                found = _REFERENCE.findall(event.attributes.get("ref", ""))
                area = [(int(row), column_number(letters)) for letters, row in found]
                has_header = event.attributes.get("headerRowCount", "1") != "0"
                has_total = event.attributes.get("totalsRowCount", "0") != "0"
            elif event.name == "s:tableColumn" and len(area) == 2:
                (top, left), (bottom, _) = area
                table.headers.append(cell_name(top, left + place) if has_header else "")
                table.totals.append(cell_name(bottom, left + place) if has_total else "")
                place += 1
        return table

    def _cells(self, sheet: Sheet) -> None:
        """Note the cells of a sheet."""
        wanted = {cell for table in sheet.tables for cell in (*table.headers, *table.totals) if cell}
        kind = cell = ""
        for event, text in self._formulas(sheet.part, values=True):
            if event.name == "s:c":
                kind, cell = event.attributes.get("t", ""), event.attributes.get("r", "").upper()
                sheet.inline = sheet.inline or kind == "inlineStr"
            elif event.name != "s:v":
                self._keep(event, text)
            elif kind == "s" and text.strip().isdecimal():
                number = int(text)
                self.uses.setdefault(number, f"{sheet.name}!{cell or '?'}")
                if cell in wanted:
                    sheet.shared[cell] = number

    def _formulas(self, part: str, values: bool = False) -> Iterator[tuple[XmlEvent, str]]:
        """Yield starts of formulas and named texts with their text; with `values` also cells and values."""
        waiting: XmlEvent | None = None
        held = ""
        for event in self._events(part):
            if event.kind == "start":
                local = event.name.rpartition(":")[2]
                if local in _FORMULAS or (values and event.name == "s:v"):
                    waiting, held = event, ""
                elif local in _NAMED or (values and event.name == "s:c"):
                    yield event, ""
            elif waiting and event.kind == "end":
                yield waiting, held
                waiting = None
            elif waiting:
                held += event.text

    def _keep(self, event: XmlEvent, text: str) -> None:
        local = event.name.rpartition(":")[2]
        if local in _NAMED:
            self.kept.add(folded(event.attributes.get(_NAMED[local], "")))
        else:
            self.kept.update(texts(text))
