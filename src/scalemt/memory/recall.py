"""What several memories know of a segment: exact matches to reuse, fuzzy ones to show, the best first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Literal, Protocol

from scalemt.errors import ConfigurationError, UsageError
from scalemt.memory.index import FuzzyIndex
from scalemt.memory.shard import Hit
from scalemt.memory.store import STAMP, MemoryStore, stamp
from scalemt.memory.units import Unit, skeleton, swap
from scalemt.text.masking import located
from scalemt.text.protection import protect
from scalemt.text.spans import between, fault, literal, rewrite, shifted
from scalemt.types import Pair, Segment, Span

MatchKind = Literal["context", "exact", "fuzzy", "semantic"]
DEFAULT_FLOOR = 50.0

_SPARE = 4  # hits asked for beyond the limit: units may be gone or say the same
_MORE = 8  # times as many hits are asked for where so many are
_LINE_BREAK = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """One memory, and the percent that are taken off all of its matches (0 trusts it fully)."""

    path: Path
    penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class Match:
    """One unit that is like a segment.

    Args:
        unit: in the direction that was asked for.
        score: likeness of the sources in percent, the memory's penalty taken off.
        kind: "context" (the same text after the same text), "exact" (the same text), "fuzzy", "semantic".
        memory: the name of the memory's file.
    """

    unit: Unit
    score: float
    kind: MatchKind
    memory: str

    @property
    def shown(self) -> str:
        """The match as tools for translators call it: a context match is 101 %."""
        # Nothing but the same text is called 100 %.
        return "101 %" if self.kind == "context" and self.score >= 100 else f"{int(self.score)} %"


def read_use(spec: str) -> MemoryUse:
    """Return the memory that `PATH` or `PATH:PENALTY` names.

    Raises:
        ConfigurationError: the penalty is not between 0 and 100.
    """
    path, colon, penalty = spec.rpartition(":")
    if not colon or not path or not penalty.replace(".", "", 1).isdecimal():
        return MemoryUse(Path(spec))
    if not 0 <= float(penalty) <= 100:
        raise ConfigurationError(f"The penalty of {spec} must lie between 0 and 100 percent.")
    return MemoryUse(Path(path), float(penalty))


class Searcher(Protocol):
    """Another way to search memories, beside likeness: see `scalemt.memory.meaning.Meaning`."""

    def search(
        self,
        asked: Sequence[str],
        memories: Sequence[tuple[MemoryUse, MemoryStore]],
        pair: Pair,
        limit: int,
        floor: float,
    ) -> list[list[tuple[Match, int]]]:
        """Return matches for each skeleton, each with the place of its memory."""
        ...


class Memories:
    """Several memories in the order of their priority; corrections go into the first.

    Args:
        uses: at least one.
        create: make the first one where there is none.
        meaning: finds more, where fewer are like a text than are asked for.

    Raises:
        InputError: a memory does not exist or is none.
    """

    def __init__(
        self, uses: Sequence[MemoryUse], *, create: bool = False, meaning: Searcher | None = None
    ) -> None:
        self.uses = tuple(uses)
        self._meaning = meaning
        self.stores = [MemoryStore(use.path, create=create and not place) for place, use in enumerate(uses)]
        self._indexes: dict[tuple[int, Pair, bool], FuzzyIndex] = {}
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The names of the files, for messages."""
        return ", ".join(use.path.name for use in self.uses)

    @property
    def signature(self) -> str:
        """What tells which units there are now: it changes with whatever is added, renewed or removed."""
        parts = []
        for use, store in zip(self.uses, self.stores, strict=True):
            penalty = f"-{use.penalty:g}" if use.penalty else ""
            parts.append(f"{store.uuid[:8]}@{store.changes()}{penalty}")
        return "memory:" + "+".join(parts)

    def search(
        self, segments: Sequence[Segment], pair: Pair, limit: int = 5, floor: float = DEFAULT_FLOOR
    ) -> list[list[Match]]:
        """Return the units most like each segment, best first.

        A context match comes before an exact one; of equal likeness the memory named first, and of that the unit
        changed last. Units with the same source and target are given once. What only means the same comes last.

        Args:
            segments: with their protected spans; another tag or placeholder in the same place is no difference.
            pair: the direction; memories of the opposite one serve too.
            limit: the most for each segment.
            floor: the least likeness in percent, after penalties.
        """
        if limit < 1:
            return [[] for _ in segments]
        asked = [skeleton(_as_prose(segment)) for segment in segments]
        found: list[list[tuple[Match, int]]] = [[] for _ in segments]
        for place, use, store in self._each():
            least = min(100.0, floor + use.penalty)
            for kept, swapped in store.fitting(pair):
                known = self._exact(place, asked, kept, swapped=swapped)
                near = self._near(place, asked, kept, limit, least, swapped=swapped)
                for row, text in zip(found, asked, strict=True):
                    row.extend((match, place) for match in (*known.get(text, ()), *near.get(text, ())))
        rows = [_best(row, segment, limit, floor) for row, segment in zip(found, segments, strict=True)]
        return self._filled(rows, asked, pair, limit, floor) if self._meaning else rows

    def _filled(
        self, rows: list[list[Match]], asked: Sequence[str], pair: Pair, limit: int, floor: float
    ) -> list[list[Match]]:
        """Fill rows that are shorter than the limit with units that mean much the same."""
        short = [place for place, row in enumerate(rows) if len(row) < limit and asked[place]]
        if not short or self._meaning is None:
            return rows
        memories = list(zip(self.uses, self.stores, strict=True))
        found = self._meaning.search([asked[place] for place in short], memories, pair, limit, floor)
        for place, row in zip(short, found, strict=True):
            known = {(match.unit.source, match.unit.target) for match in rows[place]}
            fresh = [item for item in row if (item[0].unit.source, item[0].unit.target) not in known]
            rows[place] += _best(fresh, Segment(""), limit - len(rows[place]), 0.0)
        return rows

    def exact(self, segments: Sequence[Segment], pair: Pair) -> list[Match | None]:
        """Return the best exact match of each segment, or None: a context match where there is one."""
        asked = [skeleton(_as_prose(segment)) for segment in segments]
        found: list[list[tuple[Match, int]]] = [[] for _ in segments]
        for place, _, store in self._each():
            for kept, swapped in store.fitting(pair):
                known = self._exact(place, asked, kept, swapped=swapped)
                for row, text in zip(found, asked, strict=True):
                    row.extend((match, place) for match in known.get(text, ()))
        rows = zip(found, segments, strict=True)
        return [next(iter(_best(row, segment, 1, 0.0)), None) for row, segment in rows]

    def correct(self, source: str, target: str, pair: Pair, **about: str) -> Unit:
        """Keep a correction in the first memory: it is the first choice for the same text from now on.

        Args:
            source, target: texts; tags and placeholders in them are found.
            pair: the direction.
            about: other fields of the unit (before, context, creator, domain, note).

        Raises:
            UsageError: the memory cannot be written, or one of the texts is none.
        """
        now = stamp()
        unit = Unit(source, target, pair, created=now, changed=now, **({"origin": "correction"} | about))  # type: ignore[arg-type]
        asked = skeleton(unit.segment)
        store = self.stores[0]
        with self._lock:
            known = [
                match.unit
                for kept, swapped in store.fitting(pair)
                for match in self._exact(0, [asked], kept, swapped=swapped).get(asked, ())
            ]
            unit = replace(unit, changed=_later(now, known))
            if store.add([unit]).refused:
                raise UsageError("A correction needs a source and a translation that are texts and not empty.")
        return unit

    def _each(self) -> Iterator[tuple[int, MemoryUse, MemoryStore]]:
        for place, (use, store) in enumerate(zip(self.uses, self.stores, strict=True)):
            yield place, use, store

    def _index(self, place: int, kept: Pair, swapped: bool) -> FuzzyIndex:
        key = (place, kept, swapped)
        with self._lock:
            if key not in self._indexes:
                self._indexes[key] = FuzzyIndex(self.stores[place], kept, swapped=swapped)
            return self._indexes[key]

    def _exact(self, place: int, asked: Iterable[str], kept: Pair, *, swapped: bool) -> dict[str, list[Match]]:
        use = self.uses[place]
        known = self.stores[place].exact([text for text in asked if text], kept, swapped=swapped)
        return {
            text: [Match(unit, 100.0 - use.penalty, "exact", use.path.name) for unit in units]
            for text, units in known.items()
        }

    def _near(
        self, place: int, asked: Iterable[str], kept: Pair, limit: int, floor: float, *, swapped: bool
    ) -> dict[str, list[Match]]:
        """Return what the index finds for each text; more is asked for where units are gone or say the same."""
        index = self._index(place, kept, swapped)
        index.refresh()
        made: dict[str, list[Match]] = {}
        waiting, count = list(dict.fromkeys(text for text in asked if text)), limit + _SPARE
        while waiting:
            hits = {text: index.search(text, count, floor) for text in waiting}
            units = self.stores[place].get(list({number for row in hits.values() for _, number, _ in row}))
            for text, row in hits.items():
                made[text] = [
                    self._match(text, swap(units[number]) if swapped else units[number], hit, place)
                    for hit in row
                    if (number := hit[1]) in units
                ]
            waiting = [text for text, row in hits.items() if len(row) == count and _different(made[text]) < limit]
            count *= _MORE
        return made

    def _match(self, text: str, unit: Unit, hit: Hit, place: int) -> Match:
        score, _, held = hit
        mine = skeleton(unit.segment)
        if mine != held:
            # An index that was left beside another file tells of other units.
            from rapidfuzz import fuzz

            score = fuzz.ratio(text, mine)
        use = self.uses[place]
        return Match(unit, score - use.penalty, "exact" if score >= 100 else "fuzzy", use.path.name)


