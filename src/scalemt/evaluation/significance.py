"""Is a difference more than chance? Bootstrap resampling and approximate randomisation, both paired.

The tests are those of sacreBLEU (`sacrebleu.significance`), draw for draw: paired bootstrap resampling (Koehn
2004, "Statistical Significance Tests for Machine Translation Evaluation") and paired approximate randomisation
(Riezler and Maxwell 2005, "On Some Pitfalls in Automatic Evaluation and Significance Testing for MT"). The same
seed gives the same samples and so the same p-values, for any metric whose statistics add up. All systems and
metrics of a test set share one draw. sacreBLEU scores bootstrap samples in single precision, so its scores of
samples differ from these in the seventh digit, and its p-value by 1 / (samples + 1) if a sample lies that near to
the threshold.

What sacreBLEU counts are samples that differ by more than the systems do, not by as much. So it gives the smallest
p-value there is to systems of equal statistics, and to any difference on a test set of one segment. The p-values
here are the same; the verdict is a tie, see `compare`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.metrics.base import Measured, Metric
from scalemt.evaluation.results import Cell, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_MOST_SAMPLES = 1_000_000
_BLOCK = 4_000_000  # samples x segments at a time: 32 MB as floating point, some 100 MB with what makes them
_KEPT = 32_000_000  # samples x segments of a whole draw that are kept for the next system: 32 to 64 MB


@dataclass(frozen=True)
class Options:
    """How differences are tested.

    Args:
        samples: bootstrap samples.
        trials: trials of approximate randomisation.
        seed: of both.
        alpha: the p-value below which a difference counts.

    Raises:
        ConfigurationError: a number out of its range.
    """

    samples: int = 1000
    trials: int = 10_000
    seed: int = 12345
    alpha: float = 0.05

    def __post_init__(self) -> None:
        for name, value in (("bootstrap samples", self.samples), ("randomisation trials", self.trials)):
            _check_count(name, value)
        _check_seed(self.seed)
        if not 0 < self.alpha < 1:
            raise ConfigurationError(
                f"The significance level is {self.alpha}. It lies between 0 and 1, such as 0.05."
            )

    def sign(self, signature: str) -> str:
        """Return a metric's signature with sample counts and seed, at the place where sacreBLEU writes them."""
        added = f"bs:{self.samples}|ar:{self.trials}|seed:{self.seed}"
        first, _, rest = signature.partition("|")
        if first.startswith("nrefs:"):
            return f"{first}|{added}|{rest}"
        return f"{signature}|{added}"


def _check_count(name: str, value: int) -> None:
    if not 1 <= value <= _MOST_SAMPLES:
        raise ConfigurationError(f"The number of {name} is {value}. It lies between 1 and {_MOST_SAMPLES:,}.")


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ConfigurationError(f"The seed is {seed}. It is 0 or any greater number.")


@dataclass(frozen=True)
class Bootstrap:
    """Scores of bootstrap samples, shape (samples,), their mean, and the bounds of their central 95 %.

    sacreBLEU's "± CI" is half of `high - low`. All are NaN where every sample is undefined.
    """

    scores: FloatArray
    mean: float
    low: float
    high: float


def bootstrap(metric: Metric, measured: Measured, samples: int = 1000, seed: int = 12345) -> Bootstrap:
    """Score `samples` test sets drawn with replacement from the segments (Koehn 2004, section 2).

    Raises:
        ConfigurationError: a number of samples or a seed out of range.
    """
    import numpy as np

    _check_count("bootstrap samples", samples)
    _check_seed(seed)
    scores = _resample(metric, measured, samples, seed)
    ordered = np.sort(scores[np.isfinite(scores)])
    if not len(ordered):
        return Bootstrap(scores, np.nan, np.nan, np.nan)
    tail = len(ordered) // 40
    return Bootstrap(scores, float(ordered.mean()), float(ordered[tail]), float(ordered[len(ordered) - tail - 1]))


def paired_bootstrap(
    metric: Metric, baseline: Measured, system: Measured, samples: int = 1000, seed: int = 12345
) -> float:
    """Return the two-sided p-value of paired bootstrap resampling (Koehn 2004, section 3; NaN where undefined).

    Raises:
        ConfigurationError: a number of samples or a seed out of range.
        InputError: baseline and system have different numbers of segments.
    """
    _check_pair(baseline, system)
    drawn = bootstrap(metric, system, samples, seed), bootstrap(metric, baseline, samples, seed)
    return _p_of_bootstrap(drawn[0], drawn[1], _difference(metric, baseline, system))


