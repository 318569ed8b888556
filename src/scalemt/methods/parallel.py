"""Parallel: translations into near languages stand in the prompt (PMP; Luo et al., LMT, arXiv 2511.07003)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scalemt import languages
from scalemt.errors import BackendError, ConfigurationError
from scalemt.memory import packaged_demonstrations
from scalemt.memory.matching import without_drafts
from scalemt.methods.base import Kit, Method, Prepared, Question, Talk
from scalemt.methods.integrity import held, shown, shown_draft
from scalemt.methods.relatedness import auxiliary_languages
from scalemt.prompts import Surroundings
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.cleaning import clean
from scalemt.specialists.road import Drafted, PivotRoad, Road
from scalemt.types import Completion, Decision, Demonstration, Pair, Segment

MOST_AUXILIARIES = 5
Mode = Literal["specialist", "self"]


@dataclass(frozen=True)
class Auxiliary:
    """One translation into a third language, as a prompt shows it, or why there is none."""

    language: str
    text: str
    maker: str = ""
    fault: str = ""

    @property
    def named(self) -> tuple[str, str]:
        """The language as prompts name it, and the text."""
        return languages.name(self.language), self.text

    @property
    def decision(self) -> Decision:
        """Who made it and what it says, or why there is none."""
        if self.text:
            return Decision("auxiliaries", self.language, f"{self.maker}: {self.text}")
        return Decision("auxiliaries", f"no {self.language}", self.fault)


class ParallelMethod(Method):
    """The generalist translates a text of which it sees translations into languages near to the target.

    Specialists make them, of the segment and of the demonstrations (PMP-O of the paper, with machines in place of
    people); or the generalist makes them first (PMP-S), and demonstrations show those that the project's own pool
    holds, as the paper trains on translations by people. Which languages: those that the user names, else by
    `auxiliary_languages`, of which those that a specialist reaches directly come before those through a pivot; a
    pivot that is the target itself is none, since all that it knows is in the draft. The paper fixes one auxiliary
    for each language and tells nothing of several, nor of a draft beside them: `count` and `drafts` are this
    project's, and the draft is shown since that measured much better. It is the fall-back too.

    Where no auxiliary can be had the prompt is a plain one: with a draft to refine, or without.

    Args:
        mode: "specialist", or "self" for translations that the generalist makes itself.
        auxiliaries: languages by hand, in the order of the prompt; text with commas, or a list.
        count: how many languages where none is named.
        drafts: show the specialist's draft in the target language too, where there is one; the paper does not.

    Raises:
        UnknownLanguageError: one of the languages is none.
        ConfigurationError: there are more than 5, or `count` is not from 1 to 5.
    """

    name = "parallel"
    needs_specialist = False
    drafts_where_possible = True
    needs_generalist = True
    template = {"chat": "parallel", "base": "parallel-plain"}  # noqa: RUF012  # never written to

    def __init__(
        self,
        mode: Mode = "specialist",
        auxiliaries: str | Sequence[str] = (),
        count: int = 1,
        drafts: bool = True,
    ) -> None:
        # Not only at commas: those part options where they stand in one variable.
        given = (
            auxiliaries.replace(",", " ").replace("+", " ").split()
            if isinstance(auxiliaries, str)
            else auxiliaries
        )
        self.auxiliaries = tuple(dict.fromkeys(languages.parse(code) for code in given))
        if not 1 <= count <= MOST_AUXILIARIES or len(self.auxiliaries) > MOST_AUXILIARIES:
            found = len(self.auxiliaries) or count
            raise ConfigurationError(f"{found} auxiliary languages are wanted; expected 1 to {MOST_AUXILIARIES}.")
        self.mode = mode
        self.count = count
        self.drafts = drafts
        if mode == "self":
            self.most_calls = 1 + (len(self.auxiliaries) or count)

    @property
    def signature(self) -> str:
        """The name, who makes auxiliaries, and whether the draft is hidden."""
        return f"{self.name}[{self.mode}{'' if self.drafts else ',drafts:no'}]"

    def signature_for(self, kit: Kit) -> str:
        """Return the signature with the languages, and the specialists that make them."""
        chosen = self._chosen(kit)
        made = {} if self.mode == "self" else chosen
        told = [f"{tag}={road.signature}" if (road := made.get(tag)) else tag for tag in chosen]
        return f"{self.signature}({';'.join(told) or 'none'})"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, have auxiliaries made, and render prompts; those of mode "self" are plain until it has asked."""
        drafted = kit.road.draft(segments) if kit.road else [Drafted((), None)] * len(segments)
        chosen = self._chosen(kit)
        lost = () if chosen and self.mode == "self" else self._lost(chosen, kit)
        prepared = [
            Prepared(segment, item.shown, item.standing, tuple(row), decisions=lost)
            for segment, item, row in zip(segments, drafted, self._rows(segments, chosen, kit), strict=True)
        ]
        roads = {} if self.mode == "self" else {tag: road for tag, road in chosen.items() if road}
        made = [_drafted(segments, tag, road) for tag, road in roads.items()]
        return [self._rendered(item, [row[place] for row in made], kit) for place, item in enumerate(prepared)]

    def talk(self, prepared: Sequence[Prepared], kit: Kit) -> Talk:
        """Have the generalist make the auxiliaries itself, in mode "self"."""
        tags = list(self._chosen(kit)) if self.mode == "self" else []
        if not tags:
            return list(prepared)
        answers = iter(
            (yield [_question(item, place, tag, kit) for tag in tags for place, item in enumerate(prepared)])
        )
        made = [[_heard(item, tag, next(answers), kit) for item in prepared] for tag in tags]
        return [self._rendered(item, [row[place] for row in made], kit) for place, item in enumerate(prepared)]

    def _chosen(self, kit: Kit) -> dict[str, Road | None]:
        """Return the auxiliary languages of a pair, each with the road that its translations come by.

        In mode "self" a road serves for demonstrations only, and need not be there.
        """
        source = kit.pair.source
        sides = {languages.base(tag) for tag in kit.pair}
        for tag in self.auxiliaries:
            if languages.base(tag) in sides:
                raise ConfigurationError(
                    f"The auxiliary {tag} is one side of {kit.pair}. Choose a third language."
                )
        wanted = self.auxiliaries or auxiliary_languages(kit.pair)
        if self.mode == "self":
            return {tag: kit.road_for(Pair(source, tag)) for tag in wanted[: len(self.auxiliaries) or self.count]}
        roads = {
            tag: road for tag in wanted if (road := kit.road_for(Pair(source, tag))) and _adds(road, kit.pair)
        }
        if self.auxiliaries:
            return dict(roads)
        direct = [tag for tag, road in roads.items() if not isinstance(road, PivotRoad)]
        return {tag: roads[tag] for tag in [*direct, *(tag for tag in roads if tag not in direct)][: self.count]}

    def _lost(self, chosen: Mapping[str, Road | None], kit: Kit) -> tuple[Decision, ...]:
        """Tell which languages were named by hand and cannot be had, or that there is none at all."""
        if not chosen:
            return (Decision("auxiliaries", "none", self._why_none(kit)),)
        why = f"no specialist translates from {kit.pair.source} to it"
        return tuple(Decision("auxiliaries", f"no {tag}", why) for tag in self.auxiliaries if tag not in chosen)

    def _why_none(self, kit: Kit) -> str:
        wanted = self.auxiliaries or auxiliary_languages(kit.pair)
        if not wanted:
            return f"the table of relatedness has no third language for {kit.pair}: a plain prompt is sent"
        named = ", ".join(wanted)
        return f"no specialist translates from {kit.pair.source} to any of {named}: a plain prompt is sent"

    def _rows(
        self, segments: Sequence[Segment], chosen: Mapping[str, Road | None], kit: Kit
    ) -> list[list[Demonstration]]:
        """Return demonstrations with all that a prompt may show: drafts, and translations into each language."""
        rows = kit.choose(segments)
        recorded = kit.road is not None and not kit.road.makers()
        if recorded and not all(item.drafts for row in rows for item in row):
            rows = without_drafts(rows)  # drafts made elsewhere are of the segments alone
        else:
            rows = kit.standing(rows)
        sources = list(dict.fromkeys(item.source for row in rows for item in row))
        pooled = self.mode == "self"
        known = [(languages.name(tag), _known(sources, tag, road, kit, pooled)) for tag, road in chosen.items()]
        return [
            [
                replace(
                    item,
                    auxiliaries=tuple((name, texts[item.source]) for name, texts in known if item.source in texts),
                )
                for item in row
            ]
            for row in rows
        ]

    def _rendered(self, item: Prepared, auxiliaries: Sequence[Auxiliary], kit: Kit) -> Prepared:
        """Return a segment with its prompt: by its auxiliaries, or, where it has none, a plain one."""
        had = dict(one.named for one in auxiliaries if one.text)
        draft = item.standing if item.standing and item.standing.text.strip() else None
        drafts = (draft,) if draft and (self.drafts or not had) else ()
        row = [
            replace(one, auxiliaries=tuple(pair for pair in one.auxiliaries if pair[0] in had))
            for one in item.demonstrations
        ]
        shots = row if drafts else without_drafts([row])[0]
        masked = shown(item.segment)
        return replace(
            item,
            prompt=kit.prompt(item.segment, drafts, shots, auxiliaries=tuple(had.items())),
            decisions=(*item.decisions, *(one.decision for one in auxiliaries)),
            others=tuple(held(masked, item.segment, text).text for text in had.values()),
        )


