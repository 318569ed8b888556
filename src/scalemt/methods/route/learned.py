"""Routing by a light classifier: logistic regression from what is known before a translation to the best worker.

The sheet to Octopus v4 (arXiv 2404.19296) calls TF-IDF with logistic regression a very strong baseline for routing
by topic. This is that, with what is measured of source and draft beside hashed words, in numpy.
"""

from __future__ import annotations

import base64
import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from scalemt.errors import ConfigurationError
from scalemt.lines import write_whole
from scalemt.methods.route.graph import Worker
from scalemt.methods.route.requests import Choice, Request
from scalemt.methods.route.rules import RuleRouter
from scalemt.types import Pair

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

LEXICAL = 64
"""Places that the words of a text are hashed into: a few hundred lines teach no more."""

_COUNTED = ("length", "words", "word length", "tags", "terms", "missed", "failed")  # numbers without a bound
_GRAM = 4  # characters: stems and endings, which tell one kind of text from another
_PLACES = 1 << 17  # bits that these are hashed into: 16 KB


@dataclass(frozen=True)
class RouterModel:
    """What was learnt of one graph on the development set of one pair.

    Args:
        graph: signature of the graph.
        pair: source and target.
        workers: those that were compared; the rows of `weights`.
        features: by name, those known of half of the set; `centres` and `scales` standardise them.
        weights: workers x (features + `LEXICAL`).
        bias: of each worker.
        temperature: what logits are divided by, so that probabilities are as often right as they say.
        best: the best single worker.
        trusted: whether choosing was better than `best` on held-out lines, by more than its standard error.
        known: the character sequences of the set, a bit each, as base64.
        unseen, distance: what a text may have of unknown ones, and how far its features may be from the set's,
            before it is of another kind: of a hundred held-out lines, one has more.
        measured: what the fit found, by name.
    """

    graph: str
    pair: tuple[str, str]
    workers: tuple[str, ...]
    features: tuple[str, ...]
    centres: tuple[float, ...]
    scales: tuple[Annotated[float, Field(gt=0)], ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]
    temperature: Annotated[float, Field(gt=0)]
    best: str
    trusted: bool
    known: str
    unseen: float
    distance: float
    measured: Mapping[str, float] = field(default_factory=dict)

    def probabilities(self, rows: Sequence[Request]) -> Numbers:
        """Return how probably each worker is the right one, shape (N, workers)."""
        return softmax((self.vectors(rows) @ np.array(self.weights).T + np.array(self.bias)) / self.temperature)

    def vectors(self, rows: Sequence[Request]) -> Numbers:
        """Return each segment's standardised features and hashed words; shape (N, features + words)."""
        found = [numeric(row, self.features) for row in rows]
        return vectors(found, [row.segment.text for row in rows], np.array(self.centres), np.array(self.scales))

    def strangeness(self, request: Request) -> str:
        """Say why a text is of another kind than the development set, "" where it is of that kind."""
        rate = unseen(request.segment.text, self._seen)
        if rate > self.unseen:
            return f"{rate:.0%} of its character sequences are new, {self.unseen:.0%} at most on the fitted lines"
        values = self.vectors([request])[0, : len(self.features)]
        far = float(np.sqrt((values**2).mean())) if len(values) else 0.0
        if far > self.distance:
            return f"its features are {far:.1f} deviations away, {self.distance:.1f} at most on the fitted lines"
        return ""

    @cached_property
    def _seen(self) -> bytes:
        return zlib.decompress(base64.b64decode(self.known))

    def save(self, path: Path) -> None:
        """Write to a JSON file, replacing an older one in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(asdict(self), ensure_ascii=False) + "\n")


def load_router(path: Path, graph: str) -> RouterModel:
    """Return a stored model.

    Args:
        path: of the file.
        graph: signature of the graph that it is to be used with.

    Raises:
        ConfigurationError: there is none, it is not what `save` writes, or it was fitted for another graph.
    """
    how = "scalemt bench routing fits one: see docs/methods/route.md"
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise ConfigurationError(f"There is no learned router at {path} ({fault.strerror}). {how}.") from None
    try:
        model = TypeAdapter(RouterModel).validate_json(data)
        fitting = {len(model.weights), len(model.bias), len(model.workers)} == {len(model.workers)}
        wide = all(len(row) == len(model.features) + LEXICAL for row in model.weights)
        if not (fitting and wide and model.workers and len(model._seen) == _PLACES // 8):
            raise ValueError("its parts are of different sizes")
    except (ValidationError, ValueError, zlib.error) as fault:
        why = str(fault).splitlines()[0]
        raise ConfigurationError(f"The learned router {path} cannot be read ({why}). {how}.") from None
    if model.graph != graph:
        raise ConfigurationError(
            f"The learned router {path} was fitted for the graph {model.graph}, and this is {graph}. {how}."
        )
    return model


class LearnedRouter:
    """Gives a segment to the worker that is most probably the right one.

    What is of another kind than the lines that the model was fitted on goes to the general worker. Where nothing
    that was measured told the workers apart there, the best single worker gets all.
    """

    name = "learned"
    asks = False
    follows = False  # each worker was measured by itself

    def __init__(self, model: RouterModel) -> None:
        self.model = model
        self._rules = RuleRouter()

    def route(self, requests: Sequence[Request], workers: Sequence[Worker], general: str) -> list[Choice]:
        """Return one choice a request; see `Router`."""
        there = [name for name in self.model.workers if name in {item.name for item in workers}]
        fault = "" if there else "none of the workers that the router was fitted with is there"
        if requests and requests[0].pair != self.model.pair:
            fault = f"the router was fitted for {Pair(*self.model.pair)}"
        if fault:
            made = self._rules.route(requests, workers, general)
            return [Choice(item.worker, item.reason, item.router, fault=fault) for item in made]
        rows = self.model.probabilities(requests) if requests else np.zeros((0, 1))
        return [self._choice(item, row, there, general) for item, row in zip(requests, rows, strict=True)]

    def _choice(self, request: Request, row: Numbers, there: Sequence[str], general: str) -> Choice:
        every = dict(zip(self.model.workers, map(float, row), strict=True))
        total = sum(every[name] for name in there)
        known = {name: round(every[name] / total, 4) if total else 0.0 for name in there}
        if strange := self.model.strangeness(request):
            return Choice(general, f"of another kind than what was learnt: {strange}", self.name, known)
        if not self.model.trusted and self.model.best in there:
            why = "the best single worker: nothing told the workers apart on held-out lines"
            return Choice(self.model.best, why, self.name, known)
        best = max(there, key=lambda name: known[name])
        return Choice(best, f"most probably the right one ({known[best]:.2f})", self.name, known)


def numeric(request: Request, names: Sequence[str]) -> list[float]:
    """Return features in order, counts as logarithms, NaN where one is not known."""
    values = [request.features.get(name, math.nan) for name in names]
    return [
        math.log1p(max(0.0, value)) if name in _COUNTED else value
        for name, value in zip(names, values, strict=True)
    ]


def vectors(rows: Sequence[Sequence[float]], texts: Sequence[str], centres: Numbers, scales: Numbers) -> Numbers:
    """Return standardised features, 0 where not known, and hashed words; one row a text."""
    plain = (np.array(rows, dtype=np.float64).reshape(len(rows), len(centres)) - centres) / scales
    # One feature far outside must not drown all others.
    return np.hstack([np.clip(np.nan_to_num(plain), -5, 5), np.array([_hashed(text) for text in texts])])


def _hashed(text: str) -> Numbers:
    """Return the words of a text in `LEXICAL` places, with signs, as long as 1."""
    found = np.zeros(LEXICAL)
    for word in re.findall(r"\w+", text.casefold()):
        code = zlib.crc32(word.encode())
        found[code % LEXICAL] += 1 if code & 0x10000 else -1
    length = float(np.linalg.norm(found))
    return found / length if length else found


def softmax(logits: Numbers) -> Numbers:
    """Return probabilities by rows."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Numbers = raised / raised.sum(axis=1, keepdims=True)
    return shares


def seen(texts: Sequence[str]) -> bytes:
    """Return the character sequences of texts, a bit each."""
    bits = bytearray(_PLACES // 8)
    for text in texts:
        for place in _places(text):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def packed(bits: bytes) -> str:
    """Return them as text."""
    return base64.b64encode(zlib.compress(bits, 9)).decode()


def unseen(text: str, bits: bytes) -> float:
    """Return the share of a text's character sequences that are not among these; 0 of a text without any."""
    places = _places(text)
    return sum(not bits[place >> 3] >> (place & 7) & 1 for place in places) / len(places) if places else 0.0


def _places(text: str) -> list[int]:
    plain = f" {' '.join(text.casefold().split())} "
    return [
        zlib.crc32(plain[start : start + _GRAM].encode("utf-8", "surrogatepass")) % _PLACES
        for start in range(len(plain) - _GRAM + 1)
    ]
