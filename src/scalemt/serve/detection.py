"""Which language a text is in, among those that a server can translate from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scalemt import languages
from scalemt.quality.language import identify

_ENOUGH = 2_000  # characters; more of a text tell nothing new


@dataclass(frozen=True, slots=True)
class Detected:
    """A language, as a canonical tag, and the probability in [0, 1] that a text is in it."""

    language: str
    confidence: float


def detect(text: str, among: Collection[str] = (), count: int = 5) -> list[Detected]:
    """Return the likeliest languages of a text, the likeliest first; none of a text without letters.

    Args:
        text: any text.
        among: canonical tags; only these are considered, as far as the identifier knows any of them.
        count: the most that are returned.
    """
    if not any(character.isalpha() for character in text):
        return []
    known = identify(text[:_ENOUGH])
    known.pop("zxx", None)  # the identifier's class for what is no language
    wanted: dict[str, str] = {}
    for tag in among:
        wanted.setdefault(languages.base(tag).split("-")[0], tag)
    kept = {wanted[code]: share for code, share in known.items() if code in wanted}
    if not kept:
        kept = {languages.parse(code): share for code, share in known.items()}
    total = sum(kept.values()) or 1.0
    ranked = sorted(kept.items(), key=lambda item: -item[1])[:count]
    return [Detected(tag, share / total) for tag, share in ranked]