def _adds(road: Road, pair: Pair) -> bool:
    """Whether a road may know more than the draft of the pair does."""
    return not isinstance(road, PivotRoad) or languages.base(road.pivot) != languages.base(pair.target)


def _drafted(segments: Sequence[Segment], tag: str, road: Road) -> list[Auxiliary]:
    """Return a specialist's translations; that they cannot be made takes no segment with it."""
    try:
        drafted = road.draft(segments)
    except BackendError as fault:
        return [Auxiliary(tag, "", fault=str(fault))] * len(segments)
    made = []
    for segment, item in zip(segments, drafted, strict=True):
        if item.standing is None or not item.standing.text.strip():
            made.append(Auxiliary(tag, "", fault="the specialist gave nothing"))
            continue
        maker = " and ".join(dict.fromkeys(draft.engine for draft in (*item.shown, item.standing)))
        made.append(Auxiliary(tag, shown_draft(item.standing, shown(segment)).text, maker))
    return made


def _known(sources: Sequence[str], tag: str, road: Road | None, kit: Kit, pooled: bool) -> dict[str, str]:
    """Return translations of the sources of demonstrations into a language, as far as there are any.

    Args:
        pooled: those by people come first, of the project's own demonstrations.
    """
    pool = packaged_demonstrations(Pair(kit.pair.source, tag)) if pooled and sources else []
    people = {item.source: item.target for item in pool}
    found = {source: people[source] for source in sources if source in people}
    if road is None:
        return found
    try:
        drafts = kit.standing_drafts([source for source in sources if source not in found], road)
    except BackendError as fault:
        kit.notice(f"Demonstrations are shown without {languages.name(tag)}: {fault}")
        return found
    return found | {source: draft.text for source, draft in drafts.items()}