def _best(row: Sequence[tuple[Match, int]], segment: Segment, limit: int, floor: float) -> list[Match]:
    told = [(_in_context(match, segment), place) for match, place in row if match.score >= floor]
    # Sorted by what matters least first, since sorting keeps the order of equals.
    told.sort(key=lambda item: (item[0].unit.changed, item[0].unit.id), reverse=True)
    told.sort(key=lambda item: (-item[0].score, item[0].kind != "context", item[1]))
    unique = {(match.unit.source, match.unit.target): match for match, _ in reversed(told)}
    return [match for match, _ in told if unique[match.unit.source, match.unit.target] is match][:limit]


def _different(matches: Sequence[Match]) -> int:
    return len({(match.unit.source, match.unit.target) for match in matches})


def _later(now: str, units: Sequence[Unit]) -> str:
    """Return a time at which a unit is newer than others, those of this second and of wrong clocks too."""
    newest = max((unit.changed for unit in units), default="")
    if newest < now:
        return now
    try:
        return (datetime.strptime(newest, STAMP) + timedelta(seconds=1)).strftime(STAMP)
    except (ValueError, OverflowError):
        return now


def _in_context(match: Match, segment: Segment) -> Match:
    """Call an exact match a context match where the text before it, or its key, is the same too."""
    unit = match.unit
    before = segment.before[-1] if segment.before else ""
    same = (unit.before and unit.before == before) or (unit.context and unit.context == segment.id)
    return replace(match, kind="context") if match.kind == "exact" and same else match


