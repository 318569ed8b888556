"""Reading translation memories in TMX 1.1 to 1.4b, one unit in memory at a time.

Source: TMX 1.4b specification (LISA OSCAR, 2005). The properties of OmegaT, memoQ and Trados that say what units
of ours say are understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.parsers import expat

from scalemt.errors import InputError
from scalemt.memory.exchange.base import (
    NO_LANGUAGE,
    NO_SOURCE,
    NO_TARGET,
    Reading,
    date_of,
    narrower,
    near,
    nearest,
    quality_of,
    tag_of,
)
from scalemt.memory.exchange.inline import Coded, tied
from scalemt.memory.exchange.tmxcodes import coded, kept_unit, local
from scalemt.memory.units import Unit
from scalemt.types import Pair

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
KEPT = "x-scalemt-unit"  # what the codes of a unit do not tell; see `tmxcodes.kept_unit`
_MOST_CODES = 2_000  # inline codes of one segment
_CHUNK = 1 << 16

# Types of <prop>, in small letters and without what stands behind a colon (Trados), by the field that they fill.
_PROPS = {
    name: field
    for field, names in {
        "before": "x-context-pre x-previous-source-text prev x-prev",
        "after": "x-context-post x-next-source-text next x-next",
        "context": "x-context-id x-idcontext x-mmq-context x-segment-id id",
        "origin": "x-origin x-document file x-file filename",
        "domain": "x-domain domain x-subject subject",
        "quality": "x-quality quality",
        KEPT: KEPT,
    }.items()
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class _Variant:
    """A <tuv>: its language and its segment."""

    element: Element
    language: str
    seg: Element


def read(reading: Reading) -> Iterator[Unit]:
    """Yield the units of a file.

    Where no source language is wanted, that of the header (or of the unit) is taken; where no target language is
    wanted, each other variant makes a unit.

    Raises:
        InputError: not well-formed, no TMX, or entities are declared; the message names the line.
    """
    refuse_entities(reading)
    source = ""
    with reading.opened() as file:
        for element in _elements(file, reading):
            if local(element.tag) == "header":
                source = tag_of(element.get("srclang", ""))
            else:
                yield from _units(element, reading, source)


def refuse_entities(reading: Reading) -> None:
    """See that the document declares no entities: they can make gigabytes of few bytes, or name other files.

    Raises:
        InputError: it does.
    """
    parser = expat.ParserCreate()

    def entity(name: str, *_: object) -> None:
        raise InputError(
            f"{reading.path}, line {parser.CurrentLineNumber}: the document declares the entity {name!r}, and "
            "scalemt expands none. Write what it stands for in its place (xmllint --noent does), and take the "
            "declaration out."
        )

    def begun(*_: object) -> None:
        raise _BegunError

    parser.EntityDeclHandler = entity
    parser.StartElementHandler = begun
    try:
        with reading.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)
    except (_BegunError, expat.ExpatError, LookupError, ValueError):
        return  # what is not well-formed is told when it is read


class _BegunError(Exception):
    """The document itself begins: nothing can be declared any more."""


def _elements(file: BinaryIO, reading: Reading) -> Iterator[Element]:
    """Yield the header and each <tu>, complete, and forget them."""
    from xml.etree.ElementTree import ParseError, iterparse

    holder: Element | None = None
    root: Element | None = None
    try:
        for event, element in iterparse(file, events=("start", "end")):  # noqa: S314  # entities are refused
            name = local(element.tag)
            if event == "start":
                root = _root(element, reading) if root is None else root
                holder = element if name == "body" else holder
            elif name == "tu":
                yield element
                # The elements that were read stay in their parent, or memory would grow with the file.
                (element if holder is None else holder).clear()
            elif name == "header":
                yield element
                element.clear()
    except ParseError as fault:
        line, column = fault.position
        raise InputError(
            f"{reading.path}, line {line}, column {column + 1}: not well-formed XML "
            f"({expat.ErrorString(fault.code)}). Mend the file there (xmllint tells more); where the text looks "
            "right, its encoding is another than it declares. Nothing was imported."
        ) from None
    except (LookupError, ValueError) as fault:
        raise InputError(
            f"{reading.path}: its encoding cannot be read as XML ({fault}). Convert it to UTF-8."
        ) from None


def _root(element: Element, reading: Reading) -> Element:
    if local(element.tag) != "tmx":
        raise InputError(
            f"{reading.path}, line 1: the document is <{local(element.tag)}>, not <tmx>. "
            "Say what it is with --format, or give a TMX file."
        )
    return element


def _units(tu: Element, reading: Reading, source: str) -> Iterator[Unit]:
    """Yield the units that a <tu> makes, and count what keeps it from making any."""
    variants = list(_variants(tu))
    wanted = reading.source or tag_of(tu.get("srclang", "")) or source
    mine = _source(variants, wanted)
    if mine is None:
        reading.skipped[NO_LANGUAGE if variants and wanted else NO_SOURCE] += 1
        return
    others = [variant for variant in variants if variant is not mine and variant.language]
    if reading.target:
        language = nearest([variant.language for variant in others], reading.target)
        others = [variant for variant in others if variant.language == language]
    if not others:
        reading.skipped[NO_LANGUAGE if len(variants) > 1 else NO_TARGET] += 1
    for other in others:
        pair = Pair(narrower(reading.source, mine.language), narrower(reading.target, other.language))
        yield from _unit(tu, (mine, other), pair, reading)


def _variants(tu: Element) -> Iterator[_Variant]:
    for element in tu:
        if local(element.tag) == "tuv":
            # "lang" is what TMX 1.1 to 1.3 have for "xml:lang".
            code = element.get(XML_LANG) or element.get("lang") or ""
            seg = next((child for child in element if local(child.tag) == "seg"), None)
            if seg is not None:
                yield _Variant(element, tag_of(code), seg)


def _source(variants: Sequence[_Variant], wanted: str) -> _Variant | None:
    """Return the variant of the source language; of *all*, the first."""
    if not wanted:
        return next((variant for variant in variants if variant.language), None)
    exact = next((variant for variant in variants if variant.language == wanted), None)
    return exact or next((item for item in variants if item.language and near(item.language, wanted)), None)


def _unit(tu: Element, variants: tuple[_Variant, _Variant], pair: Pair, reading: Reading) -> Iterator[Unit]:
    sides = [_text(variant.seg, reading) for variant in variants]
    if None in sides:
        return
    source, target = (side or Coded("") for side in sides)
    if not source.text.strip() or not target.text.strip():
        reading.skipped[NO_TARGET if source.text.strip() else NO_SOURCE] += 1
        return
    told: dict[str, Any] = _props((tu, variants[0].element, variants[1].element))
    kept = told.pop(KEPT, "")
    known = kept_unit(kept, source, target) if kept else None
    sides_tied = known or tied(source, target)
    quality = quality_of(told.pop("quality", ""))
    yield Unit(
        source=sides_tied.source,
        target=sides_tied.target,
        pair=pair,
        source_spans=sides_tied.source_spans,
        target_spans=sides_tied.target_spans,
        codes=sides_tied.codes,
        quality=quality,
        note=_notes((tu, variants[0].element, variants[1].element)),
        created=date_of(_attribute("creationdate", variants[1].element, tu)),
        changed=date_of(_attribute("changedate", variants[1].element, tu)),
        creator=_creator(variants[1].element, tu),
        **told,
    )


def _text(seg: Element, reading: Reading) -> Coded | None:
    """Return a segment with its codes as short tags, None where there are more than a person writes."""
    if not len(seg):
        return Coded(seg.text or "")
    if sum(1 for _ in seg.iter()) > _MOST_CODES:
        reading.skipped[f"with more than {_MOST_CODES:,} inline codes"] += 1
        return None
    return coded(seg)


def _attribute(name: str, *elements: Element) -> str:
    """Return an attribute of the first element that has it."""
    return next((value for element in elements if (value := element.get(name))), "")


def _creator(*elements: Element) -> str:
    """Return who is responsible: whoever changed a variant last, else whoever made it."""
    return next((name for item in elements if (name := item.get("changeid") or item.get("creationid"))), "")


def _props(elements: Iterable[Element]) -> dict[str, Any]:
    """Return what the properties say, by the field of a unit; those of the target's variant have the last word."""
    told: dict[str, Any] = {}
    for element in elements:
        for prop in element:
            if local(prop.tag) == "prop" and prop.text:
                name = _PROPS.get(prop.get("type", "").partition(":")[0].lower())
                if name:
                    told[name] = _spoken(prop.text) if name in ("before", "after") else prop.text
    return told


def _spoken(text: str) -> str:
    """Return the text around a unit: memoQ writes it as a segment in a segment's own markup."""
    if not (text.startswith("<seg>") and text.endswith("</seg>")):
        return text
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        seg = fromstring(text)  # noqa: S314  # begins with an element: it can declare no entities
    except ParseError:
        return text
    return coded(seg).text if sum(1 for _ in seg.iter()) < _MOST_CODES else text


def _notes(elements: Iterable[Element]) -> str:
    notes = [child.text for element in elements for child in element if local(child.tag) == "note" and child.text]
    return "\n".join(notes)
