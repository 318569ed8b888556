"""Do word confidences mean anything? Reliability and expected calibration error (Guo et al. 2017, section 2).

A word of a draft is right or wrong by the rule of the WMT shared tasks on word-level quality estimation (Specia
et al. 2018, task 2): the draft is aligned with the reference by edit distance without shifts, as TERcom does with
`-d 0`, and a word is OK where it is matched, BAD where it is substituted or deleted. Words are compared without
case and without the punctuation around them. With several references the one of the fewest edits counts, as in
TER.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.alignment import Aligner
from scalemt.evaluation.alignment.words import bare, split
from scalemt.evaluation.results import Reliability
from scalemt.evaluation.systems import System, TestSet
from scalemt.types import Draft

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_SAMPLES, _SEED = 1000, 12345  # of the bootstrap; the seed is sacreBLEU's


@dataclass(frozen=True)
class _Judged:
    """One draft with confidences: the place of its segment, and (confidence, right) of each word that has one."""

    segment: int
    draft: Draft
    words: tuple[tuple[float, bool], ...]


def has_confidences(system: System) -> bool:
    """Whether any word of a draft of the system has a confidence."""
    return any(
        word.confidence is not None for output in system.outputs if output.draft for word in output.draft.words
    )


def reliability(system: System, test_set: TestSet, aligner: Aligner | None = None, bins: int = 10) -> Reliability:
    """Measure how far the word confidences of a system's drafts can be trusted.

    Drafts in another language than the target (through a pivot) cannot be compared with the references and are
    left out. Where that leaves no word, the result has zero words and NaN for numbers.

    Args:
        system: N outputs, with drafts that have word confidences.
        test_set: N segments with references.
        aligner: finds which word of the reference a word of the draft stands for, in the place of the edit
            distance; it is fitted on drafts and references. The word is right if the two are equal.
        bins: of equal width over [0, 1], closed at their upper end; 0 falls into the first.

    Raises:
        InputError: no confidences, no references, another number of outputs than of segments, or a confidence
            that is no probability.
        ConfigurationError: `bins` is below 1.
    """
    _check(system, test_set, bins)
    drafts = _comparable(system, test_set)
    tags = _by_aligner(drafts, test_set, aligner) if aligner else _by_edits(drafts, test_set)
    judged = [_judge(index, draft, row) for (index, draft), row in zip(drafts.items(), tags, strict=True)]
    table = _table(judged, bins)
    low, high = _interval(table)
    method = f"aligner:{aligner.signature}" if aligner else "tags:edit-distance"
    return Reliability(
        bins=_rows(table.sum(axis=0)),
        ece=float(_ece(table.sum(axis=0)[None])[0]),
        words=sum(len(item.words) for item in judged),
        correlation=_correlations(judged, test_set),
        signature=f"ece|{method}|bins:{bins}|bs:{_SAMPLES}|seed:{_SEED}",
        low=low,
        high=high,
    )


def _check(system: System, test_set: TestSet, bins: int) -> None:
    if bins < 1:
        raise ConfigurationError(f"bins is {bins}: at least 1 is needed.")
    if not test_set.references:
        raise InputError(f"{test_set.name} has no references, by which words could be judged (--ref gives them).")
    if len(system.outputs) != len(test_set):
        raise InputError(
            f"{system.name} has {len(system.outputs)} outputs, {test_set.name} {len(test_set)} segments."
        )
    if not has_confidences(system):
        raise InputError(
            f"The drafts of {system.name} have no word confidences. Translate with a specialist that gives them "
            "(`scalemt engines` says which do), and give its output as JSON Lines."
        )


def _comparable(system: System, test_set: TestSet) -> dict[int, Draft]:
    target = test_set.pair.target.split("-")[0] if test_set.pair else ""
    found = {}
    for index, output in enumerate(system.outputs):
        draft = output.draft
        if draft is None or (target and draft.language and draft.language.split("-")[0] != target):
            continue
        for word in draft.words:
            if word.confidence is not None and not 0 <= word.confidence <= 1:
                raise InputError(
                    f"{system.name}, segment {index + 1}: the confidence of {word.text!r} is {word.confidence}. "
                    "Confidences are probabilities, from 0 to 1."
                )
        found[index] = draft
    return found


def _judge(segment: int, draft: Draft, right: Sequence[bool]) -> _Judged:
    pairs = zip(draft.words, right, strict=True)
    return _Judged(
        segment, draft, tuple((word.confidence, ok) for word, ok in pairs if word.confidence is not None)
    )


# Which words are right.


def _by_edits(drafts: dict[int, Draft], test_set: TestSet) -> list[list[bool]]:
    return [
        edit_tags([word.text for word in draft.words], [split(texts[index]) for texts in test_set.references])
        for index, draft in drafts.items()
    ]


def edit_tags(words: Sequence[str], references: Sequence[Sequence[str]]) -> list[bool]:
    """Return for each word whether the edit distance matches it with a word of the nearest reference."""
    from rapidfuzz.distance import Levenshtein

    numbers: dict[str, int] = {}
    given, *others = (
        # Numbers, since rapidfuzz compares hashes and not words.
        [numbers.setdefault(bare(word), len(numbers)) for word in text]
        for text in (words, *references)
    )
    nearest = min(others, key=lambda other: Levenshtein.distance(given, other))
    tags = [False] * len(words)
    for block in Levenshtein.opcodes(given, nearest):
        if block.tag == "equal":
            tags[block.src_start : block.src_end] = [True] * (block.src_end - block.src_start)
    return tags


def _by_aligner(drafts: dict[int, Draft], test_set: TestSet, aligner: Aligner) -> list[list[bool]]:
    """Right by any reference: a link is a judgement of its own, and there is no count of edits to choose by."""
    left = [tuple(word.text for word in draft.words) for draft in drafts.values()]
    sides = [[split(texts[index]) for index in drafts] for texts in test_set.references]
    aligner.fit(left * len(sides), [words for side in sides for words in side])
    tags = [[False] * len(words) for words in left]
    for side in sides:
        for row, words, reference, links in zip(tags, left, side, aligner.align(left, side), strict=True):
            for i, j in links:
                row[i] = row[i] or bare(words[i]) == bare(reference[j])
    return tags


# What the judgements amount to.


def _table(judged: Sequence[_Judged], bins: int) -> FloatArray:
    """Return number, summed confidence and number right of the words of each draft and bin: (drafts, bins, 3)."""
    import numpy as np

    table = np.zeros((len(judged), bins, 3))
    for row, item in zip(table, judged, strict=True):
        for confidence, right in item.words:
            # Rounded, since 0.07 * 100 is a little more than 7 and would fall into the next bin.
            row[max(math.ceil(round(confidence * bins, 9)) - 1, 0)] += (1.0, confidence, right)
    return table


def _ece(sums: FloatArray) -> FloatArray:
    """Return |right - confidence| summed over bins, over all words: (k, bins, 3) to (k,), NaN without words."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        shares: FloatArray = np.abs(sums[..., 2] - sums[..., 1]).sum(axis=-1) / sums[..., 0].sum(axis=-1)
    return shares


