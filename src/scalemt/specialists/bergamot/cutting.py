"""Cutting a source that is longer than what the models were trained on.

The students were trained on single sentences and lose whole sentences of anything much longer. FLORES-200 devtest,
en->pt, chrF++ of consecutive sentences translated together against one by one: 2 at once (59 pieces on average)
67.5 against 68.5, 4 (118 pieces) 58.1 against 69.5, 10 (293 pieces) 26.5 against 71.0. A long chain of clauses is
better cut at white space too (118 pieces: 59.2 whole, 68.6 cut at 350 characters).
"""

from __future__ import annotations

from collections.abc import Callable

from scalemt.text import split_long, split_sentences

MAX_PIECES = 96
"""Most pieces of a source that is translated in one go; hardly a sentence has more."""

_PART_CHARACTERS = 300

Encode = Callable[[str], list[int]]


def cut_source(text: str, encode: Encode, language: str = "") -> list[list[int]]:
    """Return the ids of a text in parts of at most `MAX_PIECES` pieces each, and the end of sentence.

    Args:
        text: the source.
        encode: text to ids with the end of sentence.
        language: of the source.
    """
    ids = encode(text)
    if len(ids) <= MAX_PIECES + 1:
        return [ids]
    sentences = [sentence for sentence, _ in split_sentences(text, language) if sentence]
    return [part for sentence in sentences for part in _cut(sentence, encode, _PART_CHARACTERS)]


def _cut(text: str, encode: Encode, characters: int) -> list[list[int]]:
    ids = encode(text)
    if len(ids) <= MAX_PIECES + 1:
        return [ids]
    if len(text) == 1:  # one character that normalises to more pieces than any word has
        return [[*ids[:MAX_PIECES], ids[-1]]]
    # Parts of like length, so that the last is not a single word; the room is for the word at the border.
    count = -(-len(text) // characters)
    limit = min(characters, -(-len(text) // count) + 20)
    parts = [part for part, _ in split_long(text, limit) if part]
    # Where characters make many pieces each, the parts are still too long and are cut again.
    return [ids for part in parts for ids in _cut(part, encode, max(1, characters // 2))]
