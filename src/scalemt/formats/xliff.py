"""XLIFF 1.2, 2.0 and 2.1: targets are written beside their sources; all else stays byte for byte.

A unit with a target that nobody has marked as unfinished is left alone. What is written is marked for review: in
1.2 `state="needs-review-translation" state-qualifier="mt-suggestion"`, and, where the specialist tells how sure it
is, an alt-trans with origin and quality; in 2.x the segment has `state="translated" subState="scalemt:mt"`.

Sources: OASIS XLIFF 1.2 (2008), XLIFF 2.1 (2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.xmlevents import XmlEvent, escape
from scalemt.formats.xmlunits import (
    Content,
    Dialect,
    Units,
    children,
    content,
    element_end,
    indentation,
    raw,
    with_attribute,
)
from scalemt.types import Segment

_DIALECT = Dialect(
    frozenset({"x", "ph", "it", "cp", "sub"}),
    opening={"bx": ("rid", "id"), "bpt": ("rid", "id"), "sc": ("id",), "sm": ("id",)},
    closing={"ex": ("rid", "id"), "ept": ("rid", "id"), "ec": ("id",), "em": ("id",)},
)
_UNFINISHED = frozenset("new needs-translation needs-l10n needs-adaptation needs-review-translation "
                        "needs-review-l10n needs-review-adaptation initial".split())  # fmt: skip


@dataclass(frozen=True)
class _Place:
    """One text to translate: its content, where its source element stands, and the target there is."""

    source: tuple[int, int]
    target: tuple[int, int] | None
    content: Content
    name: str
    note: str = ""
    segment: int = -1  # 2.x: index of the start of its segment element
    marks: tuple[tuple[int, int, Content], ...] = ()  # 1.2: the parts of its seg-source


class XliffFormat(Format):
    """Units of XLIFF files."""

    name = "xliff"
    title = "XLIFF"
    suffixes = (".xlf", ".xliff", ".sdlxliff", ".mxliff")
    streams = True
    bilingual = True

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        for _, places, _ in _units(path, options):
            for place in places:
                yield from _segments(place)

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        for events, places, encoding in _units(path, options):
            if not places:
                out.write(_told(events, options, encoding))
                continue
            position, made, matches = 0, b"", b""
            for place in places:
                given = [next(targets) for _ in _segments(place)]
                before, end = _written(events, place, given, encoding, position)
                made += before
                position = end
                matches += _match(events, place, given[0], encoding)
            first = events[0].raw
            told = _matches(events, matches, encoding)
            out.write(first + told + (made + raw(events[position:]))[len(first) :])


def _units(path: Path, options: FormatOptions) -> Iterator[tuple[list[XmlEvent], list[_Place], str]]:
    """Yield the file in stretches, each with the texts in it; what translate="no" covers has none."""
    kept: list[bool] = [False]
    with path.open("rb") as file:
        units = Units(file, path, frozenset({"trans-unit", "unit"}))
        for events in units:
            first = events[0]
            if len(events) == 1:
                if first.kind == "start":
                    kept.append(_is_kept(first, kept[-1]))
                elif first.kind == "end" and len(kept) > 1:
                    kept.pop()
                yield events, [], units.encoding
                continue
            places = [] if _is_kept(first, kept[-1]) else list(_places(events, options))
            yield events, places, units.encoding


def _is_kept(event: XmlEvent, before: bool) -> bool:
    told = event.attributes.get("translate")
    return before if told is None else told == "no"


def _places(events: list[XmlEvent], options: FormatOptions) -> Iterator[_Place]:
    unit = events[0]
    notes = [
        "".join(item.text for item in events[start:end] if item.kind == "text").strip()
        for start, end in _descend(events, {"note"})
    ]
    name, note = unit.attributes.get("id", ""), "; ".join(item for item in notes if item)
    if unit.local == "trans-unit":
        place = _old_place(events, name, note, options)
        if place:
            yield place
        return
    for number, (start, end) in enumerate(_descend(events, {"segment"}), 1):
        place = _new_place(events, (start, end), f"{name} #{number}" if number > 1 else name, note, options)
        if place:
            yield place


def _descend(events: list[XmlEvent], names: set[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of the elements of these names, at most two levels below the unit."""
    for start, end in children(events):
        if events[start].local in names:
            yield start, end
        elif events[start].local == "notes":
            for one, other in children(events[start : end + 1]):
                if events[start + one].local in names:
                    yield start + one, start + other


def _old_place(events: list[XmlEvent], name: str, note: str, options: FormatOptions) -> _Place | None:
    found = {events[start].local: (start, end) for start, end in reversed(list(children(events)))}
    if "source" not in found:
        return None
    target = found.get("target")
    if not options.overwrite and (events[0].attributes.get("approved") == "yes" or _is_done(events, target, None)):
        return None
    source = found["source"]
    marks = tuple(_marks(events, found["seg-source"])) if "seg-source" in found else ()
    whole = content(events[source[0] + 1 : source[1]], _DIALECT)
    if not (whole.speaks if not marks else any(part.speaks for _, _, part in marks)):
        return None
    after = found["seg-source"] if marks else source
    return _Place(after, target, whole, name, note, marks=marks)


def _marks(events: list[XmlEvent], span: tuple[int, int]) -> Iterator[tuple[int, int, Content]]:
    """Yield the segments of a seg-source, which may stand inside other inline elements."""
    index = span[0] + 1
    while index < span[1]:
        event = events[index]
        if event.kind == "start" and event.local == "mrk" and event.attributes.get("mtype") == "seg":
            end = element_end(events, index)
            yield index, end, content(events[index + 1 : end], _DIALECT)
            index = end
        index += 1


