"""Regular expressions as ICU writes them, which SRX asks for, in the syntax of the `regex` library.

Source: ICU User Guide, chapter "Regular Expressions"; `regex` with its version 1 behaviour agrees with it on
properties, nested sets and set operations, possessive quantifiers and look-behind.
"""

from __future__ import annotations

import re

# What is written otherwise there. Horizontal white space; end of text before a last line end, and the very end.
_NAMED = {"h": r"[\t\p{Zs}]", "H": r"[^\t\p{Zs}]", "Z": r"(?=\n?\Z)", "z": r"\Z", "e": r"\x1b"}
_IN_SET = {"h": r"\t\p{Zs}", "e": r"\x1b"}
_HEXADECIMAL = re.compile(r"x\{([0-9A-Fa-f]{1,6})\}")
_CONTROL = re.compile(r"c([A-Za-z@\[\]\\^_?])")
_OCTAL = re.compile(r"0([0-7]{1,3})")


def translated(pattern: str) -> str:
    """Return an ICU pattern as the `regex` library takes it; what neither knows is left for it to complain of."""
    out: list[str] = []
    depth = position = 0
    while position < len(pattern):
        sign = pattern[position]
        if sign == "\\":
            made, position = _escape(pattern, position + 1, inside=depth > 0)
            out.append(made)
            continue
        if sign == "[":
            depth += 1
        elif sign == "]" and depth:
            depth -= 1
        out.append(sign)
        position += 1
    return "".join(out)


def _escape(pattern: str, position: int, *, inside: bool) -> tuple[str, int]:
    """Return what an escape is there, and where the pattern goes on; `position` is behind its backslash."""
    named = _IN_SET if inside else _NAMED
    sign = pattern[position : position + 1]
    if sign in named:
        return named[sign], position + 1
    if sign == "Q":
        end = pattern.find(r"\E", position + 1)
        held = pattern[position + 1 : end if end >= 0 else len(pattern)]
        return re.escape(held), end + 2 if end >= 0 else len(pattern)
    if found := _HEXADECIMAL.match(pattern, position):
        return f"\\U{int(found[1], 16):08x}", found.end()
    if found := _CONTROL.match(pattern, position):
        return re.escape(chr(ord(found[1].upper()) ^ 64)), found.end()
    if found := _OCTAL.match(pattern, position):
        return re.escape(chr(int(found[1], 8))), found.end()
    return "\\" + sign, position + 1
