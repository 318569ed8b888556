"""What an actor holds in the place of what lives with the driver, or in another actor."""

from __future__ import annotations

import os
import socket
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.caching.codec import completion_key
from scalemt.generalists.base import GeneralistKind, Progress
from scalemt.jobs.ray.library import load_ray
from scalemt.jobs.ray.mailbox import Line
from scalemt.jobs.ray.portable import Fault, completions_in
from scalemt.jobs.settings import Settings
from scalemt.retry import RetryBudget
from scalemt.types import Completion, Decoding, Likelihood, Prompt


class RemoteJournal:
    """The journal of the driver; see `Journal`.

    Args:
        line: to the driver.
        holder: whose reservations these are: what a dead actor had reserved is released when its heir says hello.
    """

    def __init__(self, line: Line, holder: str) -> None:
        self._line = line
        self._holder = holder

    def find(self, keys: Sequence[bytes], bound: int) -> dict[bytes, Completion]:
        """Return the answers that are known."""
        found: dict[bytes, Completion] = self._line.ask("find", list(keys), bound)
        return found

    def reserve(self, tokens: int, prompt_tokens: int) -> int | None:
        """Allow one request, or have it wait."""
        number: int | None = self._line.ask("reserve", self._holder, tokens, prompt_tokens)
        return number

    def record(self, number: int, key: bytes, completion: Completion, bound: int) -> None:
        """Write down an answer; it is on the driver's disk when this returns."""
        self._line.ask("record", self._holder, number, key, completion, bound)

    def release(self, number: int, tries: int = 0) -> None:
        """Say that a request came to nothing."""
        self._line.ask("release", self._holder, number, tries)


class RemoteRetries(RetryBudget):
    """The retries of the job, which the driver counts."""

    def __init__(self, line: Line) -> None:
        super().__init__(None)
        self._line = line

    def take(self) -> bool:
        """Take one try, or return False when none is left."""
        return bool(self._line.ask("retry"))


@dataclass(frozen=True)
class Described:
    """What is known of a generalist without asking it."""

    name: str
    kind: GeneralistKind
    signature: str
    cache_key: str
    overlaps: bool
    scores: bool


class RemoteGeneralist:
    """A generalist in actors of its own: it writes its answers down itself, as they arrive.

    Args:
        actors: all of one kind; the same prompt always goes to the same one, which knows what it is asking.
        described: what they are.
        retries: of the job.
    """

    def __init__(self, actors: Sequence[Any], described: Described, retries: RetryBudget) -> None:
        self._actors = actors
        self._described = described
        self.retries = retries
        self.name = described.name
        self.overlaps = described.overlaps

    @property
    def kind(self) -> GeneralistKind:
        """That of the generalist."""
        return self._described.kind

    @property
    def signature(self) -> str:
        """That of the generalist."""
        return self._described.signature

    @property
    def cache_key(self) -> str:
        """That of the generalist."""
        return self._described.cache_key

    def complete(
        self, prompts: Sequence[Prompt], decoding: Decoding, progress: Progress | None = None
    ) -> list[Completion]:
        """Complete each prompt; see `JournaledGeneralist.complete`."""
        ray = load_ray()

        shares: dict[int, list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            key = completion_key("", prompt, decoding)
            shares[int.from_bytes(key[:4], "big") % len(self._actors)].append(index)
        asked = [
            (indices, self._actors[number].complete.remote([prompts[index] for index in indices], decoding))
            for number, indices in shares.items()
        ]
        answers: dict[int, Completion] = {}
        faults = []
        for indices, reference in asked:
            value = ray.get(reference)
            if isinstance(value, Fault):
                faults.append(value)
                continue
            answers |= dict(zip(indices, completions_in(value), strict=True))
            if progress:
                progress(len(indices))
        if faults:
            raise faults[0].exception()
        return [answers[index] for index in range(len(prompts))]

    def cancel(self) -> None:
        """Leave calls under way alone: they are paid for, and other chunks wait for theirs."""


class RemoteScoringGeneralist(RemoteGeneralist):
    """The same of a generalist that scores."""

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood]:
        """The likelihood of `continuations[i]` after `prompts[i]`."""
        ray = load_ray()

        value = ray.get(self._actors[0].score.remote(list(prompts), list(continuations)))
        if isinstance(value, Fault):
            raise value.exception()
        found: list[Likelihood] = value
        return found


def settle_in(line: Line, role: str) -> Settings:
    """Make this process what the job needs, and return the job's settings.

    Keys and folders come from the driver over its own line, and stand in no table that Ray shows or logs. A folder
    of the driver that is not here stays unset: the node then has its own.
    """
    told = line.ask("hello", role)
    for name, value in told["environment"].items():
        if not name.endswith("_DIR") or Path(value).is_dir():
            os.environ[name] = value
    settings = Settings.from_json(told["settings"])
    if settings.folder and Path(settings.folder).is_dir():
        # Paths of the profile begin where the job was begun.
        os.chdir(settings.folder)
    return settings


def node_id() -> str:
    """Return Ray's name for this node."""
    return str(load_ray().get_runtime_context().get_node_id())


def here() -> str:
    """Return a name for this node in messages."""
    return f"{socket.gethostname()} (node {node_id()[:8]})"
