"""ICU messages: text with arguments, plurals and choices, taken apart such that each part keeps its characters.

Source: ICU User Guide, "Formatting Messages", and the API documentation of `MessagePattern` (apostrophe mode
DOUBLE_OPTIONAL).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

DEPTH = 50  # messages inside messages

_SPACE = re.compile(r"[\s\u200e\u200f\u2028\u2029]*")
_NAME = re.compile(r"[^\s{},'#<>|=]+")
_SELECTOR = re.compile(r"=-?\d+(?:\.\d+)?|[^\s{},'#=]+")
_OFFSET = re.compile(r"offset:\s*(\d+)")
_CHOICES = ("plural", "select", "selectordinal")


class IcuError(ValueError):
    """A text is no ICU message; `position` tells from which character on."""

    def __init__(self, what: str, position: int) -> None:
        super().__init__(f"{what} at character {position + 1}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text: as it is shown, and as it stands in the message."""

    text: str
    raw: str


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument such as `{name}` or `{when, date, short}`, or the `#` of a plural."""

    raw: str
    name: str

    @property
    def is_number(self) -> bool:
        """Whether it is a `#`."""
        return self.raw == "#"


@dataclass(frozen=True, slots=True)
class Branch:
    """One branch of a choice: `lead` and `gap` are the white space before its selector and before its brace."""

    selector: str
    message: tuple[Node, ...]
    lead: str = " "
    gap: str = " "


@dataclass(frozen=True, slots=True)
class Choice:
    """A plural, select or selectordinal: `head` goes up to the first branch, `tail` follows the last one."""

    name: str
    kind: str
    head: str
    branches: tuple[Branch, ...]
    tail: str
    offset: int = 0

    @property
    def counts(self) -> bool:
        """Whether a `#` in it stands for its number."""
        return self.kind != "select"


Node = Text | Argument | Choice


def written(message: tuple[Node, ...]) -> str:
    """Return a message as text; what `parse` gave comes out as it was."""
    return "".join(_written(node) for node in message)


def _written(node: Node) -> str:
    if not isinstance(node, Choice):
        return node.raw
    inner = "".join(f"{item.lead}{item.selector}{item.gap}{{{written(item.message)}}}" for item in node.branches)
    return f"{node.head}{inner}{node.tail}}}"


def names(message: tuple[Node, ...]) -> Iterator[str]:
    """Yield the names of the arguments of a message."""
    for node in message:
        if isinstance(node, Choice):
            yield node.name
            for branch in node.branches:
                yield from names(branch.message)
        elif isinstance(node, Argument) and not node.is_number:
            yield node.name


def quoted(text: str, *, counting: bool, before_brace: bool = False) -> str:
    """Return literal text as a message holds it.

    Args:
        text: any text.
        counting: it stands directly in a plural, where `#` means the number.
        before_brace: a brace or `#` follows. A single apostrophe before it would quote it, and is written as a
            typographic one, which no program takes for a quote.
    """
    special = "{}#" if counting else "{}"
    if any(sign in text for sign in special):
        return re.sub(f"[{special}]+", lambda found: f"'{found[0]}'", text.replace("'", "''"))
    made = re.sub("'{2,}", lambda found: found[0] * 2, text)
    if before_brace and made.endswith("'") and not made.endswith("''"):
        return f"{made[:-1]}\u2019"
    return made


def parse(text: str, *, quoting: bool = True) -> tuple[Node, ...]:
    """Take a message apart.

    Args:
        text: the message.
        quoting: apostrophes quote. Some programs (Flutter, unless told otherwise) take them as they are.

    Raises:
        IcuError: it is no message.
    """
    parser = _Parser(text, quoting)
    return parser.message(0, inside=False, counting=False, depth=0)[0]


class _Parser:
    def __init__(self, text: str, quoting: bool) -> None:
        self._text = text
        self._quoting = quoting

    def message(self, at: int, *, inside: bool, counting: bool, depth: int) -> tuple[tuple[Node, ...], int]:
        """Read nodes up to a closing brace or the end; return them and where that is."""
        if depth > DEPTH:
            raise IcuError(f"more than {DEPTH} messages inside one another", at)
        text, nodes = self._text, list[Node]()
        shown: list[str] = []
        start = at

        def close(end: int) -> None:
            if end > start:
                nodes.append(Text("".join(shown), text[start:end]))
            shown.clear()

        while at < len(text):
            sign = text[at]
            if sign == "'" and self._quoting:
                held, at = self._apostrophe(at, counting)
                shown.append(held)
                continue
            if sign == "}" and inside:
                break
            if sign == "{" or (sign == "#" and counting):
                close(at)
                node, at = self._argument(at, depth) if sign == "{" else (Argument("#", "#"), at + 1)
                nodes.append(node)
                start = at
                continue
            shown.append(sign)
            at += 1
        close(at)
        if inside and at >= len(text):
            raise IcuError("the text ends inside a brace that is open", at)
        return tuple(nodes), at

    def _apostrophe(self, at: int, counting: bool) -> tuple[str, int]:
        """Return what an apostrophe stands for, and where the text goes on."""
        text = self._text
        following = text[at + 1 : at + 2]
        if following == "'":
            return "'", at + 2
        if not following or following not in ("{}#" if counting else "{}"):
            return "'", at + 1
        shown: list[str] = []
        at += 1
        while at < len(text):
            if text[at] == "'":
                if text[at + 1 : at + 2] != "'":
                    return "".join(shown), at + 1
                at += 1
            shown.append(text[at])
            at += 1
        return "".join(shown), at  # a quotation that is not closed goes on to the end

    def _space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _argument(self, start: int, depth: int) -> tuple[Node, int]:
        text = self._text
        name = _NAME.match(text, self._space(start + 1))
        if not name:
            raise IcuError("a brace without the name of an argument", start)
        at = self._space(name.end())
        if text[at : at + 1] == "}":
            return Argument(text[start : at + 1], name[0]), at + 1
        if text[at : at + 1] != ",":
            raise IcuError(f"the argument {name[0]!r} is followed by neither a comma nor a closing brace", at)
        kind = _NAME.match(text, self._space(at + 1))
        if not kind:
            raise IcuError(f"the argument {name[0]!r} has no kind behind its comma", at)
        if kind[0] in _CHOICES:
            return self._choice(start, name[0], kind[0], self._space(kind.end()), depth)
        end = self._closing(kind.end(), start)
        return Argument(text[start : end + 1], name[0]), end + 1

    def _closing(self, at: int, start: int) -> int:
        """Return where the brace closes that is open at `start`; styles may hold braces and quotations."""
        depth = 0
        while at < len(self._text):
            sign = self._text[at]
            if sign == "'" and self._quoting:
                closing = self._text.find("'", at + 1)
                at = closing if closing >= 0 else at
            elif sign == "{":
                depth += 1
            elif sign == "}":
                if not depth:
                    return at
                depth -= 1
            at += 1
        raise IcuError("a brace that is not closed", start)

    def _choice(self, start: int, name: str, kind: str, at: int, depth: int) -> tuple[Choice, int]:
        text = self._text
        if text[at : at + 1] != ",":
            raise IcuError(f"the {kind} of {name!r} has no branches", at)
        at += 1
        offset = _OFFSET.match(text, self._space(at)) if kind != "select" else None
        at = offset.end() if offset else at
        head = text[start:at]
        branches: list[Branch] = []
        while True:
            lead = at
            at = self._space(at)
            if text[at : at + 1] == "}":
                break
            branch, at = self._branch(lead, at, kind, depth)
            branches.append(branch)
        if not any(branch.selector == "other" for branch in branches):
            raise IcuError(f"the {kind} of {name!r} has no branch 'other'", start)
        choice = Choice(name, kind, head, tuple(branches), text[lead:at], int(offset[1]) if offset else 0)
        return choice, at + 1

    def _branch(self, lead: int, at: int, kind: str, depth: int) -> tuple[Branch, int]:
        text = self._text
        selector = _SELECTOR.match(text, at)
        if not selector or (kind == "select" and selector[0].startswith("=")):
            raise IcuError(f"a branch of the {kind} without a name", at)
        brace = self._space(selector.end())
        if text[brace : brace + 1] != "{":
            raise IcuError(f"the branch {selector[0]!r} has no text in braces", brace)
        message, end = self.message(brace + 1, inside=True, counting=kind != "select", depth=depth + 1)
        return Branch(selector[0], message, text[lead:at], text[selector.end() : brace]), end + 1
