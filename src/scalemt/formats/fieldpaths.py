"""Paths that say which fields of a JSON value hold text: `messages[*].content`, `*.title`, `["a.b"]`, `..text`.

::

    path  = [ "$" ] first { step }
    first = name | "*" | step
    step  = "." ( name | "*" )     a member; a name of digits is also a position in a list
          | "[" number "]"         a position in a list, from 0
          | "[*]"                  every item of a list
          | '["' text '"]'         a member with any name, escaped as in JSON
          | ".." ( name | "*" )    at any depth

`*` is every member of an object and every item of a list. A bare name holds no `.`, `[`, `]`, `"` and `*`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from scalemt.errors import InputError, UsageError

_BARE = re.compile(r"[^.\[\]\"*]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"')
_PLAIN = re.compile(r"[\w$@/+-]+(?: [\w$@/+-]+)*")
_LISTED = 12  # fields that a message names

Place = tuple[str | int, ...]


class Some(Enum):
    """What a schema tells of a place where only the data say which one it is."""

    ITEM = "[*]"
    MEMBER = "*"


Pattern = tuple[str | int | Some, ...]
"""A place as a schema knows it: `("messages", Some.ITEM, "content")`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path.

    Args:
        members: it leads to members of objects: to the one of that `name`, or to all (None).
        items: it leads to items of lists: to the one at that `position`, or to all (None).
        deep: it leads there at any depth below.
    """

    members: bool = True
    name: str | None = None
    items: bool = True
    position: int | None = None
    deep: bool = False

    def takes(self, at: str | int | Some) -> bool:
        """Whether the step leads to a member or a list position; of `Some`, whether it may."""
        if isinstance(at, Some):
            return self.members if at is Some.MEMBER else self.items
        if isinstance(at, str):
            return self.members and self.name in (None, at)
        return self.items and self.position in (None, at)


@dataclass(frozen=True)
class FieldPath:
    """A path as it was written, and its steps."""

    text: str
    steps: tuple[Step, ...]

    def matches(self, place: Pattern) -> bool:
        """Whether the path leads to a place: the whole of it, not only its beginning."""
        # The steps that may come next, as in any search for a pattern with gaps: no path can take long.
        reached = {0}
        for at in place:
            following = set()
            for number in reached:
                if number < len(self.steps):
                    step = self.steps[number]
                    if step.deep:
                        following.add(number)
                    if step.takes(at):
                        following.add(number + 1)
            reached = following
        return len(self.steps) in reached


def parse(text: str) -> FieldPath:
    """Return the path that a text describes.

    Raises:
        UsageError: not a path; a caret shows where.
    """
    steps: list[Step] = []
    position = 1 if text.startswith("$") and text[1:2] in (".", "[") else 0
    while position < len(text):
        if text[position] == "[":
            step, position = _bracket(text, position)
        else:
            deep = text.startswith("..", position)
            dots = 2 if deep else 1 if text[position] == "." else 0
            if not dots and steps:
                _refuse(text, position, "expected '.' or '[' before the next step")
            step, position = _member(text, position + dots, deep)
        steps.append(step)
    if not steps:
        _refuse(text, position, "expected the name of a field")
    return FieldPath(text, tuple(steps))


def _member(text: str, position: int, deep: bool) -> tuple[Step, int]:
    if text.startswith("*", position):
        return Step(deep=deep), position + 1
    if deep and text.startswith("[", position):
        _refuse(text, position, "expected a name or '*' after '..'")
    found = _BARE.match(text, position)
    if not found:
        _refuse(text, position, 'expected a name; one with special characters is written ["a.b"]')
    name = found[0]
    digits = bool(re.fullmatch(r"0|[1-9][0-9]{0,8}", name))
    return Step(name=name, items=digits, position=int(name) if digits else None, deep=deep), found.end()


def _bracket(text: str, position: int) -> tuple[Step, int]:
    inside = position + 1
    if quoted := _QUOTED.match(text, inside):
        try:
            name: str = json.loads(quoted[0], strict=False)
        except ValueError:
            _refuse(text, inside, "expected a name escaped as in JSON")
        step, end = Step(name=name, items=False), quoted.end()
    elif text.startswith("*", inside):
        step, end = Step(members=False), inside + 1
    elif number := re.compile(r"[0-9]{1,9}").match(text, inside):
        step, end = Step(members=False, position=int(number[0])), number.end()
    else:
        _refuse(text, inside, "expected a number from 0, '*' (every item), or a name in double quotes")
    if not text.startswith("]", end):
        _refuse(text, end, "expected ']'")
    return step, end + 1


def _refuse(text: str, position: int, why: str) -> NoReturn:
    raise UsageError(f"The field path cannot be read: {why}.\n  {text}\n  {' ' * position}^")


def show(place: Place) -> str:
    """Return a place as a path that leads there; the outermost value is `$`."""
    return _joined(place, lambda position: f"[{position}]")


def general(place: Pattern) -> str:
    """Return the path that leads to a place and its like: to every item of each list."""
    return _joined(place, lambda _: "[*]")


def _joined(place: Pattern, item: Callable[[int], str]) -> str:
    shown = ""
    for at in place:
        if isinstance(at, int):
            shown += item(at)
        elif isinstance(at, Some):
            shown += at.value if at is Some.ITEM or not shown else f".{at.value}"
        elif _PLAIN.fullmatch(at):
            shown += f".{at}" if shown else at
        else:
            shown += f"[{json.dumps(at, ensure_ascii=False)}]"
    return shown or "$"


class Fields:
    """The fields that were asked for, which of them were met, and what else there is.

    Args:
        paths: as the user wrote them; none takes every string.
        option: how the user gives them, for messages.

    Raises:
        UsageError: a path cannot be read.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = [parse(path) for path in paths]
        self._met: set[int] = set()
        self._seen: dict[str, None] = {}
        self.takes = lru_cache(maxsize=4096)(self._takes)

    def _takes(self, place: Pattern) -> bool:
        found = [number for number, path in enumerate(self._paths) if path.matches(place)]
        self._met.update(found)
        if len(self._seen) < 10 * _LISTED:
            self._seen[general(place)] = None
        return bool(found) or not self._paths

    @property
    def unmet(self) -> list[str]:
        """The paths that led to no string so far."""
        return [path.text for number, path in enumerate(self._paths) if number not in self._met]

    @property
    def listed(self) -> str:
        """The fields that hold strings, for messages."""
        return some(self._seen)


def untold(path: Path, unit: str, there: str, longest: Pattern | None) -> InputError:
    """Return the error for a file of records without the fields that hold text.

    Args:
        path: the file.
        unit: what a record is called: "line", "row".
        there: a clause that says which fields there are.
        longest: the field that is given as an example.
    """
    example = shlex.quote(general(longest)) if longest else "NAME"
    return InputError(
        f"{path}: which fields of a {unit} hold text is not told. {there}. Name those to translate: "
        f"--fields {example}."
    )


def nowhere(path: Path, unmet: Sequence[str], where: str, listed: str) -> InputError:
    """Return the error for paths that lead to no string of a file.

    Args:
        path: the file.
        unmet: the paths.
        where: one would have sufficed: " in any line", or nothing.
        listed: the fields that do hold strings.
    """
    there = f"The fields that hold strings are: {listed}." if listed else "It holds no string."
    return InputError(f"{path}: no string stands at {', '.join(unmet)}{where}. {there}")


def some(names: Iterable[str]) -> str:
    """Return names for a message, a dozen of them."""
    held = list(names)
    more = f", and {len(held) - _LISTED} more" if len(held) > _LISTED else ""
    return ", ".join(held[:_LISTED]) + more
