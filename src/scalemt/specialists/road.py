"""How specialists get from a source language to a target: directly, through a pivot, by several, from a file.

A road gives two things for each text: the drafts that a prompt shows, and the draft that can stand as a
translation by itself. They are the same on a direct road. Through a pivot the prompt shows the draft in the
pivot language (SCALE, section on pivoting), and the second leg makes the one that can stand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from scalemt import languages
from scalemt.errors import ConfigurationError, NoRoadError
from scalemt.specialists.base import Specialist
from scalemt.specialists.drafting import Drafting, by_sentences, recorded
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.types import Draft, Pair, Segment


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a road gives for one text: drafts to show, and the one that can stand as a translation."""

    shown: tuple[Draft, ...]
    standing: Draft | None


class Road(ABC):
    """One way from the source to the target language of a pair."""

    pair: Pair

    @property
    @abstractmethod
    def signature(self) -> str:
        """The specialists and languages passed, in order."""

    @abstractmethod
    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Draft each segment, its protected spans kept.

        Args:
            segments: N segments in one line each.
            paths: 0 shows the best draft; m > 0 shows m sampled drafts (SCALE's multi-path sampling).
        """

    def makers(self) -> list[tuple[Specialist, Pair]]:
        """The specialists whose drafts are shown, each with the pair it drafts; for demonstrations."""
        return []


class DirectRoad(Road):
    """One specialist that covers the pair."""

    def __init__(self, specialist: Specialist, pair: Pair, splitter: str = "srx") -> None:
        self.specialist = specialist
        self.pair = pair
        self.splitter = splitter

    @property
    def signature(self) -> str:
        """The specialist's own."""
        return self.specialist.signature_for(self.pair)

    def makers(self) -> list[tuple[Specialist, Pair]]:
        """The specialist itself."""
        return [(self.specialist, self.pair)]

    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Draft each segment; sampled paths stand beside the best draft, which is what can stand alone."""
        drafting = Drafting(self.specialist, self.pair, by_sentences(self.pair.source, self.splitter))
        best = [drafts[0] for drafts in drafting.draft(segments)]
        if not paths:
            return [Drafted((draft,), draft) for draft in best]
        sampled = drafting.draft(segments, drafts_to_ask(paths))
        return [Drafted(tuple(drafts[:paths]), draft) for drafts, draft in zip(sampled, best, strict=True)]


class PivotRoad(Road):
    """Two legs: source to pivot, shown in the prompt, and pivot to target where a specialist covers it."""

    def __init__(
        self, first: Specialist, second: Specialist | None, pair: Pair, pivot: str, splitter: str = "srx"
    ) -> None:
        self.first = first
        self.second = second
        self.pair = pair
        self.pivot = pivot
        self.splitter = splitter

    @property
    def signature(self) -> str:
        """Both specialists with the pivot between them."""
        first = self.first.signature_for(Pair(self.pair.source, self.pivot))
        second = self.second.signature_for(Pair(self.pivot, self.pair.target)) if self.second else "none"
        return f"{first}>{self.pivot}>{second}"

    def makers(self) -> list[tuple[Specialist, Pair]]:
        """The first leg, whose drafts are shown."""
        return [(self.first, Pair(self.pair.source, self.pivot))]

    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Draft into the pivot language, then, where a second leg exists, on into the target."""
        first = DirectRoad(self.first, Pair(self.pair.source, self.pivot), self.splitter).draft(segments, paths)
        standing: list[Draft | None] = [None] * len(segments)
        if self.second:
            drafts = [drafted.standing or Draft("") for drafted in first]
            middle = [Segment(draft.text, spans=draft.spans) for draft in drafts]
            second = DirectRoad(self.second, Pair(self.pivot, self.pair.target), self.splitter).draft(middle)
            standing = [drafted.standing for drafted in second]
        return [Drafted(drafted.shown, draft) for drafted, draft in zip(first, standing, strict=True)]


class SeveralRoads(Road):
    """Several roads for one pair, each giving one path to the prompt; the first that can stand stands."""

    def __init__(self, roads: Sequence[Road]) -> None:
        self.roads = list(roads)
        self.pair = self.roads[0].pair

    @property
    def signature(self) -> str:
        """All of them, in order."""
        return "+".join(road.signature for road in self.roads)

    def makers(self) -> list[tuple[Specialist, Pair]]:
        """The specialists of all roads."""
        return [maker for road in self.roads for maker in road.makers()]

    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Draft each segment on every road."""
        each = [road.draft(segments, paths) for road in self.roads]
        return [_merged(drafted) for drafted in zip(*each, strict=True)]


def _merged(drafted: Sequence[Drafted]) -> Drafted:
    standing = next((item.standing for item in drafted if item.standing), None)
    return Drafted(tuple(draft for item in drafted for draft in item.shown), standing)


class RecordedRoad(Road):
    """Drafts made elsewhere, by position; in another language than the target they are a pivot's.

    `positions` says which recorded lines the texts of the next `draft` belong to: empty segments have a line
    too, but are never drafted.
    """

    def __init__(self, recorded: RecordedSpecialist, pair: Pair, language: str | None = None) -> None:
        self.recorded = recorded
        self.pair = pair
        self.language = language or pair.target
        self.positions: Sequence[int] = ()

    @property
    def signature(self) -> str:
        """The recorded specialist's own."""
        return self.recorded.signature

    def draft(self, segments: Sequence[Segment], paths: int = 0) -> list[Drafted]:
        """Hand out the drafts at `positions`; all recorded paths are shown, or the first `paths`.

        Raises:
            InputError: there are fewer recorded lines than segments.
        """
        rows = self.recorded.at(self.positions)
        pairs = zip(rows, segments, strict=True)
        return [self._drafted(row[: paths or None], segment) for row, segment in pairs]

    def _drafted(self, row: Sequence[Draft], segment: Segment) -> Drafted:
        shown = tuple(recorded(segment, replace(draft, language=draft.language or self.language)) for draft in row)
        stands = languages.base(shown[0].language) == languages.base(self.pair.target)
        return Drafted(shown, shown[0] if stands else None)


def drafts_to_ask(paths: int) -> int:
    """Return how many drafts to ask a specialist for: one draft alone would be the best, not a sampled one."""
    return max(2, paths) if paths else 1


def plan(pair: Pair, specialists: Sequence[Specialist], pivot: str | None = None, splitter: str = "srx") -> Road:
    """Choose the road: the first specialist that covers the pair, else two legs through a pivot.

    Args:
        pair: source and target.
        specialists: in order of preference.
        pivot: forces this pivot language; the second leg may then be missing.
        splitter: cuts sentences for specialists that take one at a time; see `text.split_sentences`.

    Raises:
        NoRoadError: neither one specialist nor two legs cover the pair; the message says what is installed
            and what to install.
    """
    if pivot:
        return _through(pair, specialists, pivot, splitter)
    for specialist in specialists:
        if specialist.supports(pair):
            return DirectRoad(specialist, pair, splitter)
    # Between two variants of a language a detour through another language would only lose.
    akin = languages.base(pair.source) == languages.base(pair.target)
    for middle in [] if akin else _middles(pair, specialists):
        first = _covering(Pair(pair.source, middle), specialists)
        second = _covering(Pair(middle, pair.target), specialists)
        if first and second:
            return PivotRoad(first, second, pair, middle, splitter)
    raise NoRoadError(_no_road(pair, specialists))


def through_pivot(specialists: Iterable[Specialist]) -> list[tuple[Pair, str, str]]:
    """Return pairs that no specialist covers directly, territory aside, with the two that do and the pivot."""
    legs = {pair: item.name for item in reversed(list(specialists)) for pair in item.pairs()}
    direct: dict[str, set[str]] = {}
    onward: dict[str, dict[str, str]] = {}
    for pair, name in legs.items():
        source = languages.base(pair.source)
        direct.setdefault(source, {source}).add(languages.base(pair.target))
        onward.setdefault(pair.source, {})[pair.target] = name
    found: dict[Pair, tuple[str, str]] = {}
    for first, drafter in sorted(legs.items(), key=lambda leg: leg[0].target != "en"):
        near = direct[languages.base(first.source)]
        for target, finisher in onward.get(first.target, {}).items():
            if languages.base(target) not in near:
                found.setdefault(Pair(first.source, target), (f"{drafter} + {finisher}", first.target))
    return [(pair, names, pivot) for pair, (names, pivot) in found.items()]


def _through(pair: Pair, specialists: Sequence[Specialist], pivot: str, splitter: str) -> Road:
    if pivot in pair:
        raise ConfigurationError(f"The pivot {pivot} is one side of {pair}. Choose a third language.")
    first = _covering(Pair(pair.source, pivot), specialists)
    if not first:
        raise NoRoadError(_no_road(Pair(pair.source, pivot), specialists))
    return PivotRoad(first, _covering(Pair(pivot, pair.target), specialists), pair, pivot, splitter)


def _covering(pair: Pair, specialists: Sequence[Specialist]) -> Specialist | None:
    return next((specialist for specialist in specialists if specialist.supports(pair)), None)


def _middles(pair: Pair, specialists: Sequence[Specialist]) -> list[str]:
    """Languages reachable in one leg from the source, English first: most models are made around it."""
    reached = {
        known.target
        for specialist in specialists
        for known in specialist.pairs()
        if languages.base(known.source) == languages.base(pair.source)
    }
    reached -= set(pair)
    return sorted(reached | {"en"} - set(pair), key=lambda tag: (tag != "en", tag))


def _no_road(pair: Pair, specialists: Sequence[Specialist]) -> str:
    from scalemt.specialists.apertium import install_hint

    installed = [f"{s.name} ({', '.join(map(str, s.pairs())) or 'nothing listed'})" for s in specialists]
    hint = install_hint(pair)
    return (
        f"No specialist covers {pair} ({languages.name(pair.source)} to {languages.name(pair.target)}), "
        f"neither directly nor through a pivot. Installed: {'; '.join(installed) or 'none'}. "
        + (f"Install one with: {hint}. " if hint else "")
        + "Other ways: --method few-shot needs no specialist; --specialist ctranslate2:FOLDER or "
        "transformers:FOLDER takes any NLLB, M2M100 or OPUS-MT model; --drafts FILE takes drafts made elsewhere."
    )
