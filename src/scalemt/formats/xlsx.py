"""Workbooks (.xlsx): texts of cells, comments, drawings and charts; headers of tables stay in step with cells.

Copied are formulas, numbers, names of sheets and ranges, and every text that a formula, a filter, a validation or
a pivot table looks for: translated, it would no longer be found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

from scalemt.formats.base import FormatOptions, Target
from scalemt.formats.formulas import folded
from scalemt.formats.inline import Inline, Piece
from scalemt.formats.member import Ask, Dialect, Member, Node, Plain, attribute
from scalemt.formats.ooxml import OoxmlFormat, Parts
from scalemt.formats.package import Package
from scalemt.formats.sheets import Sheet, Survey, Table, escaped, unescaped
from scalemt.formats.zipped import Rewritten
from scalemt.text.spans import between

_LONGEST = 255  # characters of a column's name


class Change(NamedTuple):
    """What a cell held, and what it holds now, as plain text."""

    old: str
    new: str


class _Text(Dialect):
    """Text in plain or in runs: directly in the block (`holder` empty), or in an element inside it.

    Attributes:
        changes: of what was translated, by the name that `_key` gives.
    """

    holder: ClassVar[str] = ""

    def __init__(self, kept: set[str]) -> None:
        self._kept = kept
        self.changes: dict[str, Change] = {}

    def _key(self, block: Node) -> str:
        return attribute(block.event, "r").upper()

    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:
        holder = block.child(self.holder) if self.holder else block
        if holder is None:
            return b"", [], b""
        head, tail = block.until(holder)
        return head, list(self._runs(holder)), tail

    def _runs(self, holder: Node) -> Iterator[Piece]:
        """Yield text; how it is read aloud (rPh) belongs to the source language and goes with it."""
        for child in holder.children:
            if child.name == "s:t":
                yield Piece("text", child.raw, unescaped(child.text), None)
            elif child.name == "s:r" and (text := child.child("s:t")):
                look = child.child("s:rPr")
                yield Piece("text", child.raw, unescaped(text.text), look.raw if look else b"")

    def text(self, text: str, look: bytes | None, member: Member) -> bytes:
        if not text:
            return b""
        tag = member.tag("s:t")
        space = ' xml:space="preserve"' if text != text.strip() or "  " in text or "\n" in text else ""
        held = member.encode(f"<{tag}{space}>{member.escaped(escaped(text))}</{tag}>")
        return held if look is None else member.start("s:r", {}) + look + held + member.end("s:r")

    def wanted(self, block: Node, inline: Inline) -> bool:
        return folded(_plain(inline, Target.same(inline.segment))) not in self._kept

    def told(self, block: Node, inline: Inline, target: Target) -> None:
        self.changes[self._key(block)] = Change(
            _plain(inline, Target.same(inline.segment)), _plain(inline, target)
        )


def _plain(inline: Inline, target: Target) -> str:
    return "".join(between(target.text, sorted(inline.own(target), key=lambda span: span.start)))


class _Shared(_Text):
    """A shared string, `si`; its key is its number."""

    def __init__(self, survey: Survey) -> None:
        super().__init__(survey.kept)
        self._uses = survey.uses
        self._number = -1

    def _key(self, block: Node) -> str:
        return str(self._number)

    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:
        self._number += 1
        return super().pieces(block, member) if self._number in self._uses else (b"", [], b"")

    def name(self, block: Node, member: Member, number: int) -> str:
        return self._uses[self._number]


class _Cell(_Text):
    """A cell that holds its text itself, `c` with `is`."""

    holder = "s:is"

    def __init__(self, kept: set[str], sheet: str) -> None:
        super().__init__(kept)
        self._sheet = sheet

    def name(self, block: Node, member: Member, number: int) -> str:
        return f"{self._sheet}!{self._key(block) or number}"


class _Comment(_Text):
    """A comment on a cell."""

    holder = "s:text"

    def __init__(self, sheet: str) -> None:
        super().__init__(set())
        self._sheet = sheet

    def name(self, block: Node, member: Member, number: int) -> str:
        return f"{self._sheet}!{attribute(block.event, 'ref')} comment"


class XlsxFormat(OoxmlFormat):
    """Excel workbooks."""

    name = "xlsx"
    title = "Excel workbook"
    suffixes = (".xlsx", ".xlsm", ".xltx", ".xltm")
    kinds: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "officedocument.drawing+xml": ("a:p",),
        "threadedcomments+xml": ("tc:text",),
    }

    def _dialects(self, options: FormatOptions) -> Mapping[str, Dialect]:
        return {**super()._dialects(options), "tc:text": Plain()}

    def _members(self, package: Package, options: FormatOptions, ask: Ask) -> Iterator[Rewritten]:
        parts = Parts(package, self.name, self.title)
        survey = Survey(package, parts)
        shared = _Shared(survey)
        for item in parts.relations(parts.main):
            if item.kind.endswith("/sharedStrings"):
                yield _rewritten(package, item.target, {"s:si": shared}, ask)
        for sheet in survey.sheets:
            yield from self._sheet(package, sheet, survey, shared.changes, ask)
            for item in parts.relations(sheet.part):
                if item.kind.endswith("/comments"):
                    yield _rewritten(package, item.target, {"s:comment": _Comment(sheet.name)}, ask)
        yield from super()._members(package, options, ask)

    def _sheet(
        self, package: Package, sheet: Sheet, survey: Survey, shared: Mapping[str, Change], ask: Ask
    ) -> Iterator[Rewritten]:
        """Go through the cells and the tables of a sheet."""
        data = new = package.read(sheet.part)
        changes = {cell: shared[str(number)] for cell, number in sheet.shared.items() if str(number) in shared}
        if sheet.inline:
            cells = _Cell(survey.kept, sheet.name)
            new = _member(package, sheet.part, data).rewrite({"s:c": cells}, ask)
            changes |= cells.changes
        renamed: dict[str, str] = {}
        for table in sheet.tables:
            old = package.read(table.part)
            yield Rewritten(table.part, old, _table(_member(package, table.part, old), table, changes, renamed))
        yield Rewritten(sheet.part, data, _with_cells(_member(package, sheet.part, new), renamed))


def _member(package: Package, name: str, data: bytes) -> Member:
    return Member(data, name, package.label(name))


def _rewritten(package: Package, name: str, dialects: Mapping[str, Dialect], ask: Ask) -> Rewritten:
    data = package.read(name)
    return Rewritten(name, data, _member(package, name, data).rewrite(dialects, ask))


def _table(member: Member, table: Table, changes: Mapping[str, Change], renamed: dict[str, str]) -> bytes:
    """Return a table's part with the names of its columns as their cells have them now.

    Names must differ within a table: of two that became the same the later one gets a number, as does its cell.

    Args:
        member: the part.
        table: where its names stand.
        changes: of cells.
        renamed: gets the cells that must hold another text than their translation.
    """
    out = []
    names = _new_names(member.data, member, table, changes)
    place = -1
    for event in Member(member.data, member.name, member.name).events():
        raw = event.raw
        if event.kind == "start" and event.name == "s:tableColumn":
            place += 1
            held: dict[str, str] = {}
            if place < len(names) and (name := names[place]) is not None:
                held["name"] = _as_name(name)
                if name != _one_line(changes[table.headers[place]].new):
                    renamed[table.headers[place]] = name
            total = changes.get(table.totals[place]) if place < len(table.totals) else None
            if total and event.attributes.get("totalsRowLabel") == total.old:
                held["totalsRowLabel"] = total.new
            raw = member.with_attributes(event, held) if held else raw
        out.append(raw)
    return b"".join(out)


def _new_names(data: bytes, member: Member, table: Table, changes: Mapping[str, Change]) -> list[str | None]:
    """Return the new name of each column, None where it stays."""
    starts = [event for event in member.events() if event.kind == "start" and event.name == "s:tableColumn"]
    old = [unescaped(event.attributes.get("name", "")) for event in starts]
    new: list[str | None] = []
    for name, cell in zip(old, table.headers, strict=True):
        change = changes.get(cell)
        # A name that was out of step before is not this program's to mend.
        new.append(_one_line(change.new) if change and _one_line(change.old) == _one_line(name) else None)
    taken = {name.casefold() for name, changed in zip(old, new, strict=True) if changed is None}
    for place, changed in enumerate(new):
        if changed is not None:
            new[place] = _unique(changed, taken)
    return new


def _unique(name: str, taken: set[str]) -> str:
    """Return the name, cut to its longest and with a number where it is taken; then it is."""
    found, number = name[:_LONGEST], 2
    while found.casefold() in taken:
        ending = f" {number}"
        found, number = name[: _LONGEST - len(ending)] + ending, number + 1
    taken.add(found.casefold())
    return found


def _one_line(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_name(name: str) -> str:
    return escaped(name).replace("\n", "_x000a_").replace("\t", "_x0009_")


def _with_cells(member: Member, renamed: Mapping[str, str]) -> bytes:
    """Return a sheet in which some cells hold another text."""
    if not renamed:
        return member.data
    dialect = _Cell(set(), "")
    out: list[bytes] = []
    waiting = ""
    for event in member.events():
        if event.kind == "start" and event.name == "s:c" and event.attributes.get("r", "").upper() in renamed:
            waiting = renamed[event.attributes["r"].upper()]
            held = {name: value for name, value in event.attributes.items() if name != "t"}
            out += [member.start("s:c", held | {"t": "inlineStr"}), member.start("s:is", {})]
            out += [dialect.text(waiting, None, member), member.end("s:is"), member.end("s:c")]
        elif not waiting:
            out.append(event.raw)
        elif event.kind == "end" and event.name == "s:c":
            waiting = ""
    return b"".join(out)
