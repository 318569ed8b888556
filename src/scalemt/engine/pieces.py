"""Segments in pieces: cut at line breaks and where they are too long, peeled to what is to be translated, joined.

What surrounds a piece (white space, tags that enclose all of it) never reaches a backend, so that nothing there
can be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scalemt.errors import InputError, IntegrityError
from scalemt.text import split_long
from scalemt.text.peeling import by_itself, gap_behind, peeled
from scalemt.text.protection import protect
from scalemt.text.spans import between, fault, literal, part, prose, rewrite
from scalemt.types import Decision, Segment, Span, Translation, Usage

_HARD_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BREAKING = re.compile(r"[\n\r]\s*\Z|\A<br\b", re.IGNORECASE)
# No-break spaces are no place where a line was wrapped.
_SOFT_BREAK = re.compile(r"[ \t]*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029][\s\x1c-\x1e\x85]*")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a segment, from `start` on: a piece to be translated, or text that stays.

    `gap` tells what parts two pieces.
    """

    segment: Segment
    start: int = 0
    piece: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Cut:
    """A segment as it was given, with the spans that were found in it, in stretches."""

    segment: Segment
    whole: Segment
    stretches: tuple[Stretch, ...]

    @property
    def pieces(self) -> tuple[Segment, ...]:
        """What is to be translated; a segment without text has one empty piece."""
        return tuple(stretch.segment for stretch in self.stretches if stretch.piece)

    def join(self, translations: Sequence[Translation]) -> Translation:
        """Return one translation of the whole segment from those of its pieces.

        Its terms stand where they do in the whole segment; those of its candidates, in the piece. Its error is an
        `IntegrityError` when a protected span is not where it must be.
        """
        joined = self._told([self._termed(item, number) for number, item in enumerate(translations)])
        if joined.error:
            return replace(joined, segment=self.segment, text="", spans=())
        text, spans = self._placed(translations)
        if wrong := fault(self.whole.text, self.whole.spans, text, spans):
            lost = IntegrityError(f"The translation lost protected content: {wrong}. Its source stands unchanged.")
            return replace(joined, segment=self.segment, text="", spans=(), error=lost)
        return replace(joined, segment=self.segment, text=text, spans=spans)

    def _placed(self, translations: Sequence[Translation]) -> tuple[str, tuple[Span, ...]]:
        made = iter(translations)
        # Within a piece a half of a pair stands alone when the other half is in another piece.
        known = {span.key: span for span in self.whole.spans}
        text, spans = "", list[Span]()
        before, source = "", ""
        for stretch in self.stretches:
            if stretch.piece:
                item = next(made)
                before, source = item.text, stretch.segment.text
                held, inside = item.text, item.spans
            else:
                held = stretch.segment.text
                held = gap_behind(before, source, held) if stretch.gap else held
                inside = stretch.segment.spans
            offset = len(text)
            spans += (
                replace(known[span.key], start=span.start + offset, end=span.end + offset) for span in inside
            )
            text += held
        return text, tuple(spans)

    def _termed(self, item: Translation, number: int) -> Translation:
        """Return the translation of a piece with its terms where they stand in the whole segment."""
        if not item.terms:
            return item
        stretch = [stretch for stretch in self.stretches if stretch.piece][number]
        origin = _origin(stretch.segment.text, self.whole.text, stretch.start)
        moved = [replace(use, start=origin[use.start], end=origin[use.end - 1] + 1) for use in item.terms]
        return replace(item, terms=tuple(moved))

    def _told(self, translations: Sequence[Translation]) -> Translation:
        if len(translations) == 1:
            return translations[0]
        error = next((item.error for item in translations if item.error), None)
        longest = max(len(piece.text) for piece in self.pieces)
        why = f"several lines, or longer than one piece: at most {longest} characters each"
        note = Decision("length", f"{len(translations)} pieces", why)
        return replace(
            translations[0],
            drafts=tuple(draft for item in translations for draft in item.drafts),
            candidates=tuple(candidate for item in translations for candidate in item.candidates),
            checks=tuple(check for item in translations for check in item.checks),
            terms=tuple(use for item in translations for use in item.terms),
            demonstrations=tuple(dict.fromkeys(shown for item in translations for shown in item.demonstrations)),
            decisions=(note, *(decision for item in translations for decision in item.decisions)),
            usage=sum((item.usage for item in translations), Usage()),
            steps=tuple(step for item in translations for step in item.steps),
            error=error,
        )


@dataclass(frozen=True, slots=True)
class Cutting:
    """How segments are cut.

    Args:
        limit: the most characters in a piece.
        protecting: whether placeholders, tags, addresses … are looked for in the text.
        terms: not to be translated.
        recorded: a draft of the whole was made elsewhere: there is nothing to cut it by.
        language, splitter: whose sentences long texts are cut at, and by what.
    """

    limit: int
    protecting: bool = True
    terms: tuple[str, ...] = ()
    recorded: bool = False
    language: str = ""
    splitter: str = "srx"


