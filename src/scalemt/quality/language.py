"""Which language a text is in, by py3langid, which ships its model."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from scalemt import languages

MIN_LETTERS = 25


def foreign(text: str, tag: str) -> str:
    """Say what a text looks like when the identifier is nearly sure that it is not in the language, else "".

    Short texts are let through: names, numbers and shared words decide nothing. So are languages that the
    identifier does not know, and texts that look like nothing in particular (best guess below 20 %).

    Args:
        text: any text.
        tag: the canonical tag of the language that it should be in.
    """
    if sum(character.isalpha() for character in text) < MIN_LETTERS:
        return ""
    expected = languages.base(tag).split("-")[0]
    known = identify(text)
    if expected not in known or known[expected] > 0.02:
        return ""
    best = max(known, key=lambda code: known[code])
    if known[best] < 0.2:  # lists of names and codes spread over many languages: that says nothing
        return ""
    # The identifier's own class for what is no language: codes, keys hit at random.
    looks = "no language at all" if best == "zxx" else languages.name(best)
    return f"looks like {looks} ({known[best]:.0%}), not {languages.name(expected)}"


def identify(text: str) -> dict[str, float]:
    """Return the probability of each known language (ISO 639-1 codes) for a text."""
    return {code: float(probability) for code, probability in _identifier().rank(text)}


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