def _question(item: Prepared, place: int, tag: str, kit: Kit) -> Question:
    """Ask for a translation into an auxiliary language, as for one into the target: by demonstrations."""
    masked = shown(item.segment)
    texts = [(one.source, dict(one.auxiliaries).get(languages.name(tag))) for one in item.demonstrations]
    shots = [Demonstration(source, text) for source, text in texts if text]
    told = Surroundings(protected=bool(item.segment.spans))
    prompt = kit.template.render(masked.text, (), shots, Pair(kit.pair.source, tag), surroundings=told)
    return Question(prompt, place, 64 + 3 * len(masked.text.encode()))


def _heard(item: Prepared, tag: str, completion: Completion, kit: Kit) -> Auxiliary:
    """Return what the generalist made, if it may be shown: what fails checks would only mislead it."""
    if completion.finish_reason == "error":
        return Auxiliary(tag, "", fault=str(completion.error))
    pair = Pair(kit.pair.source, tag)
    masked = shown(item.segment)
    text = clean(completion.text, masked.text, kit.template.answer_labels(pair))
    checks = run_checks(Subject(masked.text, text, pair, finished=completion.finish_reason == "stop"))
    failed = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    if failed:
        return Auxiliary(tag, "", fault="; ".join(failed))
    return Auxiliary(tag, text, "the generalist")
