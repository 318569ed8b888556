"""Fit the gate on a development set: how much of each kind of evidence means how much gain in chrF++.

Ridge regression from the differences of evidence to the difference in sentence chrF++ between a candidate
and the draft, one fit a kind of candidate. The threshold is the one that gains most on held-out folds. What
the fit gains is told for each fold with the threshold of the others, so that choosing among thresholds does
not flatter it, and it is used only if that is more than its own uncertainty: else the draft is always kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scalemt.quality.evidence import Case
from scalemt.quality.gate import NEVER, Scale, features
from scalemt.types import Candidate

_FOLDS = 10
_RIDGE = 3.0
# Points of chrF++ of expected gain that are tried as threshold; the first of equally good ones is taken.
_STEPS = np.array([NEVER, *np.arange(0.0, 12.1, 0.5)])

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Example:
    """One candidate of one development segment, and what it would gain over the draft (chrF++ points).

    `called` tells apart several candidates of one origin, and is empty for the only one.
    """

    segment: int
    origin: str
    features: dict[str, float]
    gain: float
    called: str = ""


@dataclass(frozen=True)
class Fit:
    """The fitted gate, and what it gained on folds it had not seen (chrF++ points a segment).

    `chosen` holds what it took there (`Candidate.called`), a segment each; "draft" where it took nothing else.
    """

    scales: dict[str, Scale]
    threshold: float
    gain: float
    error: float
    chosen: tuple[str, ...] = field(default=(), compare=False)


def examples(cases: Sequence[Case], gains: Sequence[dict[str, float]]) -> list[Example]:
    """Return one example a candidate that has evidence and passed its checks.

    Args:
        cases: measured cases of the development set.
        gains: for each case, the gain over the draft by what a candidate is called.
    """
    made = []
    for index, (case, gain) in enumerate(zip(cases, gains, strict=True)):
        draft = next((item for item in case.candidates if item.origin == "draft"), None)
        for item in case.candidates:
            if draft and _usable(item) and item.text != draft.text:
                found = features(item, draft)
                called = item.called if item.round else ""
                made.append(Example(index, item.origin, found, gain[item.called], called))
    return made


def _usable(candidate: Candidate) -> bool:
    passed = all(check.passed for check in candidate.checks)
    return candidate.origin != "draft" and passed and bool(candidate.evidence)


def fit(found: Sequence[Example], segments: int) -> Fit:
    """Fit scales and threshold.

    Args:
        found: examples of all candidates.
        segments: size of the development set; segments without a usable candidate gain nothing.
    """
    if len(found) < 2 * _FOLDS:
        return Fit({}, NEVER, 0.0, 0.0, ("draft",) * segments)
    expected = _held_out(found)
    table = _gains(found, expected, segments)
    gains = _unseen_gains(table)
    mean, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    best = int(table.sum(axis=1).argmax())
    if mean <= error or best == 0:
        return Fit({}, NEVER, 0.0, error, ("draft",) * segments)
    return Fit(_scales(found), float(_STEPS[best]), mean, error, _unseen_choices(found, expected, table))


def _held_out(found: Sequence[Example]) -> list[float]:
    """Return the expected gain of each example by a fit that has not seen its segment."""
    expected = [0.0] * len(found)
    for fold in range(_FOLDS):
        scales = _scales([item for item in found if item.segment % _FOLDS != fold])
        for index, item in enumerate(found):
            if item.segment % _FOLDS == fold:
                expected[index] = _expect(scales.get(item.origin), item)
    return expected


def _expect(scale: Scale | None, item: Example) -> float:
    if scale is None:
        return -NEVER
    return scale.bias + sum(weight * item.features.get(name, 0.0) for name, weight in scale.weights.items())


def _gains(found: Sequence[Example], expected: Sequence[float], segments: int) -> Numbers:
    """Return the gain of each segment (columns) under each threshold of `_STEPS` (rows)."""
    top, gains = np.full(segments, -np.inf), np.zeros(segments)
    for item, value in zip(found, expected, strict=True):
        if value > top[item.segment]:
            top[item.segment], gains[item.segment] = value, item.gain
    table: Numbers = np.where(top > _STEPS[:, None], gains, 0.0)
    return table


def _unseen_gains(table: Numbers) -> Numbers:
    """Return the gain of each segment under the threshold that is best for all other folds."""
    unseen: Numbers = table[_unseen_steps(table), np.arange(table.shape[1])]
    return unseen


def _unseen_steps(table: Numbers) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return, for each segment, the place in `_STEPS` of the threshold that is best for all other folds."""
    folds = np.arange(table.shape[1]) % _FOLDS
    chosen = np.array([table[:, folds != fold].sum(axis=1).argmax() for fold in range(_FOLDS)], dtype=np.int64)
    return chosen[folds]


def _unseen_choices(found: Sequence[Example], expected: Sequence[float], table: Numbers) -> tuple[str, ...]:
    """Return what is taken of each segment under that threshold."""
    top, names = np.full(table.shape[1], -np.inf), ["draft"] * table.shape[1]
    for item, value in zip(found, expected, strict=True):
        if value > top[item.segment]:
            top[item.segment], names[item.segment] = value, item.called or item.origin
    taken = top > _STEPS[_unseen_steps(table)]
    return tuple(name if kept else "draft" for name, kept in zip(names, taken, strict=True))


def _scales(found: Sequence[Example]) -> dict[str, Scale]:
    scales = {}
    for origin in sorted({item.origin for item in found}):
        rows = [item for item in found if item.origin == origin]
        if len(rows) >= _FOLDS:
            scales[origin] = _ridge(rows)
    return scales


def _ridge(rows: Sequence[Example]) -> Scale:
    names = sorted(set.intersection(*(set(row.features) for row in rows)))
    inputs = np.array([[row.features[name] for name in names] for row in rows])
    gains = np.array([row.gain for row in rows])
    centre, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    scaled = (inputs - centre) / spread
    solved = np.linalg.solve(scaled.T @ scaled + _RIDGE * np.eye(len(names)), scaled.T @ (gains - gains.mean()))
    weights = solved / spread
    bias = float(gains.mean() - weights @ centre)
    return Scale(dict(zip(names, map(float, weights), strict=True)), bias, calibrated=True)
