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
from scalemt.types import Completion, Decision, Demonstration, Pair, Prompt, Segment

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
    project's. What specialists give of the pair itself stays the fall-back.

    Where no auxiliary can be had the prompt is a plain one: with a draft to refine, or without.

    Args:
        mode: "specialist", or "self" for translations that the generalist makes itself.
        auxiliaries: languages by hand, in the order of the prompt; text with commas, or a list.
        count: how many languages where none is named.
        drafts: show the specialist's draft in the target language too.

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
        drafts: bool = False,
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
        """The name, who makes auxiliaries, and whether the draft is shown."""
        return f"{self.name}[{self.mode}{',drafts' if self.drafts else ''}]"

    def signature_for(self, kit: Kit) -> str:
        """Return the signature with the languages, and the specialists that make them."""
        chosen = self._chosen(kit)
        told = [f"{tag}={road.signature}" if road else tag for tag, road in chosen.items()]
        return f"{self.signature}({';'.join(told) or 'none'})"

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, have auxiliaries made, and render prompts; those of mode "self" are plain until it has asked."""
        drafted = kit.road.draft(segments) if kit.road else [Drafted((), None)] * len(segments)
        rows = self._rows(segments, kit)
        prepared = [
            Prepared(segment, item.shown, item.standing, tuple(row))
            for segment, item, row in zip(segments, drafted, rows, strict=True)
        ]
        chosen = self._chosen(kit)
        if self.mode == "self":
            return [self._rendered(item, (), {}, kit) for item in prepared]
        made = {tag: _drafted(segments, tag, road, kit) for tag, road in chosen.items() if road}
        known = {tag: _of_demonstrations(rows, tag, road, kit) for tag, road in chosen.items() if road}
        lost = () if made else (Decision("auxiliaries", "none", self._why_none(kit)),)
        return [
            self._rendered(
                replace(item, decisions=(*item.decisions, *lost)),
                [row[place] for row in made.values()],
                known,
                kit,
            )
            for place, item in enumerate(prepared)
        ]

    def talk(self, prepared: Sequence[Prepared], kit: Kit) -> Talk:
        """Have the generalist make the auxiliaries itself, in mode "self"."""
        tags = list(self._chosen(kit)) if self.mode == "self" else []
        if not tags:
            why = (Decision("auxiliaries", "none", self._why_none(kit)),) if self.mode == "self" else ()
            return [replace(item, decisions=(*item.decisions, *why)) for item in prepared]
        rows = [item.demonstrations for item in prepared]
        known = {
            tag: _of_demonstrations(rows, tag, kit.road_for(Pair(kit.pair.source, tag)), kit, True) for tag in tags
        }
        questions = [
            _question(item, place, tag, known[tag], kit) for tag in tags for place, item in enumerate(prepared)
        ]
        completions = yield questions
        answers = iter(completions)
        made = {tag: [_heard(item, tag, next(answers), kit) for item in prepared] for tag in tags}
        return [
            self._rendered(item, [row[place] for row in made.values()], known, kit)
            for place, item in enumerate(prepared)
        ]

    def _chosen(self, kit: Kit) -> dict[str, Road | None]:
        """Return the auxiliary languages of a pair, each with the road that its translations come by."""
        source = kit.pair.source
        sides = {languages.base(tag) for tag in kit.pair}
        for tag in self.auxiliaries:
            if languages.base(tag) in sides:
                raise ConfigurationError(
                    f"The auxiliary {tag} is one side of {kit.pair}. Choose a third language."
                )
        wanted = self.auxiliaries or auxiliary_languages(kit.pair)
        if self.mode == "self":
            return dict.fromkeys(wanted[: len(self.auxiliaries) or self.count])
        roads = {
            tag: road for tag in wanted if (road := kit.road_for(Pair(source, tag))) and _adds(road, kit.pair)
        }
        if self.auxiliaries:
            return dict(roads)
        direct = [tag for tag, road in roads.items() if not isinstance(road, PivotRoad)]
        return {tag: roads[tag] for tag in [*direct, *(tag for tag in roads if tag not in direct)][: self.count]}

    def _why_none(self, kit: Kit) -> str:
        wanted = self.auxiliaries or auxiliary_languages(kit.pair)
        if not wanted:
            return f"the table of relatedness has no third language for {kit.pair}: a plain prompt is sent"
        named = ", ".join(wanted)
        return f"no specialist translates from {kit.pair.source} to any of {named}: a plain prompt is sent"

    def _rows(self, segments: Sequence[Segment], kit: Kit) -> list[list[Demonstration]]:
        """Return demonstrations, with drafts where a prompt may show one."""
        rows = kit.choose(segments)
        recorded = kit.road is not None and not kit.road.makers()
        if kit.road is None or (recorded and not all(item.drafts for row in rows for item in row)):
            return without_drafts(rows)
        return kit.choose_standing(segments)

    def _rendered(
        self,
        item: Prepared,
        auxiliaries: Sequence[Auxiliary],
        known: Mapping[str, Mapping[str, str]],
        kit: Kit,
    ) -> Prepared:
        """Return a segment with its prompt: by its auxiliaries, or, where it has none, a plain one."""
        had = [one for one in auxiliaries if one.text]
        told = tuple(one.decision for one in auxiliaries)
        draft = item.standing if item.standing and item.standing.text.strip() else None
        drafts = (draft,) if draft and (self.drafts or not had) else ()
        row = [_with_auxiliaries(one, had, known) for one in item.demonstrations]
        prompt = kit.prompt(
            item.segment,
            drafts,
            row if drafts else without_drafts([row])[0],
            auxiliaries=[one.named for one in had],
        )
        others = tuple(held(shown(item.segment), item.segment, one.text).text for one in had)
        return replace(item, prompt=prompt, decisions=(*item.decisions, *told), others=others)


def _adds(road: Road, pair: Pair) -> bool:
    """Whether a road may know more than the draft of the pair does."""
    return not isinstance(road, PivotRoad) or languages.base(road.pivot) != languages.base(pair.target)


def _drafted(segments: Sequence[Segment], tag: str, road: Road, kit: Kit) -> list[Auxiliary]:
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


def _of_demonstrations(
    rows: Sequence[Sequence[Demonstration]], tag: str, road: Road | None, kit: Kit, pool: bool = False
) -> dict[str, str]:
    """Return translations of the sources of demonstrations, as far as there are any.

    Args:
        pool: those by people come first, of the project's own demonstrations.
    """
    sources = dict.fromkeys(item.source for row in rows for item in row)
    found = {}
    if pool:
        pairs = packaged_demonstrations(Pair(kit.pair.source, tag))
        found = {item.source: item.target for item in pairs if item.source in sources}
    if road:
        try:
            drafts = kit.standing_drafts([source for source in sources if source not in found], road)
        except BackendError:
            return found  # what ails the road is told for each segment
        found |= {source: draft.text for source, draft in drafts.items()}
    return found


def _with_auxiliaries(
    item: Demonstration, had: Sequence[Auxiliary], known: Mapping[str, Mapping[str, str]]
) -> Demonstration:
    texts = [(languages.name(one.language), known[one.language].get(item.source, "")) for one in had]
    return replace(item, auxiliaries=tuple((name, text) for name, text in texts if text))


def _question(item: Prepared, place: int, tag: str, known: Mapping[str, str], kit: Kit) -> Question:
    """Ask for a translation into an auxiliary language, as for one into the target: by demonstrations."""
    masked = shown(item.segment)
    shots = [Demonstration(one.source, known[one.source]) for one in item.demonstrations if one.source in known]
    told = Surroundings(protected=bool(item.segment.spans))
    prompt: Prompt = kit.template.render(masked.text, (), shots, Pair(kit.pair.source, tag), surroundings=told)
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
