"""The words of one side of a corpus as numbers, and which of them say little by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from scalemt.glossary.lemmas import forms
from scalemt.glossary.phrases import Side
from scalemt.glossary.tokens import HYPHENS, Token

_FUNCTION_WORDS = 100
_BLOCK = 20  # sentences
# Of how a word crowds, times its length. Chosen on TICO-19 in English and Portuguese, where it leaves "which" (6)
# and "should" (10) on one side, "fever" (16) and "respiratory" (28) on the other.
_MOST_CROWDING = 10.5
_LENGTH_OF_A_LETTER = 4  # what a letter of a script without spaces counts for


class Vocabulary:
    """Numbers the words of one side, one number for all forms of a word.

    Args:
        language: a canonical BCP-47 tag.
    """

    def __init__(self, language: str) -> None:
        self._forms = forms(language)
        self._numbers: dict[str, int] = {}
        self._counts: Counter[int] = Counter()
        self._capitals: Counter[int] = Counter()
        self._letters: set[int] = set()
        self._lines: list[list[int]] = []
        self._joined: list[set[int]] = []  # the places, in each line, of words behind a hyphen

    @property
    def is_unspaced(self) -> bool:
        """Whether most units are letters of a script without spaces."""
        return 2 * sum(self._counts[number] for number in self._letters) > self._counts.total()

    def add(self, text: str, tokens: Sequence[Token]) -> None:
        """Take in a line."""
        numbers = self.numbers(tokens)
        self._lines.append(numbers)
        self._counts.update(numbers)
        self._joined.append({place for place in range(1, len(tokens)) if text[tokens[place].start - 1] in HYPHENS})
        for token, number in zip(tokens, numbers, strict=True):
            if token.kind == "letter":
                self._letters.add(number)
            elif token.text[1:] != token.text[1:].lower():
                self._capitals[number] += 1

    def numbers(self, tokens: Iterable[Token]) -> list[int]:
        """Return the numbers of words, from 1."""
        known = self._numbers
        return [known.setdefault(self._key(token), len(known) + 1) for token in tokens]

    def _key(self, token: Token) -> str:
        return self._forms.lemma(token.text) if token.kind == "word" else token.folded

    def sides(self, least: int) -> list[Side]:
        """Return the lines as sides of sentence pairs; words that are rarer than `least` are in no phrase."""
        words = {number: word for word, number in self._numbers.items()}
        barred = {number for number, word in words.items() if not any(sign.isalnum() for sign in word)}
        plain = {number for number, word in words.items() if number not in self._letters and _is_plain(word)}
        silent = barred | plain
        frequent = [number for number, _ in self._counts.most_common() if number not in silent]
        barred |= {number for number, count in self._counts.items() if count < least}
        no_edge = barred | self._function_words(frequent, words)
        return [
            Side(
                tuple(line),
                tuple(0 if number in barred else number for number in line),
                *_edges(line, joined, plain, no_edge),
            )
            for line, joined in zip(self._lines, self._joined, strict=True)
        ]

    def _function_words(self, frequent: Sequence[int], words: dict[int, str]) -> set[int]:
        """Return those of the most frequent words that say little by themselves.

        What a text speaks about is frequent in it too, but it crowds in some of its parts, and is longer: "virus",
        not "which". Where the sentences come in no order, all frequent words count as function words, but for
        those that are mostly written with a capital inside ("SARS", "CoV").
        """
        # Of a small vocabulary a hundred words would be most of what it speaks about.
        asked = frequent[: min(_FUNCTION_WORDS, max(2, len(frequent) // 10))]
        crowding = _crowding(self._lines, set(asked))
        found = set()
        for rank, number in enumerate(asked):
            is_letter = number in self._letters
            length = _LENGTH_OF_A_LETTER if is_letter else len(words[number])
            short = length <= 2 or (rank < 10 and length <= 4)
            if 2 * self._capitals[number] <= self._counts[number] and (
                short or crowding[number] * length < _MOST_CROWDING
            ):
                found.add(number)
        return found


def _edges(
    line: Sequence[int], joined: set[int], plain: set[int], no_edge: set[int]
) -> tuple[list[bool], list[bool]]:
    """Return which words may begin, and which may end a phrase: no part of "COVID-19" or "alcohol-based" does.

    A number ends one only behind a hyphen.
    """
    free = [number not in no_edge for number in line]
    starts = [free[place] and place not in joined and line[place] not in plain for place in range(len(line))]
    ends = [
        free[place] and place + 1 not in joined and (line[place] not in plain or place in joined)
        for place in range(len(line))
    ]
    return starts, ends


def _is_plain(word: str) -> bool:
    """Whether a word is a number or a single letter."""
    return word.isnumeric() or len(word) == 1


def _crowding(lines: Sequence[Sequence[int]], wanted: set[int]) -> dict[int, float]:
    """Return for each word the variance of its counts in blocks of lines over their mean, 1 for chance."""
    blocks = range(0, len(lines), _BLOCK)
    sums: Counter[int] = Counter()
    squares: Counter[int] = Counter()
    for start in blocks:
        block = lines[start : start + _BLOCK]
        counts = Counter(number for line in block for number in line if number in wanted)
        sums.update(counts)
        squares.update({number: count * count for number, count in counts.items()})
    return {
        number: squares[number] / sums[number] - sums[number] / len(blocks) if sums[number] else 0.0
        for number in wanted
    }
