"""Markdown: CommonMark with GitHub's tables, footnotes, definition lists, formulas and front matter.

The blocks are found by markdown-it; of each paragraph, heading and cell only the characters that hold its text
are replaced, so that markers, indentation and everything else stay byte for byte. Code and formulas are copied;
blocks of HTML are read as HTML.

Sources: CommonMark 0.31, GitHub Flavored Markdown 0.29.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from scalemt.formats import html
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.encoding import read_text
from scalemt.formats.markdown_inline import escaped, inline_spans
from scalemt.text.spans import between, literal, prose
from scalemt.types import Segment, Span

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n.*?\r?\n\1[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_FRONT_FIELD = re.compile(r"(?P<key>[\w-]+)(?P<sign>\s*[:=]\s*)(?P<quote>[\"']?)(?P<value>.+?)(?P=quote)\s*\Z")
_FRONT_KEYS = ("title", "description", "summary", "subtitle")
# What opens a block where a line begins; a translation that begins so by accident is escaped.
_OPENS = re.compile(r"(?=(?:#{1,6}|[-+*]|>)(?:\s|$)|>|={3,}\s*$|-{3,}\s*$|:::|~~~)|(\d{1,9})(?=[.)](?:\s|$))")
_FENCE_OF_CONTAINER = re.compile(r"\s*:{3,}|\s*(?:!!!|\?\?\?\+?)\s")
_EMPTY_LINE = re.compile(r"\n[ \t]*(?:\r?\n[ \t]*)+")
_IN_BLOCK = FormatOptions(encoding="utf-8")
_MOST_NESTING = 60  # block quotes and lists in each other; more than markdown-it is asked to follow


@dataclass(frozen=True, slots=True)
class _Slot:
    """A stretch of one line of the file, by its number from 0."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """A text in one or more lines, where each stands, and what kind of place it is."""

    slots: tuple[_Slot, ...]
    segment: Segment
    place: str  # "block", "cell" or "front"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The text."""
        return (self.segment,)


@dataclass(frozen=True, slots=True)
class _Html:
    """A block of HTML, from one line to before another, and the texts in it."""

    first: int
    end: int
    segments: tuple[Segment, ...]

    def written(self, lines: list[str], targets: Iterator[Target]) -> dict[int, str]:
        """Return its lines with translations: all of it in the first one."""
        block = "".join(lines[self.first : self.end])
        mine = iter([next(targets) for _ in self.segments])
        new = html.rewrite(block.encode(), _IN_BLOCK, mine, Path()).decode()
        # An empty line would end the block.
        whole = new if new == block else _EMPTY_LINE.sub("\n", new)
        return {self.first: whole} | dict.fromkeys(range(self.first + 1, self.end), "")


class MarkdownFormat(Format):
    """Paragraphs, headings, list items and table cells; titles in the front matter."""

    name = "markdown"
    title = "Markdown"
    suffixes = (".md", ".markdown")

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        text, _ = read_text(path, options.encoding)
        for unit in _units(_LINE.findall(text), options):
            yield from unit.segments

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        text, encoding = read_text(path, options.encoding)
        lines = _LINE.findall(text)
        made: dict[int, str] = {}
        shift: dict[int, int] = {}
        for unit in _units(lines, options):
            if isinstance(unit, _Html):
                made |= unit.written(lines, targets)
            elif unit.place == "cell":
                _fill(lines, unit, next(targets), made, shift)
            else:
                made |= _written(lines, unit, next(targets))
        out.write(encoding.mark)
        for number, line in enumerate(lines):
            out.write(encoding.encode(made.get(number, line), path))


def _units(lines: list[str], options: FormatOptions) -> list[_Unit | _Html]:
    """Return the units of a file in reading order; what overlaps or cannot be found in its line is copied."""
    front = _FRONT_MATTER.match("".join(lines))
    first = len(_LINE.findall(front[0])) if front else 0
    units: list[_Unit | _Html] = list(_front_units(lines[:first], options))
    tokens, references = _parsed("".join(lines[first:]))
    taken: dict[int, int] = {}
    for token in sorted(
        (item for item in tokens if item.type in ("inline", "html_block") and item.map), key=_position
    ):
        if token.type == "html_block":
            units += _html(lines, token, first)
            continue
        slots = _slots(lines, token, first, taken)
        unit = _unit(lines, slots, references, "cell" if token.meta.get("cell") else "block") if slots else None
        if unit:
            units.append(unit)
            taken |= {slot.line: slot.end for slot in slots}
    return units


def _html(lines: list[str], token: Any, first: int) -> Iterator[_Html]:
    """Yield a block of HTML that stands by itself; in quotes and lists its lines are not HTML alone."""
    start, end = (first + number for number in token.map)
    block = "".join(lines[start:end])
    try:
        data = block.encode()
    except UnicodeEncodeError:
        return  # half a surrogate pair: nothing to translate
    if token.level or b"\x00" in data:
        return
    segments = tuple(html.segments(data, _IN_BLOCK, Path()))
    if segments:
        yield _Html(start, end, segments)


def _position(token: Any) -> int:
    return int(token.map[0])


