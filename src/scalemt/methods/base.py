"""What a method is: it prepares each segment for the generalist; answering and judging are shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from scalemt.errors import ConfigurationError
from scalemt.generalists import Generalist
from scalemt.glossary import FoundTerm, TermFinder, verify, wanted
from scalemt.memory import Selector
from scalemt.memory.recall import Memories
from scalemt.methods.integrity import shown, shown_draft
from scalemt.prompts import Surroundings, Template
from scalemt.quality.coverage import unlinked
from scalemt.quality.gate import Gate
from scalemt.quality.rules import RuleSet
from scalemt.specialists import Specialist
from scalemt.specialists.drafting import Drafting, by_sentences
from scalemt.specialists.road import PivotRoad, Road, drafts_to_ask
from scalemt.text.protection import protect
from scalemt.types import (
    Candidate,
    Completion,
    Decision,
    Demonstration,
    Draft,
    Pair,
    Prompt,
    Segment,
    Translation,
    Usage,
)

if TYPE_CHECKING:
    from scalemt.quality.evidence import EvidenceGatherer

MOST_CONTEXT = 1500  # characters of source that a prompt shows of what stands before
MOST_TERMS = 10  # of a glossary that a prompt lists for one text
HINTS = ("omission", "addition", "found")
"""What prompts can warn of: leaving something out, putting something in, words that the draft seems to lack."""
_MOST_DRAFTED = 10_000  # demonstrations whose drafts are kept

K = TypeVar("K")
V = TypeVar("V")


@dataclass
class Kit:
    """What a method works with for one pair.

    Args:
        pair: source and target.
        template: what prompts look like.
        selector: chooses demonstrations; None when none are to be shown.
        road: how drafts are made; None when no specialist is in play.
        paths: how many sampled drafts `multi-path` shows.
        confidences: whether prompts show word confidences.
        notice: told once about each thing a user should know, such as a language without demonstrations.
        context: how many segments before one its prompt shows.
        translated: what the run has translated so far, source to translation, where context is shown.
        terms: finds the terms of the glossary in use; None without one.
        variety: what prompts call the target language by, where a regional variety of it is wanted.
        splitter: what cuts the sentences of demonstrations that hold tags.
        gatherer: measures candidates, for methods that go on while they get better; None where nothing can.
        gate: what will judge the candidates; it tells what one is expected to gain.
        planner: finds the road of another pair, by the specialists of the profile; see `road_for`.
        builder: builds another generalist than that of the profile, None where that is it; see `generalist_for`.
        memories: the translation memories in use; None without.
        hints: what prompts warn of, of `HINTS`.
    """

    pair: Pair
    template: Template
    selector: Selector | None = None
    road: Road | None = None
    paths: int = 0
    confidences: bool = True
    notice: Callable[[str], None] = field(default=lambda _: None)
    context: int = 0
    translated: dict[str, str] = field(default_factory=dict)
    terms: TermFinder | None = None
    variety: str = ""
    splitter: str = "srx"
    gatherer: EvidenceGatherer | None = None
    gate: Gate = field(default_factory=Gate)
    planner: Callable[[Pair], Road | None] = field(default=lambda _: None)
    builder: Callable[[str], Generalist | None] = field(default=lambda _: None)
    memories: Memories | None = None
    hints: tuple[str, ...] = ()
    _roads: dict[Pair, Road | None] = field(default_factory=dict)
    _generalists: dict[str, Generalist | None] = field(default_factory=dict)
    _standing: dict[tuple[Pair, str], Draft] = field(default_factory=dict)
    _drafted: dict[tuple[str, int], tuple[Draft, ...]] = field(default_factory=dict)
    _termed: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)

    def require_road(self, method: str) -> Road:
        """Return the road, or say that the method needs one."""
        if self.road is None:
            raise ConfigurationError(f"The method {method} needs a specialist, and none is configured.")
        return self.road

    def road_for(self, pair: Pair) -> Road | None:
        """Return how specialists get from one language to another, None where they do not; found once a pair."""
        if pair not in self._roads:
            self._roads[pair] = self.planner(pair)
        return self._roads[pair]

    def generalist_for(self, spec: str) -> Generalist | None:
        """Return another generalist by its name, built once; None is that of the profile itself."""
        if spec not in self._generalists:
            self._generalists[spec] = self.builder(spec)
        return self._generalists[spec]

    def helpers(self) -> list[Generalist]:
        """Return the generalists beside that of the profile that are in use."""
        return [generalist for generalist in self._generalists.values() if generalist]

    def makers(self) -> list[Specialist]:
        """Return the specialists of all roads in use."""
        roads = [road for road in (self.road, *self._roads.values()) if road]
        return [specialist for road in roads for specialist, _ in road.makers()]

    @property
    def shown_pair(self) -> Pair:
        """The languages as prompts name them."""
        return Pair(self.pair.source, self.variety or self.pair.target)

    def prompt(
        self,
        segment: Segment,
        drafts: Sequence[Draft],
        demonstrations: Sequence[Demonstration],
        *,
        terms: Sequence[tuple[str, str]] | None = None,
        template: Template | None = None,
        auxiliaries: Sequence[tuple[str, str]] = (),
        rules: Sequence[str] = (),
        background: Sequence[str] = (),
    ) -> Prompt:
        """Return the prompt for a segment: protected spans in typed form, surroundings where they are used.

        Args:
            segment: what is to be translated.
            drafts: those to show.
            demonstrations: those to show, in this order.
            terms: source and target terms to list; None lists those of the glossary that the segment holds, and
                none at all, ``()``, lists none with the demonstrations either.
            template: in the place of the kit's own.
            auxiliaries: languages, by their English names, and translations into them.
            rules: what the translation is to keep to, in sentences.
            background: notes that were found or written about the segment.
        """
        masked = shown(segment)
        return (template or self.template).render(
            masked.text,
            [shown_draft(draft, masked) for draft in drafts],
            [self._with_terms(item) for item in demonstrations] if terms is None or terms else demonstrations,
            self.shown_pair,
            confidences=self.confidences,
            surroundings=Surroundings(
                protected=bool(segment.spans),
                note=segment.note if self.context else "",
                before=self.before(segment),
                terms=tuple(self.listed(self.found(segment)) if terms is None else terms)[:MOST_TERMS],
                auxiliaries=tuple(auxiliaries),
                hints=tuple(hint for hint in self.hints if hint != "found"),
                missing=unlinked(segment.text, drafts[0]) if drafts and "found" in self.hints else "",
                rules=tuple(rules),
                background=tuple(background),
            ),
        )

    def found(self, segment: Segment) -> list[FoundTerm]:
        """Return the terms of the glossary that a segment holds; none without a glossary."""
        return self.terms.find(segment.text, segment.spans) if self.terms else []

    @staticmethod
    def listed(found: Sequence[FoundTerm]) -> list[tuple[str, str]]:
        """Return found terms as prompts list them: source and wanted target, each once."""
        entries = [entry for entry in map(wanted, found) if entry]
        return list(dict.fromkeys((entry.source, entry.target) for entry in entries))

    def _with_terms(self, item: Demonstration) -> Demonstration:
        """Return a demonstration with the terms that its source holds and its target has applied."""
        if not self.terms or item.terms:
            return item
        applied = self._termed.get((item.source, item.target))
        if applied is None:
            applied = tuple(self.listed(self.applied(item))[:MOST_TERMS])
            _keep(self._termed, {(item.source, item.target): applied})
        return replace(item, terms=applied)

    def applied(self, item: Demonstration) -> list[FoundTerm]:
        """Return the terms that the source of a demonstration holds and its target has applied."""
        segment = protect(Segment(item.source))
        found = self.found(segment)
        uses = verify(found, item.target, self.pair)
        pairs = zip(found, uses, strict=True)
        return [term for term, use in pairs if use.state in ("applied", "inflected")]

    def before(self, segment: Segment) -> tuple[tuple[str, str], ...]:
        """Return the segments before one in its document, the nearest last, each with its translation or ""."""
        chosen: list[tuple[str, str]] = []
        size = 0
        for text in reversed(segment.before[-self.context :] if self.context else ()):
            size += len(text)
            if size > MOST_CONTEXT:
                break
            chosen.insert(0, (text, self.translated.get(text, "")))
        return tuple(chosen)

    def choose(self, segments: Sequence[Segment]) -> list[list[Demonstration]]:
        """Return the demonstrations for each segment, without regard to drafts."""
        if self.selector is None:
            return [[] for _ in segments]
        return self.selector.choose(segments)

    def choose_drafted(self, segments: Sequence[Segment], paths: int) -> list[list[Demonstration]]:
        """Return the demonstrations for each segment, each with as many drafts as the prompt will show.

        Drafts that a demonstration brings along are used; missing ones are made by the specialists in use.
        """
        return self.drafted(self.choose(segments), paths)

    def choose_standing(self, segments: Sequence[Segment]) -> list[list[Demonstration]]:
        """Return the demonstrations for each segment, each with a draft in the target language."""
        return self.standing(self.choose(segments))

    def standing(self, rows: Sequence[Sequence[Demonstration]]) -> list[list[Demonstration]]:
        """Return demonstrations with a draft in the target language each.

        Through a pivot that is the draft of the second leg; without that leg, or any road, none is made.
        """
        if not isinstance(self.road, PivotRoad):
            return self.drafted(rows, 0) if self.road else [list(row) for row in rows]
        drafts = self.standing_drafts([item.source for row in rows for item in row], self.road)
        made = {source: (draft,) for source, draft in drafts.items()}
        return [[replace(item, drafts=made.get(item.source, ())) for item in row] for row in rows]

    def drafted(self, rows: Sequence[Sequence[Demonstration]], paths: int) -> list[list[Demonstration]]:
        """Return demonstrations with as many drafts as the prompt will show."""
        drafts = self._drafts_of([item.source for row in rows for item in row if not item.drafts], paths)
        return [
            [item if item.drafts else replace(item, drafts=drafts[item.source]) for item in row] for row in rows
        ]

    def standing_drafts(self, sources: Sequence[str], road: Road) -> dict[str, Draft]:
        """Return, by source, the drafts of demonstrations in the target language of a road, each made once.

        What a road has no draft for is left out.
        """
        missing = [source for source in dict.fromkeys(sources) if (road.pair, source) not in self._standing]
        if missing:
            drafted = road.draft([protect(Segment(source)) for source in missing])
            made = {
                (road.pair, source): replace(item.standing or Draft(""), spans=())
                for source, item in zip(missing, drafted, strict=True)
            }
            _keep(self._standing, made)
        known = {source: self._standing[road.pair, source] for source in dict.fromkeys(sources)}
        return {source: draft for source, draft in known.items() if draft.text.strip()}

    def _drafts_of(self, sources: Sequence[str], paths: int) -> dict[str, tuple[Draft, ...]]:
        """Return drafts of the sources of demonstrations, each made once."""
        unique = list(dict.fromkeys(sources))
        known = {source: made for source in unique if (made := self._drafted.get((source, paths)))}
        missing = [source for source in unique if source not in known]
        if not missing:
            return known
        makers = self.road.makers() if self.road else []
        if not makers:
            raise ConfigurationError(
                f"The demonstration {missing[0][:60]!r} has no drafts, and drafts recorded "
                "elsewhere cannot make them. Add drafts to the demonstrations file."
            )
        columns = [self._draft_all(specialist, missing, pair, paths) for specialist, pair in makers]
        for row, source in enumerate(missing):
            known[source] = tuple(draft for column in columns for draft in column[row])
        _keep(self._drafted, {(source, paths): known[source] for source in missing})
        return known

    def _draft_all(self, specialist: Specialist, texts: list[str], pair: Pair, paths: int) -> list[list[Draft]]:
        segments = [protect(Segment(text)) for text in texts]
        if any(segment.spans for segment in segments):
            # A memory's demonstrations hold tags and placeholders, which a bare specialist would spoil.
            drafting = Drafting(specialist, pair, by_sentences(pair.source, self.splitter))
            made = drafting.draft(segments, drafts_to_ask(paths))
            return [[replace(draft, spans=()) for draft in drafts[: paths or 1]] for drafts in made]
        return [drafts[: paths or 1] for drafts in specialist.draft(texts, pair, drafts_to_ask(paths))]


def _keep(kept: dict[K, V], made: Mapping[K, V]) -> None:
    """Keep what was made, and no more than so much of what was made before; several runs may do so at once."""
    for key in list(kept)[: max(0, len(kept) + len(made) - _MOST_DRAFTED)]:
        kept.pop(key, None)
    kept.update(made)


@dataclass(frozen=True)
class Prepared:
    """One segment ready for the generalist.

    `standing` is the draft that can be the translation by itself. Without a `prompt` it is the translation, unless
    the gate prefers one of the `alternatives`: other drafts, each with what it is called in decisions. `usage` is
    what was spent on it before the prompt. `result` is the round, from 0, whose answer a method that asked several
    times holds for its result; None is the last that brought an answer. `terms` are terms of the segment that the
    method wants translated in a certain way, beside those of the glossary: candidates are verified for them too.
    `others` are texts in other languages that the prompt shows beside source and drafts: an answer that only
    repeats one fails its checks. `rules` are what candidates are held to, and what the translation is finished by.
    """

    segment: Segment
    drafts: tuple[Draft, ...] = ()
    standing: Draft | None = None
    demonstrations: tuple[Demonstration, ...] = ()
    prompt: Prompt | None = None
    decisions: tuple[Decision, ...] = ()
    alternatives: tuple[tuple[str, Draft], ...] = ()
    usage: Usage = field(default_factory=Usage)
    result: int | None = None
    others: tuple[str, ...] = ()
    rules: RuleSet | None = None
    terms: tuple[FoundTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that a method asks before it asks for a translation.

    Args:
        prompt: what is sent.
        place: of the segment that it is asked for, among those of the talk; it pays.
        max_tokens: bounds the answer.
        generalist: who is asked, None being that of the profile; another one may fail, and the run goes on.
        draw: 0 is answered as the profile decodes; each number above draws another sample.
    """

    prompt: Prompt
    place: int
    max_tokens: int = 256
    generalist: Generalist | None = None
    draw: int = 0


