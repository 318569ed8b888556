"""HTML cut into tags, comments and text with their places, as tolerant as browsers are.

Source: the HTML Living Standard, section 13.2.5 (tokenization).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scalemt.formats.encoding import Encoding, decode, find_encoding

_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
# Where a quote is never closed, browsers lose the rest of the file; the tag is ended at the first bracket instead.
_LOOSE_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)([^>]*+)>")
_COMMENT = re.compile(r"<!--(?:>|->|.*?-->)|<[!?][^>]*+>|</[^A-Za-z>][^>]*+>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([^\s/>=\"']+)\s*+(?:=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"']++)))?")
_RAW = frozenset("script style textarea title xmp iframe noembed noframes".split())
VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]+encoding\s*=\s*[\"']([\w.:-]+)")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its name in small letters, and where its value stands; `quote` is "" where it has none."""

    name: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of the file.

    `kind` is "open", "close", "text", "raw" (inside of script, title …) or "other" (comments, declarations).
    """

    kind: str
    start: int
    end: int
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    closed: bool = False  # `<a/>`

    def attribute(self, name: str) -> Attribute | None:
        """Return an attribute by name."""
        return next((item for item in self.attributes if item.name == name), None)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text; together they are all of it."""
    position = start = 0
    last = text.rfind(">")
    while True:
        opening = text.find("<", position)
        if opening < 0 or opening > last:
            break
        token = _token(text, opening)
        if token is None:
            position = opening + 1
            continue
        if opening > start:
            yield Token("text", start, opening)
        yield token
        position = start = token.end
        if token.kind == "open" and token.name in _RAW and not token.closed:
            end = _raw_end(text, token.name, position)
            if end > position:
                yield Token("raw", position, end, token.name)
            position = start = end
    if start < len(text):
        yield Token("text", start, len(text))


def _token(text: str, position: int) -> Token | None:
    found = _TAG.match(text, position) or _LOOSE_TAG.match(text, position)
    if not found:
        other = _COMMENT.match(text, position)
        return Token("other", position, other.end()) if other else None
    name = found[2].lower()
    if found[1]:
        return Token("close", position, found.end(), name)
    return Token(
        "open", position, found.end(), name, tuple(_attributes(found)), found[3].endswith("/") or name in VOID
    )


def _attributes(tag: re.Match[str]) -> Iterator[Attribute]:
    for found in _ATTRIBUTE.finditer(tag.string, tag.start(3), tag.end(3)):
        for group, quote in ((2, '"'), (3, "'"), (4, "")):
            if found[group] is not None:
                yield Attribute(found[1].lower(), found.start(group), found.end(group), quote)
                break
        else:
            yield Attribute(found[1].lower(), found.end(), found.end(), "")


def _raw_end(text: str, name: str, position: int) -> int:
    found = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(text, position)
    return found.start() if found else len(text)


def decoded(data: bytes, declared: str, path: Path) -> tuple[str, Encoding]:
    """Return the text of an HTML file and its encoding: as the user says, a mark, a declaration, else UTF-8."""
    if not declared:
        found = _XML.match(data[:200].lstrip()) or _CHARSET.search(data[:8192])
        declared = found[1].decode() if found else ""
        # A declaration that could be read as ASCII is not UTF-16, whatever it says.
        declared = "utf-8" if declared.lower().startswith("utf-16") else declared
    encoding = find_encoding(data[:4], declared, path)
    return decode(data[len(encoding.mark) :], encoding, path), encoding
