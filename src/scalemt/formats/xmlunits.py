"""Content of XML elements as segments: inline elements become short tags, and come back as the bytes they were.

XLIFF, TMX and Android strings share it: each says which of its inline elements surround text and which hold code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Target
from scalemt.formats.xmlevents import XmlEvent, XmlReader, escape
from scalemt.text.spans import between
from scalemt.types import Segment, Span, SpanRole


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a format's inline elements are, by their local names.

    Args:
        codes: hold code or nothing: one tag, with all inside.
        opening, closing: elements that open and close a pair, by the attribute that ties them.
    """

    codes: frozenset[str] = frozenset()
    opening: dict[str, tuple[str, ...]] = field(default_factory=dict)
    closing: dict[str, tuple[str, ...]] = field(default_factory=dict)


_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Content:
    """The content of one element: its text with short tags, and the bytes of each."""

    text: str
    spans: tuple[Span, ...]
    raw: tuple[bytes, ...]
    inner: bytes

    def segment(self, name: str, note: str = "") -> Segment:
        """Return the content as a segment."""
        return Segment(self.text, name, self.spans, note=note)

    @property
    def speaks(self) -> bool:
        """Whether there is a letter or a digit outside of tags."""
        return any(character.isalnum() for character in "".join(between(self.text, self.spans)))

    def render(self, target: Target, encoding: str) -> bytes:
        """Return the bytes of a translation; those of the content itself where nothing changed."""
        if target.text == self.text and target.spans == self.spans:
            return self.inner
        pieces = between(target.text, target.spans)
        made = [encoded(pieces[0], encoding)]
        for span, plain in zip(target.spans, pieces[1:], strict=True):
            made += [self.raw[span.key], encoded(plain, encoding)]
        return b"".join(made)


def encoded(text: str, encoding: str) -> bytes:
    """Return text as it stands in an XML document; what XML cannot hold at all becomes a space."""
    text = _NO_XML.sub(" ", text)
    # A carriage return that stands as itself would be read as a line feed (XML 1.0, section 2.11).
    parts = [escape(part).encode(encoding, "xmlcharrefreplace") for part in text.split("\r")]
    return "&#13;".encode(encoding).join(parts)


