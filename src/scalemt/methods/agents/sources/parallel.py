"""Which phrases of translations go with a term: those that most of them hold, and other texts do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from scalemt.glossary.lemmas import Forms, forms
from scalemt.glossary.tokens import Token, tokenise
from scalemt.methods.agents.words import is_content

_LEAST_TEXTS = 2
_LEAST_SHARE = 0.6  # of the translations that hold the phrase
_MOST_ELSEWHERE = 0.25  # of what that share is among other texts
_LONGEST_WORDS, _LONGEST_LETTERS = 3, 6

Key = tuple[str, ...]


def going_with(translations: Sequence[str], others: Sequence[str], language: str, most: int = 3) -> list[str]:
    """Return phrases that most of the translations hold and few other texts do, the likeliest first.

    What holds them all may be about the term and still be no translation of it: it is a candidate.

    Args:
        translations: of texts that hold the term; of less than two nothing can be told.
        others: texts of the same kind, in the same language, whose sources do not hold it.
        language: theirs, a canonical tag.
        most: phrases to return.
    """
    count = len(translations)
    if count < _LEAST_TEXTS:
        return []
    known = forms(language)
    written: dict[Key, Counter[str]] = {}
    held: Counter[Key] = Counter()
    for text in translations:
        found = dict(_phrases(text, known, language))
        held.update(found.keys())
        for key, phrase in found.items():
            written.setdefault(key, Counter())[phrase] += 1
    elsewhere: Counter[Key] = Counter()
    for text in others:
        elsewhere.update(dict(_phrases(text, known, language)).keys())
    scores = {}
    for key, times in held.items():
        share, other = times / count, elsewhere[key] / max(1, len(others))
        if times >= _LEAST_TEXTS and share >= _LEAST_SHARE and other <= _MOST_ELSEWHERE * share:
            scores[key] = share - other
    ranked = sorted(scores, key=lambda key: (-scores[key], -len(key), key))
    return [written[key].most_common(1)[0][0] for key in _without_parts(ranked, held)][:most]


def _phrases(text: str, known: Forms, language: str) -> Iterator[tuple[Key, str]]:
    tokens = tokenise(text)
    for start, first in enumerate(tokens):
        longest = _LONGEST_LETTERS if first.kind == "letter" else _LONGEST_WORDS
        for end in range(start + 1, min(len(tokens), start + longest) + 1):
            phrase = tokens[start:end]
            if any(token.kind not in ("word", "letter") for token in phrase):
                break
            if _is_edge(first, language) and _is_edge(phrase[-1], language):
                key = tuple(known.lemma(token.text) if token.kind == "word" else token.folded for token in phrase)
                yield key, text[first.start : phrase[-1].end]


def _is_edge(token: Token, language: str) -> bool:
    return token.kind == "letter" or is_content(token, language)


def _without_parts(ranked: Sequence[Key], held: Counter[Key]) -> Iterator[Key]:
    """Leave out what stands nowhere but in a longer phrase."""
    for key in ranked:
        longer = (other for other in ranked if len(other) > len(key) and held[other] >= held[key])
        if not any(key == other[at : at + len(key)] for other in longer for at in range(len(other))):
            yield key
