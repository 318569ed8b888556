"""XML as a stream of events that keep their bytes: joined again, they are the file, byte for byte.

The parser is expat: it checks that the document is well formed, fetches nothing from outside, and leaves the
entities of a document type unexpanded, so that no file can blow up in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple
from xml.parsers import expat

from scalemt.errors import InputError

_CHUNK = 1 << 16  # bytes


class XmlEvent(NamedTuple):
    """One event.

    Args:
        kind: "start", "end", "text", "cdata" (text inside a CDATA section), or "other" (declarations, comments,
            processing instructions, borders of CDATA sections, references to entities of the document type).
        raw: its bytes in the file; empty for the end of `<a/>`, whose start has them all.
        line: where it begins, from 1.
        name: of an element, with its prefix as it stands ("w:t").
        attributes: of a start, with their values decoded.
        text: of "text" and "cdata", decoded. Neighbouring text may come in several events.
    """

    kind: Literal["start", "end", "text", "cdata", "other"]
    raw: bytes
    line: int
    name: str = ""
    attributes: dict[str, str] = {}  # noqa: RUF012  # never written to
    text: str = ""

    @property
    def local(self) -> str:
        """The name without its prefix."""
        return self.name.rpartition(":")[2]


class XmlReader:
    """Reads events from a binary file.

    Args:
        file: the document; read in chunks, so that it may be larger than memory.
        path: what messages call it.

    Attributes:
        encoding: as declared (or by the byte order mark), known after the first event.
    """

    def __init__(self, file: BinaryIO, path: Path | str) -> None:
        self._file = file
        self._path = path
        self.encoding = "utf-8"
        # Each with the offset where it begins; its bytes end where the next one begins.
        self._waiting: deque[tuple[int, XmlEvent]] = deque()
        self._kept = b""
        self._kept_from = 0
        self._in_cdata = False
        self._parser = self._make_parser()

    def _make_parser(self) -> Any:
        parser = expat.ParserCreate()
        parser.ordered_attributes = False
        parser.buffer_text = False
        parser.XmlDeclHandler = self._declaration
        parser.StartElementHandler = lambda name, attributes: self._add("start", name=name, attributes=attributes)
        parser.EndElementHandler = lambda name: self._add("end", name=name)
        parser.CharacterDataHandler = lambda text: self._add("cdata" if self._in_cdata else "text", text=text)
        parser.StartCdataSectionHandler = lambda: self._cdata(True)
        parser.EndCdataSectionHandler = lambda: self._cdata(False)
        # With a default handler, and not the expanding one, references to a document's own entities stay.
        parser.DefaultHandler = lambda _: self._add("other")
        return parser

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        # Of UTF-16 the byte order mark says more: which of the two it is.
        if encoding and not self.encoding.startswith("utf-16-"):
            self.encoding = encoding.lower()
        self._add("other")

    def _cdata(self, inside: bool) -> None:
        self._in_cdata = inside
        self._add("other")

    def _add(self, kind: Any, **fields: Any) -> None:
        event = XmlEvent(kind, b"", self._parser.CurrentLineNumber, **fields)
        self._waiting.append((self._parser.CurrentByteIndex, event))

    def __iter__(self) -> Iterator[XmlEvent]:
        """Yield the events of the document.

        Raises:
            InputError: the document is not well formed; the message names line and column.
        """
        while chunk := self._file.read(_CHUNK):
            self._kept += chunk
            if not self._kept_from and self._kept[:2] in (b"\xff\xfe", b"\xfe\xff"):
                self.encoding = "utf-16-le" if self._kept[:2] == b"\xff\xfe" else "utf-16-be"
            self._parse(chunk, False)
            yield from self._ready(final=False)
        self._parse(b"", True)
        yield from self._ready(final=True)

    def _parse(self, chunk: bytes, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as fault:
            raise InputError(
                f"{self._path}, line {fault.lineno}, column {fault.offset + 1}: not well-formed XML "
                f"({expat.ErrorString(fault.code)}). Mend the file there; nothing was changed."
            ) from None
        except (LookupError, ValueError) as fault:
            raise InputError(f"{self._path}: its encoding cannot be read as XML ({fault}).") from None

    def _ready(self, final: bool) -> Iterator[XmlEvent]:
        """Yield the events whose bytes are known to be complete."""
        total = self._kept_from + len(self._kept)
        out: list[XmlEvent] = []
        position = self._kept_from
        while len(self._waiting) > 1 or (final and self._waiting):
            _, event = self._waiting.popleft()
            end = self._waiting[0][0] if self._waiting else total
            # What lies before the first event (a byte order mark, white space) belongs to it.
            raw = self._kept[position - self._kept_from : end - self._kept_from]
            out.append(event._replace(raw=raw))
            position = end
        self._kept = self._kept[position - self._kept_from :]
        self._kept_from = position
        yield from out


def xml_events(path: Path) -> Iterator[XmlEvent]:
    """Yield the events of an XML file; see `XmlReader`."""
    with path.open("rb") as file:
        yield from XmlReader(file, path)


def escape(text: str, quote: str = "") -> str:
    """Return text as XML holds it; inside an attribute value give the quote around it."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        text = text.replace(quote, "&quot;" if quote == '"' else "&apos;").replace("\n", "&#10;")
    return text
