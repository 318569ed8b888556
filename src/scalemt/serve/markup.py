"""Texts with markup, cut into segments and put together again around their translations: HTML and XML fragments.

HTML is cut by the project's own format. XML is cut by what DeepL documents of `tag_handling=xml`: tags that hold
sentences part them, tags inside of a sentence go with its words, and what stands in ignored tags is copied. All is
done on the text itself, so that everything but the translated text comes out as it stood.

Source: the DeepL API reference, "XML handling", "Structured content" and "Customized XML outline detection".
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html.entities import html5
from pathlib import Path
from typing import Literal, NamedTuple

from scalemt.formats import html as html_format
from scalemt.formats.base import FormatOptions, Target
from scalemt.formats.xmlevents import XmlReader
from scalemt.text.spans import between, prose
from scalemt.types import Segment, Span, SpanKind, SpanRole

_Breaks = Literal["hard", "soft"]
_NAME = r"[^\W\d][\w:.\-]*+"
# No "<" stands inside of a tag, so that no tag is looked for behind the next one: the time is linear.
_TAG = re.compile(rf"<(/?)({_NAME})((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_BORDERS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"))
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_HTML = FormatOptions(encoding="utf-8")
_LABEL = Path("the text")


class Cut:
    """A text in segments.

    Attributes:
        segments: in reading order; none where the text holds nothing to translate.
    """

    segments: tuple[Segment, ...] = ()

    def put(self, targets: Sequence[Target]) -> str:
        """Return the text with one target a segment."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Plain(Cut):
    segments: tuple[Segment, ...]

    def put(self, targets: Sequence[Target]) -> str:
        return targets[0].text


def plain(text: str, breaks: _Breaks = "hard") -> Cut:
    """Return a text without markup: one segment, whatever it holds.

    Args:
        text: the text.
        breaks: what a line break in it is, see `Segment`.
    """
    return _Plain((Segment(text, breaks=breaks),))


@dataclass(frozen=True)
class _Html(Cut):
    data: bytes
    copied: frozenset[str]
    segments: tuple[Segment, ...]

    def put(self, targets: Sequence[Target]) -> str:
        made = html_format.rewrite(self.data, _HTML, iter(targets), _LABEL, self.copied)
        return made.decode("utf-8")


def html(text: str, copied: frozenset[str] = frozenset()) -> Cut:
    """Return an HTML fragment or document in segments.

    Args:
        text: the markup.
        copied: names of elements, in small letters, that are copied with all that they hold.
    """
    data = text.encode("utf-8")
    return _Html(data, copied, tuple(html_format.segments(data, _HTML, _LABEL, copied)))


@dataclass(frozen=True, slots=True)
class XmlRules:
    """How XML is cut.

    Args:
        ignored: names of elements that are copied with all that they hold.
        splitting: names of elements that always part sentences.
        joining: names of elements that never do.
        outline: find out from the text which other elements do.
        strict: refuse what is not well formed; else a tag without its other half is copied as it stands.
        breaks: what a line break is, see `Segment`.
    """

    ignored: frozenset[str] = frozenset()
    splitting: frozenset[str] = frozenset()
    joining: frozenset[str] = frozenset()
    outline: bool = True
    strict: bool = False
    breaks: _Breaks = "hard"


def xml(text: str, rules: XmlRules | None = None) -> Cut:
    """Return an XML fragment or document in segments.

    Args:
        text: the markup; it needs no root element.
        rules: those of the request.

    Raises:
        InputError: it is not well formed, and the rules are strict.
    """
    rules = rules or XmlRules()
    if rules.strict:
        _check(text)
    pieces = _paired(list(_pieces(text)))
    found = _runs(text, pieces, rules, _Outline(text, pieces, rules))
    runs = tuple(run for run in found if run.filled)
    return _Xml(text, runs, tuple(replace(run.segment, breaks=rules.breaks) for run in runs))


