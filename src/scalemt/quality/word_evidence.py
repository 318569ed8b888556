"""What a single word tells of its language: closed classes, dictionaries, script, features of letters."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from typing import Any

from scalemt import languages
from scalemt.glossary.lemmas import forms

LISTED = 3.0
"""Natural-log odds for a word of a language's closed classes, and not of the other's."""

KNOWN = 1.8
"""The same for a word that one dictionary knows and the other does not."""

UNKNOWN = 1.0
"""Against a language whose dictionary does not know the word, where the other has none."""

LETTERS = 0.6
"""Weight of py3langid's log-probabilities, which were learnt on texts and not on words."""

MOST_BY_LETTERS = 1.6

FOREIGN_SCRIPT = 8.0

OTHER_SCRIPT = 4.0
"""Against Latin letters for a language that the same text writes in its own."""

_APOSTROPHE = str.maketrans("’", "'")  # as texts write it
_lock = Lock()


@lru_cache(maxsize=2**16)
def _evidence(word: str, tags: tuple[str, ...], native: frozenset[str]) -> tuple[float, ...]:
    latin = "LATIN" in unicodedata.name(word[0], "")
    own = [
        -FOREIGN_SCRIPT if not _fits(tag, latin) else -OTHER_SCRIPT if latin and tag in native else 0.0
        for tag in tags
    ]
    folded = word.casefold().translate(_APOSTROPHE)
    listed = [folded in closed_class(tag, latin) for tag in tags]
    told = [_known(word, tag, latin) for tag in tags]
    letters = _letters(word, tags)
    return tuple(
        own[index]
        + (LISTED if listed[index] else 0.0)
        + (KNOWN if told[index] else 0.0)
        - (UNKNOWN if told[index] is False and not listed[index] and None in told else 0.0)
        + letters[index]
        for index in range(len(tags))
    )


def evidence(word: str, tags: Sequence[str], native: Iterable[str] = ()) -> tuple[float, ...]:
    """Return what a word says for each language, in natural-log odds; only differences mean something.

    Args:
        word: one word.
        tags: the languages that it may be of.
        native: those of them that the text writes in a script of their own: they are hardly romanised beside it.
    """
    return _evidence(word, tuple(tags), frozenset(native))


def is_closed_class(word: str, tags: Sequence[str]) -> bool:
    """Whether a word, capital or not, is in the lists of one of the languages."""
    folded = word.casefold().translate(_APOSTROPHE)
    return any(folded in closed_class(tag) or folded in _listed(tag, "capitals") for tag in tags)


def closed_class(tag: str, latin: bool = True) -> frozenset[str]:
    """Return the words of a language that are neither nouns, verbs nor adjectives; none where no list is there."""
    return frozenset().union(*(_listed(tag, kind, latin) for kind in ("determiners", "joins", "others")))


def determiners(tag: str) -> frozenset[str]:
    """Return the words that open noun phrases."""
    return _listed(tag, "determiners")


def joins(tag: str) -> frozenset[str]:
    """Return prepositions and conjunctions."""
    return _listed(tag, "joins")


def has_list(tag: str) -> bool:
    """Whether there is a list of closed classes for a language."""
    return bool(closed_class(tag))


def _listed(tag: str, kind: str, latin: bool = True) -> frozenset[str]:
    lists = _lists()
    first = tag.split("-", maxsplit=1)[0]
    found = lists.get(f"{first}-Latn") if latin and first not in lists else lists.get(first)
    return frozenset((found or {}).get(kind, "").split())


@lru_cache(maxsize=1)
def _lists() -> Mapping[str, Mapping[str, str]]:
    text = (files("scalemt.quality") / "data" / "function_words.toml").read_text("utf-8")
    return tomllib.loads(text)


def _known(word: str, tag: str, latin: bool) -> bool | None:
    """Whether a dictionary has the word; None where there is none, or none for romanised words."""
    if latin != (_native_is_latin(tag) or "Latn" in tag):
        return None
    with _lock:
        return forms(tag).knows(word)


def _fits(tag: str, latin: bool) -> bool:
    # Any language may be romanised; none that is written in Latin letters comes in others.
    return latin or not _native_is_latin(tag)


@lru_cache(maxsize=256)
def _native_is_latin(tag: str) -> bool:
    from langcodes import Language

    return Language.get(tag.split("-", maxsplit=1)[0]).maximize().script == "Latn"


def _letters(word: str, tags: Sequence[str]) -> list[float]:
    """Return py3langid's log-probabilities among the languages, bounded; 0 for one that it cannot know."""
    codes = [languages.base(tag).split("-", maxsplit=1)[0] for tag in tags]
    latin = "LATIN" in unicodedata.name(word[0], "")
    ranked = dict(_identifier().rank(word.casefold()))
    known = {code for code in codes if code in ranked and (_native_is_latin(code) or not latin)}
    if len(known) < len(codes):
        return [0.0] * len(tags)
    scores = [float(ranked[code]) for code in codes]
    best = max(scores)
    return [max(-MOST_BY_LETTERS, LETTERS * (score - best)) for score in scores]


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=False)
