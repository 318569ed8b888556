"""How well whole texts keep to a glossary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scalemt.glossary.matching import TermFinder
from scalemt.glossary.verifying import missed, verify
from scalemt.types import Pair, TermState, TermUse

STATES: tuple[TermState, ...] = ("applied", "inflected", "overridden", "missed")


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the terms of many lines.

    Args:
        lines: how many lines were looked at.
        counts: occurrences of terms in the sources by what became of them.
        faults: the uses that are faults, each with its line from 1.
    """

    lines: int
    counts: dict[TermState, int]
    faults: tuple[tuple[int, TermUse], ...]

    @property
    def terms(self) -> int:
        """How many occurrences of terms the sources have."""
        return sum(self.counts.values())

    @property
    def percentage(self) -> float | None:
        """Percent of the occurrences whose translation is as wanted, inflected or not; None without any."""
        used = self.counts["applied"] + self.counts["inflected"]
        return 100 * used / self.terms if self.terms else None


def check(finder: TermFinder, lines: Iterable[tuple[str, str]], pair: Pair) -> Checked:
    """Look for the terms of each source and for what became of them in its translation.

    Args:
        finder: of the glossary.
        lines: pairs of source and translation.
        pair: the direction of the translations.
    """
    counts: Counter[TermState] = Counter()
    faults: list[tuple[int, TermUse]] = []
    number = 0
    for number, (source, translation) in enumerate(lines, 1):
        uses = verify(finder.find(source), translation, pair)
        counts.update(use.state for use in uses)
        faults += [(number, use) for use in missed(uses)]
    return Checked(number, {state: counts[state] for state in STATES}, tuple(faults))