def _new_place(
    events: list[XmlEvent], span: tuple[int, int], name: str, note: str, options: FormatOptions
) -> _Place | None:
    start, end = span
    inside = events[start : end + 1]
    found = {inside[one].local: (start + one, start + other) for one, other in children(inside)}
    if "source" not in found:
        return None
    target = found.get("target")
    if not options.overwrite and _is_done(events, target, events[start].attributes.get("state")):
        return None
    source = found["source"]
    made = content(events[source[0] + 1 : source[1]], _DIALECT)
    return _Place(source, target, made, name, note, segment=start) if made.speaks else None


def _is_done(events: list[XmlEvent], target: tuple[int, int] | None, state: str | None) -> bool:
    if target is None or not any(item.text.strip() for item in events[target[0] : target[1]]):
        return False
    return (state or events[target[0]].attributes.get("state", "translated")) not in _UNFINISHED


def _segments(place: _Place) -> Iterator[Segment]:
    if not place.marks:
        yield place.content.segment(place.name, place.note)
    for number, (_, _, part) in enumerate(place.marks, 1):
        if part.speaks:
            yield part.segment(f"{place.name} #{number}", place.note)


def _written(
    events: list[XmlEvent], place: _Place, targets: list[Target], encoding: str, position: int
) -> tuple[bytes, int]:
    """Return the bytes from `position` up to behind the target, and the index behind it."""
    end = (place.target or place.source)[1] + 1
    if any(target.failed for target in targets):
        return raw(events[position:end]), end
    source_end = place.source[1] + 1
    made = raw(events[position:source_end])
    if place.segment >= 0:
        made = _with_state(events, place, position, source_end, encoding)
    between_ = raw(events[source_end : place.target[0]]) if place.target else indentation(events, place.source[0])
    inner = _inner(events, place, targets, encoding)
    opening = "<target>" if place.segment >= 0 else (
        '<target state="needs-review-translation" state-qualifier="mt-suggestion">'
    )  # fmt: skip
    prefix = events[place.source[0]].name.rpartition(":")[0]
    opening = opening.replace("<", f"<{prefix}:") if prefix else opening
    closing = f"</{prefix}:target>" if prefix else "</target>"
    whole = opening.encode(encoding) + inner + closing.encode(encoding)
    sure = targets[0].quality
    if place.segment < 0 and sure is not None and not prefix:
        origin = escape(targets[0].origin, '"')
        told = f'<alt-trans origin="{origin}" match-quality="{sure:.0%}"><target>'.encode(encoding)
        whole += indentation(events, place.source[0]) + told + inner + "</target></alt-trans>".encode(encoding)
    return made + between_ + whole, end


def _with_state(events: list[XmlEvent], place: _Place, position: int, end: int, encoding: str) -> bytes:
    """Return the stretch with the state of its segment set."""
    tag = events[place.segment]
    for name, value in (("state", "translated"), ("subState", "scalemt:mt")):
        tag = tag._replace(raw=with_attribute(tag, name, value, encoding))
    return raw(events[position : place.segment]) + tag.raw + raw(events[place.segment + 1 : end])


def _match(events: list[XmlEvent], place: _Place, target: Target, encoding: str) -> bytes:
    """Return the match of XLIFF 2 that says where a translation comes from; one without an id cannot have any."""
    name = events[place.segment].attributes.get("id") if place.segment >= 0 else None
    if not name or target.failed or target.quality is None:
        return b""
    start, end = place.source
    origin = escape(target.origin, '"')
    opening = (
        f'<mtc:match ref="#{escape(name, chr(34))}" origin="{origin}" matchQuality="{100 * target.quality:.1f}">'
    )
    prefix = events[start].name.rpartition(":")[0]
    tag = f"{prefix}:target" if prefix else "target"
    inner = place.content.render(target, encoding)
    made = raw(events[start : end + 1]) + f"<{tag}>".encode(encoding) + inner + f"</{tag}>".encode(encoding)
    return opening.encode(encoding) + made + "</mtc:match>".encode(encoding)


def _matches(events: list[XmlEvent], matches: bytes, encoding: str) -> bytes:
    """Return the element that matches stand in, first in their unit; a unit that has one keeps that."""
    if not matches or any(events[start].local == "matches" for start, _ in children(events)):
        return b""
    opening = '<mtc:matches xmlns:mtc="urn:oasis:names:tc:xliff:matches:2.0">'.encode(encoding)
    whole = opening + matches + "</mtc:matches>".encode(encoding)
    return next((indentation(events, start) for start, _ in children(events)), b"") + whole


def _inner(events: list[XmlEvent], place: _Place, targets: list[Target], encoding: str) -> bytes:
    if not place.marks:
        return place.content.render(targets[0], encoding)
    waiting = iter(targets)
    made, position = b"", place.source[0] + 1
    for start, end, part in place.marks:
        if part.speaks:
            made += raw(events[position : start + 1]) + part.render(next(waiting), encoding)
            position = end
    return made + raw(events[position : place.source[1]])


def _told(events: list[XmlEvent], options: FormatOptions, encoding: str) -> bytes:
    """Return an event outside of units; where the target language must be told and is not, with it."""
    event = events[0]
    if options.target and event.kind == "start" and len(events) == 1:
        if event.local == "file" and "source-language" in event.attributes:
            if "target-language" not in event.attributes:
                return with_attribute(event, "target-language", options.target, encoding)
        elif event.local == "xliff" and "srcLang" in event.attributes and "trgLang" not in event.attributes:
            return with_attribute(event, "trgLang", options.target, encoding)
    return raw(events)
