"""Paragraphs of formatted runs as segments: another look than the main one is a pair of tags, an object one tag.

Office formats cut a paragraph into runs that each carry their own formatting. Here a paragraph is a list of
pieces; `assemble` makes of it a text a translator can read, `Inline.render` a paragraph around its translation.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from scalemt.errors import IntegrityError
from scalemt.formats.base import Target
from scalemt.text.spans import crossing, rebuild
from scalemt.types import Segment, Span, SpanRole

# A number of a list by hand before a tab; a page number behind one.
_LEADING = re.compile(r"[\s\d.()•·–—-]*")
_TRAILING = re.compile(r"[\s\d]*")


@dataclass(slots=True)
class Piece:
    """A part of a paragraph.

    Args:
        kind: "text"; "alone" (a drawing, a tab, a note mark …); "open" and "close" of something around others (a
            hyperlink).
        raw: its bytes, such that they can stand by themselves.
        text: of "text", decoded.
        look: of "text", how it is formatted: bytes that the dialect can write, equal for equal looks.
        mark: for the dialect's own use.
    """

    kind: Literal["text", "alone", "open", "close"]
    raw: bytes
    text: str = ""
    look: bytes | None = b""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    """What a span stands for: a look to switch to (`raw` empty), or bytes with, inside a pair, their main look."""

    role: SpanRole
    raw: bytes = b""
    look: bytes | None = b""


@dataclass(frozen=True, slots=True)
class Inline:
    """A paragraph with text to translate.

    Args:
        segment: the text with its spans.
        head, tail: bytes around, inside the paragraph.
        look: the main look.
        tokens: what the spans stand for, by key.
    """

    segment: Segment
    head: bytes
    tail: bytes
    look: bytes | None
    tokens: tuple[_Token, ...]

    @property
    def rich(self) -> bool:
        """There is more than plain text."""
        return bool(self.tokens)

    def is_same(self, target: Target) -> bool:
        """Tell whether the translation is the source, spans and all."""
        return target.text == self.segment.text and self.own(target) == self.segment.spans

    def own(self, target: Target) -> tuple[Span, ...]:
        """Return the spans of the paragraph itself."""
        # Placeholders and addresses that were found in the text later have keys of their own: they are text here.
        return tuple(span for span in target.spans if span.key < len(self.tokens))

    def render(self, target: Target, name: str, write: Callable[[str, bytes | None], bytes]) -> bytes:
        """Return the bytes of the paragraph's content around a translation.

        Args:
            target: the translation; spans may stand in another order, but are complete and do not cross.
            name: of the segment, for messages.
            write: gives text in a look.

        Raises:
            IntegrityError: spans are missing, doubled or cross.
        """
        spans = sorted(self.own(target), key=lambda span: span.start)
        if Counter(span.key for span in spans) != Counter(range(len(self.tokens))):
            raise IntegrityError(f"{name}: the translation does not hold each inline code of the source once.")
        if fault := crossing(target.text, spans):
            raise IntegrityError(f"{name}: the inline codes of the translation cannot be nested: {fault}.")
        out, looks, position = [self.head], [self.look], 0
        for span in spans:
            out.append(write(target.text[position : span.start], looks[-1]))
            token = self.tokens[span.key]
            out.append(token.raw)
            if token.role == "open":
                looks.append(token.look)
            elif token.role == "close":
                looks.pop()
            position = span.end
        out += [write(target.text[position:], looks[-1]), self.tail]
        return b"".join(out)


def assemble(pieces: Iterable[Piece]) -> Inline | None:
    """Return a paragraph as a segment, or None when there is not a letter in it."""
    joined = _joined(_collapsed(list(pieces)))
    start, end = _edges(joined)
    kept = joined[start:end]
    if not any(_worded(piece) for piece in kept):
        return None
    head = b"".join(piece.raw for piece in joined[:start])
    tail = b"".join(piece.raw for piece in joined[end:])
    mains = _main_looks(kept)
    text, spans, tokens = _Builder(kept, mains).build()
    return Inline(Segment(text, spans=spans), head, tail, mains[-1], tokens)


def _worded(piece: Piece) -> bool:
    return piece.kind == "text" and any(map(str.isalpha, piece.text))


def _collapsed(pieces: list[Piece]) -> list[Piece]:
    """Return pieces in which a pair without a letter inside is one piece alone, and neighbours alone are one."""
    out: list[Piece] = []
    starts: list[int] = []
    for piece in pieces:
        if piece.kind == "open":
            starts.append(len(out))
        out.append(piece)
        if piece.kind == "close":
            start = starts.pop()
            if not any(map(_worded, out[start:])):
                out[start:] = [Piece("alone", b"".join(held.raw for held in out[start:]))]
        # An opening that is still waiting points behind what may be merged here.
        floor = starts[-1] + 1 if starts else 0
        while len(out) - floor >= 2 and out[-1].kind == out[-2].kind == "alone":
            out[-2:] = [Piece("alone", out[-2].raw + out[-1].raw)]
    return out


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Return pieces in which neighbouring text of one look is one piece; a lone space has the look before it."""
    out: list[Piece] = []
    for piece in pieces:
        last = out[-1] if out else None
        if piece.kind != "text" or last is None or last.kind != "text":
            out.append(piece)
        elif piece.look == last.look or piece.text == " " or last.text == " ":
            look = piece.look if last.text == " " else last.look
            out[-1] = Piece("text", last.raw + piece.raw, last.text + piece.text, look)
        else:
            out.append(piece)
    return out


