"""A test set of translations with rules, made of parallel lines in the manner of IF-MT (Tower+, arXiv 2506.17080).

IF-MT has a strong model write source, rules and reference together, and another one judge what was kept. Here both
are programs: rules are drawn for a line that its source calls for and that its reference keeps, or can be made to
keep without harm; what is kept is verified. As in IFEval (Zhou et al. 2023, arXiv 2311.07911) a rule is kept
strictly, or loosely, when one of a few usual additions is taken off first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scalemt.errors import ConfigurationError, UsageError
from scalemt.quality.rules import RULES, Rule, RuleSet
from scalemt.text.alignment import alike, bare_word
from scalemt.types import Pair, Segment

_LEAST_LETTERS = 5  # of a word of a draft that is to be avoided


@dataclass(frozen=True)
class Item:
    """One line with its rules.

    Args:
        source: the line.
        reference: its translation as it keeps the rules.
        rules: one or more.
        id: the number of the line, from 1.
    """

    source: str
    reference: str
    rules: RuleSet
    id: str = ""

    @property
    def segment(self) -> Segment:
        """The line as the method `instruct` takes it with the option `notes`."""
        return Segment(self.source, self.id, note=f"rules: {self.rules.text}")


def make_items(
    sources: Sequence[str],
    references: Sequence[str],
    pair: Pair,
    *,
    seed: int = 0,
    most: int = 3,
    rules: Iterable[str] = (),
    drafts: Sequence[str] = (),
) -> list[Item]:
    """Draw rules for lines; lines for which there are none are left out.

    Args:
        sources, references: N lines each.
        pair: their languages.
        seed: the same lines with the same seed have the same rules, whatever stands beside them.
        most: rules of one line; how many there are is drawn from 1 to this.
        rules: the names of rules to draw from; all of them by default.
        drafts: N translations by a specialist: words that they use and the reference does not may be forbidden.

    Raises:
        ConfigurationError: the numbers of lines differ, or `most` is less than 1.
        UnknownNameError: there is no rule of a name.
    """
    if len(sources) != len(references) or (drafts and len(drafts) != len(sources)) or most < 1:
        raise ConfigurationError(
            f"{len(sources)} sources, {len(references)} references and {len(drafts) or 'no'} drafts with at most "
            f"{most} rules each make no test set. Give as many of each, and at least one rule."
        )
    kinds: list[type[Rule]] = [RULES.load(name) for name in dict.fromkeys(rules or RULES.names())]
    made = []
    for number, (source, reference) in enumerate(zip(sources, references, strict=True), 1):
        if not source.strip() or not reference.strip():
            continue
        dice = random.Random(f"{seed}|{source}")  # noqa: S311  # no secret
        proposed = [kind(value) for kind in kinds for value in kind.proposals(source, reference, pair, dice)]
        if drafts and any(kind.name == "avoid" for kind in kinds):
            proposed += _avoidable(drafts[number - 1], reference, dice)
        drawn, kept = _drawn(Segment(source), reference, proposed, pair, dice, dice.randint(1, most))
        if drawn:
            made.append(Item(source, kept, drawn, str(number)))
    return made


def _avoidable(draft: str, reference: str, dice: random.Random) -> list[Rule]:
    """Return the rule that forbids a word of the draft which the reference does without."""
    there = [bare_word(word) for word in reference.split()]
    words = dict.fromkeys(re.findall(rf"\b[^\W\d_]{{{_LEAST_LETTERS},}}\b", draft))
    free = [word for word in words if word.islower() and not any(alike(bare_word(word), other) for other in there)]
    kind = RULES.load("avoid")
    return [kind(dice.choice(free))] if free else []


def _drawn(
    segment: Segment, reference: str, proposed: Sequence[Rule], pair: Pair, dice: random.Random, count: int
) -> tuple[RuleSet, str]:
    """Return rules that go together, and the reference as it keeps them all."""
    chosen, kept = RuleSet(), reference
    for rule in dice.sample(list(proposed), len(proposed)):
        if len(chosen.rules) == count:
            break
        try:
            tried = RuleSet((*chosen.rules, rule))
            tried.require(pair)
        except UsageError:
            continue
        done = tried.finish(segment, reference, (), pair)
        if all(check.passed for check in tried.verdicts(segment, done.text, (), pair)):
            chosen, kept = tried, done.text
    return chosen, kept


@dataclass(frozen=True)
class RuleScore:
    """How often one rule was kept, in how many items that have it."""

    name: str
    items: int
    strict: int
    loose: int


@dataclass(frozen=True)
class Score:
    """What became of a test set; shares are 0 to 1.

    Args:
        rules: one row a rule, by name.
        strict, loose: the share of rules that were kept.
        whole, loosely_whole: the share of items that kept all of their rules.
        chrf: corpus chrF++ against the references, which keep the rules.
        product: mean over the items of sentence chrF++, 0 where a rule is broken; a text that only has the right
            form earns as little by it as a good one that breaks a rule.
    """

    rules: list[RuleScore] = field(default_factory=list)
    strict: float = 0.0
    loose: float = 0.0
    whole: float = 0.0
    loosely_whole: float = 0.0
    chrf: float = 0.0
    product: float = 0.0


def score_items(items: Sequence[Item], outputs: Sequence[str], pair: Pair) -> Score:
    """Verify the rules of all items in their outputs, and compare these with the references.

    Raises:
        ConfigurationError: the numbers differ, or there are none.
    """
    from sacrebleu.metrics.chrf import CHRF

    if len(items) != len(outputs) or not items:
        raise ConfigurationError(f"There are {len(outputs)} outputs for {len(items)} items. Give one for each.")
    metric = CHRF(word_order=2)
    counted: dict[str, list[tuple[bool, bool]]] = {}
    whole = []
    for item, output in zip(items, outputs, strict=True):
        verdicts = _verdicts(item, output, pair)
        for rule, verdict in zip(item.rules.rules, verdicts, strict=True):
            counted.setdefault(rule.name, []).append(verdict)
        points = metric.sentence_score(output, [item.reference]).score
        whole.append((all(strict for strict, _ in verdicts), all(loose for _, loose in verdicts), points))
    every = [verdict for found in counted.values() for verdict in found]
    return Score(
        [_row(name, found) for name, found in sorted(counted.items())],
        _share(strict for strict, _ in every),
        _share(loose for _, loose in every),
        _share(strict for strict, _, _ in whole),
        _share(loose for _, loose, _ in whole),
        float(metric.corpus_score(list(outputs), [[item.reference for item in items]]).score),
        sum(points for strict, _, points in whole if strict) / len(whole),
    )


def _row(name: str, found: Sequence[tuple[bool, bool]]) -> RuleScore:
    return RuleScore(name, len(found), sum(strict for strict, _ in found), sum(loose for _, loose in found))


def _share(found: Iterable[bool]) -> float:
    values = list(found)
    return sum(values) / len(values)


def _verdicts(item: Item, output: str, pair: Pair) -> list[tuple[bool, bool]]:
    """Return for each rule whether it is kept strictly, and loosely."""
    segment = Segment(item.source)
    columns = [[check.passed for check in item.rules.verdicts(segment, text, (), pair)] for text in _loose(output)]
    return [(column[0], any(column)) for column in zip(*columns, strict=True)]


def _loose(output: str) -> list[str]:
    """Return a text, and what it is without usual additions: marks, a first or last line, quotes."""
    bare = output.strip()
    lines = bare.splitlines()
    variants = [output, bare, bare.replace("*", ""), "\n".join(lines[1:]), "\n".join(lines[:-1])]
    variants += [text.strip("\"“”«»'`").strip() for text in variants]
    return [output, *(text for text in dict.fromkeys(variants) if text.strip())]
