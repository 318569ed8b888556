"""What a specialist gets wrong on dev: terms that it misses, checks that fail, lengths, the worst segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scalemt.evaluation.metrics.building import build_metric
from scalemt.glossary import Glossary, TermFinder, verify, wanted
from scalemt.glossary.entries import TermEntry
from scalemt.quality.checks import Subject, run_checks
from scalemt.training.judging import METRICS, measured
from scalemt.training.looping.configuration import Errors
from scalemt.training.pairs import Pairs
from scalemt.types import Pair

_LENGTHS = ((1, 5), (6, 15), (16, 30), (31, 10_000))  # words of a source
_USED = {"applied", "inflected"}


@dataclass(frozen=True, slots=True)
class WeakTerm:
    """A term of the references that outputs miss: how often it stands in the references, and is missed."""

    source: str
    target: str
    expected: int
    missed: int


@dataclass(frozen=True, slots=True)
class Weaknesses:
    """The error report of a specialist on dev.

    Args:
        terms: weak terms, the weakest first.
        known: occurrences of terms that the references translate as the glossary does.
        missed: of those, what the outputs lack.
        checks: how many outputs fail each check.
        lengths: chrF++ by the words of the source.
        worst: the worst segments: source, reference, output, chrF++.
    """

    terms: tuple[WeakTerm, ...]
    known: int
    missed: int
    checks: dict[str, int]
    lengths: dict[str, float]
    worst: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return asdict(self)

    def glossary(self, pair: Pair) -> Glossary:
        """Return the weak terms as a glossary."""
        entries = tuple(TermEntry(term.source, term.target) for term in self.terms)
        return Glossary(entries, pair.source, pair.target, "weak terms")


def find_weaknesses(
    outputs: Sequence[str], dev: Pairs, pair: Pair, glossary: Glossary, settings: Errors
) -> Weaknesses:
    """Return what is wrong with outputs.

    A term counts where the reference holds it as the glossary wants it: what the reference itself says otherwise
    is no error.

    Args:
        outputs: of dev.
        dev: sources and references.
        pair: the direction.
        glossary: terms that are looked for.
        settings: how many of what.
    """
    expected, lacking = _terms(outputs, dev, pair, glossary)
    weak = [
        WeakTerm(source, target, expected[source, target], count)
        for (source, target), count in lacking.items()
        if count >= settings.missed
    ]
    weak.sort(key=lambda term: (-term.missed, -term.missed / term.expected, term.source))
    metric = build_metric(METRICS[0])
    found = measured(metric, outputs, dev, pair)
    order = sorted(range(len(dev)), key=lambda number: float(found.segments[number]))[: settings.worst]
    return Weaknesses(
        terms=tuple(weak[: settings.terms]),
        known=expected.total(),
        missed=lacking.total(),
        checks=_checks(outputs, dev, pair),
        lengths=_by_length(metric, found.statistics, dev),
        worst=tuple(
            {
                "source": dev.sources[n], "reference": dev.targets[n], "output": outputs[n],
                METRICS[0]: round(float(found.segments[n]), 1),
            }
            for n in order
        ),
    )  # fmt: skip


def _terms(
    outputs: Sequence[str], dev: Pairs, pair: Pair, glossary: Glossary
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    finder = TermFinder(glossary, pair)
    expected: Counter[tuple[str, str]] = Counter()
    lacking: Counter[tuple[str, str]] = Counter()
    for source, reference, output in zip(dev.sources, dev.targets, outputs, strict=True):
        found = [term for term in finder.find(source) if wanted(term)]
        for right, made in zip(verify(found, reference, pair), verify(found, output, pair), strict=True):
            if right.state in _USED:
                key = (right.source, right.target)
                expected[key] += 1
                lacking[key] += made.state not in _USED
    return expected, +lacking


def _checks(outputs: Sequence[str], dev: Pairs, pair: Pair) -> dict[str, int]:
    failed: Counter[str] = Counter()
    for source, output in zip(dev.sources, outputs, strict=True):
        failed.update(check.name for check in run_checks(Subject(source, output, pair)) if not check.passed)
    return dict(failed.most_common())


def _by_length(metric: Any, statistics: Any, dev: Pairs) -> dict[str, float]:
    made = {}
    for low, high in _LENGTHS:
        rows = [n for n, source in enumerate(dev.sources) if low <= len(source.split()) <= high]
        if rows:
            name = f"{low}-{high} words" if high < _LENGTHS[-1][1] else f"{low} words and more"
            made[f"{name} ({len(rows)})"] = round(float(metric.score(statistics[rows].sum(axis=0)[None])[0]), 2)
    return made
