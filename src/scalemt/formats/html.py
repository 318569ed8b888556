"""HTML: block elements hold segments, inline elements are protected spans inside them; nothing else changes.

Texts of attributes that people read (alt, title, placeholder, aria-label, descriptions in meta, labels of buttons)
are segments of their own. Code, scripts, styles, formulas and whatever is marked translate="no" are copied.

Source: the HTML Living Standard (translate: 3.2.6.3, inline content: 3.2.5.2.5).
"""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from scalemt import languages
from scalemt.formats.base import Format, FormatOptions, Target
from scalemt.formats.html_tokens import Attribute, Token, decoded, tokens
from scalemt.text.spans import between, prose
from scalemt.types import Segment, Span, SpanKind, SpanRole

_INLINE = frozenset(
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i img input ins kbd map mark math meter nobr "
    "output progress q rb rp rt rtc ruby s samp small span strike strong sub sup svg time tt u var wbr script "
    "style noscript picture source audio video canvas iframe object embed template".split()
)
# One span from the opening to the closing tag: nobody translates what is inside.
_OPAQUE = frozenset(
    "code kbd samp var tt svg math script style noscript audio video canvas iframe object template".split()
)
_COPIED = frozenset("pre textarea xmp noembed noframes".split())
_CODE = frozenset("code kbd samp var tt".split())
_READ = ("alt", "title", "placeholder", "aria-label")
_DESCRIPTIONS = frozenset("description keywords og:title og:description twitter:title twitter:description".split())
_BUTTONS = frozenset("button submit reset".split())
_RIGHT_TO_LEFT = frozenset("ar arc ckb dv fa he ks ku ps sd ug ur yi".split())


@dataclass
class _Unit:
    """What one segment comes from: an attribute, or a run of tokens."""

    segment: Segment
    attribute: Attribute | None = None
    pieces: list[tuple[int, int, int | None]] = field(default_factory=list)  # start, end, key of a span


@dataclass
class _Run:
    """Tokens of one segment as they are gathered."""

    pieces: list[tuple[int, int, SpanKind | None, Token | None]] = field(default_factory=list)

    def add(self, token: Token, kind: SpanKind | None, end: int) -> None:
        """Take a token, or all from its start to `end`, as text (no kind) or as a span."""
        self.pieces.append((token.start, end, kind, token if end == token.end else None))


