"""Reading translation memories in TMX 1.1 to 1.4b, one unit in memory at a time.

Source: TMX 1.4b specification (LISA OSCAR, 2005). The properties of OmegaT, memoQ and Trados that say what units
of ours say are understood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
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
_AROUND = ("before", "after")
_MOST_CODES = 2_000  # inline codes of one segment

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


class _Told:
    """What the children of a <tu> or a <tuv> say, read in one go: there are millions of them."""

    __slots__ = ("element", "notes", "props", "seg", "variants")

    def __init__(self, element: Element) -> None:
        self.element = element
        self.props: dict[str, str] = {}
        self.notes: list[str] = []
        self.variants: list[_Variant] = []
        self.seg: Element | None = None
        for child in element:
            self._take(child, local(child.tag))

    def _take(self, child: Element, name: str) -> None:
        if name == "tuv":
            variant = _Variant(child)
            if variant.seg is not None:
                self.variants.append(variant)
        elif name == "seg":
            self.seg = child if self.seg is None else self.seg
        elif name == "prop" and child.text:
            field = _PROPS.get(child.get("type", "").partition(":")[0].lower())
            if field:
                self.props[field] = _spoken(child.text) if field in _AROUND else child.text
        elif name == "note" and child.text:
            self.notes.append(child.text)


class _Variant(_Told):
    """A <tuv>."""

    __slots__ = ("language",)

    def __init__(self, element: Element) -> None:
        super().__init__(element)
        # "lang" is what TMX 1.1 to 1.3 have for "xml:lang".
        self.language = tag_of(element.get(XML_LANG) or element.get("lang") or "")


def read(reading: Reading) -> Iterator[Unit]:
    """Yield the units of a file.

    Where no source language is wanted, that of the header (or of the unit) is taken; where no target language is
    wanted, each other variant makes a unit.

    Raises:
        InputError: not well-formed, no TMX, or entities are declared; the message names the line.
    """
    source = ""
    with reading.opened() as file:
        for element in _elements(_Guarded(file, reading.path), reading):
            if local(element.tag) == "header":
                source = tag_of(element.get("srclang", ""))
            else:
                yield from _units(element, reading, source)


class _Guarded:
    """A file whose reader is stopped where it declares entities.

    They can make gigabytes of few bytes, or name other files. All of them stand before the first element.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        parser = expat.ParserCreate()
        parser.EntityDeclHandler = self._refuse
        parser.StartElementHandler = self._begun
        self._parser: Any = parser

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        if self._parser is not None:
            try:
                self._parser.Parse(data, False)
            except (_BegunError, expat.ExpatError, LookupError, ValueError):
                # What is not well-formed is told by whoever reads.
                self._parser = None
        return data

    def _refuse(self, name: str, *_: object) -> None:
        raise InputError(
            f"{self._path}, line {self._parser.CurrentLineNumber}: the document declares the entity {name!r}, and "
            "scalemt expands none. Write what it stands for in its place (xmllint --noent does), and take the "
            "declaration out."
        )

    def _begun(self, *_: object) -> None:
        raise _BegunError


class _BegunError(Exception):
    """The document itself begins: nothing can be declared any more."""


def _elements(file: _Guarded, reading: Reading) -> Iterator[Element]:
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


def _units(element: Element, reading: Reading, source: str) -> Iterator[Unit]:
    """Yield the units that a <tu> makes, and count what keeps it from making any."""
    tu = _Told(element)
    wanted = reading.source or tag_of(element.get("srclang", "")) or source
    mine = _source(tu.variants, wanted)
    if mine is None:
        reading.skipped[NO_LANGUAGE if tu.variants and wanted else NO_SOURCE] += 1
        return
    others = [variant for variant in tu.variants if variant is not mine and variant.language]
    if reading.target:
        language = nearest([variant.language for variant in others], reading.target)
        others = [variant for variant in others if variant.language == language]
    if not others:
        reading.skipped[NO_LANGUAGE if len(tu.variants) > 1 else NO_TARGET] += 1
    for other in others:
        unit = _unit(tu, mine, other, reading)
        if unit:
            yield unit


def _source(variants: Sequence[_Variant], wanted: str) -> _Variant | None:
    """Return the variant of the source language; of *all*, the first."""
    if not wanted:
        return next((variant for variant in variants if variant.language), None)
    exact = next((variant for variant in variants if variant.language == wanted), None)
    return exact or next((item for item in variants if item.language and near(item.language, wanted)), None)


def _unit(tu: _Told, mine: _Variant, other: _Variant, reading: Reading) -> Unit | None:
    source, target = _text(mine, reading), _text(other, reading)
    if source is None or target is None:
        return None
    if not source.text.strip() or not target.text.strip():
        reading.skipped[NO_TARGET if source.text.strip() else NO_SOURCE] += 1
        return None
    # What is said of the translation itself has the last word.
    told: dict[str, Any] = {**tu.props, **mine.props, **other.props}
    kept = told.pop(KEPT, "")
    sides = (kept_unit(kept, source, target) if kept else None) or tied(source, target)
    told["quality"] = quality_of(told.get("quality", ""))
    told["creator"] = _creator(other.element, tu.element)
    return Unit(
        source=sides.source,
        target=sides.target,
        pair=Pair(narrower(reading.source, mine.language), narrower(reading.target, other.language)),
        source_spans=sides.source_spans,
        target_spans=sides.target_spans,
        codes=sides.codes,
        note="\n".join((*tu.notes, *mine.notes, *other.notes)),
        created=date_of(other.element.get("creationdate") or tu.element.get("creationdate") or ""),
        changed=date_of(other.element.get("changedate") or tu.element.get("changedate") or ""),
        **reading.completed(told),
    )


def _text(variant: _Variant, reading: Reading) -> Coded | None:
    """Return a segment with its codes as short tags, None where there are more than a person writes."""
    seg = variant.seg
    if seg is None or not len(seg):
        return Coded(seg.text or "" if seg is not None else "")
    if sum(1 for _ in seg.iter()) > _MOST_CODES:
        reading.skipped[f"with more than {_MOST_CODES:,} inline codes"] += 1
        return None
    return coded(seg)


def _creator(*elements: Element) -> str:
    """Return who is responsible: whoever changed a variant last, else whoever made it."""
    return next((name for item in elements if (name := item.get("changeid") or item.get("creationid"))), "")


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
