"""Segments of TMX: from the elements of inline codes to spans, and back to the same elements.

Source: TMX 1.4b specification (LISA OSCAR, 2005), "Inline Elements".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from scalemt.formats.xmlevents import XmlEvent
from scalemt.formats.xmlunits import Dialect, content
from scalemt.memory.exchange.base import spans_of
from scalemt.memory.exchange.inline import Coded, Tied, tied
from scalemt.memory.units import Unit, encoded_spans
from scalemt.text.spans import between
from scalemt.types import Span

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DIALECT = Dialect(frozenset({"ph", "it", "ut", "bpt", "ept"}), opening={"bpt": ("i",)}, closing={"ept": ("i",)})
_XML = "{http://www.w3.org/XML/1998/namespace}"
_CODES = frozenset({"ph", "it", "ut", "bpt", "ept", "hi"})
_HALF = re.compile(r"<hi(?:\s[^<>]*[^/<>])?>|</hi\s*>")
_NUMBERED = re.compile(r"\si=[\"'](\d{1,6})[\"']")
# All that XML 1.0 cannot hold, escaped or not.
UNHELD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile("[&<>\r]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;"}


@lru_cache(maxsize=1024)
def local(tag: object) -> str:
    """Return the name of an element without its namespace, "" for what is no element."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def escaped(text: str) -> str:
    """Return text as XML holds it; a sign stands for what XML cannot hold at all."""
    if UNHELD.search(text):
        text = UNHELD.sub("\ufffd", text)
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text) if _SPECIAL.search(text) else text


def quoted(text: str) -> str:
    """Return text as the value of an attribute, with its quotes."""
    return '"' + re.sub('["\n\t]', lambda found: _ESCAPES[found[0]], escaped(text)) + '"'


def coded(seg: Element) -> Coded:
    """Return the content of a segment: its codes as short tags, and each code as XML."""
    return Coded.of(content(list(_events(seg)), _DIALECT), "utf-8")


def _events(seg: Element) -> Iterator[XmlEvent]:
    """Yield the content of an element as events; a stack of its own, for codes may be nested deeply."""
    if seg.text:
        yield _plain(seg.text)
    waiting = [(seg, iter(seg))]
    while waiting:
        parent, children = waiting[-1]
        child = next(children, None)
        if child is None:
            waiting.pop()
            if waiting:
                empty = not len(parent) and not parent.text
                yield XmlEvent("end", b"" if empty else f"</{local(parent.tag)}>".encode(), 0, local(parent.tag))
                if parent.tail:
                    yield _plain(parent.tail)
            continue
        yield _start(child)
        if child.text:
            yield _plain(child.text)
        waiting.append((child, iter(child)))


def _plain(text: str) -> XmlEvent:
    return XmlEvent("text", escaped(text).encode(), 0, text=text)


def _start(element: Element) -> XmlEvent:
    attributes = {name.replace(_XML, "xml:"): value for name, value in element.items()}
    told = "".join(f" {local(name)}={quoted(value)}" for name, value in attributes.items())
    end = ">" if len(element) or element.text else "/>"
    name = local(element.tag)
    return XmlEvent("start", f"<{name}{told}{end}".encode(), 0, name, attributes)


def markup(seg: Element) -> str:
    """Return the content of a segment as XML, in the one way in which we write it."""
    return b"".join(event.raw for event in _events(seg)).decode()


def rendered(text: str, spans: Sequence[Span], codes: Mapping[int, str], *, target: bool) -> str:
    """Return a text as the content of a <seg>.

    Codes that are inline elements of TMX are written as they are; others stand, escaped, inside of such.

    Args:
        text: with short tags.
        spans: of those that have a code, the code is written in place of the tag.
        codes: by key; what a target has otherwise stands under `~key`.
        target: the text is a target.
    """
    if not spans:
        return escaped(text)
    held = {span.key: codes.get(~span.key if target else span.key, codes.get(span.key)) for span in spans}
    made = _written(text, spans, {key: raw for key, raw in held.items() if raw is not None}, as_they_are=True)
    if _is_content(made):
        return made
    return _written(text, spans, {key: raw for key, raw in held.items() if raw is not None}, as_they_are=False)


