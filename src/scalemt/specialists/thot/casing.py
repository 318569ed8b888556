"""Upper and lower case: models are trained on lower case, and the case of a draft is restored.

A word has the most frequent form that it had in the training targets (truecasing, as Lita et al. 2003,
"tRuEcasIng"), told apart by how the source word was written that it is aligned with: in manuals "File" stays a
name and "file" does not. What stands in the source letter by letter keeps the case of the source.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scalemt.errors import ModelError
from scalemt.specialists.thot.tokens import JOINER, escaped, surface

_ANY = "*"
_ENDS = frozenset(".!?")


class Recaser:
    """The forms of words, and how a draft gets them.

    Args:
        forms: for each word in lower case, for each shape of the source ("a", "A", "AA", "*" all of them), how
            often each form was seen.
    """

    def __init__(self, forms: Mapping[str, Mapping[str, Mapping[str, int]]] | None = None) -> None:
        self._forms: dict[str, dict[str, Counter[str]]] = {
            word: {shape: Counter(counts) for shape, counts in shapes.items()}
            for word, shapes in (forms or {}).items()
        }

    def observe(self, source: Sequence[str], target: Sequence[str], aligned: Sequence[int | None]) -> None:
        """Count the forms of one target; sentence starts tell nothing of a word.

        Args:
            source, target: tokens as they are written.
            aligned: the source token of each target token.
        """
        starts = sentence_starts(target)
        source_starts = sentence_starts(source)
        for place, token in enumerate(target):
            form = surface(token)
            if place in starts or not _has_case(form):
                continue
            shapes = self._forms.setdefault(form.lower(), {})
            shapes.setdefault(_ANY, Counter())[form] += 1
            origin = aligned[place]
            if origin is not None and origin not in source_starts:
                shapes.setdefault(shape_of(surface(source[origin])), Counter())[form] += 1

    def restore(self, tokens: Sequence[str], source: Sequence[str], aligned: Sequence[int | None]) -> list[str]:
        """Return the tokens of a draft with their case.

        Args:
            tokens: of the draft, in lower case.
            source: of the source, as it is written.
            aligned: the source token of each token.
        """
        source_starts, shouted = sentence_starts(source), _shouts(source)
        made = []
        for token, origin in zip(tokens, aligned, strict=True):
            given = None if origin is None else source[origin]
            opens = origin in source_starts
            form = self._form(surface(token), given, opens=opens)
            copied = given is not None and surface(given).lower() == surface(token)
            made.append(_rewritten(token, form.upper() if shouted and not copied else form))
        _open_sentences(made, source)
        return made

    def _form(self, word: str, given: str | None, *, opens: bool) -> str:
        if not _has_case(word):
            return word
        written = surface(given) if given is not None else ""
        shape = shape_of(written) if given is not None else _ANY
        if opens and shape == "A" and written[:1].isalpha():
            shape = _ANY  # capitals at the start of a sentence say nothing
        elif written.lower() == word:
            return written
        shapes = self._forms.get(word, {})
        counts = shapes.get(shape) or shapes.get(_ANY)
        if not counts:
            return word
        best = counts.most_common(1)[0][0]
        # "Empty" at the start of a sentence is no reason to write EMPTY, though no other form was ever seen.
        return written if opens and written.lower() == word and shape_of(best) == "AA" else best

    def save(self, path: Path) -> None:
        """Write all counts: without those of lower case, one capital that is learnt later would outweigh them."""
        kept = {
            word: {shape: dict(counts) for shape, counts in shapes.items()}
            for word, shapes in sorted(self._forms.items())
        }
        path.write_text(json.dumps(kept, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, path: Path) -> Recaser:
        """Read what `save` wrote.

        Raises:
            ModelError: the file cannot be read.
        """
        try:
            return cls(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, AttributeError, TypeError) as fault:
            raise ModelError(f"{path} cannot be read ({fault}). Train the model anew.") from None


def shape_of(word: str) -> str:
    """Return how a word is written: "a", "A" (capital first), "AA" (capitals), "aA" (mixed)."""
    letters = [letter for letter in word if letter.lower() != letter.upper()]
    if not letters or word == word.lower():
        return "a"
    if len(letters) > 1 and word == word.upper():
        return "AA"
    return "A" if letters[0].isupper() and all(letter.islower() for letter in letters[1:]) else "aA"


def lowered(tokens: Iterable[str]) -> list[str]:
    """Return tokens as the model knows them."""
    return [token.lower() for token in tokens]


def sentence_starts(tokens: Sequence[str]) -> frozenset[int]:
    """Return the places of the first words of sentences."""
    starts, awaited = set(), True
    for place, token in enumerate(tokens):
        word = surface(token)
        if awaited and any(character.isalnum() for character in word):
            starts.add(place)
            awaited = False
        if word[-1:] in _ENDS and not token.endswith(JOINER) and not word[:1].isalnum():
            awaited = True
    return frozenset(starts)


def _shouts(source: Sequence[str]) -> bool:
    """Whether all words are written in capitals, and not only one letter."""
    words = [word for word in map(surface, source) if word[:1].isalnum() and _has_case(word)]
    return any(shape_of(word) == "AA" for word in words) and all(word == word.upper() for word in words)


def _open_sentences(tokens: list[str], source: Sequence[str]) -> None:
    """Write first words large: that of the first sentence as the source has it, of others always."""
    starts = sorted(sentence_starts(tokens))
    opening = sorted(sentence_starts(source))
    for number, place in enumerate(starts):
        word = surface(tokens[place])
        small = number == 0 and (not opening or surface(source[opening[0]])[:1].islower())
        if word[:1].islower() and shape_of(word) == "a" and not small and _opens_with_letter(source, opening):
            tokens[place] = _rewritten(tokens[place], word[:1].upper() + word[1:])


def _opens_with_letter(source: Sequence[str], opening: Sequence[int]) -> bool:
    return bool(opening) and surface(source[opening[0]])[:1].isupper()


def _has_case(word: str) -> bool:
    return word.lower() != word.upper()


def _rewritten(token: str, form: str) -> str:
    """Put another form of the same word between the joiners of a token."""
    before = JOINER if token.startswith(JOINER) else ""
    behind = JOINER if len(token) > 1 and token.endswith(JOINER) else ""
    return f"{before}{escaped(form)}{behind}"
