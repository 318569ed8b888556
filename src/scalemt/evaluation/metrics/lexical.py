"""Overlap of words and characters with references: chrF, chrF++, BLEU, spBLEU and TER, by sacreBLEU.

Scores and signatures are sacreBLEU's own (Post 2018, "A Call for Clarity in Reporting BLEU Scores"); what is done
here is to score many rows of summed statistics at once, which resampling needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.evaluation.metrics.base import Measured, Metric, Progress
from scalemt.evaluation.systems import System, TestSet
from scalemt.types import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_TOKENIZERS = ("13a", "zh", "ja-mecab", "ko-mecab", "intl", "char", "none", "flores200", "flores101")
_TOKENIZER_OF = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}  # by target language; 13a for all others


class SacreMetric(Metric):
    """A metric of sacreBLEU; a subclass builds its scorer and scores rows of its statistics.

    The signature holds the number of references once something was measured, as sacreBLEU's does.
    """

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self._scorer.num_refs = None
        self._references: tuple[tuple[str, ...], ...] | None = None
        self._prepared: list[Any] = []

    @property
    def signature(self) -> str:
        """The signature as sacreBLEU writes it."""
        return str(self._scorer.get_signature())

    def _measure(self, system: System, test_set: TestSet, progress: Progress) -> Measured:
        import numpy as np

        self._prepare(test_set)
        rows = []
        for text, reference in zip(system.texts, self._prepared, strict=True):
            hypothesis = self._scorer._preprocess_segment(text)
            rows.append(self._scorer._compute_segment_statistics(hypothesis, reference))
            progress(1)
        statistics = np.array(rows, dtype=np.float64)
        return Measured(statistics, self._segment_scores(statistics))

    def _prepare(self, test_set: TestSet) -> None:
        # All systems of an evaluation are measured on one test set: its references are cut into n-grams once.
        if self._references is not test_set.references:
            self._prepared = self._scorer._cache_references(test_set.references)
            self._references = test_set.references

    def _segment_scores(self, statistics: FloatArray) -> FloatArray:
        return self.score(statistics)


class ChrF(SacreMetric):
    """chrF2: F-score of character n-grams up to 6 (Popović 2015)."""

    name = "chrF"
    _word_order: ClassVar[int] = 0

    def __init__(self) -> None:
        from sacrebleu.metrics.chrf import CHRF

        super().__init__(CHRF(word_order=self._word_order))

    def score(self, sums: FloatArray) -> FloatArray:
        """Return chrF of rows of (hypothesis, reference, matching) counts, one triple an n-gram order."""
        import numpy as np

        found, due, matching = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
        # Orders that one side is too short for do not count ("eff:yes" in the signature).
        counted = (found > 0) & (due > 0)
        orders = np.maximum(counted.sum(1), 1)
        precision = np.divide(matching, found, out=np.zeros_like(matching), where=counted).sum(1) / orders
        recall = np.divide(matching, due, out=np.zeros_like(matching), where=counted).sum(1) / orders
        factor = self._scorer.beta**2
        below = factor * precision + recall
        above = 100 * (1 + factor) * precision * recall
        return _with_nan(np.divide(above, below, out=np.zeros_like(above), where=below > 0), sums)


class ChrFPlusPlus(ChrF):
    """chrF2++: chrF with word unigrams and bigrams (Popović 2017)."""

    name = "chrF++"
    _word_order = 2


class TER(SacreMetric):
    """Translation edit rate in percent, by sacreBLEU's port of Tercom (Snover et al. 2006)."""

    name = "TER"
    higher_is_better = False

    def __init__(self) -> None:
        from sacrebleu.metrics.ter import TER as Scorer  # noqa: N811

        super().__init__(Scorer())

    def score(self, sums: FloatArray) -> FloatArray:
        """Return TER of rows of (edits, mean reference length); text where nothing was due is 100 % wrong."""
        import numpy as np

        edits, due = sums[:, 0], sums[:, 1]
        without_reference = np.where(edits > 0, 1.0, 0.0)
        return _with_nan(100 * np.divide(edits, due, out=without_reference, where=due > 0), sums)


