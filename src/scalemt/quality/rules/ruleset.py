"""Several rules together: conflicts found at the start, what a program does for them, and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import combinations

from scalemt.errors import ConfigurationError
from scalemt.quality.rules.base import Edit, Frame, Rule, Wants, cut
from scalemt.text.spans import prose, rewrite
from scalemt.types import Candidate, Check, Pair, Segment, Span

_LEVELS = range(4)


@dataclass(frozen=True, slots=True)
class Finished:
    """A text after a program has done for its rules what it could; `told` says what that was."""

    text: str
    spans: tuple[Span, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """Rules that hold for one segment.

    Args:
        rules: in the order in which they are said; one that is written twice counts once.
        finishing: whether a program keeps those that it can.

    Raises:
        ConfigurationError: two of them cannot both be kept.
    """

    rules: tuple[Rule, ...] = ()
    finishing: bool = True

    def __post_init__(self) -> None:
        unique = tuple({rule.text: rule for rule in self.rules}.values())
        object.__setattr__(self, "rules", unique)
        for one, other in combinations(unique, 2):
            if one.forbids(other) or other.forbids(one) or _apart(one.wants(), other.wants()):
                raise ConfigurationError(
                    f"The rules {one.text!r} and {other.text!r} cannot both be kept. Leave one of them out."
                )

    def __bool__(self) -> bool:
        return bool(self.rules)

    def __add__(self, other: RuleSet) -> RuleSet:
        return RuleSet((*self.rules, *other.rules), self.finishing)

    @property
    def text(self) -> str:
        """The rules as they are written."""
        return "; ".join(rule.text.replace(";", "\\;") for rule in self.rules)

    @property
    def signature(self) -> str:
        """Their number and the start of a hash of them."""
        return f"{len(self.rules)}.{sha256(self.text.encode()).hexdigest()[:8]}"

    @cached_property
    def excused(self) -> frozenset[str]:
        """The checks that a translation may fail because of the rules."""
        return frozenset().union(*(rule.excuses for rule in self.rules))

    def require(self, pair: Pair) -> None:
        """Refuse a pair for which a rule cannot be checked.

        Raises:
            ConfigurationError: it cannot.
        """
        for rule in self.rules:
            rule.require(pair)

    def said(self, pair: Pair, *, every: bool = True) -> tuple[str, ...]:
        """Return the rules as sentences for a prompt; all of them, or those that a program does not keep."""
        return tuple(rule.say(pair) for rule in self.rules if every or not (self.finishing and rule.finishes))

    def judge(self, candidate: Candidate, segment: Segment, pair: Pair) -> Candidate:
        """Return a candidate with verdicts on the rules, as it would be finished, and with checks excused."""
        done = self.finish(segment, candidate.text, candidate.spans, pair)
        checks = tuple(
            Check(check.name, True, f"excused by a rule: {check.detail}")
            if not check.passed and check.name in self.excused
            else check
            for check in candidate.checks
        )
        return replace(candidate, checks=checks, rules=self.verdicts(segment, done.text, done.spans, pair))

    def verdicts(self, segment: Segment, text: str, spans: Sequence[Span], pair: Pair) -> tuple[Check, ...]:
        """Return a verdict for each rule, in order, on a text as it stands but for the white space around it."""
        found: dict[str, str] = {}
        held = _stripped(Finished(text, tuple(spans)))
        for level in reversed(_LEVELS):
            rules = [rule for rule in self.rules if rule.level == level]
            for rule in rules:
                found[rule.text] = _broken(rule, segment, held, pair)
            for frame in reversed(rules):
                if isinstance(frame, Frame):
                    held = _without(frame, held)
        return tuple(Check(rule.text, not found[rule.text], found[rule.text]) for rule in self.rules)

    def finish(self, segment: Segment, text: str, spans: Sequence[Span], pair: Pair) -> Finished:
        """Return a text with all done for the rules that a program can do without harm to the meaning.

        What it does not keep by that it leaves as it was, and it never touches protected spans.
        """
        held = Finished(text, tuple(spans))
        if not self.finishing or not text.strip():
            return held
        held = _stripped(held)
        before, _, after = text.partition(held.text)
        frames = [
            rule for level in _LEVELS for rule in self.rules if rule.level == level and isinstance(rule, Frame)
        ]
        for frame in reversed(frames):
            held = _without(frame, held)
        for level in _LEVELS:
            # Capitals and marks come last: figures may become words.
            for rule in sorted(self.rules, key=lambda rule: rule.prose):
                if rule.level != level:
                    continue
                if isinstance(rule, Frame):
                    held = applied(held, rule.around(held.text))
                elif _broken(rule, segment, held, pair):
                    held = _mended(rule, segment, held, pair)
        broken = {check.name for check in self.verdicts(segment, text, spans, pair) if not check.passed}
        left = {check.name for check in self.verdicts(segment, held.text, held.spans, pair) if not check.passed}
        told = tuple(rule.text for rule in self.rules if rule.text in broken - left)
        around = [Edit(0, 0, before), Edit(len(held.text), len(held.text), after)]
        return replace(applied(held, around), told=told)


def _stripped(held: Finished) -> Finished:
    text = held.text
    return applied(held, cut(text, len(text) - len(text.lstrip()), len(text.rstrip()))) if text.strip() else held


def _apart(one: Wants | None, other: Wants | None) -> bool:
    if one is None or other is None or one.measure != other.measure:
        return False
    return max(one.least, other.least) > min(one.most, other.most)


def _broken(rule: Rule, segment: Segment, held: Finished, pair: Pair) -> str:
    """Return how a text breaks a rule; tags are no part of either text, and for rules of prose no span is."""
    if isinstance(rule, Frame):
        return rule.check(segment.text, held.text, pair)
    if rule.prose:
        return rule.check(prose(segment.text, segment.spans), prose(held.text, held.spans), pair)
    return rule.check(_untagged(segment.text, segment.spans), _untagged(held.text, held.spans), pair)


def _untagged(text: str, spans: Sequence[Span]) -> str:
    return rewrite(text, spans, lambda span, inner: "" if span.kind == "tag" else inner)[0]


def _without(frame: Frame, held: Finished) -> Finished:
    edits = frame.off(held.text)
    return held if edits is None else applied(held, edits)


def _mended(rule: Rule, segment: Segment, held: Finished, pair: Pair) -> Finished:
    changed = applied(held, rule.edits(segment.text, held.text, pair))
    return changed if not _broken(rule, segment, changed, pair) else held


def applied(held: Finished, edits: Iterable[Edit]) -> Finished:
    """Return a text with edits applied, but for those that touch a span, and its spans where they stand then."""
    pieces: list[str] = []
    moved = list(held.spans)
    end = shift = 0
    for edit in edits:
        if any(edit.start < span.end and edit.end > span.start for span in held.spans):
            continue
        pieces += [held.text[end : edit.start], edit.text]
        end, grown = edit.end, len(edit.text) - (edit.end - edit.start)
        shift += grown
        moved = [
            _moved(span, grown) if original.start >= edit.end else span
            for span, original in zip(moved, held.spans, strict=True)
        ]
    return Finished("".join(pieces) + held.text[end:], tuple(moved), held.told)


def _moved(span: Span, by: int) -> Span:
    return replace(span, start=span.start + by, end=span.end + by)