def carried(match: Match, segment: Segment) -> Segment | None:
    """Return the target of an exact match with the spans of a segment in it; None where they cannot be told.

    The spans of the segment take the places of those of the unit, in order: other tags, addresses and
    placeholders are no other text. White space at the edges is that of the segment, and a text of several lines is
    that only to one of as many.
    """
    mine = _as_prose(segment)
    kept = tuple({literal(mine.text, span) for span in mine.spans if span.kind == "term"})
    source = protect(match.unit.segment, kept)
    target = match.unit.target
    if len(source.spans) != len(mine.spans) or (mine.breaks == "hard" and _lines(mine.text) != _lines(target)):
        return None
    spans: tuple[Span, ...] = ()
    if mine.spans:
        spans = placed(match.unit, source)
    put = _put(source, mine, target, spans)
    if put is None or segment.syntax is None:
        return put
    found = located(protect(segment), put.text)
    return None if found.fault else Segment(put.text, spans=found.spans)


def _as_prose(segment: Segment) -> Segment:
    """Return a segment with the spans that its text would have in a unit.

    A memory does not know which placeholders a file calls its own: `$name` of a PHP file is a word in it.
    """
    if segment.syntax is None:
        return protect(segment)
    kept = tuple(span for span in segment.spans if span.kind in ("tag", "term"))
    return protect(replace(segment, syntax=None, spans=kept))


def placed(unit: Unit, source: Segment) -> tuple[Span, ...]:
    """Return where the spans of a unit's source stand in its target, as far as they are found there."""
    return _all_spans(unit, source) if unit.target_spans else located(source, unit.target).spans


def _lines(text: str) -> int:
    return len(_LINE_BREAK.findall(text.strip()))


def _all_spans(unit: Unit, source: Segment) -> tuple[Span, ...]:
    """Return the spans of a unit's target: its inline codes, and what else of the source it repeats."""
    others = [span for span in source.spans if span not in unit.source_spans]
    if not others:
        return unit.target_spans
    bare = Segment(source.text, spans=tuple(others))
    found = located(bare, unit.target)
    free = [
        span
        for span in found.spans
        if all(span.end <= code.start or span.start >= code.end for code in unit.target_spans)
    ]
    return tuple(sorted((*unit.target_spans, *free), key=lambda span: span.start))


def _put(source: Segment, mine: Segment, target: str, spans: Sequence[Span]) -> Segment | None:
    partner = {one.key: other for one, other in zip(source.spans, mine.spans, strict=True)}
    if {span.key for span in spans} - partner.keys() or _repeats(source, target, spans):
        return None
    text, kept = rewrite(target, spans, lambda span, _: literal(mine.text, partner[span.key]))
    start, end = _inside(text, kept)
    first, last = _inside(mine.text, mine.spans)
    text = mine.text[:first] + text[start:end] + mine.text[last:]
    moved = shifted(kept, first - start)
    told = tuple(replace(partner[span.key], start=span.start, end=span.end) for span in moved)
    return None if fault(mine.text, mine.spans, text, told) else Segment(text, spans=told)


def _repeats(source: Segment, target: str, spans: Sequence[Span]) -> bool:
    """Whether a target holds the content of a span of its source once more: nobody tells what stands for that."""
    plain, rest = "\0".join(between(source.text, source.spans)), "\0".join(between(target, spans))
    held = {literal(source.text, span) for span in source.spans}
    return any(rest.count(text) > plain.count(text) for text in held)


def _inside(text: str, spans: Sequence[Span]) -> tuple[int, int]:
    """Return where a text begins and ends without the white space at its edges; that in a span is the span's."""
    outside = between(text, spans)
    start = len(outside[0]) - len(outside[0].lstrip())
    return start, max(start, len(text) - len(outside[-1]) + len(outside[-1].rstrip()))
