"""Masks: what stands for a protected span while a text goes through a model, and how spans come back.

A specialist carries some masks better than others (`benchmarks/masks.py` measures which); a generalist is shown
the typed form, which says what a span is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from scalemt.text.spans import between, literal, rebuild, rewrite
from scalemt.types import Segment, Span

_LONG = 40  # characters; a longer address or piece of code is only numbered in a prompt


@dataclass(frozen=True, slots=True)
class MaskStyle:
    """One form of masks.

    Args:
        name: as specialists name it.
        token: with `{}` for a number.
        near: regular expression of what a model makes of a token, with a group for the number.
    """

    name: str
    token: str
    near: str


_SPACE = r"\s*"
STYLES: dict[str, MaskStyle] = {
    style.name: style
    for style in (
        MaskStyle("angle", "<{}>", r"[<＜‹«]\s*([0-9０-９]+)\s*[>＞›»]"),
        MaskStyle("brace", "{{{}}}", r"[{｛(\[]\s*([0-9０-９]+)\s*[}｝)\]]"),
        MaskStyle("word", "XX{}", r"(?<![A-Za-z])[Xx]\s?[Xx]\s*([0-9０-９]+)(?![0-9])"),
        MaskStyle("hash", "#{}#", r"[#＃]\s*([0-9０-９]+)\s*[#＃]"),
        MaskStyle("under", "__{}__", r"_\s*_\s*([0-9０-９]+)\s*_\s*_"),
        MaskStyle("address", "http://x{}.org", r"(?i:https?\s*:\s*//\s*x\s*([0-9]+)\s*\.\s*org/?)"),
    )
}
_TYPED_NEAR = re.compile(r"[<＜‹]\s*(/?)\s*([gx])\s*([0-9０-９]+)\s*(/?)\s*[>＞›]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Masked:
    """A segment whose spans hold masks.

    Args:
        segment: as it was.
        text, spans: with the masks; `spans` have the keys of the segment's.
        style: the name of the masks.
    """

    segment: Segment
    text: str
    spans: tuple[Span, ...]
    style: str


@dataclass(frozen=True, slots=True)
class Restored:
    """An answer whose masks hold again what the source holds.

    Args:
        text, spans: the answer, and the spans that were found in it.
        repairs: what was put right.
        lost: spans of the source that are not there.
        added: masks that are left over: more often than in the source, or of nothing that is there.
    """

    text: str
    spans: tuple[Span, ...]
    repairs: tuple[str, ...] = ()
    lost: tuple[Span, ...] = ()
    added: tuple[str, ...] = ()


def mask(segment: Segment, style: str) -> Masked:
    """Return a segment with masks in the place of its spans.

    No mask, nor what looks like one, stands in the source: another number is taken where one does.

    Args:
        segment: with its spans.
        style: a key of `STYLES`, "typed" (the form of prompts) or "none" (spans are left out).
    """
    if not segment.spans:
        return Masked(segment, segment.text, (), style)
    if style == "none":
        plain = " ".join(" ".join(between(segment.text, segment.spans)).split())
        return Masked(segment, plain, (), style)
    tokens = _typed(segment) if style == "typed" else _numbered(segment, STYLES[style])
    text, spans = rewrite(segment.text, segment.spans, lambda span, _: tokens[span.key])
    return Masked(segment, text, spans, style)


def _numbered(segment: Segment, style: MaskStyle) -> dict[int, str]:
    taken = {_number(found[1]) for found in _near(style.near).finditer(segment.text)}
    free = (number for number in range(1, 10**6) if number not in taken)
    return {span.key: style.token.format(next(free)) for span in segment.spans}


def _typed(segment: Segment) -> dict[int, str]:
    outside = " ".join(between(segment.text, segment.spans))
    shown = outside + " ".join(
        literal(segment.text, span) for span in segment.spans if not _is_numbered(segment, span)
    )
    taken = {_number(found[3]) for found in _TYPED_NEAR.finditer(shown)}
    free = iter(number for number in range(1, 10**6) if number not in taken)
    tokens: dict[int, str] = {}
    for span in segment.spans:
        if not _is_numbered(segment, span):
            tokens[span.key] = literal(segment.text, span)
        elif span.role == "open" and _has(segment, span.partner):
            number = next(free)
            tokens[span.key], tokens[span.partner] = f"<g{number}>", f"</g{number}>"
        elif span.key not in tokens:
            tokens[span.key] = f"<x{next(free)}/>"
    return tokens


def _has(segment: Segment, key: int) -> bool:
    return any(span.key == key for span in segment.spans)


def _is_numbered(segment: Segment, span: Span) -> bool:
    held = literal(segment.text, span)
    return span.kind == "tag" or len(held) > _LONG or "\n" in held or held != held.strip()


def restore(masked: Masked, answer: str) -> Restored:
    """Return an answer with its masks replaced by what they stand for.

    Near misses (spaces, brackets, digits of another script, capitals) are put right and told.
    """
    if not masked.spans:
        return Restored(answer, (), lost=masked.segment.spans)
    places, repairs, added = _placed(masked, answer)
    held = {span.key: literal(masked.segment.text, span) for span in masked.segment.spans}
    known = {span.key: span for span in masked.segment.spans}
    pieces: list[str | tuple[Span, str]] = []
    position = 0
    for start, end, key in places:
        pieces += [answer[position:start], (known[key], held[key])]
        position = end
    pieces.append(answer[position:])
    text, spans = rebuild(_glued(masked, pieces))
    there = {span.key for span in spans}
    lost = tuple(span for span in masked.segment.spans if span.key not in there)
    return Restored(text, spans, tuple(repairs), lost, tuple(added))


_Places = list[tuple[int, int, int]]


def _placed(masked: Masked, answer: str) -> tuple[_Places, list[str], list[str]]:
    """Return where each mask stands (start, end, key), what had to be put right, and what is left over."""
    tokens: dict[str, list[int]] = {}
    for span in masked.spans:
        tokens.setdefault(literal(masked.text, span), []).append(span.key)
    places: _Places = []
    added: list[str] = []
    for found in _exact(tuple(tokens)).finditer(answer):
        keys = tokens[found[0]]
        if keys:
            places.append((*found.span(), keys.pop(0)))
        else:
            added.append(found[0])
    repairs: list[str] = []
    for start, end, token in _near_misses(masked.style, answer):
        if any(a < end and start < b for a, b, _ in places):
            continue
        keys = tokens.get(token, [])
        if keys:
            places.append((start, end, keys.pop(0)))
            repairs.append(f"{answer[start:end]!r} read as {token}")
        elif token in tokens or answer[start:end] not in masked.segment.text:
            added.append(answer[start:end])
    return sorted(places), repairs, added


@lru_cache(maxsize=512)
def _exact(tokens: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_bounded(token) for token in sorted(tokens, key=len, reverse=True)))


def _bounded(token: str) -> str:
    # A number must not be found inside a longer one, nor a term inside a word.
    before = r"(?<![A-Za-z0-9])" if token[0].isascii() and token[0].isalnum() else ""
    after = (
        r"(?![0-9])"
        if token[-1].isdigit()
        else r"(?![A-Za-z])"
        if token[-1].isascii() and token[-1].isalpha()
        else ""
    )
    return f"{before}{re.escape(token)}{after}"


def _near_misses(style: str, answer: str) -> Iterable[tuple[int, int, str]]:
    if style == "typed":
        for found in _TYPED_NEAR.finditer(answer):
            number = _number(found[3])
            letter = found[2].lower()
            token = f"<x{number}/>" if letter == "x" else f"</g{number}>" if found[1] else f"<g{number}>"
            yield *found.span(), token
        return
    chosen = STYLES[style]
    for found in _near(chosen.near).finditer(answer):
        yield *found.span(), chosen.token.format(_number(found[1]))


@lru_cache(maxsize=32)
def _near(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _number(digits: str) -> int:
    return int(digits[:9])


def _glued(masked: Masked, pieces: list[str | tuple[Span, str]]) -> list[str | tuple[Span, str]]:
    """Take off spaces that a model put between a span and the sign that touched it in the source."""
    source = masked.segment.text
    made = list(pieces)
    for index, piece in enumerate(pieces):
        if not isinstance(piece, tuple):
            continue
        span, _ = piece
        before, after = source[span.start - 1 : span.start], source[span.end : span.end + 1]
        left, right = made[index - 1], made[index + 1]
        if isinstance(right, str) and _touches(after, span.role == "open"):
            stripped = right.lstrip(" ")
            if stripped != right and (span.role == "open" or stripped[:1] == after):
                made[index + 1] = stripped
        if isinstance(left, str) and _touches(before, span.role == "close"):
            stripped = left.rstrip(" ")
            if stripped != left and (span.role == "close" or stripped[-1:] == before):
                made[index - 1] = stripped
    return made


def _touches(neighbour: str, inward: bool) -> bool:
    return bool(neighbour) and not neighbour.isspace() and (inward or not neighbour.isalnum())


def located(source: Segment, answer: str) -> Restored:
    """Return where the spans of a source stand in a text that holds them literally, such as a recorded draft."""
    whole = Masked(source, source.text, source.spans, "literal")
    if not source.spans:
        return Restored(answer, ())
    tokens: dict[str, list[Span]] = {}
    for span in whole.spans:
        tokens.setdefault(literal(source.text, span), []).append(span)
    spans = [
        replace(tokens[found[0]].pop(0), start=found.start(), end=found.end())
        for found in _exact(tuple(tokens)).finditer(answer)
        if tokens[found[0]]
    ]
    lost = tuple(span for left in tokens.values() for span in left)
    return Restored(answer, tuple(spans), lost=tuple(sorted(lost, key=lambda span: span.start)))
