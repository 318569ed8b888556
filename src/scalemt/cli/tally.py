"""What a run should tell its user at the end: failures, fall-backs, sources in another language."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from scalemt.cli.options import say, visible

if TYPE_CHECKING:
    from scalemt.types import Translation

_NAMED = 20  # failures that are named one by one


class Tally:
    """Counts over the translations of one run; holds no translation, so that runs can be long."""

    def __init__(self) -> None:
        self.total = 0
        self.failed = 0
        self.fallbacks = 0
        self.suspects = 0
        self.calls = 0
        self.cached = 0
        self.asked: int | None = None
        self.spans: Counter[str] = Counter()
        self.mended = 0
        self.reused = 0
        self.terms: Counter[str] = Counter()
        self.wanted: Counter[tuple[str, bool]] = Counter()
        self._first_suspect = ""
        self._named: list[str] = []
        self._missed: list[str] = []

    def add(self, item: Translation) -> None:
        """Count one translation."""
        self.total += 1
        self.calls += item.usage.calls
        self.cached += item.usage.cached
        if chosen := {decision.outcome for decision in item.decisions if decision.step == "deferral"}:
            self.asked = (self.asked or 0) + ("asked" in chosen)
        self.spans.update(span.kind for span in item.spans)
        self.mended += any(decision.step == "spans" for decision in item.decisions) and not item.error
        steps = {decision.step: decision.reason for decision in item.decisions}
        self.reused += any((step.step, step.outcome) == ("memory", "reused") for step in item.decisions)
        self._count_terms(item)
        if "source" in steps:
            self.suspects += 1
            self._first_suspect = self._first_suspect or f"segment {item.segment.id}: {steps['source']}"
        if item.error:
            self.failed += 1
            if len(self._named) < _NAMED:
                self._named.append(visible(f"Failed: segment {item.segment.id}: {item.error}"))
        elif "generalist" in steps:
            self.fallbacks += 1

    def _count_terms(self, item: Translation) -> None:
        for use in item.terms:
            if use.origin != "glossary":
                # Nobody but the method wants them: what does not hold them is no fault.
                self.wanted[use.origin, use.state in ("applied", "inflected")] += 1
                continue
            self.terms[use.state] += 1
            if use.state in ("missed", "overridden") and len(self._missed) < _NAMED:
                instead = f", but {use.found!r} is there" if use.found else ""
                wanted = f"{use.source} = {use.target}{instead}"
                self._missed.append(visible(f"Term not used: segment {item.segment.id}: {wanted}"))

    def report(self, *, every: bool = False) -> None:
        """Print what happened to standard error.

        Args:
            every: tell of the run also when all was asked and all went well.
        """
        if every:
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in self.spans.most_common())
            mended = (
                f"; in {self.mended:,} segments they were put right (--explain tells how)" if self.mended else ""
            )
            done = f"{self.total - self.failed:,} of {self.total:,} segments translated"
            say(f"{done}; protected spans kept: {kinds or 'none'}{mended}.")
        if self.cached:
            answers = self.cached + self.calls
            say(f"{self.cached} of {answers} answers came from the cache; --no-cache asks for all of them anew.")
        if self.asked is not None:
            say(
                f"The generalist was asked for {self.asked} of {self.total} segments; the others keep their draft."
            )
        if self.suspects:
            say(f"{self.suspects} of {self.total} sources may be in another language ({self._first_suspect}).")
        if self.reused:
            say(f"{self.reused} of {self.total} segments were reused from a memory; --reuse off translates them.")
        self._report_terms()
        if self.fallbacks:
            say(f"The generalist failed for {self.fallbacks} of {self.total} segments; others stand in for it.")
        for line in self._named:
            click.echo(line, err=True)
        if self.failed:
            more = "; --json lists them all" if self.failed > _NAMED else ""
            click.echo(f"{self.failed} of {self.total} segments failed{more}.", err=True)

    def _report_terms(self) -> None:
        for method in sorted({origin for origin, _ in self.wanted}):
            held, other = self.wanted[method, True], self.wanted[method, False]
            say(f"{held} of {held + other} uses of terms hold what {method} settled for them.")
        if not self.terms:
            return
        total = sum(self.terms.values())
        used = self.terms["applied"] + self.terms["inflected"]
        say(f"{used} of {total} terms of the glossary are used.")
        for line in self._missed:
            click.echo(line, err=True)
        left = self.terms["missed"] + self.terms["overridden"] - len(self._missed)
        if left > 0:
            click.echo(f"{left} more terms are not used; --json lists them all.", err=True)