def _edges(pieces: list[Piece]) -> tuple[int, int]:
    """Return from where to where the pieces need a translator: objects at the edges do not."""
    closing = _partners(pieces)
    start, end = 0, len(pieces)
    while start < end:
        first, last = pieces[start], pieces[end - 1]
        if first.kind == "alone" or _detached(pieces[start : start + 2], _LEADING):
            start += 1
        elif last.kind == "alone" or _detached(pieces[max(start, end - 2) : end][::-1], _TRAILING):
            end -= 1
        elif first.kind == "open" and closing[start] == end - 1:
            start, end = start + 1, end - 1
        else:
            break
    return start, end


def _detached(two: list[Piece], pattern: re.Pattern[str]) -> bool:
    """Tell whether the first of two pieces is a number or a space, set apart from the text by an object."""
    return (
        len(two) == 2 and two[0].kind == "text" and two[1].kind == "alone" and bool(pattern.fullmatch(two[0].text))
    )


def _partners(pieces: list[Piece]) -> dict[int, int]:
    """Return the index of the closing piece by that of the opening one."""
    found, waiting = {}, []
    for place, piece in enumerate(pieces):
        if piece.kind == "open":
            waiting.append(place)
        elif piece.kind == "close":
            found[waiting.pop()] = place
    return found


def _main_looks(pieces: list[Piece]) -> dict[int, bytes | None]:
    """Return the look of most characters in each pair, by the index of its opening; -1: outside all."""
    counted: dict[int, Counter[bytes | None]] = {-1: Counter()}
    inside = [-1]
    for place, piece in enumerate(pieces):
        if piece.kind == "open":
            inside.append(place)
            counted[place] = Counter()
        elif piece.kind == "close":
            inside.pop()
        elif piece.kind == "text":
            counted[inside[-1]][piece.look] += len(piece.text.strip())
    default = next((piece.look for piece in pieces if piece.kind == "text"), b"")
    return {place: _main_look(counts, default) for place, counts in counted.items()}


def _main_look(counts: Counter[bytes | None], default: bytes | None) -> bytes | None:
    """The look of most characters, or the plainest of them where it has its share: emphasis is the exception."""
    if not counts:
        return default
    most = max(counts, key=counts.__getitem__)
    plainest = min(counts, key=lambda look: len(look or b""))
    return plainest if counts[plainest] * 3 >= counts[most] else most


class _Builder:
    """Writes pieces as a text with spans."""

    def __init__(self, pieces: list[Piece], mains: dict[int, bytes | None]) -> None:
        self._pieces = pieces
        self._mains = mains
        self._out: list[str | tuple[Span, str]] = []
        self._tokens: list[_Token] = []
        self._partners: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._shown = 0

    def build(self) -> tuple[str, tuple[Span, ...], tuple[_Token, ...]]:
        """Return text, spans, and what they stand for."""
        inside: list[tuple[int, bytes | None]] = []  # openings of pairs: key, and the main look around them
        main = self._mains[-1]
        special: tuple[int, bytes | None] | None = None  # opening of a stretch in another look, and that look
        for place, piece in enumerate(self._pieces):
            look = self._look_from(place, main)
            if special and special[1] != look:
                self._close(special[0])
                special = None
            if look != main and special is None and piece.kind == "text":
                special = self._open(_Token("open", b"", look)), look
            if piece.kind == "text":
                self._out.append(piece.text)
            elif piece.kind == "alone":
                self._alone(piece)
            elif piece.kind == "open":
                inside.append((self._open(_Token("open", piece.raw, self._mains[place])), main))
                main = self._mains[place]
            else:
                key, main = inside.pop()
                self._close(key, piece.raw)
        if special:
            self._close(special[0])
        text, spans = rebuild(self._out)
        return text, self._paired(spans), tuple(self._tokens)

    def _look_from(self, place: int, main: bytes | None) -> bytes | None:
        """The look of a text; of an object that of the text behind it, lest it break a stretch in two."""
        for piece in self._pieces[place:]:
            if piece.kind == "text":
                return piece.look
            if piece.kind != "alone":
                break
        return main

    def _span(self, token: _Token, shown: str) -> int:
        key = len(self._tokens)
        self._tokens.append(token)
        self._out.append((Span(0, 0, "tag", key, token.role), shown))
        return key

    def _open(self, token: _Token) -> int:
        self._shown += 1
        key = self._span(token, f"<g{self._shown}>")
        self._numbers[key] = self._shown
        return key

    def _close(self, key: int, raw: bytes = b"") -> None:
        closing = self._span(_Token("close", raw), f"</g{self._numbers[key]}>")
        self._partners[key], self._partners[closing] = closing, key

    def _alone(self, piece: Piece) -> None:
        self._shown += 1
        self._span(_Token("alone", piece.raw), f"<x{self._shown}/>")

    def _paired(self, spans: tuple[Span, ...]) -> tuple[Span, ...]:
        partners = self._partners
        return tuple(
            Span(span.start, span.end, span.kind, span.key, span.role, partners.get(span.key, -1))
            for span in spans
        )
