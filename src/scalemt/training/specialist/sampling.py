"""Texts cut otherwise in each pass, for little data.

Subword regularisation (Kudo 2018, arXiv 1804.10959) and BPE-dropout (Provilkov et al. 2020, arXiv 1910.13267).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

from scalemt.training.pairs import Pairs
from scalemt.training.specialist.codec import Codec
from scalemt.training.specialist.material import Encoded
from scalemt.training.specialist.vocabulary import SOURCE, TARGET


class Sampler:
    """Cuts corpora by drawing, the same way for the same round.

    Args:
        codec: of the folder that holds the vocabulary.
        corpora: the texts.
        encoded: what the codec makes of them; only lines that it kept are cut, and a draw that is longer than
            `longest` is replaced by that.
        amount: see `Vocabulary.sampling`.
        seed: of all that is drawn.
        longest: most tokens of a side.
    """

    def __init__(
        self,
        codec: Codec,
        corpora: Sequence[Pairs],
        encoded: Sequence[Encoded],
        amount: float,
        seed: int,
        longest: int,
    ) -> None:
        import sentencepiece

        self._codec, self._corpora, self._encoded = codec, corpora, encoded
        self._seed, self._longest = seed, longest
        paths: list[Path] = [codec.folder / SOURCE, codec.folder / TARGET]
        processors = [sentencepiece.SentencePieceProcessor(model_file=str(path)) for path in paths]
        options: dict[str, Any] = {"out_type": str, "enable_sampling": True, "alpha": amount, "nbest_size": -1}
        self._cuts = [partial(processor.encode, **options) for processor in processors]

    def round(self, number: int) -> list[Encoded]:
        """Return all corpora as they are cut in a round."""
        import sentencepiece

        found: list[Encoded] = []
        # sentencepiece seeds the generator of a thread when that thread first draws, and never again.
        sentencepiece.set_random_generator_seed((self._seed * 1_000_003 + number) % 2**32)
        thread = Thread(target=lambda: found.extend(map(self._cut, self._corpora, self._encoded)))
        thread.start()
        thread.join()
        return found

    def _cut(self, pairs: Pairs, encoded: Encoded) -> Encoded:
        sources = [self._codec.source(pairs.sources[line], self._cuts[0]) for line in encoded.kept]
        targets = [self._codec.target(pairs.targets[line], self._cuts[1]) for line in encoded.kept]
        return Encoded(
            self._bounded(sources, encoded.sources), self._bounded(targets, encoded.targets), encoded.kept
        )

    def _bounded(self, drawn: list[list[int]], usual: list[list[int]]) -> list[list[int]]:
        return [one if len(one) <= self._longest else other for one, other in zip(drawn, usual, strict=True)]