def _p_of_bootstrap(system: Bootstrap, baseline: Bootstrap, difference: float) -> float:
    import numpy as np

    with np.errstate(invalid="ignore"):
        differences = np.abs(system.scores - baseline.scores)
        differences = differences[np.isfinite(differences)]
        # The null hypothesis has no difference, so the samples are moved to where theirs is none on average.
        shifted = differences - differences.mean() if len(differences) else differences
    return _p_value(shifted, abs(difference))


def paired_randomisation(
    metric: Metric, baseline: Measured, system: Measured, trials: int = 10_000, seed: int = 12345
) -> float:
    """Return the two-sided p-value of paired approximate randomisation (NaN where undefined).

    Each trial swaps the two outputs of every segment with probability 1/2 (Riezler and Maxwell 2005, figure 1).

    Raises:
        ConfigurationError: a number of trials or a seed out of range.
        InputError: baseline and system have different numbers of segments.
    """
    import numpy as np

    _check_count("randomisation trials", trials)
    _check_seed(seed)
    _check_pair(baseline, system)
    total = system.statistics.sum(axis=0)
    both = total + baseline.statistics.sum(axis=0)
    with np.errstate(invalid="ignore"):
        changes = baseline.statistics - system.statistics
    found = []
    for swapped in _blocks(_swap_rows, len(changes), trials, seed):
        with np.errstate(invalid="ignore"):
            one = total + swapped.astype(np.float64) @ changes
            found.append(np.abs(metric.score(one) - metric.score(both - one)))
    differences = np.concatenate(found)
    return _p_value(differences[np.isfinite(differences)], abs(_difference(metric, baseline, system)))


def _p_value(sampled: FloatArray, difference: float) -> float:
    """Return the share of sampled differences beyond the real one, with one more of each (sacreBLEU)."""
    if not len(sampled) or not math.isfinite(difference):
        return float("nan")
    return (int((sampled > difference).sum()) + 1) / (len(sampled) + 1)


def compare(metric: Metric, baseline: Measured, system: Measured, options: Options | None = None) -> Cell:
    """Return the cell of a system beside a baseline: score, interval, difference, p-values and verdict.

    More than a tie needs both p-values below alpha, and enough segments on which the statistics of the two
    differ: with m of them there are only 2^m ways to swap outputs, two of which differ as much as the systems
    do, so that the exact p-value of the randomisation test is at least 2 / 2^m. Below six such segments nothing
    is significant at 0.05, whatever sacreBLEU's p-values are; equal systems are the case of none. The verdict
    is "undefined" where a score or a p-value is.

    Raises:
        InputError: baseline and system have different numbers of segments.
    """
    options = options or Options()
    _check_pair(baseline, system)
    drawn = bootstrap(metric, system, options.samples, options.seed)
    drawn_baseline = bootstrap(metric, baseline, options.samples, options.seed)
    delta = _difference(metric, baseline, system)
    p_values = {
        "bootstrap": _p_of_bootstrap(drawn, drawn_baseline, delta),
        "randomisation": paired_randomisation(metric, baseline, system, options.trials, options.seed),
    }
    return Cell(
        score=_score(metric, system),
        mean=drawn.mean,
        low=drawn.low,
        high=drawn.high,
        delta=delta,
        p_values=p_values,
        differing=_differing(baseline, system),
        verdict=_verdict(metric, delta, p_values, _least_p(baseline, system), options.alpha),
        segments=tuple(system.segments.tolist()),
    )


def describe(
    metric: Metric, measured: Measured, options: Options | None = None, verdict: Verdict = "baseline"
) -> Cell:
    """Return the cell of a system that is compared with nothing: the baseline, or any where there is none."""
    options = options or Options()
    drawn = bootstrap(metric, measured, options.samples, options.seed)
    score = _score(metric, measured)
    if not math.isfinite(score):
        verdict = "undefined"
    return Cell(
        score, drawn.mean, drawn.low, drawn.high, verdict=verdict, segments=tuple(measured.segments.tolist())
    )