def _check(text: str) -> None:
    """Refuse a text that is no well-formed XML, with or without a root."""
    head = text.lstrip()
    whole = head if head.startswith(("<?xml", "<!DOCTYPE")) else f"<text>{text}</text>"
    for _ in XmlReader(io.BytesIO(whole.encode("utf-8")), "The text"):
        pass


class _Piece(NamedTuple):
    """A stretch of the text; `other` is the number of the other half of a pair, -1 where there is none."""

    kind: Literal["text", "open", "close", "empty", "cdata", "other"]
    start: int
    end: int
    name: str = ""
    other: int = -1


def _pieces(text: str) -> Iterator[_Piece]:
    """Yield the pieces of a text; together they are all of it. What looks like no tag is text."""
    position = start = 0
    unclosed: set[str] = set()
    while (opening := text.find("<", position)) >= 0:
        piece = _piece(text, opening, unclosed)
        if piece is None:
            position = opening + 1
            continue
        yield from _texts(text, start, opening)
        yield piece
        position = start = piece.end
    yield from _texts(text, start, len(text))


def _texts(text: str, start: int, end: int) -> Iterator[_Piece]:
    """Yield a stretch without tags, parted by references to what only the sender knows."""
    for found in _REFERENCE.finditer(text, start, end):
        if not _character(found):
            if found.start() > start:
                yield _Piece("text", start, found.start())
            yield _Piece("other", found.start(), found.end())
            start = found.end()
    if end > start:
        yield _Piece("text", start, end)


def _piece(text: str, start: int, unclosed: set[str]) -> _Piece | None:
    """Return what begins at a bracket; `unclosed` holds the beginnings whose end is nowhere in the text."""
    for begin, finish in _BORDERS:
        if text.startswith(begin, start) and begin not in unclosed:
            end = text.find(finish, start + len(begin))
            if end >= 0:
                return _Piece("cdata" if begin.endswith("[") else "other", start, end + len(finish))
            unclosed.add(begin)
    if text.startswith("<!DOCTYPE", start):
        subset, end = text.find("[", start), text.find(">", start)
        end = text.find("]>", subset) + 1 if 0 <= subset < end else end
        return _Piece("other", start, end + 1) if end > start else None
    found = _TAG.match(text, start)
    if not found:
        return None
    kind: Literal["close", "empty", "open"]
    kind = "close" if found[1] else "empty" if found[3].endswith("/") else "open"
    return _Piece(kind, start, found.end(), found[2])


def _paired(pieces: list[_Piece]) -> list[_Piece]:
    """Return the pieces with the halves of nested pairs tied together."""
    waiting: list[int] = []
    by_name: dict[str, int] = {}
    for number, piece in enumerate(pieces):
        if piece.kind == "open":
            waiting.append(number)
            by_name[piece.name] = by_name.get(piece.name, 0) + 1
        elif piece.kind == "close" and by_name.get(piece.name):
            # What was opened since and never closed has no other half.
            while pieces[opener := waiting.pop()].name != piece.name:
                by_name[pieces[opener].name] -= 1
            by_name[piece.name] -= 1
            pieces[opener] = pieces[opener]._replace(other=number)
            pieces[number] = piece._replace(other=opener)
    return pieces