def _parsed(text: str) -> tuple[list[Any], set[str]]:
    """Return the block tokens of a text, cells marked as such, and the names of its link references."""
    environment: dict[str, Any] = {}
    tokens = _parser().parse(text.replace("\x00", "\ufffd"), environment)
    cell = False
    for token in tokens:
        if token.type in ("th_open", "td_open"):
            cell = True
        elif token.type in ("th_close", "td_close"):
            cell = False
        token.meta = {"cell": cell}
    return tokens, set(environment.get("references", {}))


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin

    parser = MarkdownIt("commonmark", {"maxNesting": _MOST_NESTING}).enable(["table", "strikethrough"])
    parser.use(footnote_plugin, inline=False, move_to_end=False).use(deflist_plugin).use(dollarmath_plugin)
    # The inline texts are scanned here: only their blocks are wanted.
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _slots(lines: list[str], token: Any, first: int, taken: dict[int, int]) -> tuple[_Slot, ...]:
    """Return where the lines of a token's text stand, or nothing where one cannot be found."""
    slots = []
    start_line = token.map[0] + first
    for offset, content in enumerate(token.content.split("\n")):
        number = start_line + offset
        body = lines[number].rstrip("\r\n") if number < len(lines) else ""
        text = content.strip()
        begin = taken.get(number, 0)
        if token.meta.get("cell"):
            # A bar inside a cell is written with a backslash, which markdown-it has taken off.
            text = text if body.find(text, begin) >= 0 else text.replace("|", "\\|")
            start = body.find(text, begin)
        else:
            start = body.rfind(text, begin)
        if start < 0:
            return ()
        slots.append(_Slot(number, start, start + len(text)))
    ends = [slots[0], *slots[1:]]
    # Two spaces or a backslash at the end of a line break it: they belong to the text.
    for index in range(len(ends) - 1):
        slot = ends[index]
        body = lines[slot.line].rstrip("\r\n")
        if not body[slot.end :].strip():
            ends[index] = _Slot(slot.line, slot.start, len(body))
    return tuple(ends)


def _unit(lines: list[str], slots: tuple[_Slot, ...], references: set[str], place: str) -> _Unit | None:
    while slots and _FENCE_OF_CONTAINER.match(_text(lines, slots[0])):
        slots = slots[1:]
    while slots and _FENCE_OF_CONTAINER.match(_text(lines, slots[-1])):
        slots = slots[:-1]
    text = "\n".join(_text(lines, slot) for slot in slots)
    spans = inline_spans(text, references)
    if not any(character.isalnum() for character in prose(text, spans)):
        return None
    return _Unit(slots, Segment(text, f"line {slots[0].line + 1}", spans, breaks="soft"), place)


def _text(lines: list[str], slot: _Slot) -> str:
    return lines[slot.line][slot.start : slot.end]


def _front_units(lines: list[str], options: FormatOptions) -> Iterator[_Unit]:
    keys = options.fields or _FRONT_KEYS
    for number, line in enumerate(lines):
        found = _FRONT_FIELD.match(line.rstrip("\r\n"))
        if found and found["key"] in keys and any(character.isalnum() for character in found["value"]):
            slot = _Slot(number, found.start("value"), found.end("value"))
            yield _Unit((slot,), Segment(found["value"], f"front matter: {found['key']}"), "front")


def _fill(lines: list[str], unit: _Unit, target: Target, made: dict[int, str], shift: dict[int, int]) -> None:
    """Put a cell into its row, of which cells before it may have been translated."""
    slot = unit.slots[0]
    text = _safe(unit, target)
    row, moved = made.get(slot.line, lines[slot.line]), shift.get(slot.line, 0)
    made[slot.line] = row[: slot.start + moved] + text + row[slot.end + moved :]
    shift[slot.line] = moved + len(text) - (slot.end - slot.start)


def _written(lines: list[str], unit: _Unit, target: Target) -> dict[int, str]:
    """Return the lines of a unit with its translation; lines that it no longer needs become nothing."""
    text = _safe(unit, target)
    parts = text.split("\n")
    made: dict[int, str] = {}
    last = len(unit.slots) - 1
    for index, slot in enumerate(unit.slots):
        line = lines[slot.line]
        if index >= len(parts):
            made[slot.line] = ""
            continue
        # More lines than there were follow in the last one, each with its prefix.
        mine = parts[index:] if index == last else parts[index : index + 1]
        ending = line[len(line.rstrip("\r\n")) :] or "\n"
        prefix = line[: slot.start]
        made[slot.line] = prefix + f"{ending}{prefix}".join(mine) + line[slot.end :]
        if index == len(parts) - 1 and index < last:
            # What follows the text of the last line of the source follows that of the translation.
            tail = lines[unit.slots[last].line]
            made[slot.line] = prefix + mine[0] + tail[unit.slots[last].end :]
    return made


def _safe(unit: _Unit, target: Target) -> str:
    """Return a translation whose plain text makes no markup that the source does not have."""
    if unit.place == "front":
        return " ".join(target.text.split("\n"))
    source = "".join(between(unit.segment.text, unit.segment.spans))
    pieces = [escaped(plain, source, cell=unit.place == "cell") for plain in between(target.text, target.spans)]
    held = [literal(unit.segment.text, span) for span in _known(unit, target)]
    text = pieces[0] + "".join(mark + plain for mark, plain in zip(held, pieces[1:], strict=True))
    if unit.place == "cell":
        return text.replace("\n", " ")
    starts = [_opens(line) for line in unit.segment.text.split("\n")]
    return "\n".join(
        line if index < len(starts) and starts[index] else _unopened(line)
        for index, line in enumerate(text.split("\n"))
    )


def _known(unit: _Unit, target: Target) -> list[Span]:
    by_key = {span.key: span for span in unit.segment.spans}
    return [by_key[span.key] for span in target.spans]


def _opens(line: str) -> bool:
    return bool(_OPENS.match(line))


def _unopened(line: str) -> str:
    found = _OPENS.match(line)
    if not found:
        return line
    digits = found[1] or ""
    return f"{digits}\\{line[len(digits) :]}"
