"""What is asked of a server, and what it answers, whatever the surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scalemt.serve.detection import Detected
from scalemt.serve.refusals import InvalidRequest
from scalemt.types import Pair, Segment, Translation

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Wish:
    """How somebody wants to have something translated; None leaves it to the profile.

    Args:
        profile: by name.
        method, formality, variety: as in a profile.
        glossary: the id of a glossary that is kept at the server.
    """

    profile: str | None = None
    method: str | None = None
    formality: str | None = None
    variety: str | None = None
    glossary: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants to have translated.

    Args:
        segments: N of them.
        source: a language code of any accepted standard, or "auto", which is told of each segment by itself.
        target: a language code.
        wish: how.
        free: characters that are not counted, such as those of markup; of the whole request.
        told: by what the language of each segment is told, N texts; by its own text where that is left out.

    Raises:
        InvalidRequest: a text holds half of a surrogate pair, as JSON can write it: that is no text.
    """

    segments: Sequence[Segment]
    source: str
    target: str
    wish: Wish = Wish()
    free: int = 0
    told: Sequence[str] = ()

    def __post_init__(self) -> None:
        for number, segment in enumerate(self.segments, 1):
            try:
                segment.text.encode()
            except UnicodeEncodeError:
                told = f"Text {number} holds half of a surrogate pair, which is no text. Leave it out."
                raise InvalidRequest(told) from None

    @property
    def characters(self) -> int:
        """What is counted against limits."""
        return max(0, sum(len(segment.text) for segment in self.segments) - self.free)


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of an `Ask`.

    Args:
        translations: N, in order.
        pair: languages; of several sources that were detected, the first.
        detected: of each segment, where the source was to be detected.
        seconds: from asking to answering.
    """

    translations: Sequence[Translation]
    pair: Pair
    detected: Sequence[Detected] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened while a request was translated: see `Service.stream`."""

    kind: Literal["detected", "draft", "translation", "done"]
    index: int = 0
    translation: Translation | None = None
    detected: Detected | None = None
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class Speech:
    """One language that can be translated from, and into which."""

    code: str
    targets: tuple[str, ...] = ()
