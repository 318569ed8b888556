"""Android string resources (strings.xml): strings, arrays and plurals; everything else stays byte for byte.

Sources: Android developers' guide, "String resources"; CLDR plural categories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.plurals import categories
from scalemt.formats.xmlevents import XmlEvent
from scalemt.formats.xmlunits import Content, Dialect, Units, children, content, encoded, indentation, raw
from scalemt.text.spans import between, rewrite
from scalemt.types import Segment

_DIALECT = Dialect(frozenset({"g"}))  # xliff:g marks what is not to be translated
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t"}
_REFERENCE = re.compile(r"\s*[@?][\w+.:]*/?[\w./:]+\s*\Z")


@dataclass(frozen=True)
class _Place:
    """One text: the events of its element (start and end index), and its content as a translator sees it."""

    start: int
    end: int
    content: Content
    name: str
    quantity: str = ""
    cdata: bool = False

    def segment(self) -> Segment:
        """The text with Android's escapes resolved."""
        text, spans = rewrite(self.content.text, self.content.spans, lambda _, held: held, _plain)
        return Segment(text, self.name, spans, syntax=("java",))

    def written(self, target: Target, encoding: str) -> bytes:
        """Return the content of the element with a translation."""
        mine = self.segment()
        if target.text == mine.text and target.spans == mine.spans:
            return self.content.inner
        if self.cdata:
            return f"<![CDATA[{_escaped(target.text).replace(']]>', ']]]]><![CDATA[>')}]]>".encode(encoding)
        pieces = [encoded(_escaped(plain), encoding) for plain in between(target.text, target.spans)]
        made = pieces[0]
        for span, plain in zip(target.spans, pieces[1:], strict=True):
            made += self.content.raw[span.key] + plain
        # A sign at the very start would be read as a reference to a resource.
        return b"\\" + made if made[:1] in (b"@", b"?") else made


class AndroidFormat(Format):
    """Texts of strings.xml; those marked translatable="false" are copied."""

    name = "android"
    title = "Android strings"
    suffixes = ("strings.xml",)

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        with path.open("rb") as file:
            for events in Units(file, path, frozenset({"string", "string-array", "plurals"})):
                for place in _places(events):
                    yield place.segment()

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        with path.open("rb") as file:
            units = Units(file, path, frozenset({"string", "string-array", "plurals"}))
            for events in units:
                places = list(_places(events))
                given = [next(targets) for _ in places]
                made, position = b"", 0
                for place, target in zip(places, given, strict=True):
                    made += raw(events[position : place.start + 1]) + place.written(target, units.encoding)
                    position = place.end
                if events[0].local == "plurals" and options.target and places:
                    made += _more_quantities(events, places, given, options.target, position, units.encoding)
                    position = places[-1].end + 1
                out.write(made + raw(events[position:]))


def _places(events: list[XmlEvent]) -> Iterator[_Place]:
    unit = events[0]
    if unit.kind != "start" or unit.attributes.get("translatable") == "false" or len(events) < 2:
        return
    name = unit.attributes.get("name", "")
    if unit.local == "string":
        yield from _place(events, 0, len(events) - 1, name)
        return
    if unit.local not in ("string-array", "plurals"):
        return
    for number, (start, end) in enumerate(children(events)):
        quantity = events[start].attributes.get("quantity", "")
        yield from _place(events, start, end, f"{name}[{quantity or number}]", quantity)


def _place(events: list[XmlEvent], start: int, end: int, name: str, quantity: str = "") -> Iterator[_Place]:
    inside = events[start + 1 : end]
    cdata = any(event.kind == "cdata" for event in inside)
    if cdata:
        whole = "".join(event.text for event in inside)
        if any(event.kind == "start" or (event.kind == "text" and event.text.strip()) for event in inside):
            return  # half of it escaped in one way, half in another: nobody could write it back for certain
        made = Content(whole, (), (), raw(inside))
    else:
        made = content(inside, _DIALECT)
    if made.speaks and not _REFERENCE.match(made.text):
        yield _Place(start, end, made, name, quantity, cdata)


def _more_quantities(
    events: list[XmlEvent], places: list[_Place], given: list[Target], language: str, position: int, encoding: str
) -> bytes:
    """Return the rest of the last item, and the quantities that the target language has and the source lacks."""
    made = raw(events[position : places[-1].end + 1])
    there = {events[start].attributes.get("quantity") for start, _ in children(events)}
    other = next((index for index, place in enumerate(places) if place.quantity == "other"), None)
    if other is None or given[other].failed:
        return made
    before = indentation(events, places[other].start)
    text = places[other].written(given[other], encoding)
    for quantity in categories(language):
        if quantity not in there:
            made += before + f'<item quantity="{quantity}">'.encode(encoding) + text + "</item>".encode(encoding)
    return made


def _plain(text: str) -> str:
    """Return text without Android's escapes; white space outside of quotes is one space."""
    out: list[str] = []
    quoted = False
    position = 0
    while position < len(text):
        letter = text[position]
        escape = _ESCAPE.match(text, position) if letter == "\\" else None
        if escape:
            out.append(chr(int(escape[1], 16)) if escape[1] else _LETTERS.get(escape[2], escape[2]))
            position = escape.end()
            continue
        if letter == '"':
            quoted = not quoted
        elif quoted or not letter.isspace() or not out or out[-1] != " ":
            out.append(letter if quoted or not letter.isspace() or letter == "\u00a0" else " ")
        position += 1
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("  ", " \\u0020")
