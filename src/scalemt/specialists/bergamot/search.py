"""Decoding: greedy, beam, sampling, and scoring of given targets, batched over sources.

Probabilities are those of a softmax over all candidates of the source: the shortlist, or the whole vocabulary
when it is switched off. Temperature and `top_k` change what is drawn, never what is reported. `<unk>` has its
share of the probability but is never chosen, as in Marian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scalemt.specialists.bergamot.marian import F32
from scalemt.specialists.bergamot.network import Memory, Network
from scalemt.specialists.bergamot.output import I64, OutputLayer

Bool = npt.NDArray[np.bool_]
F64 = npt.NDArray[np.float64]

_FLOOR = -1e4  # below the log-probability of any token
_FORCED_ROWS = 256  # rows of scores held at once when targets are given: 256 x 32,000 float32 are 33 MB


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One decoded target: `tokens` without end of sentence, and the log-probability of each token.

    `logprobs` has one more entry, that of the end of sentence, when `finished`; without it the length limit cut
    the target off. `attended` is the source piece that each token looks at most, the end of sentence included.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool
    attended: tuple[int, ...] = ()

    @property
    def score(self) -> float:
        """Natural-log probability of the whole target."""
        return float(sum(self.logprobs))


@dataclass(frozen=True, slots=True)
class Choice:
    """One step for B sources with K rows each: columns (B, K), their log-probabilities (B, K).

    `parents` (B, K) are the rows that they continue, or None when each continues itself.
    """

    columns: I64
    logprobs: F32
    parents: I64 | None = None


class Chooser(Protocol):
    """Picks the next token of every row from log-probabilities (B, K, U)."""

    width: int

    def choose(self, logprobs: F32, position: int, sources: I64, ended: Bool, end: int) -> Choice:
        """Choose.

        Args:
            logprobs: (B, K, U), -inf where a token is not allowed.
            position: how many tokens each row has.
            sources: (B,) the numbers of these sources in the batch.
            ended: (B, K) the rows that are complete.
            end: the column of the end of sentence.
        """
        ...


class Greedy:
    """The most probable token, one row a source."""

    width = 1

    def choose(self, logprobs: F32, position: int, sources: I64, ended: Bool, end: int) -> Choice:
        """Choose; see `Chooser`."""
        columns = logprobs.argmax(axis=2)
        return Choice(columns, np.take_along_axis(logprobs, columns[:, :, None], axis=2)[:, :, 0])


class Sampler:
    """Draws from the `top_k` most probable tokens (0: all) at a temperature, K rows a source.

    Random numbers come from one generator a source, so a draw does not depend on the rest of the batch.
    """

    def __init__(self, width: int, temperature: float, top_k: int, seeds: Sequence[Sequence[int]]) -> None:
        self.width = width
        self._temperature = temperature
        self._top_k = top_k
        self._generators = [np.random.default_rng(list(seed)) for seed in seeds]

    def choose(self, logprobs: F32, position: int, sources: I64, ended: Bool, end: int) -> Choice:
        """Choose; see `Chooser`."""
        candidates = self._candidates(logprobs)
        kept = np.take_along_axis(logprobs, candidates, axis=2)
        # The largest comes first, so nothing overflows; -inf has the weight 0 and is never drawn.
        cumulated = np.exp((kept - kept[:, :, :1]) / self._temperature, dtype=np.float64).cumsum(axis=2)
        drawn = np.stack([self._generators[source].random(self.width) for source in sources])
        rank = (cumulated <= (drawn * cumulated[:, :, -1])[:, :, None]).sum(axis=2)[:, :, None]
        columns = np.take_along_axis(candidates, rank, axis=2)
        return Choice(columns[:, :, 0], np.take_along_axis(kept, rank, axis=2)[:, :, 0])

    def _candidates(self, logprobs: F32) -> I64:
        """Columns (B, K, top_k) of the most probable tokens, in an order that the batch has no part in."""
        count = logprobs.shape[2]
        if not 0 < self._top_k < count:
            return np.argsort(-logprobs, axis=2, kind="stable")
        # Distinct values in place of -inf: many equal values make the partition fifty times slower.
        distinct = np.where(
            np.isneginf(logprobs), np.float32(_FLOOR) - np.arange(count, dtype=np.float32), logprobs
        )
        best = np.argpartition(distinct, -self._top_k, axis=2)[:, :, -self._top_k :]
        order = np.argsort(-np.take_along_axis(distinct, best, axis=2), axis=2)
        return np.take_along_axis(best, order, axis=2)


class Beam:
    """The `width` most probable targets so far, by their summed log-probability."""

    def __init__(self, width: int, sources: int) -> None:
        self.width = width
        self._scores = np.full((sources, width), -np.inf)
        self._scores[:, 0] = 0.0  # all rows start equal: only the first may be continued

    def choose(self, logprobs: F32, position: int, sources: I64, ended: Bool, end: int) -> Choice:
        """Choose; see `Chooser`. A complete target stays in the beam and competes with its score."""
        if ended.any():
            logprobs = logprobs.copy()
            logprobs[ended] = -np.inf
            logprobs[..., end][ended] = 0.0
        vocabulary = logprobs.shape[2]
        totals: F64 = self._scores[sources][:, :, None] + logprobs.astype(np.float64)
        totals = totals.reshape(len(sources), -1)
        best = _largest(totals, self.width)
        self._scores[sources] = np.take_along_axis(totals, best, axis=1)
        chosen = np.take_along_axis(logprobs.reshape(len(sources), -1), best, axis=1)
        return Choice(best % vocabulary, chosen, best // vocabulary)


def _largest(values: F64, count: int) -> I64:
    """Return the positions (B, count) of the largest values (B, N), largest first.

    One search for the maximum after the other: `argpartition` is fifty times slower here, because most values are
    the -inf of tokens that are not allowed.
    """
    rest = values.copy()
    rows = np.arange(len(rest))
    found = np.empty((len(rest), count), dtype=np.int64)
    for rank in range(count):
        found[:, rank] = rest.argmax(axis=1)
        rest[rows, found[:, rank]] = -np.inf
    return found


@dataclass(slots=True)
class _Progress:
    """The sources still being decoded, and what all of them have so far."""

    sources: I64  # (B,) numbers in the batch
    memory: Memory
    output: OutputLayer
    specials: tuple[int, int]  # the columns of end of sentence and of `<unk>`
    cells: list[F32]
    ended: Bool  # (B, K)
    tokens: I64  # (all, K, longest)
    logprobs: F32  # (all, K, longest), 0 after the end
    attended: I64  # (all, K, longest), source pieces

    def follow(self, parents: I64, position: int) -> None:
        """Let each row continue the row that the beam chose for it."""
        count, width = parents.shape
        rows = (np.arange(count)[:, None] * width + parents).reshape(-1)
        self.cells = [cell[rows] for cell in self.cells]
        index = parents[:, :, None]
        self.ended = np.take_along_axis(self.ended, parents, axis=1)
        for history in (self.tokens, self.logprobs, self.attended):
            past = history[self.sources, :, :position]
            history[self.sources, :, :position] = np.take_along_axis(past, index, axis=1)

    def drop(self, done: Bool) -> None:
        """Leave out the sources that are done."""
        rows = np.flatnonzero(~done)
        width = self.ended.shape[1]
        self.sources, self.ended = self.sources[rows], self.ended[rows]
        self.memory, self.output = self.memory.keep(rows), self.output.keep(rows.tolist())
        self.cells = [
            cell.reshape(len(done), width, -1)[rows].reshape(len(rows) * width, -1) for cell in self.cells
        ]


def search(
    network: Network, memory: Memory, output: OutputLayer, limits: I64, chooser: Chooser, end: int, unknown: int
) -> list[list[Hypothesis]]:
    """Decode B sources.

    Args:
        network, memory, output: the model, and the encoded sources with their candidate tokens.
        limits: (B,) most tokens of each target, end of sentence included.
        chooser: how tokens are chosen; its `width` is K.
        end, unknown: the ids of the end of sentence and of `<unk>`.

    Returns:
        For each source its K hypotheses; those of a beam are sorted, best first.
    """
    count, width, longest = len(limits), chooser.width, int(limits.max())
    specials = output.columns(np.asarray([end, unknown]))  # every source allows both: they are in shared columns
    progress = _Progress(
        sources=np.arange(count),
        memory=memory,
        output=output,
        specials=(int(specials[0]), int(specials[1])),
        cells=network.start(count * width),
        ended=np.zeros((count, width), dtype=np.bool_),
        tokens=np.full((count, width, longest), end, dtype=np.int64),
        logprobs=np.zeros((count, width, longest), dtype=np.float32),
        attended=np.zeros((count, width, longest), dtype=np.int64),
    )
    tokens: I64 | None = None
    for position in range(longest):
        tokens = _advance(network, progress, chooser, tokens, position, end)
        done = progress.ended.all(axis=1) | (limits[progress.sources] <= position + 1)
        if done.all():
            break
        # Leaving out costs a copy of the memory, so it waits until an eighth of the sources is done.
        if 8 * int(done.sum()) >= len(done):
            tokens = tokens.reshape(len(done), width)[~done].reshape(-1)
            progress.drop(done)
    return _collect(progress, limits, end)


def _advance(
    network: Network,
    progress: _Progress,
    chooser: Chooser,
    tokens: I64 | None,
    position: int,
    end: int,
) -> I64:
    looks: list[I64] = []

    def heed(weights: F32) -> None:
        # All heads together, though training guides one: links between identical numbers and names of source and
        # draft are right in 97.8 % (en-pt) and 96.2 % (pt-en) of cases; by the first head in 96.0 % and 93.4 %.
        looks.append(weights.sum(axis=1).argmax(axis=2))

    hidden = network.step(tokens, position, progress.cells, progress.memory, heed)
    logprobs = log_softmax(progress.output(hidden, len(progress.sources)))
    end_column, unknown_column = progress.specials
    logprobs[:, :, unknown_column] = -np.inf
    choice = chooser.choose(logprobs, position, progress.sources, progress.ended, end_column)
    if choice.parents is not None:
        progress.follow(choice.parents, position)
        looks[0] = np.take_along_axis(looks[0], choice.parents, axis=1)
    progress.attended[progress.sources, :, position] = looks[0]
    chosen = np.where(progress.ended, end, progress.output.ids(choice.columns))
    progress.tokens[progress.sources, :, position] = chosen
    progress.logprobs[progress.sources, :, position] = np.where(progress.ended, 0.0, choice.logprobs)
    progress.ended |= chosen == end
    flat: I64 = chosen.reshape(-1)
    return flat


def _collect(progress: _Progress, limits: I64, end: int) -> list[list[Hypothesis]]:
    found = []
    histories = zip(progress.tokens, progress.logprobs, progress.attended, limits.tolist(), strict=True)
    for tokens, logprobs, attended, limit in histories:
        rows = zip(*(history[:, :limit].tolist() for history in (tokens, logprobs, attended)), strict=True)
        found.append([_hypothesis(path, scores, places, end) for path, scores, places in rows])
    return found


def _hypothesis(tokens: list[int], scores: list[float], attended: list[int], end: int) -> Hypothesis:
    finished = end in tokens
    length = tokens.index(end) if finished else len(tokens)
    return Hypothesis(
        tuple(tokens[:length]), tuple(scores[: length + finished]), finished, tuple(attended[:length])
    )


def log_softmax(scores: F32) -> F32:
    """Natural-log softmax over the last axis, in place; -inf stays -inf."""
    scores -= scores.max(axis=-1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return scores


def force(
    network: Network, memory: Memory, output: OutputLayer, targets: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Return the log-probability of every token of given targets (ids with end of sentence), one list a source."""
    longest = max(len(target) for target in targets)
    padded = np.zeros((len(targets), longest), dtype=np.int64)
    for row, target in enumerate(targets):
        padded[row, : len(target)] = target
    hidden = network.force(padded, memory)
    return [
        _token_logprobs(hidden[row * longest : row * longest + len(target)], output, row, target)
        for row, target in enumerate(targets)
    ]


def _token_logprobs(hidden: F32, output: OutputLayer, row: int, target: Sequence[int]) -> list[float]:
    layer = output.keep([row])
    ids = np.asarray(target)
    columns = layer.columns(ids)
    found: list[float] = []
    for start in range(0, len(ids), _FORCED_ROWS):
        part = slice(start, start + _FORCED_ROWS)
        logprobs = log_softmax(layer(hidden[part], 1))[0]
        found += np.take_along_axis(logprobs, columns[part, None], axis=1)[:, 0].tolist()
    return found
