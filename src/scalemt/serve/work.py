"""What crosses the pipe between the server and its workers."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from scalemt import errors
from scalemt.config import Configuration, Profile
from scalemt.errors import BackendError, ConfigurationError, ScalemtError, UsageError
from scalemt.serve import refusals
from scalemt.types import Pair, Segment, Translation


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of translating: a served profile, and the fields of it that a request changes.

    Args:
        profile: by name.
        changes: names of fields and their values, sorted: equal variants share batches and plans.
    """

    profile: str
    changes: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, profile: str, **changes: Any) -> Variant:
        """Return the variant with these changes; values of None change nothing."""
        return cls(profile, tuple(sorted((key, value) for key, value in changes.items() if value is not None)))

    def but(self, **changes: Any) -> Variant:
        """Return the variant with more changes."""
        return Variant.of(self.profile, **(dict(self.changes) | changes))


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker is told first.

    Args:
        profiles: that are served.
        configuration: where names of specialists and generalists are looked up.
        threads: for models that draft.
        answering_threads: for a generalist in the process.
        answers: whether it calls generalists.
        lanes: batches with a generalist at a time, where the generalist can have several.
    """

    profiles: Mapping[str, Profile]
    configuration: Configuration
    threads: int = 1
    answering_threads: int = 1
    answers: bool = True
    lanes: int = 4


Kind = Literal["drafting", "answering", "asking"]
"""Drafting loads a core for a moment, answering waits for a generalist, asking looks something up."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do; `number` is what its outcome is known by."""

    number: int
    kind: Kind
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody waits any more for a task."""

    number: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: a value, or an error that survives the pipe; `cancelled` where it was given up."""

    number: int
    value: Any = None
    error: ScalemtError | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What the operator should know, once."""

    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Models are loaded; `lanes` is how many batches with a generalist can be worked on at a time."""

    lanes: int


@dataclass(frozen=True, slots=True)
class Misfit:
    """What was told at the start cannot be served; the process ends behind it."""

    fault: ScalemtError


@dataclass(frozen=True, slots=True)
class Lane:
    """What may go into one batch: the same variant and pair."""

    variant: Variant
    pair: Pair


@dataclass(frozen=True, slots=True)
class Errand:
    """What a clerk is to do with one document.

    Args:
        path: of the file.
        result: where its translation goes.
        source: a language code, or "" where it is to be told by the text.
        target: a language code.
        format: by name.
    """

    path: Path
    result: Path
    source: str
    target: str
    format: str


@dataclass(frozen=True, slots=True)
class Opening:
    """The first segments; the answer is their language."""

    text: str


@dataclass(frozen=True, slots=True)
class Measured:
    """How much there is; the answer, anything, is that it may be translated."""

    segments: int
    characters: int


@dataclass(frozen=True, slots=True)
class Window:
    """Segments in a row; the answer is their translations. Windows are answered in order."""

    segments: list[Segment]
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Written:
    """The translation is there, or why it is not."""

    done: int = 0
    failed: int = 0
    fault: ScalemtError | None = None


class InternalError(BackendError):
    """A worker met a fault of its own; `trace` is for the log alone."""

    def __init__(self, message: str, trace: str = "") -> None:
        super().__init__(message, trace)
        self.trace = trace

    def __str__(self) -> str:
        """Only the message: the trace may hold texts and paths."""
        return str(self.args[0])


def portable(fault: BaseException, trace: str = "") -> ScalemtError:
    """Return an exception that can be pickled and says the same; a foreign one becomes an `InternalError`.

    Args:
        fault: whatever was raised.
        trace: goes with a foreign one.
    """
    if not isinstance(fault, ScalemtError):
        return InternalError(f"A worker met a fault of its own ({type(fault).__name__}).", trace)
    kinds = [kind for kind in type(fault).__mro__ if _travels(kind)]
    for kind in kinds:
        try:
            made: ScalemtError = kind(str(fault))
            pickle.loads(pickle.dumps(made))  # noqa: S301  # what was pickled in this very line
        except Exception:  # noqa: S112  # an exception that takes other arguments: the one above it says the same
            continue
        return made
    return UsageError(str(fault)) if isinstance(fault, UsageError) else BackendError(str(fault))


def _travels(kind: type) -> bool:
    return any(getattr(home, kind.__name__, None) is kind for home in (errors, refusals))


def portable_translations(translations: Sequence[Translation]) -> list[Translation]:
    """Return translations whose errors can be pickled, and whose decisions may be told to callers."""
    return [
        replace(
            item,
            error=portable(item.error) if item.error else None,
            decisions=tuple(replace(made, reason=refusals.discreet(made.reason)) for made in item.decisions),
            steps=tuple(replace(made, reason=refusals.discreet(made.reason)) for made in item.steps),
        )
        for item in translations
    ]


def failed(segment: Segment, lane: Lane, error: Exception) -> Translation:
    """Return what stands for a segment that has no translation."""
    return Translation(segment, "", "none", lane.pair, error=error)


def changed(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """Return a profile with other values in some fields; which fields somebody set stays known.

    Raises:
        ConfigurationError: a value is not one that the field can have.
    """
    try:
        return Profile(**{**profile.model_dump(exclude_unset=True), "name": profile.name, **changes})
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        raise ConfigurationError(f"{fault['loc'][0]} is {fault['input']!r}: {fault['msg']}.") from None
