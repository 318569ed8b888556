"""The output layer over the candidate tokens of a batch.

Every source has its own candidates. Tokens that many sources of the batch allow are scored for all rows by one
matrix product and masked where they are not allowed; the rest is scored source by source. That gives the same as a
product over the union, with a third of the work: the union of 32 sources is ten times one source's list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scalemt.specialists.bergamot.marian import F32

I64 = npt.NDArray[np.int64]

# A token is scored for all rows when more than one in this many sources allow it. Measured with 32 sources, where
# a column of the shared product costs as much as 3 to 5 of the products of single sources.
_SHARE = 16


@dataclass(frozen=True, slots=True)
class OutputLayer:
    """Scores U columns for each of B sources: C shared ones, then those of the source alone, then padding.

    `tokens` (B or 1, U) are the ids of the columns, -1 for padding; `weight` (D, C) scores the shared ones and
    `own[b]` (U_b, D) those of source b; `offset` (B or 1, 1, U) is the bias, -inf where a column is padding or the
    source does not allow its token.
    """

    tokens: I64
    weight: F32
    own: tuple[F32, ...]
    offset: F32

    def __call__(self, hidden: F32, sources: int) -> F32:
        """Scores (B, K, U) of hidden states (B * K, D)."""
        shared = hidden @ self.weight
        if not self.own:
            scores: F32 = shared.reshape(sources, -1, self.weight.shape[1])
            scores += self.offset
            return scores
        count = self.weight.shape[1]
        scores = np.zeros((sources, len(hidden) // sources, self.offset.shape[2]), dtype=np.float32)
        scores[:, :, :count] = shared.reshape(sources, -1, count)
        states = hidden.reshape(sources, -1, hidden.shape[1])
        for row, weight in enumerate(self.own):
            scores[row, :, count : count + len(weight)] = states[row] @ weight.T
        scores += self.offset
        return scores

    def keep(self, rows: Sequence[int]) -> OutputLayer:
        """Return the layer for some of the sources; the only row of a layer serves any number of them."""
        if len(self.offset) == 1:
            return self
        picked = list(rows)
        own = tuple(self.own[row] for row in picked) if self.own else ()
        return OutputLayer(self.tokens[picked], self.weight, own, self.offset[picked])

    def ids(self, columns: I64) -> I64:
        """Return the token ids of columns (B, K)."""
        tokens = np.broadcast_to(self.tokens, (len(columns), self.tokens.shape[1]))
        found: I64 = np.take_along_axis(tokens, columns, axis=1)
        return found

    def columns(self, tokens: I64) -> I64:
        """Return the columns of tokens (T,) that the first source allows."""
        order = np.argsort(self.tokens[0])
        found: I64 = order[np.searchsorted(self.tokens[0], tokens, sorter=order)]
        return found


def full_output(weights: F32, bias: F32) -> OutputLayer:
    """Return the layer that scores the whole vocabulary; `weights` is (vocabulary, D)."""
    tokens = np.arange(len(weights))[None, :]
    return OutputLayer(tokens, np.ascontiguousarray(weights.T), (), bias[None, None, :])


def shortlisted_output(weights: F32, bias: F32, candidates: Sequence[I64]) -> OutputLayer:
    """Return the layer that scores for each source its candidate token ids."""
    allowed = np.zeros((len(candidates), len(weights)), dtype=np.bool_)
    for row, tokens in enumerate(candidates):
        allowed[row, tokens] = True
    uses = allowed.sum(axis=0)
    shared = np.flatnonzero(uses > len(candidates) // _SHARE)
    rare = (uses > 0) & (uses <= len(candidates) // _SHARE)
    own = [np.flatnonzero(row & rare) for row in allowed]
    width = len(shared) + max(len(tokens) for tokens in own)
    columns = np.full((len(candidates), width), -1, dtype=np.int64)
    offset = np.full((len(candidates), 1, width), -np.inf, dtype=np.float32)
    columns[:, : len(shared)] = shared
    offset[:, 0, : len(shared)] = np.where(allowed[:, shared], bias[shared], np.float32(-np.inf))
    for row, tokens in enumerate(own):
        columns[row, len(shared) : len(shared) + len(tokens)] = tokens
        offset[row, 0, len(shared) : len(shared) + len(tokens)] = bias[tokens]
    gathered = tuple(weights[tokens] for tokens in own) if rare.any() else ()
    return OutputLayer(columns, np.ascontiguousarray(weights[shared].T), gathered, offset)
