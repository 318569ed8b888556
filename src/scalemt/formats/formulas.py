"""What formulas of spreadsheets compare cells with: texts that must not change, or the sums come out otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LITERAL = re.compile(r'"((?:[^"]|"")*)"')
# Table1[Amount], Table1[[#Headers],[Net amount]], [@Amount]; an apostrophe escapes brackets.
_COLUMN = re.compile(r"\[@?((?:'.|[^\[\]'])+)\]")


def folded(text: str) -> str:
    """Return text as formulas compare it: without case."""
    return " ".join(text.split()).casefold()


def texts(formula: str) -> Iterator[str]:
    """Yield the texts in a formula that cells may be compared with, and the columns of tables that it names.

    A literal with commas also stands for its parts: the list of a validation is written that way.
    """
    for found in _LITERAL.findall(formula):
        literal = found.replace('""', '"')
        yield folded(literal)
        if "," in literal:
            yield from map(folded, literal.split(","))
    for found in _COLUMN.findall(_LITERAL.sub('""', formula)):
        yield folded(re.sub(r"'(.)", r"\1", found).lstrip("@"))
