"""Fit a router: from what every worker made of a development set to who is to get which segment.

What is told of it rests on folds that the fit had not seen: choices, probabilities, temperature, and what makes a
text one of another kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalemt.errors import ConfigurationError
from scalemt.methods.route.learned import (
    LEXICAL,
    Numbers,
    RouterModel,
    numeric,
    packed,
    seen,
    softmax,
    unseen,
    vectors,
)
from scalemt.methods.route.requests import FEATURES, Request

FEWEST = 20
"""Segments; with fewer, folds tell nothing."""

PRICE = 0.1
"""Points of the metric that a unit of cost weighs: of two workers that do as well, the cheaper one is right."""

_FOLDS = 10
_RIDGE = 0.02  # of the mean loss: strong, as gains vary far more than features can tell
_STEPS = 400
_TEMPERATURES = tuple(float(2**power) for power in np.arange(-2, 5.01, 0.25))
_STRANGE = 0.99  # the share of held-out lines that are of their own kind

Integers = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


@dataclass(frozen=True)
class Development:
    """A development set that each worker has translated.

    Args:
        graph: signature of the graph.
        requests: what is known of each segment, N; of one pair.
        workers: names, K.
        costs: of the workers.
        scores: of each worker's translation of each segment, higher is better, shape (N, K).
    """

    graph: str
    requests: Sequence[Request]
    workers: Sequence[str]
    costs: Sequence[float]
    scores: Numbers

    @property
    def utilities(self) -> Numbers:
        """What each choice is worth: its score, less its cost."""
        worth: Numbers = self.scores - PRICE * np.array(self.costs)
        return worth


@dataclass(frozen=True)
class RouterFit:
    """A fitted model, and what fits that had not seen a segment choose for it.

    `chosen` are places of workers, `probabilities` calibrated, `single` the best single worker by the other folds.
    """

    model: RouterModel
    chosen: Integers
    probabilities: Numbers
    single: Integers


def fit_router(known: Development, seed: int = 0) -> RouterFit:
    """Fit a router.

    Args:
        known: the development set.
        seed: of the folds.

    Raises:
        ConfigurationError: there are fewer than `FEWEST` segments, or fewer than two workers.
    """
    count, width = known.scores.shape
    if count < FEWEST or width < 2:
        raise ConfigurationError(
            f"A router is fitted on {FEWEST} segments and two workers at least; there are {count} and {width}."
        )
    worth = known.utilities
    folds = np.random.default_rng(seed).permutation(np.arange(count) % min(_FOLDS, count))
    logits, single = np.zeros((count, width)), np.zeros(count, dtype=np.int64)
    rates, distances = np.zeros(count), np.zeros(count)
    for fold in range(folds.max() + 1):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        part = _Part.of([known.requests[int(place)] for place in inside], worth[inside])
        others = [known.requests[int(place)] for place in outside]
        logits[outside] = part.logits(others)
        single[outside] = worth[inside].mean(axis=0).argmax()
        rates[outside] = [unseen(item.segment.text, part.seen) for item in others]
        distances[outside] = part.distances(others)
    temperature = _temperature(logits, worth.argmax(axis=1))
    shares = softmax(logits / temperature)
    chosen = shares.argmax(axis=1)
    gains = _at(worth, chosen) - _at(worth, single)
    error = float(gains.std(ddof=1)) / count**0.5
    whole = _Part.of(known.requests, worth)
    pair = known.requests[0].pair
    model = RouterModel(
        graph=known.graph,
        pair=(pair.source, pair.target),
        workers=tuple(known.workers),
        features=whole.names,
        centres=_listed(whole.centres),
        scales=_listed(whole.scales),
        weights=tuple(_listed(row) for row in whole.weights),
        bias=_listed(whole.bias),
        temperature=temperature,
        best=known.workers[int(worth.mean(axis=0).argmax())],
        trusted=bool(gains.mean() > error),
        known=packed(whole.seen),
        unseen=float(np.quantile(rates, _STRANGE)),
        distance=float(np.quantile(distances, _STRANGE)),
        measured={
            "segments": float(count),
            "gain over the best single worker": float(gains.mean()),
            "its standard error": error,
            "calibration error": calibration_error(shares, worth.argmax(axis=1)),
            "before calibration": calibration_error(softmax(logits), worth.argmax(axis=1)),
        },
    )
    return RouterFit(model, chosen, shares, single)


@dataclass(frozen=True)
class _Part:
    """A fit on some of the segments."""

    names: tuple[str, ...]
    centres: Numbers
    scales: Numbers
    weights: Numbers
    bias: Numbers
    seen: bytes

    @classmethod
    def of(cls, requests: Sequence[Request], worth: Numbers) -> _Part:
        names = tuple(n for n in FEATURES if 2 * sum(n in item.features for item in requests) >= len(requests))
        rows = np.array([numeric(item, names) for item in requests]).reshape(len(requests), len(names))
        centres = np.nanmean(rows, axis=0) if names else np.zeros(0)
        scales = np.nanstd(rows, axis=0) if names else np.zeros(0)
        scales = np.where(scales > 1e-9, scales, 1.0)
        texts = [item.segment.text for item in requests]
        given = vectors(rows.tolist(), texts, centres, scales)
        weights, bias = _regression(given, worth)
        return cls(names, centres, scales, weights, bias, seen(texts))

    def logits(self, requests: Sequence[Request]) -> Numbers:
        found: Numbers = self._vectors(requests) @ self.weights.T + self.bias
        return found

    def distances(self, requests: Sequence[Request]) -> Numbers:
        values = self._vectors(requests)[:, : len(self.names)]
        return np.sqrt((values**2).mean(axis=1)) if self.names else np.zeros(len(requests))

    def _vectors(self, requests: Sequence[Request]) -> Numbers:
        rows = [numeric(item, self.names) for item in requests]
        return vectors(rows, [item.segment.text for item in requests], self.centres, self.scales)


def _regression(given: Numbers, worth: Numbers) -> tuple[Numbers, Numbers]:
    """Fit a softmax to the best worker of each segment, which weighs as much as the wrong ones would lose.

    Returns:
        Weights, shape (K, D), and biases, shape (K,).
    """
    count, width = worth.shape
    targets = np.zeros((count, width))
    targets[np.arange(count), worth.argmax(axis=1)] = 1.0
    loss = worth.max(axis=1) - worth.mean(axis=1)
    shares = (loss / loss.sum() if loss.sum() > 0 else np.full(count, 1 / count))[:, None]
    wide = np.hstack([given, np.ones((count, 1))])
    ridge = np.full(wide.shape[1], _RIDGE)
    ridge[-1] = 1e-4  # how good workers are on the whole is known better than anything else
    # Accelerated gradient steps, no longer than the curvature allows.
    step = 1 / (0.5 * float(np.linalg.eigvalsh(wide.T @ (shares * wide))[-1]) + _RIDGE)
    weights = ahead = np.zeros((wide.shape[1], width))
    for number in range(_STEPS):
        slope = wide.T @ (shares * (softmax(wide @ ahead) - targets)) + ridge[:, None] * ahead
        moved = ahead - step * slope
        ahead = moved + number / (number + 3) * (moved - weights)
        weights = moved
    return weights[:-1].T, weights[-1]


def _temperature(logits: Numbers, right: Integers) -> float:
    """Return what logits are to be divided by, so that what happened is most probable."""
    losses = [-np.log(_at(softmax(logits / value), right) + 1e-12).mean() for value in _TEMPERATURES]
    return _TEMPERATURES[int(np.argmin(losses))]


def calibration_error(shares: Numbers, right: Integers, bins: int = 10) -> float:
    """Return by how much the probability of the choice is off, on average over even bins of it."""
    chosen = shares.argmax(axis=1)
    told, hits = _at(shares, chosen), (chosen == right).astype(np.float64)
    places = np.minimum((told * bins).astype(int), bins - 1)
    parts = [places == number for number in range(bins)]
    return float(sum(part.mean() * abs(told[part].mean() - hits[part].mean()) for part in parts if part.any()))


def _at(table: Numbers, columns: Integers) -> Numbers:
    picked: Numbers = table[np.arange(len(table)), columns]
    return picked


def _listed(values: Numbers) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


__all__ = ["FEWEST", "LEXICAL", "PRICE", "Development", "RouterFit", "calibration_error", "fit_router"]