Talk = Generator[Sequence[Question], Sequence[Completion], list["Prepared"]]
"""Yields rounds of questions, is sent their completions in order, and returns what was prepared by them."""


@dataclass(frozen=True)
class Answer:
    """What came back for one segment: a candidate, or the fault that kept it away, and what it cost.

    `repairs` tells what was done to keep the protected spans of the source, `thinking` what was thought before it.
    """

    candidate: Candidate | None
    fault: Exception | None
    usage: Usage
    repairs: tuple[str, ...] = ()
    thinking: tuple[Decision, ...] = ()

    def decisions(self, origin: str) -> list[Decision]:
        """Say how it was thought about, and that the generalist failed, if it did: a fallback is never silent."""
        failed = [Decision("generalist", f"no {origin}", str(self.fault))] if self.fault else []
        return [*self.thinking, *failed]


class Method(ABC):
    """One way of translating. A subclass sets the attributes and implements `prepare`.

    Its options are the keyword arguments of its constructor, and stand in a profile as `options`; `hints`, of
    `HINTS`, is an option of every method that asks a generalist.

    `needs_specialist` and `needs_generalist` let the engine refuse early when one is missing;
    `drafts_where_possible` has it plan a road where there is one, and do without where there is none.
    `samples_paths` says that the number of paths of the profile decides what it does, and `shows_confidences` that
    its prompts may show those of a draft's words. `needs_memory` chooses demonstrations from the memories of the
    profile, whatever its selection, and `needs_glossary` refuses to work without a glossary.
    `aims_at_terms` has the gate take an answer for the terms that it brings in, so long as it is not worse, and no
    other; `wants_terms` does the same and has it weigh other answers as ever. `aims_at_rules` has it take an
    answer for the rules that it keeps and the draft breaks. `dispatches`: it translates nothing itself, others do
    (`engine/dispatching.py`); `helpers` names generalists that it asks beside that of the profile. `template` is
    its own by kind of generalist, `thinking` a budget of tokens (None: not its affair), `wait` has thought go on.

    A method that asks more than once has a `talk` before the translation or goes on by `follow` after it;
    `most_calls` is how often it asks for one segment at most. `sequential` has each window wait for the one
    before, for methods that carry something through a document: `begin` gives each run a state of its own, and
    `conclude` tells what became of a window.
    """

    name: str
    needs_specialist: bool
    needs_generalist: bool
    drafts_where_possible: bool = False
    samples_paths: bool = False
    shows_confidences: bool = True
    needs_memory: bool = False
    needs_glossary: bool = False
    aims_at_terms: bool = False
    wants_terms: bool = False
    aims_at_rules: bool = False
    dispatches: bool = False
    helpers: tuple[str, ...] = ()
    template: Mapping[str, str] = {}  # never written to
    thinking: int | None = None
    wait: bool = False
    most_calls: int = 1
    sequential: bool = False
    hints: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The name, and the options that are set."""
        return self.name

    def signature_for(self, kit: Kit) -> str:
        """Return the signature with what the method takes of one pair's kit beside its road; it is asked once."""
        return self.signature

    def confirmed(self, translation: Translation, kit: Kit) -> Translation | None:
        """Return what is made of a text that a memory holds for a segment; None has it translated anew."""
        return translation

    def begin(self) -> Method:
        """Return what works on one run: itself, or, of a sequential method, one that carries nothing yet.

        A run is one stream of segments, mostly a document. Each batch that stands alone is a run by itself.
        """
        return self

    @abstractmethod
    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Return one `Prepared` a segment, in order. No segment is empty; no generalist is called."""

    def talk(self, prepared: Sequence[Prepared], kit: Kit) -> Talk:
        """Ask what is to be known before a translation is asked for.

        A completion may be cut off, empty, withheld or an error (`finish_reason`): what was prepared must then
        stand as it is, and say so in its decisions.

        Args:
            prepared: the segments whose prompts are to be sent, at least one; those of a budget are left out.
            kit: what there is to work with.

        Returns:
            What is sent in their place, in order.
        """
        yield from ()
        return list(prepared)

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        """Return what is asked next, after a round of answers; nothing, where no segment has a prompt any more.

        All answers are candidates for the gate. Where it does not weigh them, as it is off or there is no draft,
        the method's result is taken (`Prepared.result`). Specialists may be asked here: nobody else asks them now.

        Args:
            prepared: what the round asked, one a segment; those without a prompt were not asked.
            answers: what came of it.
            kit: what there is to work with.

        Returns:
            One a segment, with a prompt where there is more to ask; or none at all.
        """
        return ()

    def remarks(self, prepared: Prepared, chosen: Candidate, kit: Kit) -> Sequence[Decision]:
        """Tell what is to be known of the text that was chosen: it stands last among its decisions.

        Args:
            prepared: the segment, as it was asked last.
            chosen: what became its translation.
            kit: what there is to work with.
        """
        return ()

    def conclude(self, translations: Sequence[Translation], kit: Kit) -> None:  # noqa: B027  # most carry nothing on
        """Take note of what a window was translated to, before the next one is prepared.

        Args:
            translations: one a segment that was prepared, in order: of a long one, each of its pieces.
            kit: what there is to work with.
        """


def with_drafts(segments: Sequence[Segment], kit: Kit, road: Road, paths: int = 0) -> list[Prepared]:
    """Draft each segment, choose and draft its demonstrations, and render its prompt.

    Args:
        paths: 0 shows the best draft, m > 0 shows m sampled ones.
    """
    drafted = road.draft(segments, paths)
    rows = kit.choose_drafted(segments, paths)
    return [
        Prepared(segment, item.shown, item.standing, tuple(row), kit.prompt(segment, item.shown, row))
        for segment, item, row in zip(segments, drafted, rows, strict=True)
    ]