class _Outline:
    """Which elements part sentences.

    An element that stands beside text is part of a sentence, and so are all of its name; of the others, those
    hold sentences that hold text.
    """

    def __init__(self, text: str, pieces: list[_Piece], rules: XmlRules) -> None:
        self._rules = rules
        self._inline: set[str] = set()
        self._filled: set[str] = set()
        if rules.outline:
            self._look(text, pieces)

    def _look(self, text: str, pieces: list[_Piece]) -> None:
        # Of each element that is open: its name, those of its children, whether text stands in it directly.
        opened: list[tuple[str, set[str], list[bool]]] = [("", set(), [False])]
        number = 0
        while number < len(pieces):
            piece = pieces[number]
            if piece.kind == "open" and piece.other >= 0:
                opened[-1][1].add(piece.name)
                if piece.name in self._rules.ignored:
                    number = piece.other
                else:
                    opened.append((piece.name, set(), [False]))
            elif piece.kind == "close" and piece.other >= 0:
                self._close(opened.pop())
            elif piece.kind in ("text", "cdata") and not text[piece.start : piece.end].isspace():
                opened[-1][2][0] = True
            number += 1
        self._close(opened.pop())

    def _close(self, element: tuple[str, set[str], list[bool]]) -> None:
        name, children, (direct,) = element
        if direct:
            self._inline |= children
        if direct or children & self._filled:
            self._filled.add(name)

    def parts(self, name: str) -> bool:
        """Whether the tags of an element part sentences."""
        if name in self._rules.splitting:
            return True
        if name in self._rules.joining:
            return False
        return name in self._filled and name not in self._inline


class _Part(NamedTuple):
    """A piece as it goes into a run, with all up to the piece numbered `last`."""

    number: int
    piece: _Piece
    last: int


@dataclass(frozen=True)
class _Run:
    """One segment, and the stretches that it comes from: (start, end, key of a span or None for text)."""

    segment: Segment
    stretches: tuple[tuple[int, int, int | None], ...]
    raw: bool = False  # inside of a CDATA section, where nothing is escaped

    @property
    def filled(self) -> bool:
        """Whether there is anything to translate."""
        return any(map(str.isalnum, prose(self.segment.text, self.segment.spans)))


def _runs(text: str, pieces: list[_Piece], rules: XmlRules, outline: _Outline) -> Iterator[_Run]:
    """Yield the runs of a text, from what parts sentences to what parts them next."""
    waiting: list[_Part] = []
    number = 0
    while number < len(pieces):
        piece, last = pieces[number], number
        if piece.kind == "open" and piece.other > number:
            # Copied with all that it holds; or empty, and nothing must come between its two tags.
            ignored = piece.name in rules.ignored
            last = piece.other if ignored or piece.other == number + 1 else number
        if piece.kind == "cdata" or (piece.name and last == number and outline.parts(piece.name)):
            yield _run(text, waiting, pieces)
            waiting = []
            if piece.kind == "cdata":
                yield _raw_run(text, piece)
        else:
            waiting.append(_Part(number, piece, last))
        number = last + 1
    yield _run(text, waiting, pieces)


def _raw_run(text: str, piece: _Piece) -> _Run:
    start, end = piece.start + len("<![CDATA["), piece.end - len("]]>")
    return _Run(Segment(text[start:end]), ((start, end, None),), raw=True)


def _run(text: str, parts: list[_Part], pieces: list[_Piece]) -> _Run:
    tags = [part for part in parts if part.piece.kind != "text"]
    keys = {part.number: key for key, part in enumerate(tags)}
    single = {part.number for part in tags if part.last == part.number}
    made, length = list[str](), 0
    spans, stretches = list[Span](), list[tuple[int, int, int | None]]()
    for part in parts:
        start, end = part.piece.start, pieces[part.last].end
        key = keys.get(part.number)
        held = _decoded(text[start:end]) if key is None else text[start:end]
        made.append(held)
        stretches.append((start, end, key))
        if key is not None:
            kind, (role, partner) = _kind(text, part, pieces), _role(part, keys, single)
            spans.append(Span(length, length + len(held), kind, key, role, partner))
        length += len(held)
    joined = "".join(made)
    return _Run(Segment(joined, spans=_embracing(joined, spans)), tuple(stretches))


