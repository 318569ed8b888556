"""Drafts that hold wanted terms: around a mask, or by putting a term in the place of the words that it replaces.

A masked term goes through the specialist as a tag does and comes out as the wanted target; the other way keeps
every other word of the draft, and needs a specialist that tells its word alignment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from scalemt.glossary import FoundTerm, wanted
from scalemt.glossary.inflecting import fitted
from scalemt.methods.base import Prepared
from scalemt.specialists.road import DirectRoad, Road
from scalemt.text.spans import rewrite
from scalemt.types import Draft, Segment, Span, Word

_WIDEST = 3  # words more than the wanted term has that it may replace


def constrained(
    items: Sequence[tuple[Prepared, Sequence[FoundTerm]]], road: Road
) -> list[list[tuple[str, Draft]]]:
    """Return drafts of each segment that hold its terms, each with the name of the way in which they were made.

    Args:
        items: segments with their drafts, and the terms that these miss.
        road: through a pivot nothing is made: its second leg does not see the source.
    """
    made: list[list[tuple[str, Draft]]] = [[] for _ in items]
    if not isinstance(road, DirectRoad):
        return made
    fitting = [_fitting(terms, road.pair.target) for _, terms in items]
    masked = {
        index: _masked(item.segment, terms)
        for index, ((item, _), terms) in enumerate(zip(items, fitting, strict=True))
        if terms
    }
    drafted = road.draft([segment for segment, _ in masked.values()]) if masked else []
    for (index, (_, targets)), result in zip(masked.items(), drafted, strict=True):
        item, _ = items[index]
        if result.standing and (around := _filled(result.standing, targets, item.segment)):
            made[index].append(("masked terms", around))
        if item.standing and (put := _replaced(item.standing, item.segment, fitting[index])):
            made[index].append(("replaced terms", put))
    return made


def _fitting(terms: Sequence[FoundTerm], language: str) -> list[tuple[FoundTerm, str]]:
    """Return those terms that can be put in as they are or in the plural, with what is put in."""
    wanted_of = [(term, wanted(term)) for term in terms]
    fitting = [
        (term, fitted(entry.target, entry.source, term.text, language)) for term, entry in wanted_of if entry
    ]
    return [(term, target) for term, target in fitting if target]


def _masked(segment: Segment, terms: Sequence[tuple[FoundTerm, str]]) -> tuple[Segment, dict[int, str]]:
    """Return a segment whose terms are protected spans, and what each is to hold in the draft."""
    first = max((span.key for span in segment.spans), default=-1) + 1
    targets: dict[int, str] = {}
    spans = list(segment.spans)
    for key, (term, target) in enumerate(terms, first):
        targets[key] = _cased(target, term.text, opening=not segment.text[: term.start].strip())
        spans.append(Span(term.start, term.end, "term", key))
    return replace(segment, spans=tuple(sorted(spans, key=lambda span: span.start))), targets


def _cased(target: str, text: str, *, opening: bool) -> str:
    """Return a term as it begins a sentence, where the term of the source does."""
    return target[0].upper() + target[1:] if opening and text[:1].isupper() and target else target


def _filled(draft: Draft, targets: Mapping[int, str], segment: Segment) -> Draft | None:
    """Return a draft with the wanted terms in the place of its masks; None where one was lost."""
    if set(targets) - {span.key for span in draft.spans}:
        return None
    text, spans = rewrite(draft.text, draft.spans, lambda span, held: targets.get(span.key, held))
    own = {span.key for span in segment.spans}
    return _without_words(draft, text, tuple(span for span in spans if span.key in own))


def _without_words(draft: Draft, text: str, spans: tuple[Span, ...]) -> Draft:
    """Return a draft with another text, of whose words nothing is known: the specialist has not chosen them."""
    words = tuple(Word(word) for word in text.split())
    return replace(draft, text=text, words=words, score=None, alignment=(), spans=spans)


def _replaced(draft: Draft, segment: Segment, terms: Sequence[tuple[FoundTerm, str]]) -> Draft | None:
    """Return a draft with terms in the place of the words that are aligned with theirs; None where none are."""
    if not draft.alignment or draft.spans:
        return None
    text = draft.text
    places = []
    for term, target in terms:
        place = _aligned(draft, segment.text, term)
        if place is None:
            return None
        start, end = place
        places.append((start, end, _cased(target, text[start:end], opening=not text[:start].strip())))
    places.sort(reverse=True)
    if any(one[0] < other[1] for one, other in pairwise(places)):
        return None
    for start, end, target in places:
        text = text[:start] + target + text[end:]
    return _without_words(draft, text, ())


def _aligned(draft: Draft, source: str, term: FoundTerm) -> tuple[int, int] | None:
    """Return the characters of the draft whose words are aligned with a term's, punctuation around left out."""
    words = {index for index, (start, end) in enumerate(_words(source)) if start < term.end and end > term.start}
    mine = sorted({other for one, other in draft.alignment if one in words})
    places = _words(draft.text)
    if not mine or mine[-1] >= len(places) or mine[-1] - mine[0] >= len(words) + _WIDEST:
        return None
    start, end = places[mine[0]][0], places[mine[-1]][1]
    while end > start and not draft.text[end - 1].isalnum():
        end -= 1
    while start < end and not draft.text[start].isalnum():
        start += 1
    return (start, end) if end > start else None


def _words(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"\S+", text)]
