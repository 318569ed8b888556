"""The way of a segment to a specialist and back: sentence by sentence, its protected spans masked, restored after.

On damage the specialist is asked once more with another mask. Then tags are left out and put back by the alignment
of the words, and so is whatever else is lost, where that can tell its place. A draft that still lacks a span says
so by its `spans` and the last of its `repairs`; the engine refuses it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from scalemt.specialists.base import Specialist
from scalemt.specialists.carrying import (
    Part,
    WordMap,
    carried_alignment,
    carried_words,
    joined_alignment,
    joined_words,
)
from scalemt.text.masking import Masked, Restored, located, mask, restore
from scalemt.text.peeling import by_itself, gap_behind, peeled
from scalemt.text.projection import project
from scalemt.text.spans import between, emptied, literal, part, prose, rebuild, shifted
from scalemt.text.splitting import split_sentences
from scalemt.types import Draft, Pair, Segment, Span, SpanKind, Word

T = TypeVar("T")

_TAGS: frozenset[SpanKind] = frozenset({"tag"})
_TIGHT = frozenset(" .,;:!?)»")

Sentences = Callable[[Segment], list[tuple[Segment, str]]]
"""Cuts a segment into sentences, each with the white space behind it."""


def setting(specialist: Specialist, name: str, default: T) -> T:
    """Return what a specialist, or the one that it wraps, says of itself; a plug-in need not say anything."""
    if not hasattr(specialist, name) and hasattr(specialist, "inner"):
        return setting(specialist.inner, name, default)
    found: T = getattr(specialist, name, default)
    return found


@dataclass(frozen=True)
class Drafting:
    """Drafts segments with one specialist.

    Args:
        specialist: drafts texts.
        pair: its direction.
        sentences: cuts a segment for specialists that take one sentence at a time.
    """

    specialist: Specialist
    pair: Pair
    sentences: Sentences

    def draft(self, segments: Sequence[Segment], n: int = 1) -> list[list[Draft]]:
        """Draft each segment `n` times, as `Specialist.draft` does texts; a lost span is missing from `spans`.

        A segment of one sentence without spans is given to the specialist as it is.
        """
        rows = [self._cut(segment) for segment in segments]
        made = iter(self._draft_all([piece.core for row in rows for piece in row], n))
        drafted = [[next(made) for _ in row] for row in rows]
        return [
            [_joined(segment, row, [drafts[path] for drafts in several]) for path in range(n)]
            for segment, row, several in zip(segments, rows, drafted, strict=True)
        ]

    def _cut(self, segment: Segment) -> list[_Piece]:
        single = setting(self.specialist, "single_sentence", False)
        parts = self.sentences(segment) if single else [(segment, "")]
        pieces, start = [], 0
        for sentence, gap in parts:
            first, last = peeled(sentence) if sentence.spans else (0, len(sentence.text))
            pieces.append(_Piece(sentence, start, first, last, gap))
            start += len(sentence.text) + len(gap)
        return pieces

    def _draft_all(self, parts: Sequence[Segment], n: int) -> list[list[Draft]]:
        drafted: list[list[Draft]] = [[self._as_it_is(segment)] * n for segment in parts]
        plain = [index for index, segment in enumerate(parts) if not segment.spans]
        masked = [index for index, segment in enumerate(parts) if segment.spans and _speaks(segment)]
        carrying = _Carrying(self.specialist, self.pair, [parts[index] for index in masked], n)
        made = [*carrying.begin([parts[index].text for index in plain]), *carrying.finish()]
        for index, row in zip([*plain, *masked], made, strict=True):
            drafted[index] = row
        return drafted

    def _as_it_is(self, segment: Segment) -> Draft:
        """What holds nothing to translate is its own draft."""
        words = tuple(Word(word) for word in segment.text.split())
        return Draft(
            segment.text, words, engine=self.specialist.name, language=self.pair.target, spans=segment.spans
        )


def _speaks(segment: Segment) -> bool:
    """Whether there is a letter or digit outside of spans."""
    return any(letter.isalnum() for letter in prose(segment.text, segment.spans))


@dataclass(frozen=True)
class _Made:
    """A draft with its spans restored; `damage` says what is wrong with them."""

    draft: Draft
    restored: Restored
    damage: str


class _Carrying:
    """Carries the segments with spans of one call through a specialist."""

    def __init__(self, specialist: Specialist, pair: Pair, segments: Sequence[Segment], n: int) -> None:
        self._specialist = specialist
        self._pair = pair
        self._segments = segments
        self._n = n
        self._styles = (setting(specialist, "mask", "bracket"), setting(specialist, "second_mask", "word"))
        self._left_out: Collection[SpanKind] = setting(specialist, "left_out", frozenset())
        self._tries: list[list[list[_Made]]] = [[[] for _ in range(n)] for _ in segments]  # by segment and path

    def begin(self, plain: Sequence[str]) -> list[list[Draft]]:
        """Ask for texts without spans and, in the same batch, for all segments in their first mask."""
        masked = [mask(segment, self._styles[0], self._left_out) for segment in self._segments]
        rows = self._ask(plain, masked)
        self._keep(range(len(masked)), masked, rows[len(plain) :])
        return rows[: len(plain)]

    def finish(self) -> list[list[Draft]]:
        """Ask again for what was damaged, and return the drafts of all segments."""
        for how in (
            lambda index: mask(self._segments[index], self._styles[1], self._left_out),
            self._without_tags,
        ):
            broken = [index for index, paths in enumerate(self._tries) if any(tries[-1].damage for tries in paths)]
            masked = [how(index) for index in broken]
            self._keep(broken, masked, self._ask((), masked))
        return [
            [_best(segment, tries, self._styles) for tries in paths]
            for segment, paths in zip(self._segments, self._tries, strict=True)
        ]

    def _without_tags(self, index: int) -> Masked:
        """The last try: tags are left out, and all else stands as it is where no mask has kept it so far."""
        segment = self._segments[index]
        others = {span.key for span in segment.spans if span.kind != "tag"}
        for tries in self._tries[index]:
            for style, made in zip(self._styles, tries, strict=False):
                if not made.restored.added and others <= {span.key for span in made.restored.spans}:
                    return mask(segment, style, _TAGS)
        return mask(segment, "literal", _TAGS)

    def _ask(self, plain: Sequence[str], masked: Sequence[Masked]) -> list[list[Draft]]:
        """Draft texts as they are, and masked ones, of which equal ones are asked for once."""
        unique = list(dict.fromkeys(item.text for item in masked))
        texts = [*plain, *unique]
        if not texts:
            return []
        rows = self._specialist.draft(texts, self._pair, self._n)
        known = dict(zip(unique, rows[len(plain) :], strict=True))
        return [*rows[: len(plain)], *(known[item.text] for item in masked)]

    def _keep(self, indices: Sequence[int], masked: Sequence[Masked], rows: Sequence[Sequence[Draft]]) -> None:
        for index, item, row in zip(indices, masked, rows, strict=True):
            for tries, draft in zip(self._tries[index], row, strict=True):
                if not tries or tries[-1].damage:  # another path of the same segment may be whole
                    tries.append(_carried(item, draft))


def _carried(masked: Masked, draft: Draft) -> _Made:
    """Restore the spans of a draft, and put in by its alignment those that were left out on purpose."""
    segment = masked.segment
    restored = restore(masked, draft.text)
    sources = WordMap((masked.text, masked.spans), (segment.text, segment.spans))
    targets = WordMap((draft.text, restored.tokens), (restored.text, restored.spans))
    made = replace(
        draft,
        text=restored.text,
        words=carried_words(draft, restored.tokens, restored.text, restored.spans),
        alignment=carried_alignment(draft.alignment, sources, targets),
        spans=restored.spans,
        repairs=restored.repairs,
    )
    if restored.added:
        return _Made(made, restored, f"{', '.join(map(repr, restored.added[:3]))} is left over")
    if restored.lost and {span.key for span in restored.lost} == {
        span.key for span in segment.spans if span.key not in masked.tokens
    }:
        put = _projected(segment, made, restored.lost)
        return _Made(put or made, restored, "" if put else restored.fault)
    if not restored.fault and (empty := emptied(segment, made.text, made.spans)):
        return _Made(_refilled(segment, made, empty) or made, restored, "")
    return _Made(made, restored, restored.fault)


def _refilled(segment: Segment, draft: Draft, empty: Sequence[Span]) -> Draft | None:
    """Put pairs that came out with no word between them around the words that theirs became."""
    keys = {span.key for span in empty}
    outside = between(draft.text, draft.spans)
    pieces: list[str | tuple[Span, str]] = [outside[0]]
    for span, following in zip(draft.spans, outside[1:], strict=True):
        if span.key not in keys:
            pieces += [(span, literal(draft.text, span)), following]
            continue
        before = str(pieces.pop())
        # "door <b></b>." was given a space for the pair.
        pieces.append((before.removesuffix(" ") if following[:1] in _TIGHT else before) + following)
    text, kept = rebuild(pieces)
    targets = WordMap((draft.text, draft.spans), (text, kept))
    bare = replace(
        draft,
        text=text,
        spans=kept,
        words=carried_words(draft, draft.spans, text, kept),
        alignment=tuple(sorted({(one, other) for one, word in draft.alignment for other in targets[word]})),
    )
    return _projected(segment, bare, empty)


def _projected(segment: Segment, draft: Draft, lost: Sequence[Span]) -> Draft | None:
    """Put lost spans into a draft by the alignment of the words; None where that cannot be done without fault."""
    put = project(segment, draft.text, draft.spans, lost, draft.alignment)
    if put is None:
        return None
    text, spans = put
    targets = WordMap((draft.text, draft.spans), (text, spans))
    shown = ", ".join(literal(segment.text, span) for span in lost[:3])
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    by = "the specialist's alignment" if draft.alignment else "likeness and position"
    return replace(
        draft,
        text=text,
        spans=spans,
        words=carried_words(draft, draft.spans, text, spans),
        alignment=tuple(sorted({(one, other) for one, word in draft.alignment for other in targets[word]})),
        repairs=(*draft.repairs, f"projected {shown}{more} by {by}"),
    )


def _best(segment: Segment, tries: Sequence[_Made], styles: Sequence[str]) -> Draft:
    """Return the draft that has all spans, or can be given them; else the least damaged, which says so."""
    told = [f"masked again as {styles[1]}", "left tags out"][: len(tries) - 1]
    last = tries[-1]
    if not last.damage:
        return replace(last.draft, repairs=(*told[-1:], *last.draft.repairs))
    for made in reversed(tries):
        put = None if made.restored.added else _projected(segment, made.draft, made.restored.lost)
        if put:
            return put
    least = min(tries, key=lambda made: (len(made.restored.added), len(made.restored.lost)))
    # With a mask left over the spans may all be there: none is given, so that nobody takes the draft for whole.
    spans = () if least.restored.added else least.draft.spans
    return replace(least.draft, spans=spans, repairs=(*least.draft.repairs, f"could not be kept: {least.damage}"))


@dataclass(frozen=True, slots=True)
class _Piece:
    """One sentence of a segment.

    Args:
        sentence: as it stands in the segment, from `start` on.
        first, last: what of it is drafted; tags and white space at its edges stay.
        gap: the white space behind it.
    """

    sentence: Segment
    start: int
    first: int
    last: int
    gap: str

    @property
    def core(self) -> Segment:
        """What is drafted."""
        if (self.first, self.last) == (0, len(self.sentence.text)):
            return by_itself(self.sentence, self.first, self.last) if self.sentence.spans else self.sentence
        return by_itself(self.sentence, self.first, self.last)


def _joined(segment: Segment, pieces: Sequence[_Piece], drafts: Sequence[Draft]) -> Draft:
    """Put the drafts of sentences together, with the white space of the source."""
    if len(pieces) == 1 and not segment.spans:
        return drafts[0]
    known = {span.key: span for span in segment.spans}
    text, spans, parts = "", list[Span](), list[Part]()
    for number, (piece, draft) in enumerate(zip(pieces, drafts, strict=True)):
        lead = part(piece.sentence, 0, piece.first)
        tail = part(piece.sentence, piece.last, len(piece.sentence.text))
        spans += shifted(lead.spans, len(text))
        text += lead.text
        parts.append(Part(piece.core.text, piece.start + piece.first, draft, len(text)))
        spans += shifted(draft.spans, len(text))
        text += draft.text
        spans += shifted(tail.spans, len(text))
        text += tail.text
        text += gap_behind(text, piece.sentence.text, piece.gap) if number < len(pieces) - 1 else piece.gap
    scores = [draft.score for draft in drafts]
    words = tuple(word for draft in drafts for word in draft.words)
    return replace(
        drafts[0],
        text=text,
        words=joined_words(parts, text) if segment.spans else words,
        score=None if None in scores else sum(score for score in scores if score is not None),
        alignment=joined_alignment(parts, segment.text, text),
        spans=tuple(replace(known[span.key], start=span.start, end=span.end) for span in spans),
        repairs=tuple(repair for draft in drafts for repair in draft.repairs),
    )


def by_sentences(language: str, splitter: str = "srx") -> Sentences:
    """Return what cuts segments of a language into sentences; halves of pairs of tags do not hide their ends."""

    def sentences(segment: Segment) -> list[tuple[Segment, str]]:
        found, start = [], 0
        for end, following in _ends(segment, language, splitter):
            found.append((part(segment, start, end), segment.text[end:following]))
            start = following
        return [*found, (part(segment, start, len(segment.text)), "")] if found else [(segment, "")]

    return sentences


def _ends(segment: Segment, language: str, splitter: str) -> Iterator[tuple[int, int]]:
    """Yield where each sentence but the last ends, and where the next one starts."""
    halves = [span for span in segment.spans if span.role != "alone"]
    shown, origin = _without(segment, halves)
    position = 0
    for text, gap in split_sentences(shown.text, language, shown.spans, splitter)[:-1]:
        position += len(text)
        end, following = origin[position - 1] + 1 if position else 0, origin[position + len(gap)]
        position += len(gap)
        # What closes here belongs to the sentence before, what opens to the one behind.
        between = [span for span in halves if end <= span.start and span.end <= following]
        end = max([end, *(span.end for span in between if span.role == "close")])
        following = min(
            [following, *(span.start for span in between if span.role == "open" and span.start >= end)]
        )
        held = any(span.start < following and end < span.end for span in segment.spans)
        if not held and not segment.text[end:following].strip() and end < len(segment.text):
            yield end, following


def _without(segment: Segment, spans: Sequence[Span]) -> tuple[Segment, list[int]]:
    """Return a segment without some of its spans, and where each of its characters stood, its end included."""
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(segment.text)]
    origin = [at for start, end in zip(edges[::2], edges[1::2], strict=True) for at in range(start, end)]
    keys = {span.key for span in spans}
    kept = [
        replace(span, start=bisect_left(origin, span.start), end=bisect_left(origin, span.end - 1) + 1)
        for span in segment.spans
        if span.key not in keys
    ]
    return Segment("".join(segment.text[at] for at in origin), spans=tuple(kept)), [*origin, len(segment.text)]


def recorded(segment: Segment, draft: Draft) -> Draft:
    """Return a draft made elsewhere with the spans that it holds; lost tags are put in by its words."""
    if not segment.spans:
        return draft
    found = located(segment, draft.text)
    made = replace(draft, spans=found.spans)
    if not found.fault:
        return made
    if any(span.kind != "tag" for span in found.lost):
        return replace(made, repairs=(f"could not be kept: {found.fault}",))
    return _projected(segment, made, found.lost) or replace(made, repairs=(f"could not be kept: {found.fault}",))