def _embracing(text: str, spans: list[Span]) -> tuple[Span, ...]:
    """Take two placeholders that embrace words, `see <x/>the page<x/>.`, for the halves of a pair.

    Whoever puts placeholders for all tags (Weblate does) means a pair; what is between belongs to them closely.
    """
    made = list(spans)
    number = 0
    while number + 1 < len(made):
        first, second = made[number], made[number + 1]
        if first.kind == second.kind == "placeholder" and _embraces(text, first, second):
            made[number] = replace(first, kind="tag", role="open", partner=second.key)
            made[number + 1] = replace(second, kind="tag", role="close", partner=first.key)
            number += 1
        number += 1
    return tuple(made)


def _embraces(text: str, first: Span, second: Span) -> bool:
    inside = text[first.end : second.start]
    before, behind = text[: first.start][-1:], text[second.end :][:1]
    return inside[:1].isalnum() and not inside[-1:].isspace() and not before.isalnum() and not behind.isalnum()


def _role(part: _Part, keys: dict[int, int], single: set[int]) -> tuple[SpanRole, int]:
    """Return what a tag is to the other half of its pair, if that is in the same run."""
    if part.number not in single or part.piece.other not in single:
        return "alone", -1
    return ("open" if part.piece.kind == "open" else "close"), keys[part.piece.other]


def _kind(text: str, part: _Part, pieces: list[_Piece]) -> SpanKind:
    """A tag belongs to the words around it; what was taken in as a whole stands for a word."""
    if part.last == part.number:
        return "tag"
    inside = text[part.piece.end : pieces[part.last].start]
    return "term" if inside.strip() else "placeholder"


@dataclass(frozen=True)
class _Xml(Cut):
    text: str
    runs: tuple[_Run, ...]
    segments: tuple[Segment, ...]

    def put(self, targets: Sequence[Target]) -> str:
        out, position = list[str](), 0
        for run, target in zip(self.runs, targets, strict=True):
            start, end = run.stretches[0][0], run.stretches[-1][1]
            out += [self.text[position:start], _written(self.text, run, target)]
            position = end
        return "".join((*out, self.text[position:]))


def _written(text: str, run: _Run, target: Target) -> str:
    """Return the markup of a run with its translation; text that did not change is spelt as it was."""
    if run.raw:
        return target.text.replace("]]>", "]]]]><![CDATA[>")
    raw = {key: text[start:end] for start, end, key in run.stretches if key is not None}
    spelt: dict[str, list[str]] = {}
    for start, end, key in run.stretches:
        if key is None:
            spelt.setdefault(_decoded(text[start:end]), []).append(text[start:end])
    bare = "".join(item for items in spelt.values() for item in items)
    escapes = [escape for escape in _ESCAPES if not _is_bare(escape[0], bare)]
    outside = [_spelt(held, spelt, escapes) for held in between(target.text, target.spans)]
    out = [outside[0]]
    for span, following in zip(target.spans, outside[1:], strict=True):
        out += [raw[span.key], following]
    return "".join(out)


def _decoded(text: str) -> str:
    return _REFERENCE.sub(lambda found: _character(found) or found[0], text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    """Return what a reference stands for, or an empty string where that is nothing that is known."""
    name = found[0][1:]
    if not name.startswith("#"):
        return html5.get(name, "")
    number = int(name[2:-1], 16) if name[1] == "x" else int(name[1:-1])
    made = chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""
    return made if made.isprintable() or made.isspace() else ""


def _is_bare(sign: str, text: str) -> bool:
    """Whether a sign stands unescaped in the source: then whoever sent it does not unescape what comes back."""
    return sign in (_REFERENCE.sub("", text) if sign == "&" else text)


def _spelt(text: str, spelt: dict[str, list[str]], escapes: list[tuple[str, str]]) -> str:
    """Return text as the source spells it where it stands there too, in the order in which it stands there."""
    known = spelt.get(text)
    if known:
        return known.pop(0) if len(known) > 1 else known[0]
    return _escaped(text, escapes)


def _escaped(text: str, escapes: list[tuple[str, str]]) -> str:
    for sign, name in escapes:
        text = text.replace(sign, name)
    return text
