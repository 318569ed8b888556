"""A generalist whose every answer is written down as it arrives, and is never asked the same twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

from scalemt.caching.codec import completion_key
from scalemt.errors import (
    BudgetError,
    DeadlineError,
    EndpointError,
    GeneralistError,
    PausedError,
    RateLimitError,
)
from scalemt.generalists import Generalist, ScoringGeneralist
from scalemt.generalists.base import Progress
from scalemt.generalists.wrapping import WrappedGeneralist
from scalemt.types import Completion, Decoding, Likelihood, Prompt
from scalemt.workers import give_up

_OVERHEAD = 64  # tokens of a chat template, at most
BYTES_A_TOKEN = 4  # of most vocabularies in European languages
_POLL = 0.02  # seconds


class Journal(Protocol):
    """Where answers are written down, and what watches over the budget."""

    def find(self, keys: Sequence[bytes], bound: int) -> dict[bytes, Completion]:
        """Return the answers that are known; `bound` is the most tokens that are asked for."""
        ...

    def reserve(self, tokens: int, prompt_tokens: int) -> int | None:
        """Allow one request of at most so many tokens, of which so many are the prompt's.

        Returns:
            Its number; None where requests under way may yet leave room for it: ask again.

        Raises:
            PausedError: it could exceed a limit of the job, or the job is to stop.
        """
        ...

    def record(self, number: int, key: bytes, completion: Completion, bound: int) -> None:
        """Write down the answer to a request that was allowed."""
        ...

    def release(self, number: int, tries: int = 0) -> None:
        """Say that a request that was allowed came to nothing; so many tries of it may have to be paid for."""
        ...


def write_down(inner: Generalist, journal: Journal) -> JournaledGeneralist:
    """Wrap a generalist; the result scores if, and only if, the generalist does."""
    kind = JournaledScoringGeneralist if isinstance(inner, ScoringGeneralist) else JournaledGeneralist
    return kind(inner, journal)


class JournaledGeneralist(WrappedGeneralist):
    """Completes as `inner` does, from the journal where it has completed the same for this job.

    Where `inner` takes several calls at once, each prompt is a call of its own, and its answer is written down
    the moment it is there: whoever kills the process loses the calls under way, and no other.

    Args:
        inner: what completes.
        journal: of the job.

    `patient` says that calls under way are waited for when the run is cancelled: they are paid for. Calls that do
    not keep this process busy are made inside of `awaiting()`.
    """

    def __init__(self, inner: Generalist, journal: Journal) -> None:
        super().__init__(inner)
        self._journal = journal
        self._identity = getattr(inner, "cache_key", "") or inner.signature
        self._closed = False
        self.patient = True
        self.awaiting: Callable[[], AbstractContextManager[None]] = nullcontext

    def cancel(self) -> None:
        """Send nothing more until `open` is called; what is under way and cannot be waited for is given up."""
        self._closed = True
        if not (self.patient and self.overlaps):
            give_up(self.inner)

    def open(self) -> None:
        """Take prompts again."""
        self._closed = False

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress | None = None
    ) -> list[Completion]:
        """Complete each prompt; see `BaseGeneralist.complete`.

        Raises:
            PausedError: a limit of the job is reached, or the server refuses all requests (key, quota, address).
            CancelledError: the run was cancelled.
        """
        keys = [completion_key(self._identity, prompt, decoding) for prompt in prompts]
        known = self._journal.find(keys, decoding.max_tokens)
        asked = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        tell = progress or (lambda _: None)
        tell(sum(key in known for key in keys))
        if self.overlaps:
            known |= self._each(asked, decoding, tell)
        elif asked:
            known |= self._together(asked, decoding, tell)
        return [known[key] for key in keys]

    def _each(self, asked: dict[bytes, Prompt], decoding: Decoding, progress: Progress) -> dict[bytes, Completion]:
        if not asked:
            return {}
        stopped: list[BaseException] = []

        def one(key: bytes) -> Completion | None:
            if stopped:
                return None
            try:
                found = self._together({key: asked[key]}, decoding, progress)
            except BaseException as fault:
                stopped.append(fault)
                return None
            return found[key]

        width = min(len(asked), int(getattr(self.inner, "concurrency", 8)))
        with ThreadPoolExecutor(width) as pool:
            answers = list(pool.map(one, asked))
        if stopped:
            # All that was under way has been answered and written down by now.
            raise stopped[0]
        return {key: answer for key, answer in zip(asked, answers, strict=True) if answer}

    def _together(
        self, asked: dict[bytes, Prompt], decoding: Decoding, progress: Progress
    ) -> dict[bytes, Completion]:
        if self._closed:
            raise CancelledError
        prompts = list(asked.values())
        try:
            number = self._reserve(prompts, decoding)
        except PausedError:
            if len(prompts) == 1:
                raise
            # What all together could take is not allowed: as many as fit, then.
            return {
                key: answer
                for key, prompt in asked.items()
                for answer in self._together({key: prompt}, decoding, progress).values()
            }
        answers = self._asked(prompts, decoding, progress, number)
        lost = sum(answer.error.tries for answer in answers if isinstance(answer.error, DeadlineError))
        if lost:
            self._journal.release(number, lost)
        for (key, prompt), answer in zip(asked.items(), answers, strict=True):
            if answer.finish_reason != "error":
                self._journal.record(number, key, _counted(prompt, answer), decoding.max_tokens)
        self._journal.release(number)
        for answer in answers:
            if isinstance(answer.error, RateLimitError | BudgetError):
                # Not this prompt is at fault: the next one would fare no better.
                raise PausedError(str(answer.error)) from answer.error
        return dict(zip(asked, answers, strict=True))

    def _asked(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress, number: int
    ) -> list[Completion]:
        """Return the answers of the inner generalist, one a prompt."""
        try:
            with self.awaiting() if self.overlaps else nullcontext():
                answers = self.inner.complete(prompts, decoding, progress)
            if len(answers) != len(prompts):
                raise GeneralistError(
                    f"{self.name} returned {len(answers)} completions for {len(prompts)} prompts."
                )
        except BaseException as fault:
            self._journal.release(number)
            if isinstance(fault, EndpointError):
                raise PausedError(str(fault)) from fault
            raise
        return answers

    def _reserve(self, prompts: Sequence[Prompt], decoding: Decoding) -> int:
        most = sum(map(most_tokens, prompts))
        return reserve(self._journal, most + decoding.most_tokens * len(prompts), most)


def reserve(journal: Journal, tokens: int, prompt_tokens: int) -> int:
    """Wait until a request is allowed; see `Journal.reserve`.

    Raises:
        PausedError: it is not.
    """
    while (number := journal.reserve(tokens, prompt_tokens)) is None:
        time.sleep(_POLL)
    return number


def most_tokens(prompt: Prompt) -> int:
    """Return the most tokens that a prompt can have: no tokenizer makes more of a text than it has bytes."""
    return len(prompt.content.encode()) + _OVERHEAD


def _counted(prompt: Prompt, answer: Completion) -> Completion:
    """Return an answer with its tokens; those that a server did not count are estimated."""
    if answer.cached or answer.prompt_tokens or answer.completion_tokens:
        return answer
    sent, said = len(prompt.content.encode()), len(answer.text.encode())
    return replace(
        answer, prompt_tokens=max(1, sent // BYTES_A_TOKEN), completion_tokens=max(1, said // BYTES_A_TOKEN)
    )


class JournaledScoringGeneralist(JournaledGeneralist):
    """The same around a generalist that scores; scores are not written down."""

    inner: ScoringGeneralist

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`."""
        return self.inner.score(prompts, continuations)
