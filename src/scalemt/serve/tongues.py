"""Which languages a server translates between, for surfaces that are asked in codes of their own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from scalemt import languages
from scalemt.config import Profile
from scalemt.engine.backends import asks_generalist
from scalemt.errors import UnknownLanguageError
from scalemt.memory.banks import formalities
from scalemt.serve.asking import AUTO
from scalemt.types import Pair


class Tongues:
    """The pairs that a profile drafts, and what a code means among them.

    Args:
        pairs: canonical tags; none where nobody tells, and any pair is tried.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = frozenset(pairs)

    @cached_property
    def sources(self) -> list[str]:
        """The languages that can be translated from, by name."""
        return sorted({pair.source for pair in self.pairs}, key=languages.name)

    @cached_property
    def targets(self) -> list[str]:
        """The languages that can be translated into, by name."""
        return sorted({pair.target for pair in self.pairs}, key=languages.name)

    def targets_of(self, source: str) -> list[str]:
        """Return the languages that one can be translated into, by name."""
        return [tag for tag in self.targets if Pair(source, tag) in self.pairs]

    def known(self, code: str, tags: Iterable[str]) -> str | None:
        """Return the canonical tag of a code if it, or its language without a territory, is among some.

        Args:
            code: of any accepted standard.
            tags: `sources` or `targets`.
        """
        try:
            tag = languages.parse(code)
        except UnknownLanguageError:
            return None
        bases = {languages.base(known) for known in tags}
        return tag if not self.pairs or languages.base(tag) in bases else None

    def serves(self, pair: Pair) -> bool:
        """Whether a pair can be drafted, as it is or without territories; see `Specialist.resolve`."""
        sources = (pair.source, languages.base(pair.source))
        targets = (pair.target, languages.base(pair.target))
        return not self.pairs or any(
            Pair(source, target) in self.pairs for source in sources for target in targets
        )

    def has_formality(self, source: str, target: str, profile: Profile) -> bool:
        """Whether a profile can choose how people are addressed: a generalist does, by examples that show it.

        Args:
            source: a tag, or "auto" for any.
            target: a tag.
            profile: that translates.
        """
        if not asks_generalist(profile):
            return False
        sources = self.sources if source == AUTO else [source]
        return bool(profile.demonstrations) or any(formalities(Pair(tag, target)) for tag in sources)