class _Reader:
    """Finds the units of one document."""

    def __init__(self, text: str, copied: frozenset[str] = frozenset()) -> None:
        self._text = text
        self._inline = copied | _INLINE
        self._kept = copied | _OPAQUE | _COPIED
        self._tokens = list(tokens(text))
        self._run = _Run()
        self.units: list[_Unit] = []

    def read(self) -> list[_Unit]:
        index = 0
        while index < len(self._tokens):
            index = self._take(index)
        self._flush()
        return self.units

    def _take(self, index: int) -> int:
        """Take one token, or an element that is copied as a whole; return the index of the next."""
        token = self._tokens[index]
        if token.kind == "text" or (token.kind == "raw" and token.name == "title"):
            self._run.add(token, None, token.end)
        elif token.kind == "other":
            self._run.add(token, "tag", token.end)
        elif token.kind in ("open", "close"):
            return self._tag(index, token)
        return index + 1

    def _tag(self, index: int, token: Token) -> int:
        inline = token.name in self._inline
        if not inline:
            self._flush()
        if token.kind == "open" and self._is_kept(token):
            last = self._end_of(index)
            end = self._tokens[last].end
            if inline:
                self._run.add(token, "code" if token.name in _CODE else "tag", end)
            return last + 1
        if token.kind == "open":
            self._attributes(token)
        if inline:
            self._run.add(token, "tag", token.end)
        return index + 1

    def _is_kept(self, token: Token) -> bool:
        marked = _value(self._text, token, "translate")
        classes = _value(self._text, token, "class").split()
        if marked == "no" or "notranslate" in classes:
            return True
        return token.name in self._kept and marked != "yes"

    def _end_of(self, index: int) -> int:
        """Return the index of the tag that closes an element, or of the last one where none does."""
        opening = self._tokens[index]
        if opening.closed:
            return index
        depth = 0
        for place in range(index, len(self._tokens)):
            token = self._tokens[place]
            if token.name == opening.name and token.kind in ("open", "close") and not token.closed:
                depth += 1 if token.kind == "open" else -1
                if not depth:
                    return place
        # Never closed: only the tag itself, or all that follows would be lost to the translator.
        return index

    def _attributes(self, token: Token) -> None:
        for attribute in token.attributes:
            if not attribute.end > attribute.start or not self._is_read(token, attribute.name):
                continue
            value = html.unescape(self._text[attribute.start : attribute.end])
            if any(character.isalnum() for character in value):
                note = f"{attribute.name} of {token.name}"
                self.units.append(_Unit(Segment(value, note=note, breaks="soft"), attribute))

    def _is_read(self, token: Token, name: str) -> bool:
        if token.name == "meta":
            about = _value(self._text, token, "name") or _value(self._text, token, "property")
            return name == "content" and about.lower() in _DESCRIPTIONS
        if token.name == "input" and name == "value":
            return _value(self._text, token, "type").lower() in _BUTTONS
        return name in _READ

    def _flush(self) -> None:
        run, self._run = self._run, _Run()
        pieces = run.pieces
        while pieces and pieces[-1][2] is not None and self._is_edge(pieces[-1]):
            pieces.pop()
        start = 0
        while start < len(pieces) and pieces[start][2] is not None and self._is_edge(pieces[start]):
            start += 1
        unit = self._unit(pieces[start:])
        if any(character.isalnum() for character in prose(unit.segment.text, unit.segment.spans)):
            self.units.append(unit)

    def _is_edge(self, piece: tuple[int, int, SpanKind | None, Token | None]) -> bool:
        """Comments and scripts at the edge of a run are no part of its text."""
        token = piece[3]
        return token is None or token.kind == "other" or token.closed

    def _unit(self, pieces: list[tuple[int, int, SpanKind | None, Token | None]]) -> _Unit:
        text, spans = "", list[Span]()
        made: list[tuple[int, int, int | None]] = []
        partners = _partners([piece[3] for piece in pieces if piece[2] is not None])
        for start, end, kind, _ in pieces:
            raw = self._text[start:end]
            if kind is None:
                text += html.unescape(raw)
                # A bracket that opened nothing parts text from text: one stretch again.
                previous = made.pop() if made and made[-1][2] is None else (start, end, None)
                made.append((previous[0], end, None))
                continue
            key = len(spans)
            role, partner = partners.get(key, ("alone", -1))
            spans.append(Span(len(text), len(text) + len(raw), kind, key, role, partner))
            text += raw
            made.append((start, end, key))
        return _Unit(Segment(text, spans=tuple(spans), breaks="soft"), pieces=made)


def _partners(found: list[Token | None]) -> dict[int, tuple[SpanRole, int]]:
    """Return role and partner of the tags that make nested pairs, by their number among the spans."""
    made: dict[int, tuple[SpanRole, int]] = {}
    waiting: list[tuple[str, int]] = []
    for key, token in enumerate(found):
        if token is None or token.closed or token.kind == "other":
            continue
        if token.kind == "open":
            waiting.append((token.name, key))
            continue
        for depth in range(len(waiting) - 1, max(-1, len(waiting) - 100), -1):
            if waiting[depth][0] == token.name:
                opener = waiting[depth][1]
                made[opener], made[key] = ("open", key), ("close", opener)
                del waiting[depth:]
                break
    return made


def _value(text: str, token: Token, name: str) -> str:
    attribute = token.attribute(name)
    return html.unescape(text[attribute.start : attribute.end]) if attribute else ""


def segments(
    data: bytes, options: FormatOptions, path: Path, copied: frozenset[str] = frozenset()
) -> Iterator[Segment]:
    """Yield the segments of an HTML or XHTML document given as bytes.

    Args:
        data: the document.
        options: its encoding, and the languages.
        path: what messages call it.
        copied: names of further elements, in small letters, that are copied with all that they hold.

    Raises:
        InputError: a byte is not of the encoding.
    """
    text, _ = decoded(data, options.encoding, path)
    for unit in _Reader(text, copied).read():
        yield unit.segment


