"""Fit deferral on a development set, and say at each budget what it would gain, beside random and the oracle.

Ridge regression from the free features to the gain, as quality/fitting.py does it for the gate. What is told of
it rests on folds that the fit had not seen. The features are used only where they order those folds better than
chance by more than the uncertainty of that; else the model is the mean gain, which tells whether asking pays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scalemt.quality.deferral import STEPS, Account, Deferral, DeferralModel, Features

_FOLDS = 10
_RIDGE = 30.0  # in units of segments: strong, for gains vary far more than features can tell
_DRAWS = 200

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

BUDGETS = tuple(step / STEPS for step in range(STEPS + 1))


@dataclass(frozen=True)
class DeferralFit:
    """A fitted model, the expected gain of each segment by fits that had not seen it, and how well those order.

    `lift` is the area between the curve of the expected gain and that of random choice over all budgets (chrF++
    points a segment), `error` the standard error of that area under chance.
    """

    model: DeferralModel
    held_out: tuple[float, ...]
    lift: float
    error: float


def fit_deferral(rows: Sequence[Features], gains: Sequence[float]) -> DeferralFit:
    """Fit a model.

    Args:
        rows: the free features of each segment of the development set.
        gains: what asking the generalist gains over the draft of each, in chrF++ points.
    """
    known = np.asarray(gains, dtype=np.float64)
    names = _usable(rows)
    held_out = _held_out(rows, known, names)
    lift, error = _lift(held_out, known)
    if lift <= error:
        names, held_out = [], _means_of_others(known)
    model = _ridge(rows, known, names)
    expected = np.array([model.expected_gain(row) for row in rows])
    return DeferralFit(_with_quantiles(model, expected), tuple(map(float, held_out)), lift, error)


def _with_quantiles(model: DeferralModel, expected: Numbers) -> DeferralModel:
    found = np.quantile(expected, 1 - np.array(BUDGETS)) if len(expected) else []
    return DeferralModel(model.weights, model.centres, model.bias, tuple(map(float, found)))


def _usable(rows: Sequence[Features]) -> list[str]:
    """Return the features that most segments have and that vary."""
    names = sorted({name for row in rows for name in row})
    columns = {name: [row[name] for row in rows if name in row] for name in names}
    return [name for name in names if 2 * len(columns[name]) > len(rows) and np.std(columns[name]) > 1e-9]


def _ridge(rows: Sequence[Features], gains: Numbers, names: Sequence[str]) -> DeferralModel:
    bias = float(gains.mean()) if len(gains) else 0.0
    if not names:
        return DeferralModel({}, {}, bias)
    table = np.array([[row.get(name, math.nan) for name in names] for row in rows])
    centre, spread = np.nanmean(table, axis=0), np.nanstd(table, axis=0) + 1e-6
    # What is not known is left out of the expectation later, so it is nothing here too.
    scaled = np.nan_to_num((table - centre) / spread)
    solved = np.linalg.solve(scaled.T @ scaled + _RIDGE * np.eye(len(names)), scaled.T @ (gains - bias))
    weights = dict(zip(names, map(float, solved / spread), strict=True))
    return DeferralModel(weights, dict(zip(names, map(float, centre), strict=True)), bias)


def _folds(count: int) -> Integers:
    return np.arange(count, dtype=np.int64) % _FOLDS


def _held_out(rows: Sequence[Features], gains: Numbers, names: Sequence[str]) -> Numbers:
    expected, folds = np.zeros(len(gains)), _folds(len(gains))
    for fold in range(min(_FOLDS, len(gains))):
        kept = np.flatnonzero(folds != fold)
        some = [rows[int(index)] for index in kept]
        # A feature that varies only in the fold left out would be weighed by rounding errors.
        model = _ridge(some, gains[kept], [name for name in _usable(some) if name in names])
        for index in np.flatnonzero(folds == fold):
            expected[index] = model.expected_gain(rows[int(index)])
    return expected


def _means_of_others(gains: Numbers) -> Numbers:
    if len(gains) < 2:
        return np.zeros(len(gains))
    folds = _folds(len(gains))
    means: Numbers = np.array([gains[folds != fold].mean() for fold in folds])
    return means


def _lift(expected: Numbers, gains: Numbers) -> tuple[float, float]:
    """Return the area between the curve of the expectation and that of chance, and its standard error."""
    if len(gains) < 2 * _FOLDS:
        return 0.0, 0.0
    order = np.argsort(-expected, kind="stable")
    place = (np.argsort(order, kind="stable") + 0.5) / len(gains)
    weights = 0.5 - place  # a segment at place p is asked at all budgets above p: 1 - p, by chance one half
    return float((weights * gains).mean()), float(gains.std(ddof=1) / math.sqrt(12 * len(gains)))


@dataclass(frozen=True)
class Point:
    """One budget of a curve: corpus scores by way of choosing.

    Args:
        budget: the largest share of segments that may be asked.
        asked: the share that deferral by expected gain asks.
        expected: score of deferral by expected gain.
        random, deviation: mean and standard deviation of the score over random choices of just the budget.
        oracle: score where the true gain is known beforehand.
        worse: share of segments that deferral by expected gain makes worse than their drafts.
        random_worse: the same for random choices, expected.
    """

    budget: float
    asked: float
    expected: float
    random: float
    deviation: float
    oracle: float
    worse: float
    random_worse: float


@dataclass(frozen=True)
class Sides:
    """Two texts a segment, the draft and what stands when the generalist was asked, measured by one metric.

    Args:
        drafts, answers: additive statistics, shape (N, d).
        gains: what the answer gains over the draft by the metric of one segment, positive is better, shape (N,).
        score: corpus scores of summed statistics, shape (k, d) in, (k,) out.
    """

    drafts: Numbers
    answers: Numbers
    gains: Numbers
    score: Callable[[Numbers], Numbers]

    def corpus(self, masks: Numbers) -> Numbers:
        """Return the score for each row of segments that are asked, shape (k, N)."""
        return self.score(self.drafts.sum(0) + masks @ (self.answers - self.drafts))


Chooser = Callable[[float], Sequence[bool]]
"""Returns for a budget which segments are asked."""


def curve(sides: Sides, chooser: Chooser, budgets: Sequence[float] = BUDGETS, seed: int = 0) -> list[Point]:
    """Return a point a budget.

    Args:
        chooser: deferral by expected gain; at budget 1 it is not consulted, for there all segments are asked.
        seed: of the random choices, of which there are 200 a budget, each asking floor(budget x N) segments.
    """
    generator = np.random.default_rng(seed)
    count = len(sides.gains)
    ranks = np.argsort(generator.random((_DRAWS, count)), axis=1).argsort(axis=1)
    best = np.argsort(np.argsort(-sides.gains, kind="stable"), kind="stable")
    return [_point(sides, chooser, budget, ranks, best) for budget in budgets]


def _point(sides: Sides, chooser: Chooser, budget: float, ranks: Integers, best: Integers) -> Point:
    count = len(sides.gains)
    most = math.floor(budget * count + 1e-9)
    asked = np.ones(count, dtype=bool) if budget >= 1 else np.asarray(chooser(budget), dtype=bool)
    oracle = (best < most) & (sides.gains > 0)
    drawn = sides.corpus((ranks < most).astype(np.float64))
    expected, top = sides.corpus(np.array([asked, oracle], dtype=np.float64))
    worse = sides.gains < -1e-9
    return Point(
        budget=budget,
        asked=float(asked.mean()),
        expected=float(expected),
        random=float(drawn.mean()),
        deviation=float(drawn.std()),
        oracle=float(top),
        worse=float((asked & worse).mean()),
        random_worse=float(worse.mean() * most / count),
    )


def streaming(expected: Sequence[float], window: int, quantiles: Sequence[float] = ()) -> Chooser:
    """Return a chooser that goes through the segments in windows as a run of the engine does.

    Args:
        expected: the expected gain of each segment.
        window: segments at a time.
        quantiles: of the development set; left out, those of `expected` itself.
    """
    own = np.quantile(np.asarray(expected), 1 - np.array(BUDGETS)) if len(expected) else []
    # The expected gain is its own only feature here.
    model = DeferralModel({"gain": 1.0}, {"gain": 0.0}, 0.0, tuple(quantiles or map(float, own)))
    return in_windows(model, [{"gain": float(value)} for value in expected], window)


def in_windows(model: DeferralModel | None, rows: Sequence[Features | None], window: int) -> Chooser:
    """Return a chooser that applies a model, or the rule, to features in windows as a run of the engine does."""

    def choose(budget: float) -> list[bool]:
        deferral, account = Deferral(budget, model), Account()
        parts = (rows[start : start + window] for start in range(0, len(rows), window))
        return [choice.asked for part in parts for choice in deferral.choose(part, account)]

    return choose
