"""The library behind the specialist: opening a trained folder, decoding, learning.

sil-thot writes faults to standard error and answers nothing for an empty text, or for one of more than 201 tokens;
neither is ever given to it. Its decoder is monotone: phrases come in the order of the source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.errors import MissingExtraError, ModelError

MOST_TOKENS = 100  # that are decoded or learnt at a time; the library's end is 201, but the time to learn is cubic
ALIGNERS = {"fast-align": "FAST_ALIGN", "hmm": "HMM", "ibm1": "IBM1", "ibm2": "IBM2"}
_WAYS = 5  # to ask for, for each draft: one text comes about by several segmentations
TRANSLATION, LANGUAGE = "tm/src_trg", "lm/trg.lm"  # prefixes of the files in a model folder


@dataclass(frozen=True, slots=True)
class Decoded:
    """One translation as tokens.

    Args:
        tokens: of the target.
        unknown: places of tokens that were copied since the model does not know them.
        origins: for each token the range (start, end) of source tokens that its phrase translates.
    """

    tokens: tuple[str, ...]
    unknown: frozenset[int]
    origins: tuple[tuple[int, int], ...]


def require_thot() -> None:
    """Check that the library is installed, without loading it.

    Raises:
        MissingExtraError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("machine") is None or find_spec("thot") is None:
        raise MissingExtraError("The thot specialist", "thot")


class NativeModel:
    """One opened model; not to be used by two threads at once.

    Args:
        folder: with tm/ and lm/.
        aligner: a key of `ALIGNERS`.
        weights: of the eight features of the log-linear model.

    Raises:
        ModelError: the files cannot be loaded.
    """

    def __init__(self, folder: Path, aligner: str, weights: Sequence[float]) -> None:
        from machine.translation.thot import ThotWordAlignmentModelType
        from machine.translation.thot.thot_smt_parameters import ThotSmtParameters
        from machine.translation.thot.thot_utils import load_smt_decoder, load_smt_model

        kind = ThotWordAlignmentModelType[ALIGNERS[aligner]]
        parameters = ThotSmtParameters(
            translation_model_filename_prefix=str(folder / TRANSLATION),
            language_model_filename_prefix=str(folder / LANGUAGE),
            model_weights=list(weights),
        )
        try:
            self._model: Any = load_smt_model(kind, parameters)
        except RuntimeError as fault:
            raise ModelError(f"Thot cannot load the model in {folder}: {fault} Train it anew.") from None
        self._decoder: Any = load_smt_decoder(self._model, parameters)
        self._direct: Any = self._model.direct_word_alignment_model
        self._inverse: Any = self._model.inverse_word_alignment_model

    def close(self) -> None:
        """Free the memory of the model."""
        self._decoder.clear()
        self._model.clear()

    def translate(self, tokens: Sequence[str], n: int = 1) -> list[Decoded]:
        """Return at most `n` different translations of 1 to `MOST_TOKENS` tokens, the best first; perhaps none."""
        sentence = " ".join(tokens)
        found = [self._decoder.translate(sentence)] if n == 1 else self._decoder.translate_n(sentence, n * _WAYS)
        unique = {tuple(data.target): data for data in reversed(found) if data.target}
        best = [unique.pop(words) for data in found if (words := tuple(data.target)) in unique]
        return [_decoded(data, len(tokens)) for data in best[:n]]

    def learn(self, source: Sequence[str], target: Sequence[str]) -> bool:
        """Train on one pair of 1 to `MOST_TOKENS` tokens a side; whether the library took it."""
        return bool(self._decoder.train_sentence_pair(" ".join(source), " ".join(target)))

    def probability(self, source: str | None, target: str) -> float:
        """Return how probable the lexical models hold a pair of words, None being no word: the mean of both."""
        one = 0 if source is None else self._direct.get_src_word_index(source)
        other = self._direct.get_trg_word_index(target)
        direct = math.exp(min(self._direct.translation_log_prob(one, other), 0.0))
        if source is None:
            return direct
        one, other = self._inverse.get_src_word_index(target), self._inverse.get_trg_word_index(source)
        return (direct + math.exp(min(self._inverse.translation_log_prob(one, other), 0.0))) / 2

    def aligned(self, source: Sequence[str], target: Sequence[str]) -> list[int | None]:
        """Return the first source token that each target token of a known translation is aligned with."""
        _, matrix = self._direct.get_best_alignment(list(source), list(target))
        table = matrix.to_numpy()
        return [int(table[:, place].argmax()) if table[:, place].any() else None for place in range(len(target))]


def _decoded(data: Any, length: int) -> Decoded:
    origins: list[tuple[int, int]] = []
    for (first, last), cut in zip(data.source_segmentation, data.target_segment_cuts, strict=True):
        origins += [(first - 1, min(last, length))] * (cut - len(origins))
    tokens = tuple(data.target)
    origins += [(0, 0)] * (len(tokens) - len(origins))
    return Decoded(tokens, frozenset(data.target_unknown_words), tuple(origins[: len(tokens)]))
