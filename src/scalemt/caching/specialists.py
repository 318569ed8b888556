"""A specialist whose drafts and scores are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from scalemt.caching.asking import firsts, found_in
from scalemt.caching.codec import (
    draft_key,
    drafts_from,
    drafts_value,
    forced_key,
    likelihood_from,
    likelihood_value,
)
from scalemt.caching.identity import specialist_identity
from scalemt.caching.store import CacheStore
from scalemt.specialists import ScoringSpecialist, Specialist
from scalemt.types import Draft, Likelihood, Pair
from scalemt.workers import give_up

T = TypeVar("T")


def keep_specialist(inner: Specialist, store: CacheStore) -> CachedSpecialist:
    """Wrap a specialist; the result scores if, and only if, the specialist does."""
    if isinstance(inner, CachedSpecialist):
        inner = inner.inner
    if isinstance(inner, ScoringSpecialist):
        return CachedScoringSpecialist(inner, store)
    return CachedSpecialist(inner, store)


def bare(specialist: Specialist) -> Specialist:
    """Return what drafts, without the cache before it."""
    return specialist.inner if isinstance(specialist, CachedSpecialist) else specialist


class CachedSpecialist:
    """Drafts as `inner` does, from the store where it has drafted the same before.

    Sampled drafts (n > 1) are those that were drawn first, whatever texts stood beside them then. Of texts that
    are equal only one is asked for. Empty texts are left to `inner`, and so is everything where its cache key is
    empty.

    Args:
        inner: what drafts.
        store: where drafts are kept.
    """

    def __init__(self, inner: Specialist, store: CacheStore) -> None:
        self.inner = inner
        self.name = inner.name
        self._store = store
        self._identities: dict[Pair, str] = {}

    @property
    def signature(self) -> str:
        """That of the inner specialist."""
        return self.inner.signature

    def signature_for(self, pair: Pair) -> str:
        """Return that of the inner specialist."""
        return self.inner.signature_for(pair)

    def pairs(self) -> list[Pair]:
        """Return those of the inner specialist."""
        return self.inner.pairs()

    def supports(self, pair: Pair) -> bool:
        """Whether the inner specialist takes the pair."""
        return self.inner.supports(pair)

    def cancel(self) -> None:
        """Have the inner specialist give up what it is doing."""
        give_up(self.inner)

    def draft(self, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        """Draft each text; see `BaseSpecialist.draft`."""
        identity = self._identity(pair) if any(text.strip() for text in texts) and n >= 1 else ""
        if not identity:
            return self.inner.draft(texts, pair, n)
        keys = [draft_key(identity, text, pair, n) for text in texts]
        known = found_in(self._store, keys, lambda value: drafts_from(value, n))
        asked = firsts(keys, known)
        if asked:
            made = self.inner.draft([texts[index] for index in asked], pair, n)
            fresh = {keys[index]: drafts for index, drafts in zip(asked, made, strict=True)}
            kept = {keys[index]: fresh[keys[index]] for index in asked if texts[index].strip()}
            self._keep("draft", pair, kept, drafts_value)
            known |= fresh
        return [known[key] for key in keys]

    def _identity(self, pair: Pair) -> str:
        """What was true when the pair was first asked for: the model that is loaded is that one or none yet."""
        if pair not in self._identities:
            self._identities[pair] = specialist_identity(self.inner, pair) if self.inner.supports(pair) else ""
        return self._identities[pair]

    def _keep(self, kind: str, pair: Pair, made: Mapping[bytes, T], encode: Callable[[T], object]) -> None:
        # A model file replaced in the meantime: nobody can tell which of the two has answered.
        if specialist_identity(self.inner, pair) == self._identity(pair):
            self._store.put(kind, {key: value for key, item in made.items() if (value := encode(item))})


class CachedScoringSpecialist(CachedSpecialist):
    """The same around a specialist that scores."""

    inner: ScoringSpecialist

    def score(self, sources: Sequence[str], targets: Sequence[str], pair: Pair) -> list[Likelihood]:
        """The likelihood of `targets[i]` given `sources[i]`."""
        if not sources and not targets and self.supports(pair):
            return []  # asking for nothing may load a model
        identity = self._identity(pair) if len(sources) == len(targets) else ""
        if not identity:
            return self.inner.score(sources, targets, pair)
        rows = zip(sources, targets, strict=True)
        keys = [forced_key(identity, source, target, pair) for source, target in rows]
        known = found_in(self._store, keys, likelihood_from)
        asked = firsts(keys, known)
        if asked:
            made = self.inner.score([sources[i] for i in asked], [targets[i] for i in asked], pair)
            fresh = {keys[index]: score for index, score in zip(asked, made, strict=True)}
            self._keep("forced", pair, fresh, likelihood_value)
            known |= fresh
        return [known[key] for key in keys]
