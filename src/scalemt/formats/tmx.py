"""Translation memories in TMX, streamed: units that lack the target language get it; all else stays byte for byte.

Source: TMX 1.4b specification (LISA OSCAR, 2005).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from scalemt import languages
from scalemt.errors import UnknownLanguageError
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.xmlevents import XmlEvent
from scalemt.formats.xmlunits import Content, Dialect, Units, children, content, indentation, raw
from scalemt.types import Segment

_DIALECT = Dialect(frozenset({"ph", "it", "ut", "bpt", "ept"}), opening={"bpt": ("i",)}, closing={"ept": ("i",)})


class TmxFormat(Format):
    """Units of a memory; without a source language that of the header is taken."""

    name = "tmx"
    title = "TMX translation memory"
    suffixes = (".tmx",)
    streams = True
    bilingual = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        for _, found in _units(path, options):
            if isinstance(found, _Variant):
                yield found.content.segment("")

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        for events, found in _units(path, options):
            if isinstance(found, _Variant):
                out.write(found.written(events, next(targets), options.target))
            else:
                out.write(raw(events))


class _Variant:
    """The source variant of a unit, and where its translation goes."""

    def __init__(self, events: list[XmlEvent], span: tuple[int, int], encoding: str) -> None:
        self.span = span
        self.encoding = encoding
        self.target: tuple[int, int] | None = None
        start, end = _seg(events, span)
        self.content: Content = content(events[start + 1 : end], _DIALECT)

    def written(self, events: list[XmlEvent], target: Target, language: str) -> bytes:
        """Return the unit with a variant in the target language."""
        if target.failed or not language:
            return raw(events)
        made = self.content.render(target, self.encoding)
        if self.target:
            start, end = _seg(events, self.target)
            opening = events[start].raw.replace(b"/>", b">")
            return raw(events[:start]) + opening + made + "</seg>".encode(self.encoding) + raw(events[end + 1 :])
        start, end = self.span
        opening = f'<tuv xml:lang="{language}" creationtool="scalemt"><seg>'.encode(self.encoding)
        closing = "</seg></tuv>".encode(self.encoding)
        before = indentation(events, start)
        return raw(events[: end + 1]) + before + opening + made + closing + raw(events[end + 1 :])


def _units(path: Path, options: FormatOptions) -> Iterator[tuple[list[XmlEvent], _Variant | None]]:
    source = options.source
    with path.open("rb") as file:
        units = Units(file, path, frozenset({"tu"}))
        for events in units:
            first = events[0]
            if first.kind == "start" and first.local == "header" and not source:
                source = _tag(first.attributes.get("srclang", ""))
            is_unit = first.kind == "start" and first.local == "tu"
            yield events, _variant(events, source, options, units.encoding) if is_unit else None


def _variant(events: list[XmlEvent], source: str, options: FormatOptions, encoding: str) -> _Variant | None:
    """Return the variant that is to be translated, or None where there is none, or a translation already."""
    found = [(span, _language(events[span[0]])) for span in children(events) if events[span[0]].local == "tuv"]
    found = [(span, language) for span, language in found if _seg(events, span) != (0, 0)]
    mine = _matching(found, source) if source else (found[0][0] if found else None)
    if mine is None:
        return None
    variant = _Variant(events, mine, encoding)
    if options.target:
        variant.target = _matching([item for item in found if item[0] != mine], options.target)
    if not variant.content.speaks or (variant.target and not options.overwrite):
        return None
    return variant


def _matching(found: list[tuple[tuple[int, int], str]], wanted: str) -> tuple[int, int] | None:
    """Return the variant in a language: the same, else one of the same base language."""
    for same in (lambda tag: tag == wanted, lambda tag: languages.base(tag) == languages.base(wanted)):
        for span, language in found:
            if language and same(language):
                return span
    return None


def _language(event: XmlEvent) -> str:
    return _tag(event.attributes.get("xml:lang") or event.attributes.get("lang", ""))


def _tag(code: str) -> str:
    try:
        return languages.parse(code.replace("_", "-")) if code and code != "*all*" else ""
    except UnknownLanguageError:
        return ""


def _seg(events: list[XmlEvent], span: tuple[int, int]) -> tuple[int, int]:
    start, end = span
    inside = events[start : end + 1]
    for one, other in children(inside):
        if inside[one].local == "seg":
            return start + one, start + other
    return 0, 0
