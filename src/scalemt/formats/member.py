"""An XML member of a package: its paragraphs are found, asked for and replaced; all bytes around them stay."""

from __future__ import annotations

import io
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from scalemt.formats.base import Target
from scalemt.formats.inline import Inline, Piece, assemble
from scalemt.formats.xmlevents import XmlEvent, XmlReader, escape
from scalemt.formats.xmlunits import with_attribute
from scalemt.types import Segment

# Prefixes are what a producer likes them to be; names are told by their namespaces. The "strict" flavour of OOXML
# has other addresses for the same names.
_NAMESPACES = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a",
    "http://purl.oclc.org/ooxml/drawingml/main": "a",
    "http://schemas.openxmlformats.org/presentationml/2006/main": "p",
    "http://purl.oclc.org/ooxml/presentationml/main": "p",
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "s",
    "http://purl.oclc.org/ooxml/spreadsheetml/main": "s",
    "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments": "tc",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r",
    "http://purl.org/dc/elements/1.1/": "dc",
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": "text",
    "urn:oasis:names:tc:opendocument:xmlns:table:1.0": "table",
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": "style",
    "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0": "svg",
    "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0": "manifest",
    "http://www.daisy.org/z3986/2005/ncx/": "ncx",
    "http://www.idpf.org/2007/opf": "opf",
    "urn:oasis:names:tc:opendocument:xmlns:container": "container",
    "http://www.w3.org/2001/04/xmlenc#": "enc",
}
# XML 1.0, section 2.2: what no document can hold.
_NO_CHARACTERS = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Ask = Callable[[Segment], Target | None]


def attribute(event: XmlEvent, local: str, default: str = "") -> str:
    """Return an attribute by its name without prefix."""
    if local in event.attributes:
        return event.attributes[local]
    found = (value for name, value in event.attributes.items() if name.rpartition(":")[2] == local)
    return next(found, default)