def _interval(table: FloatArray) -> tuple[float, float]:
    """Return the central 95 % of the calibration error over bootstrap samples of the segments."""
    import numpy as np

    if not len(table):
        return math.nan, math.nan
    draws = np.random.default_rng(_SEED).multinomial(len(table), np.full(len(table), 1 / len(table)), _SAMPLES)
    errors = _ece(np.einsum("kn,nbs->kbs", draws.astype(np.float64), table, optimize=True))
    errors = errors[~np.isnan(errors)]
    if not len(errors):
        return math.nan, math.nan
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def _rows(sums: FloatArray) -> tuple[tuple[float, float, int, float, float], ...]:
    rows = []
    for index, (words, confidence, right) in enumerate(sums.tolist()):
        mean, share = (confidence / words, right / words) if words else (math.nan, math.nan)
        rows.append((index / len(sums), (index + 1) / len(sums), int(words), mean, share))
    return tuple(rows)


def _correlations(judged: Sequence[_Judged], test_set: TestSet) -> dict[str, float]:
    """Correlate the mean confidence of each draft with its sentence chrF."""
    import numpy as np
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    items = [item for item in judged if item.words]
    means = np.asarray([item.draft.confidence for item in items], dtype=np.float64)
    scores = np.asarray(
        [
            metric.sentence_score(item.draft.text, [texts[item.segment] for texts in test_set.references]).score
            for item in items
        ]
    )
    return {"pearson": _pearson(means, scores), "spearman": _pearson(_ranks(means), _ranks(scores))}


def _pearson(one: FloatArray, other: FloatArray) -> float:
    import numpy as np

    # The spread and not the standard deviation: the mean of equal numbers may differ from them by rounding.
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    return float(np.corrcoef(one, other)[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    """Return ranks from 1; equal values share the mean of their ranks."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[inverse]
    return ranks
