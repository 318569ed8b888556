"""OpenDocument texts, and by the same code spreadsheets and presentations (.odt, .ods, .odp, and their templates).

Source: OpenDocument 1.3 part 3, sections 5 and 6 (paragraphs), 9 (tables), 6.1.2 (white space).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from scalemt.errors import InputError
from scalemt.formats.base import FormatOptions
from scalemt.formats.formulas import folded, texts
from scalemt.formats.inline import Inline, Piece
from scalemt.formats.member import Ask, Dialect, Member, Node, Plain, attribute
from scalemt.formats.odf_language import in_language
from scalemt.formats.package import Package
from scalemt.formats.xmlevents import XmlEvent
from scalemt.formats.zipped import Rewritten, ZippedFormat
from scalemt.text.spans import prose

_AROUND = {"text:a", "text:meta", "text:meta-field"}
_DEEPEST = 40
_SPACE = re.compile("[\t\n\r ]+")
_UNSEEN = re.compile(
    "text:(?:bookmark|reference-mark|change|(?:toc|user-index|alphabetical-index)-mark)(?:-start|-end)?"
)
# Attributes of a style that do not show: who edited when, and the language of spelling.
_NOISE = re.compile(r"(?:paragraph-)?rsid|(?:language|country|script|rfc-language-tag)(?:-asian|-complex)?")
_FORMULAS = {"formula", "condition", "expression"}
_NAMED = {"filter-condition": "value", "data-pilot-field": "source-field-name"}
_PROPERTIES = ("dc:title", "dc:subject", "dc:description")
_LINES = re.compile(r"(\r\n|[\n\r\v\u2028]|\t)")


def text_styles(member: Member) -> dict[str, str]:
    """Return for each automatic style of text the first one that looks the same, "" where it looks like none."""
    first: dict[object, str] = {(): ""}
    found: dict[str, str] = {}
    name = ""
    look: set[tuple[str, str]] = set()
    for event in member.events():
        if event.name == "office:body":
            break
        if event.name == "style:style" and attribute(event, "family") == "text":
            name = attribute(event, "name") if event.kind == "start" else name
            look = {("parent", attribute(event, "parent-style-name"))} - {("parent", "")}
        elif name and event.name == "style:text-properties" and event.kind == "start":
            look |= {item for item in event.attributes.items() if not _NOISE.fullmatch(item[0].rpartition(":")[2])}
        elif name and event.kind == "start":
            look.add(("more", name))  # looks like no other
        if name and event.kind == "end" and event.name == "style:style":
            found[name] = first.setdefault(tuple(sorted(look)), name)
            name = ""
    return found


class Paragraph(Dialect):
    """A paragraph or heading.

    Args:
        styles: see `text_styles`.
        kept: texts that formulas look for: a paragraph that is one of them is copied.
    """

    def __init__(self, styles: Mapping[str, str], kept: set[str]) -> None:
        self._styles = styles
        self._kept = kept
        self._after_space = True

    def wanted(self, block: Node, inline: Inline) -> bool:  # noqa: D102
        return folded(prose(inline.segment.text, inline.segment.spans)) not in self._kept

    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:  # noqa: D102
        self._after_space = True  # leading white space does not show
        return block.open, list(self._content(block.children, b"", b"", member, 0)), block.close

    def _content(self, nodes: list[Node], look: bytes, ends: bytes, member: Member, depth: int) -> Iterator[Piece]:
        for node in nodes:
            raw = look + node.raw + ends
            if node.event.kind in ("text", "cdata"):
                if text := self._collapsed(node.event.text):
                    yield Piece("text", raw, text, look)
            elif node.name == "text:s":
                self._after_space = False
                yield Piece("text", raw, " " * _count(node), look)
            elif node.name == "text:span" and depth < _DEEPEST:
                start, end = self._span(node, member)
                yield from self._content(node.children, look + start, end + ends, member, depth + 1)
            elif node.name in _AROUND and node.children and depth < _DEEPEST:
                yield Piece("open", look + node.open)
                yield from self._content(node.children, b"", b"", member, depth + 1)
                yield Piece("close", node.close + ends)
            elif node.name != "text:soft-page-break" and (node.name or node.raw.startswith(b"&")):
                # A space behind what shows (a field, a tab, a picture) shows too.
                self._after_space = self._after_space and bool(_UNSEEN.fullmatch(node.name))
                yield Piece("alone", raw)

    def _collapsed(self, text: str) -> str:
        text = _SPACE.sub(" ", text)
        if self._after_space:
            text = text.removeprefix(" ")
        if text:
            self._after_space = text.endswith(" ")
        return text

    def _span(self, node: Node, member: Member) -> tuple[bytes, bytes]:
        """Return the tags of a span in the style that stands for all that look like its own."""
        name = attribute(node.event, "style-name")
        style = self._styles.get(name, name)
        # A span without a style looks like nothing, but labels of charts in LibreOffice show nothing else.
        if name and not style:
            return b"", b""
        held = {
            key: style if key.rpartition(":")[2] == "style-name" else value
            for key, value in node.event.attributes.items()
        }
        return member.start("text:span", held), member.end("text:span")

    def text(self, text: str, look: bytes | None, member: Member) -> bytes:  # noqa: D102
        if not text:
            return b""
        parts = []
        for part in _LINES.split(text):
            if part == "\t":
                parts.append(f"<{member.tag('text:tab')}/>")
            elif part and part in "\r\n\v\u2028":
                parts.append(f"<{member.tag('text:line-break')}/>")
            else:
                parts.append(_spaced(part, member))
        look = look or b""
        ends = member.end("text:span") * member.decode(look).count("<")
        return look + member.encode("".join(parts)) + ends


def _count(node: Node) -> int:
    """How many spaces a `text:s` is; a count that no line holds is none."""
    count = attribute(node.event, "c", "1")
    return min(int(count), 1000) if count.isdecimal() and len(count) < 9 else 1


def _spaced(text: str, member: Member) -> str:
    """Return text whose spaces all show: those at the start and behind another one become elements."""
    tag = member.tag("text:s")
    prefix = tag.rpartition(":")[0]

    def shown(found: re.Match[str]) -> str:
        count, first = len(found[0]), "" if found.start() == 0 else " "
        more = count - len(first)
        return f"{first}<{tag} {prefix}:c={chr(34)}{more}{chr(34)}/>" if more else first

    return re.sub(" +", shown, member.escaped(text))


def _is_computed(event: XmlEvent) -> bool:
    """Tell whether what a cell of a table shows comes from a value or a formula."""
    if event.name not in ("table:table-cell", "table:covered-table-cell"):
        return False
    if attribute(event, "formula") or attribute(event, "string-value"):
        return True
    return attribute(event, "value-type", "string") != "string"


def compared(member: Member) -> set[str]:
    """Return the texts that formulas, validations, filters and pivot tables of a document look for."""
    found: set[str] = set()
    for event in member.events():
        for name, value in event.attributes.items():
            if name.rpartition(":")[2] in _FORMULAS:
                found.update(texts(value))
        local = event.name.rpartition(":")[2]
        if event.kind == "start" and local in _NAMED:
            found.add(folded(attribute(event, _NAMED[local])))
    return found


class OdtFormat(ZippedFormat):
    """OpenDocument files."""

    name = "odt"
    title = "OpenDocument file"
    suffixes = (".odt", ".ott", ".ods", ".ots", ".odp", ".otp", ".odg", ".otg")
    # What was deleted in a tracked change stays as it is.
    _skip = ("text:tracked-changes",)

    def _members(self, package: Package, options: FormatOptions, ask: Ask) -> Iterator[Rewritten]:
        if "content.xml" not in package:
            raise InputError(
                f"{package.path} is a zip file, but no {self.title}: it lacks content.xml. See --format."
            )
        _refuse_encrypted(package)
        objects = [name for name in package.names if name.endswith("/content.xml")]
        for name in ("content.xml", "styles.xml", *objects):
            if name in package:
                yield self._text(package, name, options, ask)
        if "meta.xml" in package:
            data = package.read("meta.xml")
            member = Member(data, "meta.xml", package.label("meta.xml"))
            yield Rewritten("meta.xml", data, member.rewrite(dict.fromkeys(_PROPERTIES, Plain()), ask))

    def _text(self, package: Package, name: str, options: FormatOptions, ask: Ask) -> Rewritten:
        data, label = package.read(name), package.label(name)
        paragraph = Paragraph(text_styles(Member(data, name, label)), compared(Member(data, name, label)))
        plain = Plain()
        dialects: dict[str, Dialect] = {
            "text:p": paragraph,
            "text:h": paragraph,
            "text:index-title-template": plain,
            "svg:title": plain,
            "svg:desc": plain,
        }
        new = Member(data, name, label).rewrite(dialects, ask, self._skip, _is_computed)
        if options.target and name in ("content.xml", "styles.xml"):
            new = in_language(Member(new, name, label), options.source, options.target)
        return Rewritten(name, data, new)


def _refuse_encrypted(package: Package) -> None:
    listed = "META-INF/manifest.xml"
    if listed not in package:
        return
    for event in Member(package.read(listed), listed, package.label(listed)).events():
        if event.name == "manifest:encryption-data":
            raise InputError(
                f"{package.path} is protected by a password. Open it in its program, save it without, try again."
            )