def cut(segment: Segment, cutting: Cutting) -> Cut:
    """Cut a segment into pieces; most are one."""
    whole = protect(segment, cutting.terms) if cutting.protecting else segment
    stretches: list[Stretch] = []
    for start, end, following in _lines(whole, cutting):
        stretches += _line(whole, start, end, cutting)
        if following > end:
            stretches.append(Stretch(part(whole, end, following), end))
    if not any(stretch.piece for stretch in stretches):
        stretches.append(Stretch(Segment("", segment.id), piece=True))
    return Cut(segment, whole, tuple(stretches))


def _lines(whole: Segment, cutting: Cutting) -> Iterator[tuple[int, int, int]]:
    """Yield where each line starts and ends, and where the next one starts."""
    start = 0
    for begin, end in [] if cutting.recorded else _breaks(whole):
        yield start, begin, end
        start = end
    yield start, len(whole.text), len(whole.text)


def _breaks(whole: Segment) -> list[tuple[int, int]]:
    """Return where lines end: at line breaks, and at tags that break a line (`<br/>`)."""
    tags = [span for span in whole.spans if span.kind == "tag" and span.role == "alone"]
    found = [(span.start, span.end) for span in tags if _BREAKING.search(literal(whole.text, span))]
    if whole.breaks == "hard":
        for plain, offset in _plain(whole):
            found += [(offset + line.start(), offset + line.end()) for line in _HARD_BREAK.finditer(plain)]
    return sorted(found)


def _plain(whole: Segment) -> Iterator[tuple[str, int]]:
    """Yield the texts outside of spans, each with its offset."""
    starts = [0, *(span.end for span in whole.spans)]
    yield from zip(between(whole.text, whole.spans), starts, strict=True)


def _line(whole: Segment, start: int, end: int, cutting: Cutting) -> Iterator[Stretch]:
    """Yield the stretches of one line: what is peeled off, and pieces with gaps."""
    inner_start, inner_end = (start + offset for offset in peeled(part(whole, start, end)))
    body = part(whole, inner_start, inner_end)
    if not _speaks(body):
        if end > start:
            yield Stretch(part(whole, start, end), start)
        return
    if inner_start > start:
        yield Stretch(part(whole, start, inner_start), start)
    if cutting.recorded:
        yield Stretch(_flat(by_itself(body, 0, len(body.text))), inner_start, piece=True)
    else:
        yield from _fitting(body, inner_start, cutting)
    if end > inner_end:
        yield Stretch(part(whole, inner_end, end), inner_end)


def _speaks(body: Segment) -> bool:
    """Whether there is something to translate: beside protected spans, a letter or a digit."""
    if not body.spans:
        return bool(body.text.strip())
    return any(character.isalnum() for character in prose(body.text, body.spans))


def _fitting(body: Segment, at: int, cutting: Cutting) -> Iterator[Stretch]:
    """Yield the pieces of a line that begins `at`, of at most so many characters, and the gaps between them."""
    position = 0
    parts = split_long(body.text, cutting.limit, body.spans, cutting.language, cutting.splitter)
    for number, (text, gap) in enumerate(parts, 1):
        end = position + len(text)
        yield Stretch(_flat(by_itself(body, position, end)), at + position, piece=True)
        if number < len(parts):
            yield Stretch(part(body, end, end + len(gap)), at + end, gap=True)
        position = end + len(gap)


def _flat(body: Segment) -> Segment:
    """Return a piece in one line: where a text was only wrapped, a break is a space."""
    if body.breaks == "hard" or not _SOFT_BREAK.search("".join(between(body.text, body.spans))):
        return body
    text, spans = rewrite(body.text, body.spans, lambda _, held: held, lambda plain: _SOFT_BREAK.sub(" ", plain))
    return replace(body, text=text, spans=spans)


def _origin(piece: str, whole: str, start: int) -> Sequence[int]:
    """Return where each character of a piece stands in the whole text; of a flattened one, all but white space."""
    if whole.startswith(piece, start):
        return range(start, start + len(piece))
    filled = (place for place in range(start, len(whole)) if not whole[place].isspace())
    origin: list[int] = []
    for character in piece:
        origin.append(origin[-1] + 1 if character.isspace() and origin else next(filled, len(whole) - 1))
    return origin


def as_segments(texts: Iterable[str | Segment]) -> Iterator[Segment]:
    """Yield segments; a plain string gets its position, from 1, as id.

    Raises:
        InputError: one text instead of several, or something that is no text.
    """
    if isinstance(texts, str):
        raise InputError("A single text was given where a list of texts is expected: write [text].")
    for number, text in enumerate(texts, 1):
        segment = text if isinstance(text, Segment) else Segment(text, str(number))
        _require_text(segment, number)
        yield segment


def _require_text(segment: Segment, number: int) -> None:
    # From the command line all is text by now; from a program anything can come.
    if not isinstance(segment.text, str):
        raise InputError(f"Text {number} is of the type {type(segment.text).__name__}; expected a string.")
    try:
        segment.text.encode()
    except UnicodeEncodeError as fault_:
        raise InputError(f"Text {number}, character {fault_.start + 1}: a lone surrogate is no text.") from None
