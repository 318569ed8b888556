"""Drafts of mixed texts: stretch by stretch, or around what is in the target language already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from scalemt import languages
from scalemt.quality.mixing import Mixture, Stretch
from scalemt.quality.word_evidence import closed_class
from scalemt.specialists.road import Road
from scalemt.text.spans import part, shifted
from scalemt.types import Draft, Pair, Segment, Span, Word

RoadTo = Callable[[str], Road | None]
_OPENING = '.!?…:\n¡¿«“"('


@dataclass(frozen=True)
class Mixed:
    """A segment, the language of each of its words, and the language that it is wanted in."""

    segment: Segment
    mixture: Mixture
    target: str

    @property
    def stretches(self) -> list[Stretch]:
        """Its stretches, widened to whole protected spans."""
        return [_widened(item, self.segment.spans) for item in self.mixture.stretches]

    @property
    def foreign(self) -> list[Stretch]:
        """The stretches that are to be translated."""
        return [item for item in self.stretches if not self.is_kept(item)]

    @property
    def kept(self) -> list[Stretch]:
        """The stretches that are in the target language already."""
        return [item for item in self.stretches if self.is_kept(item)]

    @property
    def sources(self) -> list[str]:
        """The languages to be translated, the one with most words first."""
        return [tag for tag in self.mixture.counts if not akin(tag, self.target)]

    @property
    def is_mixed(self) -> bool:
        """Whether something of it is kept, or it is of two other languages."""
        return bool(self.kept) or len(self.sources) > 1

    def is_kept(self, stretch: Stretch) -> bool:
        """Whether a stretch is in the target language."""
        return akin(stretch.language, self.target)


def akin(one: str, other: str) -> bool:
    """Whether two tags are of one language, whatever their territory and script."""
    return _first(one) == _first(other)


def by_stretches(items: Sequence[Mixed], road_to: RoadTo) -> list[Draft | None]:
    """Translate only what is in another language, each stretch by the specialist of its own pair.

    At the joints a capital and a full stop that the specialist added are taken off, and a function word that both
    sides have stands once. Where pairs of tags would be torn, or a language has no specialist, there is no draft.

    Args:
        items: segments of one target language.
        road_to: gives the road from a language to that target.
    """
    fit = [_can_be_cut(item) and all(road_to(tag) for tag in item.sources) for item in items]
    asked: dict[str, list[Segment]] = {}
    for item, fits in zip(items, fit, strict=True):
        for stretch in item.foreign if fits else ():
            asked.setdefault(stretch.language, []).append(part(item.segment, stretch.start, stretch.end))
    made: dict[str, list[Draft]] = {}
    for tag, segments in asked.items():
        road = road_to(tag)
        drafted = road.draft(segments) if road else []
        made[tag] = [result.standing or Draft("") for result in drafted]
    queues = {tag: iter(drafts) for tag, drafts in made.items()}
    return [
        _joined(item, [next(queues[stretch.language]) for stretch in item.foreign]) if fits else None
        for item, fits in zip(items, fit, strict=True)
    ]


def around(items: Sequence[Mixed], road_to: RoadTo) -> list[Draft | None]:
    """Translate whole segments, what is in the target language being protected as a tag is.

    A segment of two foreign languages, or one whose kept words were lost, has no draft.
    """
    fit = [len(item.sources) == 1 and road_to(item.sources[0]) is not None for item in items]
    masked = [masked_at(item.segment, [(s.start, s.end) for s in item.kept]) for item in items]
    drafts: list[Draft | None] = [None] * len(items)
    for tag in dict.fromkeys(item.sources[0] for item, fits in zip(items, fit, strict=True) if fits):
        own = [index for index, item in enumerate(items) if fit[index] and item.sources[0] == tag]
        road = road_to(tag)
        for index, result in zip(own, road.draft([masked[index] for index in own]) if road else (), strict=True):
            drafts[index] = unmasked(result.standing, items[index].segment, masked[index])
    return drafts


def masked_at(segment: Segment, places: Sequence[tuple[int, int]]) -> Segment:
    """Return a segment with further protected spans, as far as they do not overlap with its own."""
    key = max((span.key for span in segment.spans), default=-1) + 1
    parts = [place for start, end in places for place in outside(segment, start, end)]
    made = [Span(start, end, "term", key + count) for count, (start, end) in enumerate(parts)]
    return replace(segment, spans=tuple(sorted((*segment.spans, *made), key=lambda span: span.start)))


def outside(segment: Segment, start: int, end: int) -> list[tuple[int, int]]:
    """Return where words stand between the protected spans of a part of a segment, without spaces around."""
    inside = [span for span in segment.spans if span.start < end and start < span.end]
    edges = [start, *(edge for span in inside for edge in (span.start, span.end)), end]
    found = []
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        text = segment.text[left:right]
        if any(sign.isalnum() for sign in text):
            found.append((left + len(text) - len(text.lstrip()), right - len(text) + len(text.rstrip())))
    return found


def unmasked(draft: Draft | None, segment: Segment, masked: Segment) -> Draft | None:
    """Return a draft whose further spans are plain words again; None where one was lost."""
    if draft is None or {span.key for span in masked.spans} - {span.key for span in draft.spans}:
        return None
    own = {span.key for span in segment.spans}
    # A specialist may leave a space before a mask that opens the text.
    lead = 0 if segment.text[:1].isspace() else len(draft.text) - len(draft.text.lstrip())
    spans = shifted((span for span in draft.spans if span.key in own), -lead)
    return _plain(draft, draft.text[lead:], spans)


def _plain(draft: Draft, text: str, spans: tuple[Span, ...]) -> Draft:
    """Return a draft with another text, of whose words and score nothing is known."""
    words = tuple(Word(word) for word in text.split())
    return replace(draft, text=text, words=words, score=None, alignment=(), spans=spans)


def _can_be_cut(item: Mixed) -> bool:
    return all(span.partner == -1 for span in item.segment.spans)


def _widened(stretch: Stretch, spans: Sequence[Span]) -> Stretch:
    start, end = stretch.start, stretch.end
    for span in spans:
        if span.start < start < span.end:
            start = span.start
        if span.start < end < span.end:
            end = span.end
    return replace(stretch, start=start, end=end)


def _joined(item: Mixed, drafts: Sequence[Draft]) -> Draft:
    """Put translated and kept stretches together, with what stands between them."""
    made = iter(drafts)
    text, spans, at = "", list[Span](), 0
    engines, repairs = dict[str, None](), list[str]()
    for stretch in item.stretches:
        before = part(item.segment, at, stretch.start)
        spans += shifted(before.spans, len(text))
        text += before.text
        own = part(item.segment, stretch.start, stretch.end)
        piece, held = own.text, own.spans
        if not item.is_kept(stretch):
            draft = next(made)
            piece, held = _fitted(draft, own.text, text, item)
            engines[draft.engine] = None
            repairs += draft.repairs
        piece, held = _once(piece, held, text, item.target)
        spans += shifted(held, len(text))
        text += piece
        at = stretch.end
    rest = part(item.segment, at, len(item.segment.text))
    spans += shifted(rest.spans, len(text))
    text += rest.text
    draft = Draft(text, engine="+".join(engines), language=item.target, repairs=tuple(repairs))
    return _plain(draft, text, tuple(spans))


def _fitted(draft: Draft, source: str, before: str, item: Mixed) -> tuple[str, tuple[Span, ...]]:
    """Return a draft of a stretch as it goes on in a sentence: its first letter, and no stop of its own."""
    text, spans = draft.text, draft.spans
    end = len(text)
    while end and text[end - 1] in ".!?…" and source[-1:] not in ".!?…" and not any(s.end >= end for s in spans):
        end -= 1
    text = text[:end].rstrip()
    start = len(text) - len(text.lstrip())
    if start and not spans:
        text = text.lstrip()
    opens = not before.strip() or before.rstrip()[-1:] in _OPENING
    first = text.split(" ", 1)[0]
    # Not "I'm", and no noun of German.
    lowers = first[1:2].isalpha() and first[1:].islower() and _first(item.target) != "de"
    if source[:1].islower() and lowers and not opens and not (spans and spans[0].start == 0):
        text = text[:1].lower() + text[1:]
    elif source[:1].isupper() and opens and not (spans and spans[0].start == 0):
        text = text[:1].upper() + text[1:]
    return text, spans


def _once(piece: str, spans: tuple[Span, ...], before: str, target: str) -> tuple[str, tuple[Span, ...]]:
    """Return a stretch without a function word with which the text before it ends already."""
    last = before.split()[-1:] if before.endswith(" ") else []
    first, _, rest = piece.partition(" ")
    if last and rest and last[0].casefold() == first.casefold() and first.casefold() in closed_class(target):
        cut = len(first) + 1
        if all(span.start >= cut for span in spans):
            return rest, shifted(spans, -cut)
    return piece, spans


def roads_of(kit_pair: Pair, own: Road | None, find: Callable[[Pair], Road | None]) -> RoadTo:
    """Return what gives the road from a language to the target: that of the pair, or one that is looked for."""
    known: Mapping[str, Road | None] = {
        languages.base(kit_pair.target): None,
        languages.base(kit_pair.source): own,
    }

    def road_to(tag: str) -> Road | None:
        base = languages.base(tag)
        return known[base] if base in known else find(Pair(tag, kit_pair.target))

    return road_to


def _first(tag: str) -> str:
    return tag.split("-", maxsplit=1)[0]
