"""Which languages are near to which, for auxiliary translations; see data/related.tsv for where that is from."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from scalemt import languages
from scalemt.types import Pair

ENGLISH, CHINESE = "en", frozenset({"zh", "zh-Hant"})


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[str, ...]]:
    text = (files("scalemt.methods") / "data" / "related.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {row[0]: tuple(row[1].split()) for row in rows}


def related(tag: str) -> tuple[str, ...]:
    """Return the languages near to one, the nearest and best known first; empty where the table has none."""
    return _table().get(languages.base(tag), ())


def auxiliary_languages(pair: Pair) -> list[str]:
    """Return the languages whose translations may help with a pair, the best first.

    LMT's rule: with English on one side, neighbours of the other language; with Chinese, always English. Of other
    pairs the paper says nothing: neighbours of the target are tried first, then of the source, then English.
    """
    sides = {languages.base(tag) for tag in pair}
    if ENGLISH in sides:
        other = pair.source if languages.base(pair.target) == ENGLISH else pair.target
        found = [*related(other)]
    elif sides & CHINESE:
        others = [tag for tag in pair if languages.base(tag) not in CHINESE]
        found = [ENGLISH, *(near for tag in others for near in related(tag))]
    else:
        found = [*related(pair.target), *related(pair.source), ENGLISH]
    return [tag for tag in dict.fromkeys(found) if languages.base(tag) not in sides]