def rewrite(
    data: bytes,
    options: FormatOptions,
    targets: Iterator[Target],
    path: Path,
    copied: frozenset[str] = frozenset(),
) -> bytes:
    """Return a document with one target a segment (see `segments`); too few raise StopIteration."""
    text, encoding = decoded(data, options.encoding, path)
    edits = list(_languages(text, options))
    runs: list[tuple[_Unit, Target]] = []
    for unit in _Reader(text, copied).read():
        target = next(targets)
        if unit.attribute is None:
            runs.append((unit, target))
        elif target.text != unit.segment.text:
            attribute = unit.attribute
            edits.append(_Edit(attribute.start, attribute.end, _quoted(target.text, attribute)))
    made = _Edited(text, edits)
    out, position = [], 0
    for unit, target in runs:
        start, end = unit.pieces[0][0], unit.pieces[-1][1]
        out += [made.between(position, start), _run(text, unit, target, made)]
        position = end
    out.append(made.between(position, len(text)))
    return encoding.mark + encoding.encode("".join(out), path, "xmlcharrefreplace")


class _Edit(NamedTuple):
    """New text in the place of a stretch."""

    start: int
    end: int
    new: str


class _Edited:
    """A text with edits, of which any stretch can be had."""

    def __init__(self, text: str, edits: list[_Edit]) -> None:
        self._text = text
        self._edits = sorted(edits)
        self._starts = [edit.start for edit in self._edits]

    def between(self, start: int, end: int) -> str:
        """Return the stretch from `start` to `end`, neither of which lies inside an edit."""
        made, position = [], start
        for number in range(bisect_left(self._starts, start), bisect_left(self._starts, end)):
            edit = self._edits[number]
            made += [self._text[position : edit.start], edit.new]
            position = edit.end
        return "".join((*made, self._text[position:end]))


def _run(text: str, unit: _Unit, target: Target, made: _Edited) -> str:
    """Return the markup of a run with its translation; text that did not change keeps its entities."""
    spelling: dict[str, list[str]] = {}
    for start, end, key in unit.pieces:
        if key is None:
            spelling.setdefault(html.unescape(text[start:end]), []).append(text[start:end])
    raw = {key: made.between(start, end) for start, end, key in unit.pieces if key is not None}
    plain = between(target.text, target.spans)
    out = [_spelt(plain[0], spelling)]
    for span, following in zip(target.spans, plain[1:], strict=True):
        out += [raw[span.key], _spelt(following, spelling)]
    return "".join(out)


def _spelt(text: str, spelling: dict[str, list[str]]) -> str:
    """Return text as the source spells it where it stands there too, the first time as it stands there first."""
    known = spelling.get(text, [])
    return (known.pop(0) if len(known) > 1 else known[0]) if known else _escaped(text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\u00a0", "&nbsp;")


def _quoted(text: str, attribute: Attribute) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if attribute.quote == "'":
        return text.replace("'", "&#39;")
    text = text.replace('"', "&quot;")
    return text if attribute.quote else f'"{text}"'


def _languages(text: str, options: FormatOptions) -> Iterator[_Edit]:
    """Yield the edits that say the target language in the html element, where it says one."""
    if not options.target or options.target == options.source:
        return
    opening = re.search(r"<html\b", text, re.IGNORECASE)
    token = next(iter(tokens(text[opening.start() : opening.start() + 20_000])), None) if opening else None
    if not opening or not token or token.kind != "open":
        return
    told = False
    for attribute in token.attributes:
        start, end = opening.start() + attribute.start, opening.start() + attribute.end
        if attribute.name in ("lang", "xml:lang") and end > start:
            told = True
            yield _Edit(start, end, options.target)
        elif attribute.name == "dir" and end > start:
            yield _Edit(start, end, "rtl" if _right_to_left(options.target) else "ltr")
    if told and _right_to_left(options.target) and not token.attribute("dir"):
        yield _Edit(opening.end(), opening.end(), ' dir="rtl"')


def _right_to_left(language: str) -> bool:
    return languages.base(language) in _RIGHT_TO_LEFT


class HtmlFormat(Format):
    """Texts and readable attributes of HTML; see the module."""

    name = "html"
    title = "HTML"
    suffixes = (".html", ".htm", ".xhtml")

    def _read(self, path: Path, options: FormatOptions) -> Iterator[Segment]:
        yield from segments(path.read_bytes(), options, path)

    def _write(self, path: Path, options: FormatOptions, targets: Iterator[Target], out: BinaryIO) -> None:
        out.write(rewrite(path.read_bytes(), options, targets, path))
