"""The forms of masks, and how a mask is recognised that a model has spoilt a little."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

TokenRole = Literal["open", "close", "alone", "any"]


@dataclass(frozen=True)
class MaskStyle:
    """One form of masks; `N` stands for a number in the templates.

    Where the templates differ, the halves of a pair share a number; where they are one, each span has its own.

    Args:
        name: as specialists name it.
        open, close, alone: how the halves of a pair and all else are written.
        literal: spans that are no tags and have at most so many characters stand as they are.
        tags: whether tags stand as they are too.
        spaces: whether a space that went missing between a mask and a word is put back; a generalist is trusted.
    """

    name: str
    open: str
    close: str
    alone: str
    literal: int = 0
    tags: bool = False
    spaces: bool = True

    @property
    def paired(self) -> bool:
        """Whether the halves of a pair share a number."""
        return self.open != self.close

    @property
    def apart(self) -> bool:
        """Whether a mask would run together with a word that touches it."""
        return self.alone[0].isalnum() or self.alone[-1].isalnum()

    @cached_property
    def shape(self) -> Shape:
        """The patterns that recognise it."""
        return _shape(self.open, self.close, self.alone)

    def token(self, role: TokenRole, number: int) -> str:
        """Return the mask of a number."""
        template = {"open": self.open, "close": self.close}.get(role, self.alone)
        return template.replace("N", str(number))


def _single(name: str, template: str) -> MaskStyle:
    return MaskStyle(name, template, template, template)


# Of 500 strings of Django and wagtail in per cent, without repairs: bergamot en-pt, apertium en-gl (masks.json).
STYLES: dict[str, MaskStyle] = {
    style.name: style
    for style in (
        MaskStyle("typed", "<gN>", "</gN>", "<xN/>", literal=40, spaces=False),
        MaskStyle("tags", "<gN>", "</gN>", "<xN/>"),  # 0.2 (81 more by repairs), 100
        MaskStyle("literal", "<gN>", "</gN>", "<xN/>", literal=10**6, tags=True),  # 35, 11
        _single("angle", "<N>"),  # 0.2, 99
        _single("brace", "{N}"),  # 0.2, 99
        _single("bracket", "[N]"),  # 95, 100: apertium's, and that of specialists nobody has measured
        _single("word", "XXN"),  # 98, 78: bergamot's
        _single("hash", "#N#"),  # 0.2, 99
        _single("under", "__N__"),  # 51, 99
        _single("address", "http://xN.org"),  # 99, 79; drafts are worse around it
    )
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something in a text that is, or could be, a mask."""

    start: int
    end: int
    number: int
    role: TokenRole