def _verdict(metric: Metric, delta: float, p_values: dict[str, float], least_p: float, alpha: float) -> Verdict:
    highest = max(least_p, *p_values.values())
    if not all(map(math.isfinite, (delta, *p_values.values()))):
        return "undefined"
    if highest >= alpha or delta == 0:
        return "tie"
    if metric.higher_is_better is None:
        return "higher" if delta > 0 else "lower"
    return "better" if (delta > 0) == metric.higher_is_better else "worse"


def _least_p(baseline: Measured, system: Measured) -> float:
    """Return the smallest p-value that an exact randomisation test could give."""
    return min(1.0, 2.0 ** (1 - _differing(baseline, system)))


def _differing(baseline: Measured, system: Measured) -> int:
    return int((baseline.statistics != system.statistics).any(axis=1).sum())


def _score(metric: Metric, measured: Measured) -> float:
    return float(metric.score(measured.statistics.sum(axis=0, keepdims=True))[0])


def _difference(metric: Metric, baseline: Measured, system: Measured) -> float:
    import numpy as np

    with np.errstate(invalid="ignore"):
        return float(np.subtract(_score(metric, system), _score(metric, baseline)))


def _check_pair(baseline: Measured, system: Measured) -> None:
    if baseline.statistics.shape != system.statistics.shape:
        raise InputError(
            f"A paired test needs the same segments of both systems, found {len(baseline.statistics)} of the "
            f"baseline and {len(system.statistics)} of the system. Score both on the same test set."
        )


# Drawing. Random numbers are drawn in blocks of rows, which together are what one call would draw.


def _resample(metric: Metric, measured: Measured, samples: int, seed: int) -> FloatArray:
    import numpy as np

    found = []
    for counts in _blocks(_count_rows, len(measured.statistics), samples, seed):
        with np.errstate(invalid="ignore"):
            found.append(metric.score(counts.astype(np.float64) @ measured.statistics))
    return np.concatenate(found)


Draw = Callable[["np.random.Generator", int, int], "NDArray[np.generic]"]


def _blocks(draw: Draw, segments: int, rows: int, seed: int) -> Iterator[NDArray[np.generic]]:
    """Yield the drawn rows in blocks, from memory where the draw is not too large to be kept.

    Raises:
        InputError: there are no segments to draw from.
    """
    if not segments:
        raise InputError("A test of significance needs segments, found none.")
    if segments * rows <= _KEPT:
        kept = _kept(draw, segments, rows, seed)
        step = _rows_of_block(segments)
        yield from (kept[start : start + step] for start in range(0, rows, step))
    else:
        yield from _drawn(draw, segments, rows, seed)


@lru_cache(maxsize=2)  # one of each test
def _kept(draw: Draw, segments: int, rows: int, seed: int) -> NDArray[np.generic]:
    import numpy as np

    return np.concatenate(list(_drawn(draw, segments, rows, seed)))


def _drawn(draw: Draw, segments: int, rows: int, seed: int) -> Iterator[NDArray[np.generic]]:
    import numpy as np

    generator = np.random.default_rng(seed)
    step = _rows_of_block(segments)
    for start in range(0, rows, step):
        yield draw(generator, min(step, rows - start), segments)


def _rows_of_block(segments: int) -> int:
    # Multiples of 32 rows: numpy takes 32 booleans from one random word, and drops what is left at a call's end.
    return max(1, _BLOCK // max(segments, 1) // 32) * 32


def _count_rows(generator: np.random.Generator, rows: int, segments: int) -> NDArray[np.generic]:
    """Draw samples of the segments, each as the number of times that it holds each of them."""
    import numpy as np

    drawn = generator.choice(segments, size=(rows, segments), replace=True)
    drawn += np.arange(rows)[:, None] * segments
    counts = np.bincount(drawn.ravel(), minlength=rows * segments).reshape(rows, segments)
    return counts.astype(np.uint16 if segments < 2**16 else np.uint32)


def _swap_rows(generator: np.random.Generator, rows: int, segments: int) -> NDArray[np.generic]:
    """Draw whether the outputs of each segment are swapped."""
    return generator.integers(2, size=(rows, segments), dtype=bool)