@dataclass(slots=True)
class Node:
    """An element, or a stretch of something else, inside a paragraph.

    Args:
        event: its first event.
        children: what an element holds.
        source: all events of the paragraph; start, end: its own among them.
    """

    event: XmlEvent
    source: list[XmlEvent]
    start: int
    end: int = 0
    children: list[Node] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Canonical name of an element, "" of anything else."""
        return self.event.name if self.event.kind == "start" else ""

    @property
    def raw(self) -> bytes:
        """Its bytes, from start tag to end tag."""
        return b"".join(event.raw for event in self.source[self.start : self.end])

    @property
    def inner(self) -> bytes:
        """The bytes between its tags."""
        return b"".join(event.raw for event in self.source[self.start + 1 : self.end - 1])

    @property
    def open(self) -> bytes:
        """Its start tag; one of an empty element (`<a/>`) closes it."""
        return self.event.raw

    @property
    def close(self) -> bytes:
        """Its end tag."""
        return self.source[self.end - 1].raw

    def until(self, inside: Node) -> tuple[bytes, bytes]:
        """Return its bytes before the content of an element inside it (or of itself), and those behind."""
        first = b"".join(event.raw for event in self.source[self.start : inside.start + 1])
        return first, b"".join(event.raw for event in self.source[inside.end - 1 : self.end])

    @property
    def text(self) -> str:
        """The text of an element, without that of elements inside it."""
        return "".join(child.event.text for child in self.children)

    def child(self, name: str) -> Node | None:
        """The first child element of a name."""
        return next((child for child in self.children if child.name == name), None)


def tree(events: list[XmlEvent]) -> Node:
    """Return the tree of the events of one element."""
    root = Node(events[0], events, 0)
    stack = [root]
    for place, event in enumerate(events[1:], 1):
        if event.kind == "end":
            stack.pop().end = place + 1
            continue
        node = Node(event, events, place, place + 1)
        stack[-1].children.append(node)
        if event.kind == "start":
            stack.append(node)
    return root


class Dialect(ABC):
    """How one kind of paragraph is taken apart, and how its text is written."""

    @abstractmethod
    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:
        """Return the bytes before the content of a paragraph, its pieces, and the bytes behind."""

    @abstractmethod
    def text(self, text: str, look: bytes | None, member: Member) -> bytes:
        """Return text as the paragraph holds it, in a look that a piece of it had."""

    def name(self, block: Node, member: Member, number: int) -> str:
        """Return the id of the segment that a paragraph is; `number` counts those of the member, from 1."""
        return f"{member.name}:{number}"

    def wanted(self, block: Node, inline: Inline) -> bool:
        """Tell whether a paragraph with letters is to be translated."""
        return True

    def told(self, block: Node, inline: Inline, target: Target) -> None:  # noqa: B027
        """Hear what became of a paragraph; most do not care."""


class Member:
    """One XML member.

    Args:
        data: its bytes.
        name: as the package calls it.
        label: what messages call it.
    """

    def __init__(self, data: bytes, name: str, label: str) -> None:
        self.data = data
        self.name = name
        self._reader = XmlReader(io.BytesIO(data), label)
        self._canonical: dict[str, str] = {"xml": "xml"}
        self._actual: dict[str, str] = {}
        self._count = 0

    def events(self) -> Iterator[XmlEvent]:
        """Yield the events, elements with canonical names ("w:p" by whatever prefix); once only."""
        names: dict[str, str] = {}
        for event in self._reader:
            if event.kind == "start":
                if any(name.startswith("xmlns") for name in event.attributes):
                    self._declare(event.attributes)
                    names.clear()
            elif event.kind != "end":
                yield event
                continue
            if event.name not in names:
                prefix, _, local = event.name.rpartition(":")
                names[event.name] = f"{self._canonical.get(prefix, '?')}:{local}"
            yield event._replace(name=names[event.name])

    def _declare(self, attributes: Mapping[str, str]) -> None:
        for name, address in attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                prefix = name[6:]
                canonical = _NAMESPACES.get(address, "?")
                self._canonical[prefix] = canonical
                self._actual[canonical] = prefix

    def _note_prefix(self, block: Node) -> None:
        """Write new elements with the prefix that is in force where the paragraph stands."""
        actual = re.split(r"[\s/>]", self.decode(block.open), maxsplit=1)[0].lstrip("\ufeff<")
        self._actual[block.name.partition(":")[0]] = actual.rpartition(":")[0]

    def tag(self, name: str) -> str:
        """Return a canonical element name with the prefix that this member uses."""
        prefix, _, local = name.partition(":")
        actual = self._actual.get(prefix, prefix)
        return f"{actual}:{local}" if actual else local

    def attribute_tag(self, name: str) -> str:
        """Return a canonical attribute name; unlike elements, one without a prefix is in no namespace."""
        prefix, _, local = name.partition(":")
        return f"{self._actual.get(prefix) or prefix}:{local}"

    def encode(self, markup: str) -> bytes:
        """Return markup in the encoding of the member; what it lacks becomes a character reference."""
        return markup.encode(self._reader.encoding, "xmlcharrefreplace")

    def decode(self, markup: bytes) -> str:
        """Return markup of the member as text."""
        return markup.decode(self._reader.encoding)

    def escaped(self, text: str) -> str:
        """Return text as element content; characters that XML cannot hold are left out."""
        return escape(_NO_CHARACTERS.sub("", text)).replace("\r", "&#13;")

    def start(self, name: str, attributes: Mapping[str, str], empty: bool = False) -> bytes:
        """Return a start tag; names are canonical, those of attributes as they stand."""
        held = "".join(f' {key}="{escape(value, chr(34))}"' for key, value in attributes.items())
        return self.encode(f"<{self.tag(name)}{held}{'/' if empty else ''}>")

    def with_attributes(self, event: XmlEvent, attributes: Mapping[str, str]) -> bytes:
        """Return a start tag with some attributes set."""
        for name, value in attributes.items():
            event = event._replace(raw=with_attribute(event, name, value, self._reader.encoding))
        return event.raw

    def end(self, name: str) -> bytes:
        """Return an end tag."""
        return self.encode(f"</{self.tag(name)}>")

    def rewrite(
        self,
        dialects: Mapping[str, Dialect],
        ask: Ask,
        skip: Collection[str] = (),
        skips: Callable[[XmlEvent], bool] = lambda _: False,
    ) -> bytes:
        """Return the bytes of the member with what `ask` gives for its paragraphs.

        Paragraphs inside paragraphs (text boxes, notes) come before those that hold them.

        Args:
            dialects: of the elements that are paragraphs, by canonical name.
            ask: called with each segment; None leaves the paragraph as it is.
            skip: elements inside which nothing is a paragraph.
            skips: tells the same of a start by more than its name.
        """
        out: list[bytes] = []
        waiting: list[tuple[int, list[XmlEvent]]] = []
        depth = skipped = 0
        for event in self.events():
            if event.kind == "start":
                depth += 1
                if not skipped and (event.name in skip or skips(event)):
                    skipped = depth
                elif not skipped and event.name in dialects:
                    waiting.append((depth, []))
            if waiting:
                waiting[-1][1].append(event)
            else:
                out.append(event.raw)
            if event.kind == "end":
                if waiting and waiting[-1][0] == depth:
                    done = self._block(waiting.pop()[1], dialects, ask)
                    if waiting:
                        waiting[-1][1].append(XmlEvent("other", done, event.line))
                    else:
                        out.append(done)
                if skipped == depth:
                    skipped = 0
                depth -= 1
        return b"".join(out)

    def _block(self, events: list[XmlEvent], dialects: Mapping[str, Dialect], ask: Ask) -> bytes:
        """Return the bytes of one paragraph."""
        block = tree(events)
        self._note_prefix(block)
        dialect = dialects[block.name]
        head, pieces, tail = dialect.pieces(block, self)
        inline = assemble(pieces)
        if inline is None or not dialect.wanted(block, inline):
            return block.raw
        self._count += 1
        segment = replace(inline.segment, id=dialect.name(block, self, self._count))
        target = ask(segment)
        if target is None or target.failed or inline.is_same(target):
            return block.raw
        dialect.told(block, inline, target)
        body = inline.render(target, segment.id, lambda text, look: dialect.text(text, look, self))
        return head + body + tail


class Plain(Dialect):
    """An element of text and nothing else: a title in the properties of a document."""

    def pieces(self, block: Node, member: Member) -> tuple[bytes, list[Piece], bytes]:  # noqa: D102
        if any(child.name for child in block.children):
            return b"", [], b""
        return block.open, [Piece("text", block.inner, block.text)], block.close

    def text(self, text: str, look: bytes | None, member: Member) -> bytes:  # noqa: D102
        return member.encode(member.escaped(text))
