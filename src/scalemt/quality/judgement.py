"""What a judge says of a translation, read from the answer of a generalist.

Source: the FAITH metric of Paul et al., "Aligning Large Language Models to Low-Resource Languages through
LLM-Based Selective Translation" (arXiv 2507.14304), as released with NeMo Curator. Curator keeps a row whose
answer it cannot read; here that is no judgement, and never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from json import JSONDecoder
from typing import Any

from scalemt.errors import UsageError
from scalemt.types import Completion

DIMENSIONS = ("fluency", "accuracy", "idiomaticity", "terminology", "format")
"""What is rated, in the order in which it is asked for."""

_NAMES = {**{name: name for name in DIMENSIONS}, "format handling": "format", "handling of format": "format"}
_EITHER = "|".join(_NAMES).replace(" ", r"[\s_-]+")
_KEY = re.compile(rf"[\"']\s*(?:{_EITHER})\s*[\"']\s*:", re.IGNORECASE)
_END_OF_THOUGHT = re.compile(r"</think(?:ing)?>")
_NUMBER = re.compile(r"\s*(-1|[0-5])(?:\.0+)?\s*", re.ASCII)
_MOST_CHARACTERS = 8000  # some ten times what was asked for; reading takes up to the square of it


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good a translation is in five dimensions, each from 1 (of no use) to 5 (without fault).

    Args:
        fluency, accuracy, idiomaticity, terminology, format: None where the dimension cannot be applied.

    Raises:
        UsageError: a number is not from 1 to 5, or there is none.
    """

    fluency: int | None
    accuracy: int | None
    idiomaticity: int | None
    terminology: int | None
    format: int | None

    def __post_init__(self) -> None:
        known = self._known().values()
        if not known or any(isinstance(number, bool) or number not in range(1, 6) for number in known):
            raise UsageError(
                f"{self} is no judgement. Rate at least one dimension, and each with a whole number from 1 to 5."
            )

    @property
    def score(self) -> float:
        """The mean of the dimensions that can be applied, 1 to 5."""
        known = self._known().values()
        return sum(known) / len(known)

    def as_scores(self) -> dict[str, float]:
        """Return the mean as "faith", and each dimension that can be applied, by name."""
        return {"faith": self.score} | {name: float(number) for name, number in self._known().items()}

    def _known(self) -> dict[str, int]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: number for name, number in values.items() if number is not None}


LOWEST = Judgement(1, 1, 1, 1, 1)
"""Of a text that is no translation."""


def read_judgement(completion: Completion) -> Judgement | None:
    """Return the judgement that an answer holds, or None where it holds no clear one.

    An answer may have a thought before it, a code fence, and text around the object; keys in any case and order,
    and more of them; numbers as strings. There must be at least one JSON object that names a dimension, and each
    such object must rate all five, alike. None stands for everything else: an answer cut off or withheld; a
    dimension missing, or rated twice and differently; true, 3.5, "4/5", 6; a trailing comma, which cannot be told
    from an answer that broke off there; and 0 (cannot be applied) for all dimensions. It never counts as a pass.

    -1 says that there is no translation. One of them makes the judgement `LOWEST`: to leave it out of the mean, as
    Curator does, would let a fluent text in the wrong language through on its fluency, and to return None would
    count a plain answer among those that cannot be read.
    """
    if completion.finish_reason != "stop" or completion.error:
        return None
    # Some templates open the thought in the prompt, so that the answer holds its end alone.
    answer = _END_OF_THOUGHT.split(completion.text)[-1]
    if len(answer) > _MOST_CHARACTERS or answer.lstrip().startswith("<think"):
        return None
    objects, rest = _objects(answer)
    judgements = {_judgement(item) for item in objects if any(_dimension(key) for key, _ in item)}
    # What looks like a rating and is no JSON could say the opposite of what was read.
    return None if len(judgements) != 1 or _KEY.search(rest) else judgements.pop()


class _Object(list[tuple[str, Any]]):
    """The pairs of a JSON object, none lost where a key stands there twice."""


# Fractions stay as they are written: a float would make 5 of 4.9999999999999999, and 0 of 4e-400.
_DECODER = JSONDecoder(object_pairs_hook=_Object, parse_float=str)


def _objects(text: str) -> tuple[list[_Object], str]:
    """Return all JSON objects of a text, those inside others too, and the text around them."""
    found: list[_Object] = []
    rest: list[str] = []
    place = 0
    while (start := text.find("{", place)) >= 0:
        rest.append(text[place:start])
        try:
            value, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, too deep
            place = start + 1
        else:
            found.extend(_within(value))
    return found, " ".join([*rest, text[place:]])


def _within(value: Any) -> Iterator[_Object]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, _Object):
            yield item
            waiting.extend(held for _, held in item)
        elif isinstance(item, list):
            waiting.extend(item)


def _judgement(pairs: _Object) -> Judgement | None:
    rated: dict[str, int] = {}
    for key, value in pairs:
        name, number = _dimension(key), _whole(value)
        if name is None:
            continue
        if number is None or rated.setdefault(name, number) != number:
            return None
    if rated.keys() != set(DIMENSIONS) or not any(rated.values()):
        return None
    if -1 in rated.values():
        return LOWEST
    return Judgement(**{name: number or None for name, number in rated.items()})


def _dimension(key: str) -> str | None:
    return _NAMES.get(" ".join(re.split(r"[\s_-]+", key.strip().lower())))


def _whole(value: Any) -> int | None:
    """Return a rating as the number it is, -1 to 5, or None."""
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        return int(match[1]) if match else None
    rating = isinstance(value, int) and not isinstance(value, bool) and value in range(-1, 6)
    return value if rating else None
