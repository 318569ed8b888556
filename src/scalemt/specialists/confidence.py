"""Word confidences from token probabilities (SCALE, Cheng et al. 2024; their released code).

The confidence of a word is the arithmetic mean of the probabilities of its sub-word tokens. A token that
starts with the SentencePiece marker "▁" opens a word, any other is glued to the current one. `<unk>` is
skipped and the walk stops at the end of the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from scalemt.types import Word

MARK = "▁"

Pairing = Literal["aligned", "shifted"]


def shift(probabilities: Sequence[float], end: float) -> list[float]:
    """Pair each token with the probability of its successor, as the authors' released code does.

    Their code zips `sequences[2:]` with `transition_scores[2:]`, which for encoder-decoder models is one
    step late: token i is printed with the probability of token i+1, the last with that of the end of
    sentence. Kept for exact comparison; never the default.

    Args:
        probabilities: one a token, end of sentence left out.
        end: the probability of the end-of-sentence token.
    """
    return [*probabilities[1:], end] if probabilities else []


def words_from_pieces(
    pieces: Iterable[str],
    probabilities: Iterable[float],
    *,
    unknown: frozenset[str] = frozenset({"<unk>"}),
    end: frozenset[str] = frozenset({"</s>"}),
) -> tuple[Word, ...]:
    """Merge sub-word pieces into words with their mean probability.

    Args:
        pieces: SentencePiece pieces in order, without decoder start and language tokens.
        probabilities: the model's probability of each piece, in [0, 1].
        unknown: pieces that are skipped.
        end: pieces at which the walk stops.
    """
    words: list[tuple[str, list[float]]] = []
    for piece, probability in zip(pieces, probabilities, strict=False):
        if piece in end:
            break
        if piece in unknown:
            continue
        if piece.startswith(MARK) or not words:
            words.append((piece.removeprefix(MARK), [probability]))
        else:
            text, known = words[-1]
            words[-1] = (text + piece, [*known, probability])
    return tuple(Word(text, sum(known) / len(known)) for text, known in words if text)


def words_without_confidence(text: str) -> tuple[Word, ...]:
    """Split a text at white space into words whose confidence is unknown."""
    return tuple(Word(word) for word in text.split())
