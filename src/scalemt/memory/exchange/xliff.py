"""Translated units of XLIFF files: of 1.2 (with the marks of Trados and Phrase), 2.0 and 2.1.

Sources: OASIS XLIFF 1.2 (2008), XLIFF 2.1 (2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scalemt.formats.xmlevents import XmlEvent
from scalemt.formats.xmlunits import Dialect, Units, children, content, element_end
from scalemt.memory.exchange.base import NO_LANGUAGE, NO_SOURCE, NO_TARGET, UNSURE, Reading, near, tag_of
from scalemt.memory.exchange.inline import Coded, tied
from scalemt.memory.units import Unit
from scalemt.types import Pair

Events = list[XmlEvent]
Span = tuple[int, int]

_DIALECT = Dialect(
    frozenset({"x", "ph", "it", "cp", "sub"}),
    opening={"bx": ("rid", "id"), "bpt": ("rid", "id"), "sc": ("id",), "sm": ("id",)},
    closing={"ex": ("rid", "id"), "ept": ("rid", "id"), "ec": ("id",), "em": ("id",)},
)
_FINISHED = frozenset({"final", "signed-off", "translated", "reviewed"})
_CONFIRMED_BY_TRADOS = frozenset({"Translated", "ApprovedTranslation", "ApprovedSignOff"})
_MACHINE = "scalemt:mt"  # the subState that our own translations have until somebody has looked at them


@dataclass(frozen=True, slots=True)
class _Side:
    """What a file says of itself: its languages and its name."""

    source: str = ""
    target: str = ""
    original: str = ""


def read(reading: Reading) -> Iterator[Unit]:
    """Yield a unit for each segment that is translated and not marked as unfinished.

    Raises:
        InputError: not well-formed, or a language is not told; the message names the line, or the mend.
    """
    about = _Side()
    with reading.opened() as file:
        units = Units(file, reading.path, frozenset({"trans-unit", "unit"}))
        for events in units:
            if len(events) > 1:
                yield from _units(events, reading, about, units.encoding)
            elif events[0].kind == "start" and events[0].local in ("file", "xliff"):
                about = _told(events[0], about)


def _told(event: XmlEvent, about: _Side) -> _Side:
    held = event.attributes
    source = held.get("source-language") or held.get("srcLang", "")
    target = held.get("target-language") or held.get("trgLang", "")
    original = held.get("original", "")
    return _Side(tag_of(source) or about.source, tag_of(target) or about.target, original or about.original)


def _units(events: Events, reading: Reading, about: _Side, encoding: str) -> Iterator[Unit]:
    wanted = ((reading.source, about.source), (reading.target, about.target))
    if any(tag and told and not near(tag, told) for tag, told in wanted):
        reading.skipped[NO_LANGUAGE] += 1
        return
    for name, source, target, finished in _sides(events):
        if target is None:
            reading.skipped[NO_TARGET] += 1
        elif not finished and not reading.options.unsure:
            reading.skipped[UNSURE] += 1
        else:
            left, right = (_coded(events, span, encoding) for span in (source, target))
            if not left.text.strip() or not right.text.strip():
                reading.skipped[NO_TARGET if left.text.strip() else NO_SOURCE] += 1
                continue
            pair = reading.told(about.source, about.target)
            fields = {"context": name, "origin": about.original, "note": _note(events)}
            yield _unit(left, right, pair, reading.completed(fields))


def _unit(source: Coded, target: Coded, pair: Pair, fields: dict[str, Any]) -> Unit:
    made = tied(source, target)
    return Unit(
        made.source,
        made.target,
        pair,
        source_spans=made.source_spans,
        target_spans=made.target_spans,
        codes=made.codes,
        **fields,
    )


def _coded(events: Events, span: Span, encoding: str) -> Coded:
    return Coded.of(content(events[span[0] + 1 : span[1]], _DIALECT), encoding)


def _sides(events: Events) -> Iterator[tuple[str, Span, Span | None, bool]]:
    """Yield name, source, target (or None) of each segment of a unit, and whether somebody is content with it."""
    unit = events[0]
    name = unit.attributes.get("id", "")
    if unit.local == "trans-unit":
        yield from _old(events, name)
        return
    number = 0
    for start, end in children(events):
        if events[start].local != "segment":
            continue
        number += 1
        found = _children(events, (start, end))
        if "source" in found:
            held = events[start].attributes
            finished = held.get("state", "final") in _FINISHED and held.get("subState") != _MACHINE
            # The names of formats/xliff.py, so that a segment finds what it was translated by before.
            yield f"{name} #{number}" if number > 1 else name, found["source"], found.get("target"), finished


def _old(events: Events, name: str) -> Iterator[tuple[str, Span, Span | None, bool]]:
    found = _children(events, (0, len(events) - 1))
    if "source" not in found:
        return
    target = found.get("target")
    finished = _is_finished(events, target)
    marks = _marks(events, found["seg-source"]) if "seg-source" in found else {}
    if not marks:
        yield name, found["source"], target, finished
        return
    translated = _marks(events, target) if target else {}
    confirmed = _trados(events)
    for number, (mid, source) in enumerate(marks.items(), 1):
        sure = finished and (mid not in confirmed or confirmed[mid] in _CONFIRMED_BY_TRADOS)
        yield f"{name} #{number}", source, translated.get(mid), sure


def _is_finished(events: Events, target: Span | None) -> bool:
    held = events[0].attributes
    # Phrase has a mark of its own.
    if held.get("m:confirmed", "1") == "0":
        return False
    state = events[target[0]].attributes.get("state", "final") if target else ""
    return held.get("approved") == "yes" or state in _FINISHED


def _trados(events: Events) -> dict[str, str]:
    """Return the state of each segment as Trados keeps it."""
    return {
        event.attributes["id"]: event.attributes.get("conf", "Draft")
        for event in events
        if event.kind == "start" and event.name == "sdl:seg" and "id" in event.attributes
    }


def _children(events: Events, span: Span) -> dict[str, Span]:
    """Return the first child of each name."""
    start, end = span
    inside = events[start : end + 1]
    found: dict[str, Span] = {}
    for one, other in children(inside):
        found.setdefault(inside[one].local, (start + one, start + other))
    return found


def _marks(events: Events, span: Span) -> dict[str, Span]:
    """Return the segments of a seg-source or of its target, which may stand inside other inline elements."""
    found: dict[str, Span] = {}
    index = span[0] + 1
    while index < span[1]:
        event = events[index]
        if event.kind == "start" and event.local == "mrk" and event.attributes.get("mtype") == "seg":
            end = element_end(events, index)
            found.setdefault(event.attributes.get("mid", str(len(found))), (index, end))
            index = end
        index += 1
    return found


def _note(events: Events) -> str:
    notes = []
    for index, event in enumerate(events):
        if event.kind == "start" and event.local == "note":
            inside = events[index : element_end(events, index)]
            notes.append("".join(item.text for item in inside if item.kind in ("text", "cdata")).strip())
    return "\n".join(note for note in notes if note)
