"""What is made, and where each pair came from: requests in a fixed order, what answers gave, provenance."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from scalemt.generalists.base import GeneralistKind
from scalemt.memory.units import Unit
from scalemt.types import Completion, Pair, Prompt

Side = Literal["", "source", "target"]


@dataclass(frozen=True)
class Request:
    """One thing to be made.

    Args:
        number: from 0; the same request has the same one in every run.
        prompt: what a generalist is asked; None where the program makes it by itself.
        seed: of the sampler.
        about: what the kind has to remember.
    """

    number: int
    prompt: Prompt | None = None
    seed: int = 0
    about: Any = None


@dataclass
class Made:
    """What came of a request: pairs, of which a side may still be empty, and what was wrong with the rest."""

    units: list[Unit] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """What holds for a whole synthesis.

    Args:
        pair: its languages.
        seed: of all that is drawn.
        maker: the signature of the generalist, "" without one.
        teller: whether that is told what to do ("chat") or shown it ("base").
    """

    pair: Pair
    seed: int
    maker: str = ""
    teller: GeneralistKind = "chat"


class Kind(BaseModel, ABC):
    """One kind of synthesis: its settings, what it asks for, and how the answers are read.

    `fills` is the side that an engine writes when all requests are done, `asks` whether a generalist is needed for
    these. `files` are the inputs by their names, for the hash that tells one synthesis from another.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]

    @property
    def fills(self) -> Side:
        """The side that an engine is to write."""
        return ""

    @property
    def asks(self) -> bool:
        """Whether its requests have prompts."""
        return True

    @property
    def after_filters(self) -> bool:
        """Whether requests are about what the filters have left, not the filters about what was made."""
        return False

    @property
    @abstractmethod
    def files(self) -> tuple[str, ...]:
        """The files that it reads."""

    @abstractmethod
    def placed(self, folder: Path) -> Kind:
        """Return it with its paths as meant from a folder."""

    @abstractmethod
    def check(self, pair: Pair) -> None:
        """Raise UsageError or InputError, with the mend, for what would fail later."""

    @abstractmethod
    def requests(self, setting: Setting) -> Iterator[Request]:
        """Yield the requests, in order."""

    @abstractmethod
    def read(self, request: Request, answer: Completion | None, setting: Setting) -> Made:
        """Return what came of a request."""

    def profile(self) -> dict[str, Any]:
        """Return the fields of the engine's profile that this kind needs, where the user sets no others."""
        return {}

    def glossary_file(self) -> str:
        """Return the glossary that both sides are to hold, "" without one."""
        return ""

    def refused(self, checks: Sequence[str]) -> Sequence[str]:
        """Return those failed checks of a translation for which it is not used; by default all."""
        return checks


def origin_of(kind: str, setting: Setting, **about: Any) -> str:
    """Return provenance as one line of JSON, for `Unit.origin`.

    Args:
        kind: of the synthesis.
        setting: tells who made it.
        about: terms, template, seed and whatever else is known; empty values are left out.
    """
    return origin_of_told({"kind": kind, "by": setting.maker, **about})


def origin_of_told(told: dict[str, Any]) -> str:
    """Return provenance as one line of JSON, empty values left out; see `origin_of`."""
    line = json.dumps({name: value for name, value in told.items() if value not in ("", None, [], ())},
                      ensure_ascii=False)  # fmt: skip
    # A corpus that is read writes FILE#NUMBER before it, and is read again by that sign.
    return line.replace("#", "\\u0023")


def about_of(origin: str) -> dict[str, Any]:
    """Return what `origin_of` wrote, also where a place stands before it; nothing where it is something else."""
    try:
        told = json.loads(origin[origin.find("{") :])
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
