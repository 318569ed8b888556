"""Writing translation memories as TMX 1.4b, one unit at a time.

Source: TMX 1.4b specification (LISA OSCAR, 2005).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

from scalemt.memory.exchange.base import date_of
from scalemt.memory.exchange.tmxcodes import escaped, kept_text, quoted, rendered
from scalemt.memory.units import Unit
from scalemt.version import __version__

_KEPT = "x-scalemt-unit"
# As memoQ writes what stands around a unit; the other types are ours.
_PROPS = {"origin": "x-origin", "context": "x-context-id", "domain": "x-domain"}
_HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4">
<header creationtool="scalemt" creationtoolversion={version} segtype="sentence" o-tmf="scalemt" adminlang="en" \
srclang={language} datatype="plaintext"/>
<body>
"""


def write(units: Iterable[Unit], out: IO[bytes], source_language: str = "") -> None:
    """Write units as a TMX file.

    Args:
        units: in any languages.
        out: where the UTF-8 goes.
        source_language: of the units; "" writes `*all*`, and each unit says its own.
    """
    language = source_language or "*all*"
    out.write(_HEADER.format(version=quoted(__version__), language=quoted(language)).encode())
    for unit in units:
        out.write("".join(_unit(unit, language)).encode())
    out.write(b"</body>\n</tmx>\n")


def _unit(unit: Unit, language: str) -> Iterator[str]:
    source = rendered(unit.source, unit.source_spans, unit.codes, target=False)
    target = rendered(unit.target, unit.target_spans, unit.codes, target=True)
    attributes = {
        "tuid": str(unit.id) if unit.id else "",
        "srclang": unit.pair.source if unit.pair.source != language else "",
        "creationdate": _date(unit.created),
        "creationid": unit.creator,
        "changedate": _date(unit.changed),
    }
    yield "<tu" + "".join(f" {name}={quoted(value)}" for name, value in attributes.items() if value) + ">"
    if unit.note:
        yield f"<note>{escaped(unit.note)}</note>"
    yield from (f'<prop type="{name}">{escaped(value)}</prop>' for name, value in _props(unit, source, target))
    yield f"<tuv xml:lang={quoted(unit.pair.source)}><seg>{source}</seg></tuv>"
    yield f"<tuv xml:lang={quoted(unit.pair.target)}><seg>{target}</seg></tuv></tu>\n"


def _props(unit: Unit, source: str, target: str) -> Iterator[tuple[str, str]]:
    for field, name in _PROPS.items():
        if value := getattr(unit, field):
            yield name, value
    if unit.before:
        yield "x-context-pre", f"<seg>{escaped(unit.before)}</seg>"
    if unit.after:
        yield "x-context-post", f"<seg>{escaped(unit.after)}</seg>"
    if unit.quality is not None:
        yield "x-quality", repr(float(unit.quality))
    if kept := kept_text(unit, source, target):
        yield _KEPT, kept


def _date(iso: str) -> str:
    return date_of(iso).replace("-", "").replace(":", "")
