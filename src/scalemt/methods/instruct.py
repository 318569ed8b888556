"""Instruct: translation by rules that a program can verify (Tower+ and IF-MT, Rei et al., arXiv 2506.17080)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scalemt.errors import ConfigurationError, SpecialistError, UsageError
from scalemt.memory.matching import without_drafts
from scalemt.methods.base import Answer, Kit, Method, Prepared
from scalemt.methods.integrity import shown, shown_draft
from scalemt.quality.checks import Subject, run_checks
from scalemt.quality.rule_judging import broken_rules
from scalemt.quality.rules import Frame, RuleSet, load_rules, read_rules
from scalemt.quality.rules.words import Keep
from scalemt.specialists.road import DirectRoad, Drafted, Road
from scalemt.text.spans import fault
from scalemt.types import Candidate, Decision, Demonstration, Draft, Segment, Span, Translation

MOST_RETRIES = 5
_NOTED = re.compile(r"(?im)(?:^|[;.])\s*rules:(.*)$")  # formats join the comments of a segment by semicolons
_MOST_SAMPLED = 3  # samples that become candidates


@dataclass(frozen=True)
class Instructed(Prepared):
    """A segment with its rules.

    Args:
        asked: rounds of the run that have been answered.
        fewest: broken rules of the best answer so far, -1 before there is one.
    """

    asked: int = 0
    fewest: int = -1


class InstructMethod(Method):
    """The generalist translates, and keeps to rules; what breaks some is asked for again, the rules named.

    Decided here, since the body of the paper was not read: a draft that keeps all rules needs no call; what a
    program can do without harm to the meaning (capitals, wrappers, forms of dates and numbers) it does at the end,
    and the generalist is not asked for it; of answers, and of sampled drafts, the gate takes the one that keeps
    most rules, unless it is clearly worse, and none that breaks a rule which the draft keeps. Words that are to be
    kept go through the specialist as protected spans. Demonstrations that break a rule of the prompt are left out.

    Args:
        rules: `max-words=12; avoid=foo`, or a list of such texts.
        file: a TOML or JSON file of rules.
        notes: take further rules from the notes of segments, behind "rules:"; whoever writes the notes then
            decides.
        drafts: whether the specialist drafts.
        samples: drafts that are sampled where the best one breaks a rule that a program cannot mend, 0 for none.
        retries: how often an answer that breaks rules is asked for again.
        always: ask the generalist also where the draft keeps all rules.
        repair: have a program do what it can.
        tell: "needed" puts only those rules to the generalist that no program keeps, "all" every one.

    Raises:
        ConfigurationError, UnknownNameError, InputError: rules that cannot be read, or cannot all be kept.
    """

    name = "instruct"
    needs_specialist = True
    needs_generalist = True
    aims_at_rules = True
    shows_confidences = False
    template = {"chat": "instruct", "base": "instruct-plain"}  # noqa: RUF012  # never written to

    def __init__(  # noqa: PLR0913  # each is an option
        self,
        rules: str | list[str] = "",
        file: str = "",
        *,
        notes: bool = False,
        drafts: bool = True,
        samples: int = 8,
        retries: int = 1,
        always: bool = False,
        repair: bool = True,
        tell: str = "needed",
    ) -> None:
        if not 0 <= retries <= MOST_RETRIES:
            raise ConfigurationError(f"retries is {retries}; expected 0 to {MOST_RETRIES}.")
        if not 0 <= samples <= 64 or samples == 1:
            raise ConfigurationError(f"samples is {samples}; expected 0, or 2 to 64 drafts.")
        if tell not in ("needed", "all"):
            raise ConfigurationError(f"tell is {tell!r}. Valid choices: needed, all.")
        found = read_rules(rules) + (load_rules(Path(file)) if file else RuleSet())
        self.rules = RuleSet(found.rules, finishing=repair)
        self.notes = notes
        self.needs_specialist = drafts
        self.samples = samples if drafts else 0
        self.retries = retries
        self.always = always
        self.every = tell == "all"
        self.most_calls = 1 + retries

    @property
    def signature(self) -> str:
        """The name, the rules by number and hash, and the options that are set."""
        told = [f"rules:{self.rules.signature}", f"retries:{self.retries}", f"samples:{self.samples}"]
        told += [
            word
            for word, said in (
                ("notes", self.notes),
                ("no drafts", not self.needs_specialist),
                ("always", self.always),
                ("unfinished", not self.rules.finishing),
                ("all told", self.every),
            )
            if said
        ]
        return f"{self.name}[{','.join(told)}]"

    def signature_for(self, kit: Kit) -> str:
        """The same; here it is told early what is wrong with the rules."""
        self.rules.require(kit.pair)
        if not self.rules and not self.notes:
            kit.notice(
                'The method instruct was given no rules. Give some: --option "rules=max-words=12; avoid=foo".'
            )
        return self.signature

    def prepare(self, segments: Sequence[Segment], kit: Kit) -> list[Prepared]:
        """Draft, look which rules the drafts break, and render a prompt where there is something to mend."""
        road = kit.require_road(self.name) if self.needs_specialist else None
        ruled = [self._ruled(segment, kit) for segment in segments]
        drafted = self._drafted(ruled, road)
        items = [
            replace(item, drafts=made.shown, standing=made.standing)
            for item, made in zip(ruled, drafted, strict=True)
        ]
        broken = [_broken(item, kit) for item in items]
        items = [_told(item, found) for item, found in zip(items, broken, strict=True)]
        if self.samples and isinstance(road, DirectRoad):
            items = self._sampled(items, broken, road, kit)
        asked = {
            place: item
            for place, item in enumerate(items)
            if self.always or broken[place] is None or broken[place]
        }
        rows = self._shown(list(asked.values()), road, kit)
        for (place, item), row in zip(asked.items(), rows, strict=True):
            said = item.rules.said(kit.pair, every=self.every) if item.rules else ()
            prompt = kit.prompt(item.segment, item.drafts, row, rules=said)
            items[place] = replace(item, prompt=prompt, demonstrations=tuple(row))
        return list(items)

    def _ruled(self, segment: Segment, kit: Kit) -> Instructed:
        """Return a segment with the rules that hold for it."""
        written = _written(segment.note) if self.notes else ""
        if not written:
            return Instructed(segment, rules=self.rules)
        try:
            own = self.rules + read_rules(written)
            own.require(kit.pair)
        except UsageError as error:
            told = Decision("rules", "note left aside", str(error))
            return Instructed(segment, rules=self.rules, decisions=(told,))
        return Instructed(segment, rules=own)

    def _drafted(self, items: Sequence[Instructed], road: Road | None) -> list[Drafted]:
        """Draft, words that are to be kept as protected spans."""
        if road is None:
            return [Drafted((), None)] * len(items)
        return [
            Drafted(
                tuple(_own(draft, item.segment) for draft in made.shown),
                _own(made.standing, item.segment) if made.standing else None,
            )
            for item, made in zip(items, road.draft([_keeping(item) for item in items]), strict=True)
        ]

    def _sampled(
        self, items: list[Instructed], broken: Sequence[list[str] | None], road: DirectRoad, kit: Kit
    ) -> list[Instructed]:
        """Sample drafts of segments whose draft breaks rules; those that break fewer become candidates."""
        places = [place for place, found in enumerate(broken) if found]
        if not places:
            return items
        try:
            drafted = road.draft([_keeping(items[place]) for place in places], self.samples)
        except SpecialistError as error:  # one that cannot sample; the generalist is asked anyway
            told = Decision("rules", "not sampled", str(error))
            return [
                replace(item, decisions=(*item.decisions, told)) if found else item
                for item, found in zip(items, broken, strict=True)
            ]
        made = list(items)
        for place, row in zip(places, drafted, strict=True):
            item = items[place]
            found = _fewer(item, [_own(draft, item.segment) for draft in row.shown], kit)
            told = Decision("rules", "sampled", f"{len(found)} of {self.samples} drafts break fewer rules")
            made[place] = replace(item, alternatives=found, decisions=(*item.decisions, told))
        return made

    def _shown(self, items: Sequence[Instructed], road: Road | None, kit: Kit) -> list[list[Demonstration]]:
        """Choose demonstrations and hold them to the rules."""
        segments = [item.segment for item in items]
        rows = kit.choose_drafted(segments, 0) if road else without_drafts(kit.choose(segments))
        return [self._held(row, item.rules, kit) for item, row in zip(items, rows, strict=True)]

    def _held(self, row: Sequence[Demonstration], rules: RuleSet | None, kit: Kit) -> list[Demonstration]:
        """Return demonstrations that keep the rules which the prompt tells, finished where it tells all of them.

        What is wanted of the length of a text says nothing of others.
        """
        told = [
            rule
            for rule in (rules.rules if rules else ())
            if (rule.level != 1 or isinstance(rule, Frame)) and (self.every or not rule.finishes)
        ]
        if not told:
            return list(row)
        held = RuleSet(tuple(told), finishing=self.every)
        made = []
        for item in row:
            segment = Segment(item.source)
            done = held.finish(segment, item.target, (), kit.pair)
            if all(check.passed for check in held.verdicts(segment, done.text, (), kit.pair)):
                made.append(replace(item, target=done.text))
        return made

    def confirmed(self, translation: Translation, kit: Kit) -> Translation | None:
        """Finish what a memory holds; a text that breaks rules even then is not taken."""
        segment = translation.segment
        rules = self._ruled(segment, kit).rules
        if not rules:
            return translation
        done = rules.finish(segment, translation.text, translation.spans, kit.pair)
        verdicts = rules.verdicts(segment, done.text, done.spans, kit.pair)
        if not all(check.passed for check in verdicts):
            return None
        told = Decision("rules", f"{len(verdicts)} of {len(verdicts)} kept", "; ".join(done.told) or rules.text)
        return replace(
            translation,
            text=done.text,
            spans=done.spans,
            checks=(*translation.checks, *verdicts),
            decisions=(*translation.decisions, told),
        )

    def follow(self, prepared: Sequence[Prepared], answers: Sequence[Answer], kit: Kit) -> Sequence[Prepared]:
        """Ask again, naming the broken rules, while there are retries left."""
        return [
            self._after(item, said.candidate, kit) if isinstance(item, Instructed) and item.prompt else item
            for item, said in zip(prepared, answers, strict=True)
        ]

    def _after(self, item: Instructed, candidate: Candidate | None, kit: Kit) -> Instructed:
        place, item = item.asked, replace(item, asked=item.asked + 1)
        if candidate is None or not item.rules:
            return replace(item, prompt=None)
        judged = item.rules.judge(candidate, item.segment, kit.pair)
        wrong = broken_rules(judged)
        if item.fewest < 0 or len(wrong) < item.fewest:
            item = replace(item, fewest=len(wrong), result=place)
        if not wrong or any(check.name == "empty" and not check.passed for check in judged.checks):
            return replace(item, prompt=None)
        told = "; ".join(f"{check.name}: {check.detail}" for check in wrong)
        again = None
        if item.asked <= self.retries and item.prompt:
            answered = shown_draft(Draft(candidate.text, spans=candidate.spans), shown(item.segment)).text
            again = kit.template.amended(item.prompt, answered, [check.detail for check in wrong], kit.shown_pair)
        outcome = f"answer {item.asked} {'asked for again' if again else 'breaks some'}"
        return replace(item, prompt=again, decisions=(*item.decisions, Decision("rules", outcome, told)))


def _written(note: str) -> str:
    """Return the rules that a note holds: what stands behind "rules:", up to the end of the line."""
    return "; ".join(found[1] for found in _NOTED.finditer(note))


def _keeping(item: Instructed) -> Segment:
    """Return a segment with the words that are to be kept as protected spans, for a specialist."""
    segment = item.segment
    key = max((span.key for span in segment.spans), default=-1) + 1
    spans = list(segment.spans)
    for rule in item.rules.rules if item.rules else ():
        for found in rule.pattern.finditer(segment.text) if isinstance(rule, Keep) else ():
            start, end = found.span()
            if not any(start < span.end and end > span.start for span in spans):
                spans.append(Span(start, end, "term", key))
                key += 1
    return replace(segment, spans=tuple(sorted(spans, key=lambda span: span.start)))


def _own(draft: Draft, segment: Segment) -> Draft:
    """Return a draft with the spans of the segment alone."""
    own = {span.key for span in segment.spans}
    return replace(draft, spans=tuple(span for span in draft.spans if span.key in own))


def _broken(item: Instructed, kit: Kit) -> list[str] | None:
    """Return how the draft breaks rules, as it would be finished; None where there is no draft."""
    if item.standing is None or not item.standing.text.strip():
        return None
    return [f"{check.name}: {check.detail}" for check in broken_rules(_judged(item, item.standing, kit))]


def _judged(item: Instructed, draft: Draft, kit: Kit) -> Candidate:
    candidate = Candidate("draft", draft.text, spans=draft.spans)
    return item.rules.judge(candidate, item.segment, kit.pair) if item.rules else candidate


def _fewer(item: Instructed, drafts: Sequence[Draft], kit: Kit) -> tuple[tuple[str, Draft], ...]:
    """Return the sampled drafts that break fewer rules than the best one, fewest first, the most likely before."""
    assert item.standing is not None  # noqa: S101  # only drafts that break rules are sampled anew
    least = len(broken_rules(_judged(item, item.standing, kit)))
    unique = {draft.text: draft for draft in drafts}
    counted = [(len(broken_rules(_judged(item, draft, kit))), draft) for draft in unique.values()]
    usable = [
        (count, -(draft.score or 0.0) / max(1, len(draft.words)), draft)
        for count, draft in counted
        if count < least and _passes(item, draft, kit)
    ]
    best = sorted(usable, key=lambda row: row[:2])[:_MOST_SAMPLED]
    return tuple((f"sampled {number}", draft) for number, (*_, draft) in enumerate(best, 1))


def _passes(item: Instructed, draft: Draft, kit: Kit) -> bool:
    """Whether a sampled draft passes the checks of an answer: sampling finds much that is no translation."""
    segment, standing = item.segment, item.standing.text if item.standing else ""
    damage = fault(segment.text, segment.spans, draft.text, draft.spans) if segment.spans else ""
    subject = Subject(segment.text, draft.text, kit.pair, standing, damage=damage)
    candidate = Candidate("sampled", draft.text, run_checks(subject), spans=draft.spans)
    judged = item.rules.judge(candidate, segment, kit.pair) if item.rules else candidate
    return all(check.passed for check in judged.checks)


def _told(item: Instructed, broken: list[str] | None) -> Instructed:
    """Say which rules the draft breaks, or that it need not be touched."""
    if not item.rules or broken is None:
        return item
    outcome = "the draft breaks some" if broken else "the draft keeps all"
    why = "; ".join(broken) or item.rules.text
    return replace(item, decisions=(*item.decisions, Decision("rules", outcome, why)))
