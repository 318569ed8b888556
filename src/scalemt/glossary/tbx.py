"""Glossaries as TBX: concepts with terms in each language, read in all versions (`tbx_writing` writes them).

Sources: TBX version 3, ISO 30042:2019 (`tbx`, `conceptEntry`, `langSec`, `termSec`; data categories as attributes,
DCA, or as elements, DCT); version 2, ISO 30042:2008 (`martif`, `termEntry`, `langSet`, `tig` or `ntig`); TBX-Min.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scalemt import languages
from scalemt.errors import ConfigurationError, InputError
from scalemt.formats.xmlevents import XmlEvent, xml_events
from scalemt.glossary.entries import Glossary, TermEntry
from scalemt.glossary.fields import clean, key, make_entry, no_terms, read_tag
from scalemt.types import Pair

NO_CONCEPT = "scalemt-"
"""How the ids begin that are only there because TBX asks for one."""

_ROOTS = frozenset({"tbx", "martif"})
_CONCEPTS = frozenset({"termEntry", "conceptEntry", "entry"})
_LANGUAGES = frozenset({"langSet", "langSec", "langGroup"})
_TERMS = frozenset({"tig", "ntig", "termSec", "termGroup"})
# Elements that hold text we keep; those of DCA say in an attribute what the text is.
_TYPED = frozenset({"termNote", "descrip"})
_FIELDS = {
    "term": "term",
    "note": "note",
    "partofspeech": "pos",
    "subjectfield": "domain",
    "administrativestatus": "status",
    "normativeauthorization": "norm",
    "termstatus": "status",
}


@dataclass(slots=True)
class _Term:
    line: int
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Concept:
    id: str
    fields: dict[str, str] = field(default_factory=dict)
    terms: dict[str, list[_Term]] = field(default_factory=dict)


def read_tbx(path: Path, pair: Pair | None) -> Glossary:
    """Read a TBX file; of more than two languages the pair chooses. Each two terms of a concept make an entry.

    Deprecated and superseded terms become deprecated translations. The document is streamed, and entities of its
    document type are not expanded.

    Raises:
        InputError: not well-formed, not TBX, an unknown status, an empty term; file and line are named.
        ConfigurationError: several languages and no pair that chooses, or none of the pair.
    """
    concepts = list(_Reader(path).concepts(xml_events(path)))
    tags = list(dict.fromkeys(tag for concept in concepts for tag in concept.terms))
    if not tags:
        raise no_terms(path)
    wanted = pair or _only_pair(tags, path)
    source, target = (_nearest(tags, tag) for tag in wanted)
    if not source or not target:
        raise ConfigurationError(f"{path} holds {', '.join(tags)}, not {wanted.source} to {wanted.target}.")
    entries = [entry for concept in concepts for entry in _entries(concept, wanted, path)]
    if not entries:
        raise ConfigurationError(f"{path} has no concept with terms in both {source} and {target}.")
    return Glossary(tuple(dict.fromkeys(entries)), source, target, path.stem)


def _only_pair(tags: Sequence[str], path: Path) -> Pair:
    firsts = {languages.base(tag): tag for tag in reversed(tags)}
    firsts = {languages.base(tag): firsts[languages.base(tag)] for tag in tags}
    if len(firsts) != 2:
        raise ConfigurationError(
            f"{path} holds {', '.join(tags)}. Say which two languages are meant (--from and --to)."
        )
    source, target = firsts.values()
    return Pair(source, target)


def _nearest(tags: Iterable[str], wanted: str) -> str:
    held = list(tags)
    if wanted in held:
        return wanted
    return next((tag for tag in held if languages.base(tag) == languages.base(wanted)), "")


def _side(concept: _Concept, wanted: str, without: str = "") -> list[_Term]:
    """Return the terms of a language: those of the very tag, else those of all its territories."""
    if wanted in concept.terms:
        return concept.terms[wanted]
    base = languages.base(wanted)
    return [
        term
        for tag, terms in concept.terms.items()
        if tag != without and languages.base(tag) == base
        for term in terms
    ]


def _entries(concept: _Concept, pair: Pair, path: Path) -> Iterator[TermEntry]:
    for source in _side(concept, pair.source, pair.target):
        for target in _side(concept, pair.target, pair.source):
            yield _entry(concept, source, target, path)


def _entry(concept: _Concept, source: _Term, target: _Term, path: Path) -> TermEntry:
    where = f"{path}, line {target.line}"
    fields = {
        "source": source.fields.get("term", ""),
        "target": target.fields.get("term", ""),
        "status": target.fields.get("status") or target.fields.get("norm", ""),
        "pos": source.fields.get("pos") or target.fields.get("pos", ""),
        "domain": concept.fields.get("domain") or target.fields.get("domain", ""),
        "note": target.fields.get("note") or source.fields.get("note") or concept.fields.get("note", ""),
        "concept": "" if concept.id.startswith(NO_CONCEPT) else decode_id(concept.id),
    }
    return make_entry(fields, where if fields["source"] else f"{path}, line {source.line}")


class _Reader:
    """Makes concepts of XML events."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._concept: _Concept | None = None
        self._language = ""
        self._term: _Term | None = None
        self._open = ("", "")  # the element whose text is being read, and the field it is for
        self._text: list[str] = []
        self._depth = 0

    def concepts(self, events: Iterable[XmlEvent]) -> Iterator[_Concept]:
        """Yield the concepts of a document, in order."""
        rooted = False
        for event in events:
            if event.kind == "start":
                if not rooted and event.local.lower() not in _ROOTS:
                    raise InputError(
                        f"{self._path}, line {event.line}: not TBX. The first element is <tbx> or <martif>, not "
                        f"<{event.name}>."
                    )
                rooted = True
                self._start(event)
            elif event.kind == "end":
                yield from self._end(event)
            elif self._open[1]:
                self._add(event)

    def _start(self, event: XmlEvent) -> None:
        name, attributes = event.local, event.attributes
        if name in _CONCEPTS:
            self._concept = _Concept(attributes.get("id", ""))
        elif name in _LANGUAGES:
            code = attributes.get("xml:lang") or attributes.get("lang", "")
            self._language = read_tag(code, f"{self._path}, line {event.line}")
        elif name in _TERMS:
            self._term = _Term(event.line)
        elif self._open[1]:
            self._depth += name == self._open[0]
        else:
            kind = attributes.get("type", "") if name in _TYPED else name
            self._open = (name, _FIELDS.get(key(kind), ""))
            self._text, self._depth = [], 1

    def _add(self, event: XmlEvent) -> None:
        if event.kind in ("text", "cdata"):
            self._text.append(event.text)
        elif event.raw.startswith(b"&"):
            raise InputError(
                f"{self._path}, line {event.line}: {event.raw.decode('ascii', 'replace')} is an entity of the "
                "document type, which is not expanded. Write the text itself."
            )

    def _end(self, event: XmlEvent) -> Iterator[_Concept]:
        name = event.local
        if name == self._open[0]:
            self._depth -= 1
            if not self._depth:
                self._keep()
        elif name in _TERMS and self._term:
            if self._concept and self._language:
                self._concept.terms.setdefault(self._language, []).append(self._term)
            self._term = None
        elif name in _LANGUAGES:
            self._language = ""
        elif name in _CONCEPTS and self._concept:
            yield self._concept
            self._concept = None

    def _keep(self) -> None:
        """Put the text that was read where it belongs."""
        (_, name), self._open = self._open, ("", "")
        text = clean("".join(self._text))
        if not name or not text or not self._concept:
            return
        if self._term:
            fields = self._term.fields
        elif self._language:
            return  # a definition of the concept in one language, or the like
        else:
            fields = self._concept.fields
        before = fields.get(name)
        fields[name] = f"{before}; {text}" if before and name in ("note", "domain") else text


def encode_id(concept: str) -> str:
    """Return the name of a concept as an XML id; what an id cannot hold is written `_x0020_`."""
    coded = re.sub(r"[^A-Za-z0-9_.-]|_(?=x[0-9A-F]{4,6}_)", lambda match: _coded(match[0]), concept)
    starts = coded[0] == "_" or coded[0].isalpha()
    return coded if starts and not coded.startswith(NO_CONCEPT) else _coded(coded[0]) + coded[1:]


def _coded(character: str) -> str:
    return f"_x{ord(character):04X}_"


def decode_id(coded: str) -> str:
    """Return the name of a concept that `encode_id` wrote."""
    return re.sub(r"_x([0-9A-F]{4,6})_", _character, coded)


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code < 0x110000 else match[0]