class _WordPrecision(SacreMetric):
    """BLEU over any tokenizer.

    Segment scores are sacreBLEU's sentence BLEU: orders that a segment is too short for do not count
    (`effective_order`), else most short segments would have 0. The corpus score does without, as sacreBLEU's.
    """

    def score(self, sums: FloatArray) -> FloatArray:
        """Return corpus BLEU of rows of (length, reference length, 4 matching counts, 4 counts)."""
        return _with_nan(_bleu(sums, effective_order=False), sums)

    def _segment_scores(self, statistics: FloatArray) -> FloatArray:
        return _bleu(statistics, effective_order=True)


class BLEU(_WordPrecision):
    """BLEU with exponential smoothing (Papineni et al. 2002).

    Args:
        argument: a tokenizer of sacreBLEU; without it the usual one of the target language.
        pair: the direction, which chooses the tokenizer: zh, ja-mecab, ko-mecab, 13a for all others.

    Raises:
        UnknownNameError: no such tokenizer.
        MissingExtraError: the tokenizer's library is not installed.
        ModelError: flores200 or flores101, whose model file is not there.
    """

    name = "BLEU"

    def __init__(self, argument: str = "", pair: Pair | None = None) -> None:
        from scalemt.evaluation.metrics.tokenizers import bleu_scorer

        language = pair.target.split("-")[0] if pair else ""
        tokenizer = argument or _TOKENIZER_OF.get(language, "13a")
        if tokenizer not in _TOKENIZERS:
            raise UnknownNameError("tokenizer of BLEU", tokenizer, _TOKENIZERS)
        super().__init__(bleu_scorer(tokenizer))


class SpBLEU(_WordPrecision):
    """BLEU over sentence pieces, comparable across languages (Goyal et al. 2022, section 5; NLLB Team 2022).

    Args:
        argument: the sentencepiece model; without it, where sacreBLEU keeps that of FLORES-200.

    Raises:
        ModelError: the model is not there, or is not a sentencepiece model.
        MissingExtraError: sentencepiece is not installed.
    """

    name = "spBLEU"

    def __init__(self, argument: str = "") -> None:
        from scalemt.evaluation.metrics.tokenizers import bleu_scorer

        if argument in ("flores101", "flores200"):
            raise ConfigurationError(
                f"spBLEU takes the path of a sentencepiece model behind the colon, found {argument!r}. "
                f"For that tokenizer write spbleu (flores200) or bleu:{argument}."
            )
        super().__init__(bleu_scorer("flores200", argument))


def _bleu(sums: FloatArray, *, effective_order: bool) -> FloatArray:
    """Score rows as `sacrebleu.BLEU.compute_bleu` does with `smooth_method="exp"`."""
    import numpy as np

    length, due = sums[:, 0], sums[:, 1]
    logs = np.zeros(len(sums))
    orders = np.zeros(len(sums))
    smoothing = np.ones(len(sums))
    with np.errstate(divide="ignore", invalid="ignore"):
        for matching, total in zip(sums[:, 2:6].T, sums[:, 6:10].T, strict=True):
            reached = total > 0
            # Each order without a match counts half as much as the one before (NIST's mteval-v13a).
            smoothing = np.where(reached & (matching == 0), smoothing * 2, smoothing)
            precision = 100 * np.where(matching == 0, 1 / smoothing, matching) / total
            logs += np.where(reached, np.log(precision), 0.0 if effective_order else -np.inf)
            orders += reached if effective_order else 1
        brevity = np.where(length < due, np.exp(1 - due / length), 1.0)
        scores = brevity * np.exp(logs / orders)
    return np.where(sums[:, 2:6].any(axis=1), scores, 0.0)


def _with_nan(scores: FloatArray, sums: FloatArray) -> FloatArray:
    """Keep a score undefined where a sum is: comparisons with NaN would make a plain 0 of it."""
    import numpy as np

    return np.where(np.isnan(sums).any(axis=1), np.nan, scores)
