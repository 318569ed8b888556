"""White space around what stands in the place of a span: as in the translation, mended after the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from scalemt.types import Span

_WORD_AFTER, _WORD_BEFORE = re.compile(r"\w+"), re.compile(r"\w+$")
_CLOSERS, _OPENERS = set(".,;:!?)]}»”’…%、。，！？；：）】」』"), set("([{«“‘¿¡（【「『")
_NARROW = "\u00a0\u202f"  # French sets one before a colon or a question mark: no fault of the model


@dataclass(frozen=True)
class Line:
    """A text as spans and the plain pieces before, between and behind them."""

    plain: Sequence[str]
    spans: Sequence[Span]

    def before(self, index: int, piece: str | None = None) -> str:
        """Return what touches the span on the left: a word, a sign, a space, "\\0" and a key, "" at the edge."""
        piece = self.plain[index] if piece is None else piece
        if not piece:
            return f"\0{self.spans[index - 1].key}" if index else ""
        if piece[-1].isspace():
            return " "
        found = _WORD_BEFORE.search(piece)
        return found[0] if found else piece[-1]

    def after(self, index: int, piece: str | None = None) -> str:
        """Return what touches the span on the right, as `before`."""
        piece = self.plain[index + 1] if piece is None else piece
        if not piece:
            return f"\0{self.spans[index + 1].key}" if index + 1 < len(self.spans) else ""
        if piece[0].isspace():
            return " "
        found = _WORD_AFTER.match(piece)
        return found[0] if found else piece[0]


def mended(source: Line, answer: Line, *, put_back: bool) -> list[str]:
    """Return the plain pieces of an answer with the spaces around its spans as the source has them.

    A space is taken off where the source has none before the same neighbour (a sign of the same kind, the same
    word, the same span), and on the inner side of a tag, from where it moves outwards.

    Args:
        source, answer: of the same segment; the spans of the answer are among those of the source.
        put_back: whether a space that is missing beside a word is put back.
    """
    places = {span.key: index for index, span in enumerate(source.spans)}
    plain = list(answer.plain)
    shown = Line(plain, answer.spans)
    for index, span in enumerate(answer.spans):
        home = places[span.key]
        _mend_after(source.after(home), shown, plain, index, put_back)
        _mend_before(source.before(home), shown, plain, index, put_back)
    return plain


def _mend_after(due: str, shown: Line, plain: list[str], index: int, put_back: bool) -> None:
    piece = plain[index + 1]
    rest = piece.lstrip()
    gap = piece[: len(piece) - len(rest)]
    found = shown.after(index, rest)
    inside = shown.spans[index].role == "open"
    if gap and due.strip() and found and (inside or _alike(due, found, gap, _CLOSERS)):
        plain[index + 1] = rest
        if inside and not _alike(due, found, gap, _CLOSERS) and _ends_word(plain[index]):
            plain[index] += gap
    elif put_back and not gap and _parts(due, inside) and _is_word(found):
        plain[index + 1] = f" {piece}"


def _mend_before(due: str, shown: Line, plain: list[str], index: int, put_back: bool) -> None:
    piece = plain[index]
    rest = piece.rstrip()
    gap = piece[len(rest) :]
    found = shown.before(index, rest)
    inside = shown.spans[index].role == "close"
    if gap and due.strip() and found and (inside or _alike(due, found, gap, _OPENERS)):
        plain[index] = rest
        if inside and not _alike(due, found, gap, _OPENERS) and _starts_word(plain[index + 1]):
            plain[index + 1] = gap + plain[index + 1]
    elif put_back and not gap and _parts(due, inside) and _is_word(found):
        plain[index] = f"{piece} "


def _alike(due: str, found: str, gap: str, signs: set[str]) -> bool:
    if due == found or due.casefold() == found.casefold():
        return gap.strip(_NARROW) == gap
    return due in signs and found in signs and gap.strip(_NARROW) == gap


def _parts(due: str, inside: bool) -> bool:
    """Whether what stood there in the source, a space or a sign that may have been lost, parted it from words."""
    return due == " " or (not inside and len(due) == 1 and not due.isalnum())


def _ends_word(piece: str) -> bool:
    return bool(piece) and piece[-1].isalnum()


def _starts_word(piece: str) -> bool:
    return bool(piece) and piece[0].isalnum()


def _is_word(neighbour: str) -> bool:
    """Whether a neighbour is a span or a word of a script that puts spaces between words."""
    if not neighbour.strip():
        return False
    if neighbour[0] == "\0":
        return len(neighbour) > 1
    return neighbour[0].isalnum() and not _without_spaces(ord(neighbour[0]))


def _without_spaces(code: int) -> bool:
    """Thai to Tibetan and Myanmar, Khmer, and everything from the CJK radicals on but Hangul."""
    if 0xAC00 <= code <= 0xD7AF:
        return False
    return 0x0E00 <= code <= 0x109F or 0x1780 <= code <= 0x17FF or code >= 0x2E80