@dataclass(frozen=True)
class Shape:
    """Patterns of a style.

    Args:
        exact: a mask as it is written, at any position, masks that overlap included.
        near: the same with spaces inside, in capitals, with other brackets, digits, or letter.
        loose: what has lost its bracket on one side.
        roles: what a named group of `near` and `loose` stands for.
    """

    exact: re.Pattern[str]
    near: re.Pattern[str]
    loose: re.Pattern[str]
    roles: dict[str, TokenRole]

    def written(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the position and text of whatever is written as a mask is."""
        return ((found.start(), found[1]) for found in self.exact.finditer(text))

    def similar(self, text: str, *, loose: bool = False) -> Iterator[Mark]:
        """Yield what looks like a mask, more or less."""
        for found in (self.loose if loose else self.near).finditer(text):
            group = found.lastgroup or ""
            yield Mark(found.start(), found.end(), number_of(found[group]), self.roles[group])


def number_of(digits: str) -> int:
    """Return a number in the digits of any script; longer ones than any mask has are cut."""
    return int(digits[:9])


_OPENING, _CLOSING = "<＜‹〈《⟨«[［({（｛【「『“„\"'", ">＞›〉》⟩»]］)}）｝】」』”“\"'"
_ANGLES = ("[<＜‹〈⟨]", "[>＞›〉⟩]")
# The Latin letters and digits; × and ÷ stand among them.
LATIN = r"A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_MOST = r"\d{1,9}(?!\d)"


def _shape(opening: str, closing: str, alone: str) -> Shape:
    forms: list[tuple[TokenRole, str]] = [("close", closing), ("alone", alone), ("open", opening)]
    if opening == closing:
        forms = [("any", alone)]
    roles: dict[str, TokenRole] = {}
    near, loose = [], []

    def group(role: TokenRole) -> str:
        name = f"n{len(roles)}"
        roles[name] = role
        return rf"(?<!\d)(?P<{name}>{_MOST})"

    for role, template in forms:
        prefix, suffix = template.split("N")
        if template[0] == "<" and template != "<N>":
            near.append(_angled(template, group(role)))
        near.append(_joined(_near(prefix), group(role), _near(suffix), template))
        loose += [_joined(_plain(prefix), group(role), [], prefix + "0")] if len(prefix) > 1 else []
        if suffix and not suffix[-1].isalnum() and len(template) > 3:
            letters = "".join(character for character in prefix if character not in _OPENING)
            loose.append(_joined(_plain(letters), group(role), _plain(suffix), (letters or "0") + suffix))
    exact = "|".join(
        _joined([re.escape(a)], r"\d{1,9}", [re.escape(b)], a + "0" + b, "") for a, b in _split(forms)
    )
    flags = re.IGNORECASE
    return Shape(
        re.compile(f"(?=({exact}))"),
        re.compile("|".join(near), flags),
        re.compile("|".join(loose) or r"(?!)", flags),
        roles,
    )


def _split(forms: list[tuple[TokenRole, str]]) -> Iterator[tuple[str, str]]:
    for _, template in forms:
        prefix, suffix = template.split("N")
        yield prefix, suffix


def _angled(template: str, number: str) -> str:
    """A tag whose letter was translated or lost."""
    before = r"[/／]\s*" if "/" in template.split("N", maxsplit=1)[0] else ""
    after = r"\s*[/／]" if "/" in template.split("N")[1] else ""
    return rf"{_ANGLES[0]}\s*{before}[^\W\d_]?\s*{number}{after}\s*{_ANGLES[1]}"


def _joined(prefix: list[str], number: str, suffix: list[str], edges: str, space: str = r"\s*") -> str:
    before = f"(?<![{LATIN}])" if edges[0].isalnum() else ""
    after = f"(?![{LATIN}])" if edges[-1].isalnum() else ""
    return before + space.join([*prefix, number, *suffix]) + after


def _near(signs: str) -> list[str]:
    return [_class(sign) for sign in signs]


def _class(sign: str) -> str:
    if sign in "<[{(":
        return f"[{re.escape(_OPENING)}]"
    if sign in ">]})":
        return f"[{re.escape(_CLOSING)}]"
    return _plain(sign)[0]


def _plain(signs: str) -> list[str]:
    """Each sign, or its full-width form."""
    return [f"[{re.escape(sign)}{chr(ord(sign) + 0xFEE0)}]" for sign in signs]


@lru_cache(maxsize=4096)
def similar_to(held: str) -> re.Pattern[str]:
    """Return a pattern of what a model may make of a text that it was to copy: spaces, capitals, full width."""
    if held.replace("_", "").isalnum():
        return re.compile(rf"(?<![{LATIN}]){re.escape(held)}(?![{LATIN}])", re.IGNORECASE)
    signs = [sign for sign in held if not sign.isspace()]
    return re.compile(r"\s*".join(_class(sign) if sign in "<>[]{}" else _wide(sign) for sign in signs), re.I)


@lru_cache(maxsize=4096)
def skeleton_of(held: str) -> re.Pattern[str] | None:
    """Return a pattern for a placeholder whose name was translated, or None where no bracket tells it."""
    if not re.search(r"[{(\[<].*\w.*[})\]>]", held):
        return None
    return re.compile(re.sub(r"(?:\\_|\\-|\w)+", r"[\\w-]+", re.escape(held)))


def _wide(sign: str) -> str:
    return f"[{re.escape(sign)}{chr(ord(sign) + 0xFEE0)}]" if "!" <= sign <= "~" else re.escape(sign)
