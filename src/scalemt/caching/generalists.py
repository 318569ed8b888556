"""A generalist whose answers and scores are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from scalemt.caching.asking import firsts, found_in
from scalemt.caching.codec import (
    completion_key,
    completion_value,
    likelihood_from,
    likelihood_key,
    likelihood_value,
    usable_completion,
)
from scalemt.caching.identity import generalist_identity
from scalemt.caching.store import CacheStore
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.base import Progress
from scalemt.generalists.wrapping import WrappedGeneralist
from scalemt.types import Completion, Decoding, Likelihood, Prompt
from scalemt.workers import give_up


def keep_generalist(inner: Generalist, store: CacheStore) -> CachedGeneralist:
    """Wrap a generalist; the result scores if, and only if, the generalist does."""
    if isinstance(inner, CachedGeneralist):
        inner = inner.inner
    if isinstance(inner, ScoringGeneralist):
        return CachedScoringGeneralist(inner, store)
    return CachedGeneralist(inner, store)


class CachedGeneralist(WrappedGeneralist):
    """Completes as `inner` does, from the store where it has completed the same before.

    Of equal prompts only one is sent. Nothing is looked up or kept where the cache key of `inner` is empty.

    Args:
        inner: what completes.
        store: where answers are kept.
    """

    def __init__(self, inner: Generalist, store: CacheStore) -> None:
        super().__init__(inner)
        self._store = store
        self._known_identity: str | None = None

    def cancel(self) -> None:
        """Have the inner generalist give up what it is doing."""
        give_up(self.inner)

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress | None = None
    ) -> list[Completion]:
        """Complete each prompt; see `BaseGeneralist.complete`. Those from the store have `cached` set."""
        identity = self._identity() if prompts else ""
        if not identity:
            return self.inner.complete(prompts, decoding, progress)
        keys = [completion_key(identity, prompt, decoding) for prompt in prompts]
        known = found_in(self._store, keys, lambda value: usable_completion(value, decoding))
        asked = firsts(keys, known)
        if progress and len(asked) < len(prompts):
            progress(len(prompts) - len(asked))
        fresh: dict[int, Completion] = {}
        if asked:
            made = self.inner.complete([prompts[index] for index in asked], decoding, progress)
            fresh = dict(zip(asked, made, strict=True))
            self._keep("completion", {keys[i]: completion_value(item, decoding) for i, item in fresh.items()})
            known |= {keys[index]: _repeated(item) for index, item in fresh.items()}
        return [fresh.get(index) or known[key] for index, key in enumerate(keys)]

    def _identity(self) -> str:
        """What was true at the first call: the model that is loaded is that one or none yet."""
        if self._known_identity is None:
            self._known_identity = generalist_identity(self.inner)
        return self._known_identity

    def _keep(self, kind: str, values: Mapping[bytes, object]) -> None:
        # A model file replaced in the meantime: nobody can tell which of the two has answered.
        if generalist_identity(self.inner) == self._identity():
            self._store.put(kind, {key: value for key, value in values.items() if value is not None})


class CachedScoringGeneralist(CachedGeneralist):
    """The same around a generalist that scores."""

    inner: ScoringGeneralist

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`."""
        if not prompts and not continuations:
            return []  # asking for nothing may load a model
        identity = self._identity() if len(prompts) == len(continuations) else ""
        if not identity:
            return self.inner.score(prompts, continuations)
        rows = zip(prompts, continuations, strict=True)
        keys = [likelihood_key(identity, prompt, text) for prompt, text in rows]
        known = found_in(self._store, keys, likelihood_from)
        asked = firsts(keys, known)
        if asked:
            made = self.inner.score([prompts[i] for i in asked], [continuations[i] for i in asked])
            fresh = {keys[index]: score for index, score in zip(asked, made, strict=True)}
            self._keep("likelihood", {key: likelihood_value(item) for key, item in fresh.items()})
            known |= fresh
        return [known[key] for key in keys]


def _repeated(completion: Completion) -> Completion:
    """The answer for an equal prompt of the same call, which was not sent; a fault stays one."""
    if completion.finish_reason == "error":
        return completion
    return replace(completion, cached=True)
