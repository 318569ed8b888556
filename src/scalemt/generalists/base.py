"""What a generalist is, and the base class that owns order and counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal, Protocol, runtime_checkable

from scalemt.errors import GeneralistError
from scalemt.types import Completion, Decoding, Likelihood, Prompt

GeneralistKind = Literal["chat", "base"]

Progress = Callable[[int], None]
"""Called with the number of prompts finished since the last call, from any thread."""


@runtime_checkable
class Generalist(Protocol):
    """A backend that completes prompts.

    `kind` says whether it follows a chat ("chat") or only continues a text ("base").
    """

    name: str

    @property
    def kind(self) -> GeneralistKind:
        """Whether chat messages or plain text is what the model was trained on."""
        ...

    @property
    def signature(self) -> str:
        """One token without spaces that says what answers (model, its hash or name)."""
        ...

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress | None = None
    ) -> list[Completion]:
        """Complete each prompt; see `BaseGeneralist.complete`."""
        ...


@runtime_checkable
class ScoringGeneralist(Generalist, Protocol):
    """A generalist that can tell how probable a given continuation of a prompt is."""

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`."""
        ...


class BaseGeneralist(ABC):
    """Owns that N prompts get N completions in order. A subclass implements `_complete`.

    `overlaps` says that two threads may call `complete` at once, and that this keeps the model busier than one.
    `template` names the prompt template that it was trained on, and `shots` how many demonstrations it wants: they
    are taken where the user sets none.
    """

    name: str
    overlaps: bool = False
    template: str = ""
    shots: int | None = None

    @property
    @abstractmethod
    def kind(self) -> GeneralistKind:
        """Whether chat messages ("chat") or plain text ("base") is what the model was trained on."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """One token without spaces that says what answers (model, its hash or name)."""

    @property
    def cache_key(self) -> str:
        """Everything besides prompt and decoding that can change an answer, "" if answers must not be kept.

        By default the signature. A generalist whose signature leaves something out (fields added to each request,
        the version of a library) adds it here; what changes the time alone does not belong into it. It is asked
        for anew at each call, so that a file that was replaced is noticed; no model may be loaded for it.
        """
        return self.signature

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress | None = None
    ) -> list[Completion]:
        """Complete each prompt.

        Returns:
            N completions in the order of `prompts`. One that failed has `finish_reason` "error" and says why
            in `error`; the others stand.

        Raises:
            EndpointError: no request can succeed (server unreachable, key refused, model unknown).
            GeneralistError: the backend returned another count than it was given.
        """
        if not decoding.thinking:
            prompts = [prompt.straight for prompt in prompts]
        completions = self._complete(prompts, decoding, progress or _silent) if prompts else []
        if len(completions) != len(prompts):
            raise GeneralistError(
                f"{self.name} returned {len(completions)} completions for {len(prompts)} prompts."
            )
        return completions

    def cancel(self) -> None:  # noqa: B027  # to be overridden where a backend can be stopped
        """Give up, from another thread, all that is being completed or scored; the calls raise soon.

        Does nothing where a backend cannot be stopped. The next call works as ever.
        """

    def twin(self) -> BaseGeneralist:
        """Return a generalist with the same model, limits and budget that is cancelled by itself.

        Where there is no such thing, as with a model in this process, that is this one.
        """
        return self

    @abstractmethod
    def _complete(self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress) -> list[Completion]:
        """Complete N prompts in order, at least one."""


def _silent(_: int) -> None:
    """Take the place of a progress callback that was not given."""