def _written(text: str, spans: Sequence[Span], held: Mapping[int, str], *, as_they_are: bool) -> str:
    fit = {key for key, raw in held.items() if as_they_are and _is_code(raw)}
    taken = [int(found[1]) for key in fit for found in _NUMBERED.finditer(held[key])]
    first = max(taken, default=0) + 1
    keys = {span.key for span in spans if span.key in held}
    outside = between(text, spans)
    pieces = [escaped(outside[0])]
    for span, following in zip(spans, outside[1:], strict=True):
        if span.key not in held:
            pieces.append(escaped(text[span.start : span.end]))
        elif span.key in fit:
            pieces.append(held[span.key])
        else:
            pieces.append(_wrapped(span, held[span.key], first, paired=span.partner in keys - fit))
        pieces.append(escaped(following))
    return "".join(pieces)


def _wrapped(span: Span, raw: str, first: int, *, paired: bool) -> str:
    """Return the element that holds a code of another format."""
    inside = escaped(raw)
    if paired and span.role == "open":
        return f'<bpt i="{first + span.key}" x="{1 + span.key}">{inside}</bpt>'
    if paired and span.role == "close":
        return f'<ept i="{first + span.partner}">{inside}</ept>'
    return f'<ph x="{1 + span.key}">{inside}</ph>'


@lru_cache(maxsize=4096)
def _is_code(raw: str) -> bool:
    """Whether a code is an inline element of TMX, or half of a <hi>."""
    if _HALF.fullmatch(raw):
        return True
    from xml.etree.ElementTree import ParseError, fromstring

    if not raw.startswith("<") or raw.startswith(("<!", "<?")):
        return False
    try:
        return local(fromstring(raw).tag) in _CODES  # noqa: S314  # begins with an element: no declarations
    except (ParseError, ValueError):
        return False


def _is_content(made: str) -> bool:
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        fromstring(f"<seg>{made}</seg>")  # noqa: S314  # begins with an element: no declarations
    except (ParseError, ValueError):
        return False
    return True


def reread(made: str) -> Coded:
    """Return what a reader of written content gets."""
    from xml.etree.ElementTree import fromstring

    return coded(fromstring(f"<seg>{made}</seg>"))  # noqa: S314  # written by us


def kept_text(unit: Unit, source: str, target: str) -> str:
    """Return what a reader of our own needs beside the codes to get the same unit again, "" where nothing.

    That is where spans are more than inline codes (placeholders, terms), codes are not of TMX, or a text holds
    characters that XML does not have.

    Args:
        unit: the unit.
        source, target: the content of its segments as written.
    """
    if not (unit.source_spans or unit.target_spans):
        if not (UNHELD.search(unit.source) or UNHELD.search(unit.target)):
            return ""
    elif _told(unit) == tied(reread(source), reread(target)):
        return ""
    held = json.loads(encoded_spans(unit) or "[[], [], {}]")
    return json.dumps([unit.source, unit.target, held])


def _told(unit: Unit) -> Tied:
    return Tied(unit.source, unit.target, unit.source_spans, unit.target_spans, dict(unit.codes))


def kept_unit(text: str, source: Coded, target: Coded) -> Tied | None:
    """Return what `kept_text` wrote, None where it does not fit the segments: another tool has changed them."""
    try:
        source_text, target_text, (source_spans, target_spans, codes) = json.loads(text)
        made = Tied(
            str(source_text),
            str(target_text),
            spans_of(source_text, source_spans),
            spans_of(target_text, target_spans),
            {int(key): str(raw) for key, raw in codes.items()},
        )
        (source_text + target_text + "".join(made.codes.values())).encode()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    written = (
        rendered(made.source, made.source_spans, made.codes, target=False),
        rendered(made.target, made.target_spans, made.codes, target=True),
    )
    return made if [reread(item) for item in written] == [source, target] else None
