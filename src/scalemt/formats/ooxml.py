"""Office Open XML (ISO/IEC 29500): which parts a document has, in reading order; text of drawings; properties."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple
from urllib.parse import unquote

from scalemt.errors import InputError
from scalemt.formats.base import FormatOptions
from scalemt.formats.inline import Piece
from scalemt.formats.member import Ask, Dialect, Member, Node, Plain, attribute
from scalemt.formats.package import Package
from scalemt.formats.zipped import Rewritten, ZippedFormat

_TYPES = "[Content_Types].xml"
# How a main part is typed, by the format whose it is.
_FAMILIES = {
    "docx": ("wordprocessingml", "ms-word"),
    "pptx": ("presentationml", "ms-powerpoint"),
    "xlsx": ("spreadsheetml", "ms-excel"),
}
_QUOTED = re.compile(rb"=\s*[\"']([^\"']*)[\"']")
# Attributes of a run in a drawing that tell nothing of its look.
_NOISE = {"lang", "altLang", "dirty", "err", "smtClean", "smtId", "noProof", "bmk"}
_RIGHT_TO_LEFT = {"Adlm", "Arab", "Aran", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}


def right_to_left(tag: str) -> bool:
    """Tell whether a language is written from right to left."""
    if not tag:
        return False
    import langcodes

    return langcodes.Language.get(tag).maximize().script in _RIGHT_TO_LEFT


class Relation(NamedTuple):
    """A relationship of a part: its id, its type, and the member it leads to."""

    id: str
    kind: str
    target: str


class Parts:
    """The parts of a package.

    Raises:
        InputError: it is no package of OOXML, or of another program than `family` ("docx", "pptx", "xlsx").
    """

    def __init__(self, package: Package, family: str, title: str) -> None:
        self._package = package
        if _TYPES not in package:
            raise InputError(f"{package.path} is a zip file, but no {title}: it lacks {_TYPES}. See --format.")
        self._defaults: dict[str, str] = {}
        self._overrides: dict[str, str] = {}
        for event in self._events(_TYPES):
            kind = event.attributes.get("ContentType", "")
            if event.local == "Default":
                self._defaults[event.attributes.get("Extension", "").casefold()] = kind
            elif event.local == "Override":
                self._overrides[event.attributes.get("PartName", "").lstrip("/").casefold()] = kind
        mains = [item.target for item in self.relations("") if item.kind.endswith("/officeDocument")]
        if not mains:
            raise InputError(
                f"{package.path} is a zip file, but no {title}: no main part is named in _rels/.rels."
            )
        self.main = mains[0]
        self._check(family, title)

    def _check(self, family: str, title: str) -> None:
        kind = self.type_of(self.main)
        found = next((name for name, marks in _FAMILIES.items() if any(mark in kind for mark in marks)), "")
        path = self._package.path
        if "sheet.binary" in kind:
            raise InputError(f"{path} is a binary workbook (.xlsb). Save it as .xlsx and translate that.")
        if found != family:
            mend = f"Try --format {found}" if found else f"Save it as a {title} in its program"
            raise InputError(f"{path} is no {title}: its main part is {kind or 'of no type'}. {mend}.")

    def _events(self, name: str) -> Iterator[_Start]:
        member = Member(self._package.read(name), name, self._package.label(name))
        for event in member.events():
            if event.kind == "start":
                yield _Start(event.local, event.attributes)

    def type_of(self, name: str) -> str:
        """Return the content type of a part, "" if it has none."""
        extension = name.rpartition(".")[2]
        return self._overrides.get(name.casefold()) or self._defaults.get(extension.casefold(), "")

    def relations(self, part: str) -> list[Relation]:
        """Return the relationships of a part ("" is the package) to members that there are."""
        folder, name = posixpath.split(part)
        listed = self._package.find(posixpath.join(folder, "_rels", f"{name}.rels"))
        if not listed:
            return []
        found = []
        for event in self._events(listed):
            if event.local != "Relationship" or event.attributes.get("TargetMode") == "External":
                continue
            address = unquote(event.attributes.get("Target", "")).replace("\\", "/")
            target = self._package.find(posixpath.normpath(posixpath.join("/", folder, address)).lstrip("/"))
            if target:
                found.append(Relation(event.attributes.get("Id", ""), event.attributes.get("Type", ""), target))
        return found

    def reachable(self) -> Iterator[str]:
        """Yield the parts that relationships lead to: the main one first, slides and sheets in their order."""
        waiting = [item.target for item in self.relations("")][::-1]
        waiting.append(self.main)
        seen = set()
        while waiting:
            part = waiting.pop()
            if part in seen:
                continue
            seen.add(part)
            yield part
            relations = self.relations(part)
            if part == self.main:
                relations.sort(key=self._places(part).__getitem__)
            waiting += [item.target for item in reversed(relations)]

    def _places(self, part: str) -> _Places:
        """Where a part names its relationships; the order in which they are listed tells nothing."""
        names = (found.decode("utf-8", "replace") for found in _QUOTED.findall(self._package.read(part)))
        places: dict[str, int] = {}
        for place, name in enumerate(names):
            places.setdefault(name, place)
        return _Places(places)


class _Start(NamedTuple):
    local: str
    attributes: Mapping[str, str]


class _Places:
    """Sorting key of relationships; those that are not named come last."""

    def __init__(self, places: Mapping[str, int]) -> None:
        self._places = places

    def __getitem__(self, relation: Relation) -> int:
        return self._places.get(relation.id, len(self._places) + 1_000_000_000)


class Drawing(Dialect):
    """A paragraph of DrawingML, `a:p`: slides, text of charts, diagrams and shapes.

    Args:
        options: with a target language, translated runs are marked as of it, paragraphs of a language that is
            written from right to left as such.
    """

    def __init__(self, options: FormatOptions) -> None:
        self._language = options.target
        self._to_left = right_to_left(options.target)

    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:  # noqa: D102
        head, tail, found = block.open, block.close, []
        properties = block.child("a:pPr")
        if self._to_left:
            head += self._from_right(properties, member)
        elif properties:
            head += properties.raw
        for child in block.children:
            if child.name == "a:endParaRPr":
                tail = child.raw + tail
            elif child.name == "a:r":
                text = child.child("a:t")
                look = self._look(child.child("a:rPr"), member)
                found.append(Piece("text", child.raw, text.text if text else "", look))
            elif child.name and child.name != "a:pPr":
                found.append(Piece("alone", child.raw))
        return head, found, tail

    def _from_right(self, properties: Node | None, member: Member) -> bytes:
        held = dict(properties.event.attributes) if properties else {}
        if held.get("algn", "l") == "l":
            held["algn"] = "r"
        inner = properties.inner if properties else b""
        if not inner:
            return member.start("a:pPr", held | {"rtl": "1"}, empty=True)
        return member.start("a:pPr", held | {"rtl": "1"}) + inner + member.end("a:pPr")

    def _look(self, properties: Node | None, member: Member) -> bytes:
        held = dict(properties.event.attributes) if properties else {}
        kept = {name: value for name, value in held.items() if name not in _NOISE}
        if self._language:
            kept["lang"] = self._language
        inner = properties.inner if properties and properties.children else b""
        if not kept and not inner.strip():
            return b""
        if not inner.strip():
            return member.start("a:rPr", kept, empty=True)
        return member.start("a:rPr", kept) + inner + member.end("a:rPr")

    def text(self, text: str, look: bytes | None, member: Member) -> bytes:  # noqa: D102
        start, end = member.start("a:r", {}), member.end("a:r")
        lines = [
            start
            + (look or b"")
            + member.encode(f"<{member.tag('a:t')}>{member.escaped(line)}</{member.tag('a:t')}>")
            + end
            if line
            else b""
            for line in re.split(r"\r\n|[\n\r\v\u2028]", text)
        ]
        return (member.start("a:br", {}) + (look or b"") + member.end("a:br")).join(lines)


class OoxmlFormat(ZippedFormat):
    """A format of Office Open XML.

    Attributes:
        kinds: which paragraphs are text, by how the content type of a part ends.
    """

    kinds: ClassVar[Mapping[str, tuple[str, ...]]]

    drawings: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "drawingml.chart+xml": ("a:p",),
        "drawingml.chartshapes+xml": ("a:p",),
        "drawingml.diagramData+xml": ("a:p",),
        "drawingml.diagramDrawing+xml": ("a:p",),
        "ms-office.chartex+xml": ("a:p",),
        "core-properties+xml": ("dc:title", "dc:subject", "dc:description"),
    }
    # Deleted text of a tracked change stays as it is.
    skip: ClassVar[tuple[str, ...]] = ("w:del", "w:moveFrom")

    def _dialects(self, options: FormatOptions) -> Mapping[str, Dialect]:
        """Return how paragraphs are taken apart, by their canonical name; new ones for each member."""
        plain = Plain()
        return {"a:p": Drawing(options), "dc:title": plain, "dc:subject": plain, "dc:description": plain}

    def _kind(self, content_type: str) -> tuple[str, ...]:
        for end, names in (*self.kinds.items(), *self.drawings.items()):
            if content_type.endswith(end):
                return names
        return ()

    def _members(self, package: Package, options: FormatOptions, ask: Ask) -> Iterator[Rewritten]:
        parts = Parts(package, self.name, self.title)
        for name in parts.reachable():
            if kind := self._kind(parts.type_of(name)):
                yield self._rewritten(package, name, kind, options, ask)

    def _rewritten(
        self, package: Package, name: str, kind: tuple[str, ...], options: FormatOptions, ask: Ask
    ) -> Rewritten:
        data = package.read(name)
        dialects = self._dialects(options)
        wanted = {element: dialects[element] for element in kind}
        return Rewritten(name, data, Member(data, name, package.label(name)).rewrite(wanted, ask, self.skip))


__all__ = ["Drawing", "OoxmlFormat", "Parts", "Relation", "attribute", "right_to_left"]
