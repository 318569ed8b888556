"""The glossary in use, as a source: what it says of a term holds, and is not tested."""

from __future__ import annotations

from collections.abc import Sequence

from scalemt.methods.agents.sources.base import Finding, Setting, Source, SourceMissingError


class GlossarySource(Source):
    """Entries whose term is the whole of what is asked for."""

    trust = 1.0
    authority = True

    def __init__(self, setting: Setting, argument: str = "") -> None:
        if setting.terms is None:
            raise SourceMissingError(
                "No glossary is in use. Name one with --glossary FILE, or glossary in the profile."
            )
        self._finder = setting.terms
        self.name = f"glossary {setting.terms.glossary.name}".rstrip()

    def look_up(self, terms: Sequence[str]) -> list[list[Finding]]:
        """Return the entries of each term, those that are not to be used as forbidden."""
        return [self._findings(term) for term in terms]

    def _findings(self, term: str) -> list[Finding]:
        entries = [
            entry
            for found in self._finder.find(term)
            if (found.start, found.end) == (0, len(term))
            for entry in found.entries
        ]
        return [
            Finding(
                "forbidden" if entry.is_fault else "translation",
                entry.target,
                f"{entry.source}, {entry.status}",
                entry.domain or entry.concept,
            )
            for entry in entries
        ]