class _Builder:
    """Gathers content event by event."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._text = ""
        self._spans: list[Span] = []
        self._raw: list[bytes] = []
        self._pairs = 0
        self._open: dict[tuple[str, str], int] = {}
        self._elements: list[int] = []

    def take(self, events: Sequence[XmlEvent]) -> None:
        index = 0
        while index < len(events):
            event = events[index]
            if event.kind in ("text", "cdata"):
                self._text += event.text
            elif event.kind == "start":
                index = self._start(events, index)
            elif event.kind == "end":
                self._close(self._elements.pop(), event.raw)
            elif event.raw:
                self._alone(event.raw)
            index += 1

    def _start(self, events: Sequence[XmlEvent], index: int) -> int:
        event = events[index]
        end = element_end(events, index)
        whole = b"".join(item.raw for item in events[index : end + 1])
        if event.local in self._dialect.opening:
            key = self._alone(whole, "open")
            for name in self._dialect.opening[event.local]:
                if name in event.attributes:
                    self._open[name, event.attributes[name]] = key
            return end
        if event.local in self._dialect.closing:
            self._closing(event, whole)
            return end
        if event.local in self._dialect.codes or end == index + 1:
            self._alone(whole)
            return end
        self._elements.append(self._alone(event.raw, "open"))
        return index

    def _closing(self, event: XmlEvent, whole: bytes) -> None:
        for name, value in event.attributes.items():
            for tie in self._dialect.closing[event.local]:
                opener = (
                    self._open.pop((tie, value), None) if name in (tie, "startRef", "rid", "i", "id") else None
                )
                if opener is not None:
                    self._close(opener, whole)
                    return
        self._alone(whole)

    def _alone(self, raw: bytes, role: SpanRole = "alone") -> int:
        key = len(self._raw)
        self._pairs += 1
        shown = f"<g{self._pairs}>" if role == "open" else f"<x{self._pairs}/>"
        self._add(shown, raw, role, -1)
        return key

    def _close(self, opener: int, raw: bytes) -> None:
        key = len(self._raw)
        opening = self._spans[opener]
        shown = self._text[opening.start : opening.end].replace("<", "</")
        self._spans[opener] = Span(opening.start, opening.end, "tag", opener, "open", key)
        self._add(shown, raw, "close", opener)

    def _add(self, shown: str, raw: bytes, role: SpanRole, partner: int) -> None:
        start = len(self._text)
        self._text += shown
        self._spans.append(Span(start, len(self._text), "tag", len(self._raw), role, partner))
        self._raw.append(raw)

    def content(self, inner: bytes) -> Content:
        # An opening without its close, or a pair that crosses another, is two tags that stand alone.
        fit = {span.key for span in self._spans if span.role == "alone"} | _nested(self._spans)
        spans = (span if span.key in fit else Span(span.start, span.end, "tag", span.key) for span in self._spans)
        return Content(self._text, tuple(spans), tuple(self._raw), inner)


def _nested(spans: Sequence[Span]) -> set[int]:
    """Return the keys of the halves of pairs that are well nested."""
    waiting: list[Span] = []
    fit: set[int] = set()
    for span in spans:
        if span.role == "open" and span.partner >= 0:
            waiting.append(span)
        elif span.role == "close":
            while (
                waiting and waiting[-1].key != span.partner and any(item.key == span.partner for item in waiting)
            ):
                waiting.pop()
            if waiting and waiting[-1].key == span.partner:
                fit |= {waiting.pop().key, span.key}
    return fit


def content(events: Sequence[XmlEvent], dialect: Dialect) -> Content:
    """Return the content that the events between the tags of an element make."""
    builder = _Builder(dialect)
    builder.take(events)
    return builder.content(b"".join(event.raw for event in events))


def element_end(events: Sequence[XmlEvent], index: int) -> int:
    """Return the index of the end of the element that starts at `index`."""
    depth = 0
    for place in range(index, len(events)):
        depth += (events[place].kind == "start") - (events[place].kind == "end")
        if not depth:
            return place
    return len(events) - 1


def children(events: Sequence[XmlEvent]) -> Iterator[tuple[int, int]]:
    """Yield start and end index of each child of the element that the events are."""
    index = 1
    while index < len(events) - 1:
        if events[index].kind == "start":
            end = element_end(events, index)
            yield index, end
            index = end
        index += 1


def raw(events: Iterable[XmlEvent]) -> bytes:
    """Return the bytes of events."""
    return b"".join(event.raw for event in events)


def indentation(events: Sequence[XmlEvent], index: int) -> bytes:
    """Return the white space before an element, so that another can stand below it likewise."""
    before = b""
    while index and events[index - 1].kind == "text" and not events[index - 1].text.strip():
        index -= 1
        before = events[index].raw + before
    return before


def with_attribute(event: XmlEvent, name: str, value: str, encoding: str) -> bytes:
    """Return the bytes of a start tag with an attribute set."""
    tag = event.raw.decode(encoding)
    quoted = f'"{escape(value, chr(34))}"'
    pattern = re.compile(rf"(\s{re.escape(name)}\s*=\s*)(?:\"[^\"]*\"|'[^']*')")
    if pattern.search(tag):
        return pattern.sub(lambda found: f"{found[1]}{quoted}", tag, count=1).encode(encoding)
    end = "/>" if tag.endswith("/>") else ">"
    return f"{tag[: -len(end)].rstrip()} {name}={quoted}{end}".encode(encoding)


class Units:
    """Reads a file as single events and whole units, one after the other; memory holds one unit."""

    def __init__(self, file: BinaryIO, path: Path, names: frozenset[str]) -> None:
        self._reader = XmlReader(file, path)
        self._names = names

    @property
    def encoding(self) -> str:
        """The codec that bytes are written with."""
        known = self._reader.encoding
        return "utf-16-le" if known == "utf-16" else known

    def __iter__(self) -> Iterator[list[XmlEvent]]:
        """Yield each unit as the list of its events, and each event outside of units as a list of one."""
        gathered: list[XmlEvent] = []
        depth = 0
        for event in self._reader:
            if not depth and not (event.kind == "start" and event.local in self._names):
                yield [event]
                continue
            gathered.append(event)
            depth += (event.kind == "start") - (event.kind == "end")
            if not depth:
                yield gathered
                gathered = []
