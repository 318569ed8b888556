"""Code-switch: from a mixed text to one language, and to a mixed text (Kaji and Shah, arXiv 2312.13179)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from scalemt import languages
from scalemt.errors import BackendError, ConfigurationError
from scalemt.glossary import FoundTerm, TermEntry
from scalemt.methods.base import Kit, Method, Prepared
from scalemt.methods.code_switch.embedding import Phrase, chosen, phrases
from scalemt.methods.code_switch.joining import (
    Mixed,
    RoadTo,
    akin,
    around,
    by_stretches,
    masked_at,
    outside,
    roads_of,
    unmasked,
)
from scalemt.quality.language import identify
from scalemt.quality.mixing import Mixture, is_romanisable, mixture
from scalemt.quality.word_evidence import has_list
from scalemt.specialists.road import Drafted, Road
from scalemt.text.spans import rewrite
from scalemt.types import Candidate, Decision, Demonstration, Draft, Pair, Segment, TermStatus

Route = Literal["auto", "specialist", "generalist", "both"]
Way = Literal["whole", "around", "stretches", "best"]
Script = Literal["native", "roman"]
_TOLD = 160  # characters of kept words that a decision lists
_THIRD_LANGUAGE = 0.8  # probability of a whole text at which a language that nobody named is looked for in it


@dataclass
class _Drafts:
    """The drafts of one segment by the way in which they were made, and what kept others away."""

    by_way: dict[str, Draft] = field(default_factory=dict)
    lost: list[Decision] = field(default_factory=list)


class CodeSwitchMethod(Method):
    """Translates text of which parts are in another language, or makes such text.

    Of the paper only the abstract was read. It finds that smaller models that were trained for the pair translate
    code-switched text better than large multilingual ones, and that is the rule by which a segment is routed: to
    the specialist where one covers its languages, else to the generalist, whose prompt says which words are in
    which language. How words are tagged, how a specialist is applied to a mixed text, what may be embedded in
    another language, and the prompts were decided here.

    From a mixed text to one language there are three ways for specialists: the whole text at once ("whole"), the
    same with what is in the target language protected as tags are ("around"), and each stretch by itself
    ("stretches"). With "best" the gate weighs all three, if it weighs evidence.

    To a mixed text (`degree` above 0) the target is the matrix language, whose grammar the sentence has; noun
    phrases stay in the embedded one, and clauses where those are too few.

    Args:
        mixed: the languages that a source may hold, as "en+es"; "auto" takes both sides of the pair, and the
            one that the whole text looks like.
        degree: per cent of the words that are to be in the embedded language; 0 is one language.
        embedded: the language to mix in; the source by default.
        script: "roman" has a language that is mostly written in other letters written in Latin ones.
        route: who translates; "both" has the gate weigh the generalist's answer beside the specialist's draft.
        way: how a specialist is applied to a mixed text.

    Raises:
        ConfigurationError: an option is out of its range.
        UnknownLanguageError: a language is none.
    """

    name = "code-switch"
    needs_specialist = False
    drafts_where_possible = True
    shows_confidences = False

    def __init__(
        self,
        mixed: str | Sequence[str] = "auto",
        degree: int = 0,
        embedded: str = "",
        script: Script = "native",
        route: Route = "auto",
        way: Way = "around",
    ) -> None:
        if not 0 <= degree <= 100:
            raise ConfigurationError(f"degree is {degree}; expected 0 (one language) to 100 per cent.")
        given = mixed.replace("+", " ").replace(",", " ").split() if isinstance(mixed, str) else list(mixed)
        self.mixed = () if given == ["auto"] else tuple(dict.fromkeys(languages.parse(tag) for tag in given))
        if given != ["auto"] and len(self.mixed) < 2:
            raise ConfigurationError(f"mixed names {len(self.mixed)} language; expected two or more, as in en+es.")
        self.degree = degree
        self.embedded = languages.parse(embedded) if embedded else ""
        self.script = script
        self.route = route
        self.way = way
        self.needs_generalist = route != "specialist"
        self.needs_specialist = route == "specialist"
        kind = "code-mix" if degree else "code-switch"
        self.template = {"chat": kind, "base": f"{kind}-plain"}

    @property
    def signature(self) -> str:
        """The name and all options that are set."""
        told = [f"mixed:{'+'.join(self.mixed) or 'auto'}", self.route]
        told += [f"degree:{self.degree}", f"embedded:{self.embedded or 'source'}"] if self.degree else [self.way]
        return f"{self.name}[{','.join([*told, *(['roman'] if self.script == 'roman' else [])])}]"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Tell the languages of all words, choose a route, draft, and render prompts where that is the route."""
        if self.degree:
            return self._embedded(segments, kit)
        items = [Mixed(segment, self._tagged(segment, kit), kit.pair.target) for segment in segments]
        road_to = roads_of(kit.pair, kit.road, kit.road_for)
        return [
            self._routed(item, drafts, kit, road_to)
            for item, drafts in zip(items, self._drafts(items, kit, road_to), strict=True)
        ]

    def remarks(self, prepared: Prepared, chosen: Candidate, kit: Kit) -> Sequence[Decision]:
        """Tell how mixed the translation is, and what it lost of what was in the target language."""
        text = chosen.text
        found = mixture(text, self._among(text, kit), chosen.spans)
        if self.degree:
            found = _known(found, prepared.terms, self.embedded or kit.pair.source)
        told = [Decision("mixing", "translation", _described(found))]
        native = [tag for tag in (kit.pair.target, self.embedded) if tag and is_romanisable(tag)]
        if self.script == "roman" and native and set(found.scripts) - {"Latn"}:
            told.append(Decision("script", "not romanised", f"the translation has {_shares(found.scripts)}"))
        kept = [term.text for term in prepared.terms if term.entries[0].status == "keep"]
        lost = [words for words in kept if not _holds(text, words)]
        if lost:
            why = "not in the translation as it stands in the source: " + "; ".join(lost)
            told.append(Decision("kept words", "changed", why[:_TOLD]))
        return told

    def _among(self, text: str, kit: Kit) -> tuple[str, ...]:
        """Return the languages that a text may hold, the source of the pair first."""
        named = self.mixed or (kit.pair.source,)
        tags = [*named, kit.pair.target, *([self.embedded] if self.embedded else [])]
        if not self.mixed:
            likely = max((known := identify(text)), key=lambda code: known[code])
            if known[likely] >= _THIRD_LANGUAGE and has_list(likely):
                tags.append(likely)
        return tuple({languages.base(tag).split("-")[0]: tag for tag in reversed(tags)}.values())[::-1]

    def _tagged(self, segment: Segment, kit: Kit) -> Mixture:
        return mixture(segment.text, self._among(segment.text, kit), segment.spans)

    # From a mixed text to one language.

    def _drafts(self, items: Sequence[Mixed], kit: Kit, road_to: RoadTo) -> list[_Drafts]:
        """Return the specialists' drafts of each text by way; the first is what can stand."""
        made = [_Drafts() for _ in items]
        if (
            self.route != "generalist" and kit.road and not kit.road.makers()
        ):  # drafts made elsewhere: one a segment, whatever it holds
            for drafts, result in zip(made, kit.road.draft([item.segment for item in items]), strict=True):
                drafts.by_way = {"recorded": result.standing} if result.standing else {}
            return made
        for item, drafts in zip(items, made, strict=True):
            if item.mixture.counts and not item.foreign:
                spans = item.segment.spans
                drafts.by_way["kept"] = Draft(
                    item.segment.text, engine="source", language=item.target, spans=spans
                )
        if self.route == "generalist":
            return made
        opened = [index for index, drafts in enumerate(made) if not drafts.by_way]
        weighs = self.way == "best" and kit.gate.mode == "quality"
        one: Way = "around" if self.way == "best" else self.way
        ways: tuple[Way, ...] = ("around", "whole", "stretches") if weighs else (one,)
        for way in ways:
            mixed = [index for index in opened if way == "whole" or items[index].is_mixed]
            _draft(way, mixed, items, made, road_to)
        # A text of one language is given to its specialist as it is, and so is what could not be cut.
        _draft("whole", [index for index in opened if not made[index].by_way], items, made, road_to)
        return made

    def _routed(self, item: Mixed, made: _Drafts, kit: Kit, road_to: RoadTo) -> Prepared:
        """Return a segment with the drafts of its route, or with a prompt."""
        found, drafts = item.mixture, made.by_way
        told = [Decision("mixing", "source", _described(found))]
        covered = bool(drafts) and all(road_to(tag) for tag in item.sources)
        asks = self.route in ("generalist", "both") or (self.route == "auto" and not covered)
        if not item.foreign and found.counts:
            told.append(Decision("route", "kept", f"all words are {languages.name(item.target)} already"))
            asks = False
        elif drafts and not asks:
            told.append(Decision("route", "specialist", _why(item, next(iter(drafts)))))
        elif asks:
            missing = [languages.name(tag) for tag in item.sources if not road_to(tag)]
            why = "it is asked for" if self.route != "auto" else f"no specialist for {', '.join(missing) or 'it'}"
            told.append(Decision("route", "both" if drafts else "generalist", why))
        ways = [*drafts.items()]
        prompt, row = None, tuple[Demonstration, ...]()
        if asks:
            row = tuple(kit.choose([item.segment])[0])
            prompt = kit.prompt(item.segment, (), row, auxiliaries=_tags(item))
        return Prepared(
            item.segment,
            tuple(draft for _, draft in ways[:1]),
            ways[0][1] if ways else None,
            row,
            prompt,
            (*told, *made.lost),
            alternatives=tuple(ways[1:]),
            terms=_terms(item, asks) if item.foreign else (),
        )

    # To a mixed text.

    def _embedded(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Choose what is embedded, draft around it, and render prompts where that is the route."""
        embedded = self.embedded or kit.pair.source
        if akin(embedded, kit.pair.target):
            raise ConfigurationError(
                f"The language to mix in, {embedded}, is the target of {kit.pair}. Name another as embedded."
            )
        plans = [self._chosen(segment, kit) for segment in segments]
        made = self._mixed_drafts(segments, plans, embedded, kit)
        romanised = self.script == "roman" and any(is_romanisable(tag) for tag in (kit.pair.target, embedded))
        asks = self.route in ("generalist", "both") or (self.route == "auto" and (kit.road is None or romanised))
        shown = replace(kit, variety=_romanised(kit)) if romanised else kit
        prepared = []
        for segment, (found, taken), draft in zip(segments, plans, made, strict=True):
            told = _degrees(found, taken, segment.text, self.degree)
            prompt = None
            if asks:
                why = "no specialist romanises" if romanised and kit.road else "it is asked for"
                why = why if kit.road or self.route != "auto" else f"no specialist covers {kit.pair}"
                told.append(Decision("route", "both" if draft else "generalist", why))
                listed = "; ".join(segment.text[item.start : item.end] for item in taken)
                prompt = shown.prompt(segment, (), (), auxiliaries=[(languages.name(embedded), listed)])
            elif draft:
                told.append(Decision("route", "specialist", f"{draft.engine}, around what is embedded"))
            places = [(item.start, item.end) for item in taken] if akin(embedded, kit.pair.source) else []
            terms = _kept_terms(segment, places)
            drafts = (draft,) if draft else ()
            prepared.append(Prepared(segment, drafts, draft, (), prompt, tuple(told), terms=terms))
        return prepared

    def _chosen(self, segment: Segment, kit: Kit) -> tuple[Mixture, list[Phrase]]:
        found = mixture(segment.text, (kit.pair.source,), segment.spans)
        total = sum(found.counts.values())
        return found, chosen(phrases(segment.text, found.words, kit.pair.source), total, self.degree)

    def _mixed_drafts(
        self,
        segments: Sequence[Segment],
        plans: Sequence[tuple[Mixture, list[Phrase]]],
        embedded: str,
        kit: Kit,
    ) -> list[Draft | None]:
        """Return drafts in the matrix language with the chosen phrases in the embedded one."""
        if kit.road is None or self.route == "generalist":
            return [None] * len(segments)
        own = akin(embedded, kit.pair.source)
        across = None if own else kit.road_for(Pair(kit.pair.source, embedded))
        if not own and across is None:
            raise ConfigurationError(
                f"No specialist translates from {kit.pair.source} to {embedded}, which is to be mixed in. "
                "Choose another embedded language, or route=generalist."
            )
        changed = [
            segment if across is None else _replaced(segment, taken, across)
            for segment, (_, taken) in zip(segments, plans, strict=True)
        ]
        if not kit.road.makers():  # drafts made elsewhere are mixed or not, as they are
            return [result.standing for result in kit.road.draft(segments)]
        masked = [
            masked_at(segment, [(item.start, item.end) for item in taken]) if across is None else segment
            for segment, (_, taken) in zip(changed, plans, strict=True)
        ]
        drafted: Sequence[Drafted] = kit.road.draft(masked)
        made = [
            unmasked(result.standing, segment, one)
            for result, segment, one in zip(drafted, segments, masked, strict=True)
        ]
        lost = [index for index, draft in enumerate(made) if draft is None]
        for index, result in zip(lost, kit.road.draft([segments[at] for at in lost]) if lost else [], strict=True):
            made[index] = result.standing
        return made


def _draft(
    way: Way, places: Sequence[int], items: Sequence[Mixed], made: Sequence[_Drafts], road_to: RoadTo
) -> None:
    """Add the drafts of one way; that they cannot be made is told, and takes no segment with it."""
    if not places:
        return
    try:
        drafts = _DRAFTED[way]([items[index] for index in places], road_to)
    except BackendError as fault:
        for index in places:
            made[index].lost.append(Decision("mixing", f"no draft ({way})", str(fault)))
        return
    for index, draft in zip(places, drafts, strict=True):
        if draft is not None and draft.text.strip():
            made[index].by_way[way] = draft
        else:
            made[index].lost.append(Decision("mixing", f"no draft ({way})", _WHY_NONE[way]))


def _replaced(segment: Segment, taken: Sequence[Phrase], across: Road) -> Segment:
    """Return a segment with phrases in the embedded language in place of its own, protected."""
    masked = masked_at(segment, [(item.start, item.end) for item in taken])
    own = {span.key for span in segment.spans}
    new = [span for span in masked.spans if span.key not in own]
    drafted = across.draft([Segment(segment.text[span.start : span.end]) for span in new]) if new else []
    texts = {
        span.key: (result.standing or Draft("")).text.strip(" .")
        for span, result in zip(new, drafted, strict=True)
    }
    text, spans = rewrite(masked.text, masked.spans, lambda span, held: texts.get(span.key) or held)
    return replace(masked, text=text, spans=spans)


def _whole(items: Sequence[Mixed], road_to: RoadTo) -> list[Draft | None]:
    """Give whole texts to a specialist, of the language that has most words in it among those with one."""
    drafts: list[Draft | None] = [None] * len(items)
    mains = [
        next((tag for tag in (*item.sources, *item.mixture.languages) if road_to(tag)), item.target)
        for item in items
    ]
    for tag in dict.fromkeys(mains):
        own = [index for index, main in enumerate(mains) if main == tag]
        if road := road_to(tag):
            for index, result in zip(own, road.draft([items[at].segment for at in own]), strict=True):
                drafts[index] = result.standing
    return drafts


_DRAFTED = {"whole": _whole, "around": around, "stretches": by_stretches}
_WHY_NONE = {
    "whole": "no specialist covers its languages, or it gave nothing",
    "around": "it is of two other languages, has no specialist, or what is to be kept would be lost",
    "stretches": "a language of it has no specialist, or a pair of tags would be torn",
}


def _described(found: Mixture) -> str:
    """Return index, shares, switches and romanised languages of a text in one line."""
    if not found.counts:
        return "no words of any language"
    told = (
        f"index {found.index:.1f}: {_shares(found.shares)}; {_counted(len(found.switches), 'switch', 'switches')}"
    )
    foreign = [f"{s.language}: {found.text[s.start : s.end]}" for s in found.stretches]
    listed = f" ({' | '.join(foreign)})" if len(foreign) > 1 else ""
    roman = f"; {', '.join(map(languages.name, found.romanised))} in Latin letters" if found.romanised else ""
    return f"{told}{listed}{roman}"


def _shares(shares: dict[str, float]) -> str:
    return ", ".join(f"{tag} {share:.0%}" for tag, share in shares.items())


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _why(item: Mixed, way: str) -> str:
    told = {"whole": "the whole text", "around": "around kept words", "stretches": "stretch by stretch"}.get(
        way, way
    )
    named = ", ".join(languages.name(tag) for tag in item.sources) or "no other language"
    return f"{told}, from {named}"


def _degrees(found: Mixture, taken: Sequence[Phrase], text: str, degree: int) -> list[Decision]:
    """Tell what is to be embedded, and how near to the wanted degree that comes."""
    total = sum(found.counts.values())
    count = sum(item.words for item in taken)
    listed = "; ".join(text[item.start : item.end] for item in taken)
    share = 100 * count / total if total else 0.0
    why = f"{count} of {total} words, {share:.0f} % for {degree} % wanted: {listed}"
    return [
        Decision(
            "mixing", "embedded" if taken else "nothing to embed", why if taken else "no phrase or clause fits"
        )
    ]


def _tags(item: Mixed) -> list[tuple[str, str]]:
    """Return the stretches of a text with their languages, as prompts list them."""
    text = item.segment.text
    return [(languages.name(stretch.language), text[stretch.start : stretch.end]) for stretch in item.stretches]


def _terms(item: Mixed, asks: bool) -> tuple[FoundTerm, ...]:
    """Return what a translation is to hold as it is, and, for an answer, what it must not hold any more.

    For evidence an answer that is still mixed is a good one, for it comes back as the source was: it is by
    neighbouring words in another language that the gate refuses one. Single words may be the same in both, and
    pairs that a draft holds too count for nothing.
    """
    kept = _kept_terms(item.segment, [(stretch.start, stretch.end) for stretch in item.kept])
    pairs = pairwise(word for word in item.mixture.words if word.language) if asks else ()
    left = [
        (one.start, other.end)
        for one, other in pairs
        if one.language == other.language and not akin(one.language, item.target)
    ]
    gone = _kept_terms(item.segment, left, "forbidden")
    return tuple(sorted((*kept, *gone), key=lambda term: term.start))


def _kept_terms(
    segment: Segment, places: Sequence[tuple[int, int]], status: TermStatus = "keep"
) -> tuple[FoundTerm, ...]:
    """Return stretches of a text as terms that are kept as they are, or must not be; tags are no part of them."""
    parts = [part for start, end in places for part in outside(segment, start, end)]
    held = [(start, end, segment.text[start:end]) for start, end in parts]
    return tuple(FoundTerm(start, end, words, (TermEntry(words, words, status),)) for start, end, words in held)


def _known(found: Mixture, terms: Sequence[FoundTerm], language: str) -> Mixture:
    """Return a translation whose embedded words are told by what was embedded: loans look like either language."""
    places = [(at, at + len(term.text)) for term in terms if (at := found.text.find(term.text)) >= 0]
    words = [
        replace(word, language=language)
        if word.language and any(start <= word.start and word.end <= end for start, end in places)
        else word
        for word in found.words
    ]
    return replace(found, words=tuple(words))


def _holds(text: str, words: str) -> bool:
    return " ".join(words.casefold().split()) in " ".join(text.casefold().split())


def _romanised(kit: Kit) -> str:
    target = kit.pair.target
    return f"{target.split('-', maxsplit=1)[0]}-Latn" if is_romanisable(target) else target
