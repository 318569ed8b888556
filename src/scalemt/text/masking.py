"""Masks: what stands for a protected span while a text goes through a model, and how spans come back.

A specialist carries some masks better than others (`benchmarks/masks.py` measures which); a generalist is shown
the typed form, which says what a span is. No mask is used that the source could be mistaken for.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from scalemt.text.marks import foreign, leftovers
from scalemt.text.masks import STYLES, MaskStyle
from scalemt.text.reading import Reading, bounded
from scalemt.text.spacing import Line, mended
from scalemt.text.spans import between, fault, literal, rebuild, rewrite
from scalemt.types import Segment, Span, SpanKind

__all__ = ["STYLES", "MaskStyle", "Masked", "Restored", "located", "mask", "restore"]

_ALL: frozenset[SpanKind] = frozenset(("tag", "placeholder", "address", "code", "formula", "term"))
_MOST_TRIES = 50


@dataclass(frozen=True)
class Masked:
    """A segment whose spans hold masks.

    Args:
        segment: as it was.
        text, spans: with the masks; `spans` have the keys of the segment's, those left out are missing.
        style: the name of the masks.
        plain: what stands before, between and behind the spans in the source, those left out taken away.
    """

    segment: Segment
    text: str
    spans: tuple[Span, ...]
    style: str
    plain: tuple[str, ...] = ()

    @cached_property
    def tokens(self) -> dict[int, str]:
        """The mask of each span, by key."""
        return {span.key: literal(self.text, span) for span in self.spans}

    @cached_property
    def held(self) -> dict[int, str]:
        """What the source holds in each span, by key."""
        return {span.key: literal(self.segment.text, span) for span in self.segment.spans}


@dataclass(frozen=True, slots=True)
class Restored:
    """An answer whose masks hold again what the source holds.

    Args:
        text, spans: the answer, and the spans that were found in it.
        repairs: what was put right.
        lost: spans of the source that are not there.
        added: what is left over: masks that stand there once more or stand for nothing, marks of models.
        tokens: where the masks stood in the answer, by the keys of their spans.
        fault: what is wrong with the spans that are there or missing, "" if nothing.
    """

    text: str
    spans: tuple[Span, ...]
    repairs: tuple[str, ...] = ()
    lost: tuple[Span, ...] = ()
    added: tuple[str, ...] = ()
    tokens: tuple[Span, ...] = ()
    fault: str = ""


def mask(segment: Segment, style: str, drop: Collection[SpanKind] = ()) -> Masked:
    """Return a segment with masks in the place of its spans.

    No mask, nor what looks like one, stands in the source: another number is taken where one does.

    Args:
        segment: with its spans.
        style: a key of `STYLES` ("typed" is the form of prompts), or "none": all spans are left out.
        drop: kinds of spans that are left out.
    """
    if not segment.spans:
        return Masked(segment, segment.text, (), style, (segment.text,))
    left_out = _ALL if style == "none" else frozenset(drop)
    kept, plain = _kept(segment, left_out)
    if not kept:
        return Masked(segment, plain[0].strip(), (), style, (plain[0].strip(),))
    chosen = STYLES.get(style, STYLES["tags"])
    first = 1
    for attempt in range(_MOST_TRIES):
        # At last no literal, whatever the style says: only made-up masks are sure to be told apart.
        tokens, first = _tokens(segment, chosen, kept, plain, first, literally=attempt < 2)
        made = _written(segment, kept, plain, tokens, style, apart=chosen.apart)
        if _reads_back(made):
            return made
    raise AssertionError("no mask can be told from this text")  # numbers go on for ever, texts do not


def _kept(segment: Segment, left_out: frozenset[SpanKind]) -> tuple[list[Span], list[str]]:
    """Return the spans that are masked, and the plain texts around them; where one went, two spaces are one."""
    outside = between(segment.text, segment.spans)
    plain, kept = [outside[0]], list[Span]()
    for span, following in zip(segment.spans, outside[1:], strict=True):
        if span.kind not in left_out:
            kept.append(span)
            plain.append(following)
        elif not following or (plain[-1][-1:].isspace() and following[0].isspace()):
            plain[-1] += following.lstrip()
        else:
            plain[-1] += following
    return kept, plain


def _tokens(
    segment: Segment, style: MaskStyle, kept: Sequence[Span], plain: Sequence[str], first: int, *, literally: bool
) -> tuple[dict[int, str], int]:
    """Return the mask of each span, and a number that none of them has."""
    tokens = _literals(segment, style, kept, plain) if literally and style.literal else {}
    numbers = _free([*plain, *tokens.values()], style, first)
    keys = {span.key for span in kept}
    number = first
    for span in kept:
        if span.key in tokens:
            continue
        number = next(numbers)
        if style.paired and span.role == "open" and span.partner in keys and span.partner not in tokens:
            tokens[span.key] = style.token("open", number)
            tokens[span.partner] = style.token("close", number)
        else:
            tokens[span.key] = style.token("alone", number)
    return tokens, number + 1


def _free(texts: Sequence[str], style: MaskStyle, first: int) -> Iterator[int]:
    """Yield numbers with which nothing in the source looks like a mask, nor nearly so."""
    text = "\0".join(texts)
    taken: set[int] = set()
    if any(character.isdigit() for character in text):
        shape = style.shape
        taken = {mark.number for loose in (False, True) for mark in shape.similar(text, loose=loose)}
    return (number for number in range(first, 10**8) if number not in taken)


def _literals(segment: Segment, style: MaskStyle, kept: Sequence[Span], plain: Sequence[str]) -> dict[int, str]:
    """Return what spans hold that may stand as they are: short, in one line, and found nowhere else."""
    folded = [_folded(text) for text in plain]
    found: dict[int, str] = {}
    for span in kept:
        held = literal(segment.text, span)
        if (span.kind == "tag" and not style.tags) or len(held) > style.literal:
            continue
        core = _folded(held)
        if not core or held != held.strip() or not held.isprintable() or foreign(held):
            continue
        if not any(core in text for text in folded):
            found[span.key] = held
    halves = {span.key: span.partner for span in kept if span.role != "alone"}
    kept_keys = {span.key for span in kept}
    torn = [key for key in found if halves.get(key) in kept_keys and halves[key] not in found]
    return {key: held for key, held in found.items() if key not in torn}


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _written(
    segment: Segment,
    kept: Sequence[Span],
    plain: Sequence[str],
    tokens: dict[int, str],
    style: str,
    *,
    apart: bool,
) -> Masked:
    """Return the text with masks, apart from the words that they touch where they look like words themselves."""
    pieces: list[str | tuple[Span, str]] = [plain[0]]
    for span, following in zip(kept, plain[1:], strict=True):
        pieces += [(span, tokens[span.key]), following]
    shown = list(pieces)
    for index in range(1, len(pieces), 2) if apart else ():
        token = tokens[kept[index // 2].key]
        following = str(pieces[index + 1]) or ("X" if index + 2 < len(pieces) else "")
        if following and token[-1].isalnum() and following[0].isalnum():
            shown[index + 1] = f" {shown[index + 1]}"
        preceding = str(pieces[index - 1])
        if preceding and token[0].isalnum() and preceding[-1].isalnum():
            shown[index - 1] = f"{shown[index - 1]} "
    text, spans = rebuild(shown)
    return Masked(segment, text, spans, style, tuple(plain))


def _reads_back(masked: Masked) -> bool:
    restored = restore(masked, masked.text)
    if restored.repairs or restored.added:
        return False
    if [(span.start, span.end, span.key) for span in restored.tokens] != [
        (span.start, span.end, span.key) for span in masked.spans
    ]:
        return False
    return between(restored.text, restored.spans) == list(masked.plain)


def restore(masked: Masked, answer: str) -> Restored:
    """Return an answer with its masks replaced by what they stand for.

    Near misses are put right and told: spaces, capitals, brackets, full-width signs and digits, a letter that was
    translated, a bracket or a half of a pair that was lost or written as the other. A mask that stands there twice
    is damage (`added`), and so is one that stands for nothing. Any text can be given.
    """
    source = masked.segment
    if not masked.spans:
        added = leftovers(masked.text, answer) if source.spans else ()
        wrong = fault(source.text, source.spans, answer, ())
        return Restored(answer, (), lost=source.spans, added=added, fault=wrong)
    reading = Reading(masked.tokens, masked.spans, STYLES.get(masked.style, STYLES["tags"]), masked.text)
    read = reading.read(answer)
    known = {span.key: span for span in source.spans}
    outside = between(answer, read.spans)
    plain = mended(
        Line(masked.plain, masked.spans),
        Line(outside, read.spans),
        put_back=STYLES.get(masked.style, STYLES["tags"]).spaces,
    )
    pieces: list[str | tuple[Span, str]] = [plain[0]]
    for span, following in zip(read.spans, plain[1:], strict=True):
        pieces += [(known[span.key], masked.held[span.key]), following]
    text, spans = rebuild(pieces)
    there = {span.key for span in spans}
    return Restored(
        text,
        spans,
        read.repairs,
        tuple(span for span in source.spans if span.key not in there),
        (*read.added, *_glued(masked, plain, read.added), *leftovers(masked.text, answer)),
        read.spans,
        fault(source.text, source.spans, text, spans),
    )


def _glued(masked: Masked, plain: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """Return the masks left in an answer outside of spans: run together ("XX1XX2") they are not read as masks."""
    made_up = {token for key, token in masked.tokens.items() if token != masked.held[key]}
    return tuple(
        token
        for token in sorted(made_up)
        if token not in known and token not in masked.segment.text and any(token in part for part in plain)
    )


def located(source: Segment, answer: str) -> Restored:
    """Return where the spans of a source stand in a text that holds them literally, such as a recorded draft.

    The text stays as it is.
    """
    if not source.spans:
        return Restored(answer, ())
    due: dict[str, list[Span]] = {}
    for span in source.spans:
        due.setdefault(literal(source.text, span), []).append(span)
    spare = Counter(
        found[0] for found in _any_of(tuple(due)).finditer("\0".join(between(source.text, source.spans)))
    )
    pieces: list[str | tuple[Span, str]] = []
    position = 0
    for found in _any_of(tuple(due)).finditer(answer):
        if not due[found[0]] or spare[found[0]]:  # what is also plain text of the source: nobody can tell which
            continue
        pieces += [answer[position : found.start()], (due[found[0]].pop(0), found[0])]
        position = found.end()
    text, spans = rebuild([*pieces, answer[position:]])
    lost = sorted((span for left in due.values() for span in left), key=lambda span: span.start)
    return Restored(text, spans, lost=tuple(lost), fault=fault(source.text, source.spans, text, spans))


@lru_cache(maxsize=512)
def _any_of(held: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(bounded(text) for text in sorted(held, key=len, reverse=True)))


def shown_in(masked: Masked, text: str, spans: Sequence[Span]) -> tuple[str, tuple[Span, ...]]:
    """Return another text with the same spans, such as a draft, with the masks of this one."""
    return rewrite(text, spans, lambda span, held: masked.tokens.get(span.key, held))
