"""A generalist that answers from a script, for tests of scalemt and of programs built on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from threading import Lock

from scalemt.errors import EndpointError, GeneralistError
from scalemt.generalists.base import BaseGeneralist, GeneralistKind, Progress
from scalemt.types import Completion, Decoding, Likelihood, Prompt

Answer = str | Completion | Exception
"""A text, a whole completion (to set finish reason or counts), or a fault."""


class FakeGeneralist(BaseGeneralist):
    """Answers prompts from a queue, in order, or from a function of the prompt.

    A `GeneralistError` among the answers fails that one prompt, as a deadline or a rate limit would: it
    becomes a completion with `finish_reason` "error". An `EndpointError`, or any other exception, is raised,
    as when no request can succeed; for an endpoint error of one prompt alone give the `Completion` itself.
    `prompts` and `decodings` record what was asked, one entry a prompt. Asked for more than the queue held,
    it raises AssertionError: the script of the test is too short. It does not score: see
    `FakeScoringGeneralist`. Its answers are never cached, unless it is given a `cache_key` of its own.
    """

    name = "fake"

    def __init__(
        self,
        answers: Iterable[Answer] | Callable[[Prompt], Answer] = (),
        *,
        kind: GeneralistKind = "chat",
        cache_key: str = "",
    ) -> None:
        self._answer = answers if callable(answers) else _popping(deque(answers))
        self._kind = kind
        self._cache_key = cache_key
        self._lock = Lock()
        self.prompts: list[Prompt] = []
        self.decodings: list[Decoding] = []

    @property
    def kind(self) -> GeneralistKind:
        """What the constructor was told."""
        return self._kind

    @property
    def signature(self) -> str:
        """The word "fake"."""
        return "fake"

    @property
    def cache_key(self) -> str:
        """What the constructor was told: two scripts look alike, and what one answered says nothing of another."""
        return self._cache_key

    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        completions = []
        for prompt in prompts:
            with self._lock:
                completions.append(self._one(prompt, decoding))
            progress(1)
        return completions

    def _one(self, prompt: Prompt, decoding: Decoding) -> Completion:
        self.prompts.append(prompt)
        self.decodings.append(decoding)
        answer = self._answer(prompt)
        if isinstance(answer, Completion):
            return answer
        if isinstance(answer, str):
            return Completion(answer)
        if isinstance(answer, GeneralistError) and not isinstance(answer, EndpointError):
            return Completion("", "error", error=answer)
        raise answer


class FakeScoringGeneralist(FakeGeneralist):
    """A `FakeGeneralist` that also scores, from a queue or from a function of prompt and continuation.

    A score is the natural-log probability of the whole continuation; the tokens are its white-space words.
    `scored` records the (prompt, continuation) pairs that were asked for.
    """

    def __init__(
        self,
        answers: Iterable[Answer] | Callable[[Prompt], Answer] = (),
        *,
        scores: Iterable[float] | Callable[[Prompt, str], float] = (),
        kind: GeneralistKind = "chat",
        cache_key: str = "",
    ) -> None:
        super().__init__(answers, kind=kind, cache_key=cache_key)
        self._score = scores if callable(scores) else _popping_scores(deque(scores))
        self.scored: list[tuple[Prompt, str]] = []

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The scripted likelihood of `continuations[i]` after `prompts[i]`.

        Raises:
            AssertionError: the scripted scores have run out (a fault of the test, not of a backend).
        """
        likelihoods = []
        for prompt, continuation in zip(prompts, continuations, strict=True):
            with self._lock:
                self.scored.append((prompt, continuation))
                logprob = self._score(prompt, continuation)
            likelihoods.append(Likelihood(logprob, len(continuation.split())))
        return likelihoods


def _popping(queue: deque[Answer]) -> Callable[[Prompt], Answer]:
    total = len(queue)

    def answer(_: Prompt) -> Answer:
        if not queue:
            raise AssertionError(
                f"FakeGeneralist was given {total} answers and is asked for one more. Script more answers, "
                "or give a function of the prompt."
            )
        return queue.popleft()

    return answer


def _popping_scores(queue: deque[float]) -> Callable[[Prompt, str], float]:
    total = len(queue)

    def score(_: Prompt, __: str) -> float:
        if not queue:
            raise AssertionError(
                f"FakeScoringGeneralist was given {total} scores and is asked for one more. Script more "
                "scores, or give a function of prompt and continuation."
            )
        return queue.popleft()

    return score
