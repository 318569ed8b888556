"""E-books (EPUB 2 and 3): the documents of the spine, the tables of contents, title and description.

Source: EPUB 3.3, sections 4 (OCF), 5 (package document), 7 (navigation document); Open Packaging Format 2.0.1.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from scalemt.errors import InputError
from scalemt.formats import html
from scalemt.formats.base import FormatOptions
from scalemt.formats.member import Ask, Member, Plain
from scalemt.formats.package import Package
from scalemt.formats.xmlevents import XmlEvent
from scalemt.formats.zipped import Rewritten, ZippedFormat

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts are made unreadable by themselves in these two ways; that is no lock on the text.
_FONTS = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
_DOCUMENTS = {"application/xhtml+xml", "text/html", "text/x-oeb1-document"}
_NCX = "application/x-dtbncx+xml"


@dataclass
class _Book:
    """What a package document lists: members by their ids, and the order of reading."""

    items: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # member, media type, properties
    spine: list[str] = field(default_factory=list)

    def documents(self) -> Iterator[tuple[str, bool]]:
        """Yield the members to translate, and whether each is an NCX: contents first, then the spine."""
        listed = self.items.values()
        found = [(name, False) for name, kind, held in listed if "nav" in held.split() and kind in _DOCUMENTS]
        found += [(name, True) for name, kind, _ in listed if kind == _NCX]
        spine = [self.items[key] for key in self.spine if key in self.items]
        found += [(name, False) for name, kind, _ in spine if kind in _DOCUMENTS]
        yield from dict(found).items()


class EpubFormat(ZippedFormat):
    """E-books."""

    name = "epub"
    title = "EPUB book"
    suffixes = (".epub",)

    def _members(self, package: Package, options: FormatOptions, ask: Ask) -> Iterator[Rewritten]:
        if _CONTAINER not in package:
            raise InputError(f"{package.path} is a zip file, but no {self.title}: it lacks {_CONTAINER}.")
        _refuse_locked(package)
        seen: set[str] = set()
        for root in _roots(package):
            if root in seen:
                continue
            book = _book(package, root)
            seen.add(root)
            yield self._description(package, root, options, ask)
            for name, is_ncx in book.documents():
                if name not in seen:
                    seen.add(name)
                    yield self._contents(package, name, ask) if is_ncx else _document(package, name, options, ask)

    def _description(self, package: Package, name: str, options: FormatOptions, ask: Ask) -> Rewritten:
        data, plain = package.read(name), Plain()
        new = _member(package, name, data).rewrite({"dc:title": plain, "dc:description": plain}, ask)
        if options.target:
            new = _in_language(_member(package, name, new), options.target)
        return Rewritten(name, data, new)

    def _contents(self, package: Package, name: str, ask: Ask) -> Rewritten:
        data = package.read(name)
        # A person's name is not translated.
        new = _member(package, name, data).rewrite({"ncx:text": Plain()}, ask, skip=("ncx:docAuthor",))
        return Rewritten(name, data, new)


def _member(package: Package, name: str, data: bytes) -> Member:
    return Member(data, name, package.label(name))


def _starts(package: Package, name: str) -> Iterator[XmlEvent]:
    events = _member(package, name, package.read(name)).events()
    return (event for event in events if event.kind == "start")


def _refuse_locked(package: Package) -> None:
    if _ENCRYPTION not in package:
        return
    for event in _starts(package, _ENCRYPTION):
        if event.name == "enc:EncryptionMethod" and event.attributes.get("Algorithm") not in _FONTS:
            raise InputError(
                f"{package.path} is locked (digital rights management): its text is encrypted and cannot be read. "
                "Ask the publisher for an edition without."
            )


def _roots(package: Package) -> Iterator[str]:
    """Yield the package documents."""
    found = [
        event.attributes.get("full-path", "")
        for event in _starts(package, _CONTAINER)
        if event.name == "container:rootfile"
    ]
    if not found:
        raise InputError(f"{package.label(_CONTAINER)} names no package document (rootfile). The book is damaged.")
    yield from found


def _book(package: Package, root: str) -> _Book:
    book = _Book()
    folder = posixpath.dirname(root)
    for event in _starts(package, root):
        held = event.attributes
        if event.name == "opf:item":
            name = posixpath.normpath(posixpath.join(folder, unquote(held.get("href", ""))))
            if name in package:
                book.items[held.get("id", "")] = name, held.get("media-type", ""), held.get("properties", "")
        elif event.name == "opf:itemref":
            book.spine.append(held.get("idref", ""))
    return book


def _document(package: Package, name: str, options: FormatOptions, ask: Ask) -> Rewritten:
    data, label = package.read(name), Path(package.label(name))
    numbered = enumerate(html.segments(data, options, label), 1)
    answers = [ask(replace(segment, id=segment.id or f"{name}:{number}")) for number, segment in numbered]
    targets = [answer for answer in answers if answer is not None]
    if len(targets) < len(answers):
        return Rewritten(name, data, data)
    return Rewritten(name, data, html.rewrite(data, options, iter(targets), label))


def _in_language(member: Member, language: str) -> bytes:
    """Return a package document whose first language is the given one."""
    out: list[bytes] = []
    state = "before"
    for event in member.events():
        raw = event.raw
        if event.name == "dc:language":
            if event.kind == "start" and state == "before":
                state = "inside"
            elif event.kind == "end" and state == "inside":
                raw, state = member.encode(language) + raw, "behind"
        elif state == "inside":
            raw = b""
        out.append(raw)
    return b"".join(out)
