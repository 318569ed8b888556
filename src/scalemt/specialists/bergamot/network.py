"""The forward pass of a Bergamot student in numpy: transformer encoder, SSRU decoder, post-norm.

Shapes: B sources in a batch, K rows for each of them (beams, samples, or the time steps of a given target), L the
longest source in pieces, D the model's dimension, H heads. Everything is float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scalemt.errors import ModelError
from scalemt.specialists.bergamot.architecture import Architecture, architecture_of
from scalemt.specialists.bergamot.marian import F32, MarianModel
from scalemt.specialists.bergamot.output import I64, OutputLayer, full_output, shortlisted_output

_LAYER_NORM_EPSILON = 1e-6

Recur = Callable[[int, F32, F32], F32]
"""Layer, forget gate and candidate (rows, D) to cell states (rows, D)."""

Heed = Callable[[F32], None]
"""Told of the last layer's attention to the source, (B, H, K, L)."""


@dataclass(frozen=True, slots=True)
class Dense:
    """`x @ weight + bias`, weight (in, out): the layout in which BLAS is fastest for few rows."""

    weight: F32
    bias: F32

    def __call__(self, x: F32) -> F32:
        """Apply to (rows, in)."""
        y: F32 = x @ self.weight
        y += self.bias
        return y


@dataclass(frozen=True, slots=True)
class Norm:
    """Layer normalisation, in place."""

    scale: F32
    bias: F32

    def __call__(self, x: F32) -> F32:
        """Apply to (rows, D); `x` is overwritten."""
        x -= x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x)
        variance /= x.shape[1]
        variance += _LAYER_NORM_EPSILON
        x *= (1.0 / np.sqrt(variance))[:, None]
        x *= self.scale
        x += self.bias
        return x


@dataclass(frozen=True, slots=True)
class FeedForward:
    """Two dense layers around the activation, residual and normalisation included."""

    inner: Dense
    outer: Dense
    norm: Norm
    activation: str

    def __call__(self, x: F32) -> F32:
        """Apply to (rows, D)."""
        hidden = self.inner(x)
        if self.activation == "relu":
            np.maximum(hidden, 0.0, out=hidden)
        else:
            hidden *= sigmoid(hidden)
        y = self.outer(hidden)
        y += x
        return self.norm(y)


@dataclass(frozen=True, slots=True)
class EncoderLayer:
    """Self-attention (query, key and value in one matrix, query already scaled) and feed-forward."""

    attention: Dense
    output: Dense
    norm: Norm
    feed_forward: FeedForward


@dataclass(frozen=True, slots=True)
class DecoderLayer:
    """SSRU (forget gate and candidate in one matrix), attention to the source, feed-forward."""

    cell: Dense
    cell_norm: Norm
    query: Dense
    key_value: Dense
    output: Dense
    norm: Norm
    feed_forward: FeedForward


@dataclass(frozen=True, slots=True)
class Memory:
    """What the decoder attends to: for each layer keys (B, H, D/H, L) and values (B, H, L, D/H).

    `mask` (B, 1, 1, L) is 0 where a source has a piece and -inf where it is padded.
    """

    keys: list[F32]
    values: list[F32]
    mask: F32

    def keep(self, rows: I64) -> Memory:
        """Return the memory of some of the sources."""
        return Memory([key[rows] for key in self.keys], [value[rows] for value in self.values], self.mask[rows])


def sigmoid(x: F32) -> F32:
    """The logistic function by way of tanh, which does not overflow."""
    y: F32 = np.tanh(x * np.float32(0.5))
    y *= np.float32(0.5)
    y += np.float32(0.5)
    return y


def softmax(scores: F32) -> F32:
    """Softmax over the last axis, in place."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def sinusoids(length: int, dim: int) -> F32:
    """Marian's position signal (length, dim): sines in the first half, cosines in the second."""
    half = dim // 2
    rates = np.exp(np.arange(half) * -(np.log(10000.0) / max(half - 1, 1)))
    angles = np.arange(length)[:, None] * rates[None, :]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


class Network:
    """A loaded model. It holds only weights, so threads may share it.

    Raises:
        ModelError: the architecture is not covered, or a weight is missing or of another shape.
    """

    def __init__(self, model: MarianModel) -> None:
        self.architecture: Architecture = architecture_of(model)
        self._model = model
        sizes = self.architecture
        self._source_embedding = model.tensors[sizes.source_embedding]
        self._target_embedding = model.tensors[sizes.target_embedding]
        output = model.tensors[sizes.output]
        # (vocabulary, D): the rows of a shortlist are gathered from it.
        self._output = output if sizes.output.endswith("Wemb") else np.ascontiguousarray(output.T)
        self.vocabulary = len(self._output)
        self.source_vocabulary = len(self._source_embedding)
        self._output_bias = self._vector("decoder_ff_logit_out_b", self.vocabulary)
        self._encoder = [self._encoder_layer(f"encoder_l{n + 1}") for n in range(sizes.encoder_depth)]
        self._decoder = [self._decoder_layer(f"decoder_l{n + 1}") for n in range(sizes.decoder_depth)]
        self._positions = sinusoids(512, sizes.dim)
        del self._model  # frees the unfused copies of the weights

    # -- loading ---------------------------------------------------------------------------------------------

    def _matrix(self, name: str) -> F32:
        tensors, dim = self._model.tensors, self.architecture.dim
        if name not in tensors:
            raise ModelError(f"{self._model.path} has no tensor {name}, which its configuration asks for.")
        matrix = tensors[name]
        if matrix.ndim != 2 or dim not in matrix.shape:
            raise ModelError(
                f"{self._model.path}: {name} has the shape {matrix.shape}, which does not fit {dim} dimensions."
            )
        return matrix

    def _vector(self, name: str, size: int) -> F32:
        vector = self._model.tensors.get(name)
        if vector is None and self._may_lack(name):
            return np.zeros(size, dtype=np.float32)
        if vector is None or vector.shape != (size,):
            found = "missing" if vector is None else f"of the shape {vector.shape}"
            raise ModelError(f"{self._model.path}: {name} is {found}, expected ({size},).")
        return vector

    def _may_lack(self, name: str) -> bool:
        """Whether a bias may be absent: the SSRU's candidate has none, and `output-omit-bias` leaves one out."""
        omitted = name == "decoder_ff_logit_out_b" and self._model.config.get("output-omit-bias") is True
        return omitted or name.endswith("_rnn_b")

    def _dense(self, prefix: str, *suffixes: str) -> Dense:
        """One dense layer of several that read the same input, side by side."""
        matrices = [self._matrix(f"{prefix}_W{suffix}") for suffix in suffixes]
        biases = [
            self._vector(f"{prefix}_b{suffix}", matrix.shape[1])
            for suffix, matrix in zip(suffixes, matrices, strict=True)
        ]
        try:
            weight = np.ascontiguousarray(np.concatenate(matrices, axis=1))
        except ValueError as error:
            raise ModelError(f"{self._model.path}: the matrices of {prefix} do not fit each other.") from error
        return Dense(weight, np.concatenate(biases))

    def _scaled(self, layer: Dense) -> Dense:
        """Fold the 1/sqrt(D/H) of attention into the first D outputs, the query."""
        dim = self.architecture.dim
        scale = np.float32((dim // self.architecture.heads) ** -0.5)
        layer.weight[:, :dim] *= scale
        layer.bias[:dim] *= scale
        return layer

    def _norm(self, prefix: str) -> Norm:
        dim = self.architecture.dim
        return Norm(self._vector(f"{prefix}_ln_scale", dim), self._vector(f"{prefix}_ln_bias", dim))

    def _feed_forward(self, prefix: str) -> FeedForward:
        inner, outer = self._dense(prefix, "1"), self._dense(prefix, "2")
        return FeedForward(inner, outer, self._norm(f"{prefix}_ffn"), self.architecture.activation)

    def _encoder_layer(self, prefix: str) -> EncoderLayer:
        return EncoderLayer(
            attention=self._scaled(self._dense(f"{prefix}_self", "q", "k", "v")),
            output=self._dense(f"{prefix}_self", "o"),
            norm=self._norm(f"{prefix}_self_Wo"),
            feed_forward=self._feed_forward(f"{prefix}_ffn"),
        )

    def _decoder_layer(self, prefix: str) -> DecoderLayer:
        return DecoderLayer(
            cell=self._dense(f"{prefix}_rnn", "f", ""),
            cell_norm=self._norm(f"{prefix}_rnn_ffn"),
            query=self._scaled(self._dense(f"{prefix}_context", "q")),
            key_value=self._dense(f"{prefix}_context", "k", "v"),
            output=self._dense(f"{prefix}_context", "o"),
            norm=self._norm(f"{prefix}_context_Wo"),
            feed_forward=self._feed_forward(f"{prefix}_ffn"),
        )

    # -- encoder ---------------------------------------------------------------------------------------------

    def encode(self, sources: Sequence[Sequence[int]]) -> Memory:
        """Encode B sources (ids with end of sentence).

        The pieces of all sources are laid end to end, so nothing is spent on padding, and attention runs source by
        source, so no source can see another.
        """
        lengths = [len(source) for source in sources]
        ends = np.cumsum(lengths)
        bounds = list(zip((ends - lengths).tolist(), ends.tolist(), strict=True))
        signal = self._signal(max(lengths))
        x = self._source_embedding[np.concatenate([np.asarray(source) for source in sources])]
        x = x * np.float32(self.architecture.dim**0.5)
        for start, end in bounds:
            x[start:end] += signal[: end - start]
        for layer in self._encoder:
            attended = layer.output(self._self_attention(layer.attention(x), bounds))
            attended += x
            x = layer.feed_forward(layer.norm(attended))
        return self._memory(x, bounds, max(lengths))

    def _self_attention(self, projected: F32, bounds: list[tuple[int, int]]) -> F32:
        dim, heads = self.architecture.dim, self.architecture.heads
        context = np.empty((len(projected), dim), dtype=np.float32)
        for start, end in bounds:
            length = end - start
            block = projected[start:end].reshape(length, 3, heads, dim // heads)
            query, key, value = block.transpose(1, 2, 0, 3)
            weights = softmax(query @ key.transpose(0, 2, 1))
            context[start:end].reshape(length, heads, -1)[:] = (weights @ value).transpose(1, 0, 2)
        return context

    def _memory(self, x: F32, bounds: list[tuple[int, int]], longest: int) -> Memory:
        dim, heads = self.architecture.dim, self.architecture.heads
        size = dim // heads
        memory = Memory([], [], np.full((len(bounds), 1, 1, longest), -np.inf, dtype=np.float32))
        for row, (start, end) in enumerate(bounds):
            memory.mask[row, :, :, : end - start] = 0.0
        for layer in self._decoder:
            projected = layer.key_value(x).reshape(len(x), 2, heads, size)
            keys = np.zeros((len(bounds), heads, size, longest), dtype=np.float32)
            values = np.zeros((len(bounds), heads, longest, size), dtype=np.float32)
            for row, (start, end) in enumerate(bounds):
                keys[row, :, :, : end - start] = projected[start:end, 0].transpose(1, 2, 0)
                values[row, :, : end - start] = projected[start:end, 1].transpose(1, 0, 2)
            memory.keys.append(keys)
            memory.values.append(values)
        return memory

    def _signal(self, length: int) -> F32:
        if length > len(self._positions):
            self._positions = sinusoids(2 * length, self.architecture.dim)
        return self._positions

    # -- decoder ---------------------------------------------------------------------------------------------

    def start(self, rows: int) -> list[F32]:
        """Return the SSRU cells (rows, D) of each layer before the first token."""
        return [np.zeros((rows, self.architecture.dim), dtype=np.float32) for _ in self._decoder]

    def step(
        self, tokens: I64 | None, position: int, cells: list[F32], memory: Memory, heed: Heed | None = None
    ) -> F32:
        """Advance B * K rows by one token and return their hidden states (B * K, D); `cells` is updated.

        Args:
            tokens: the last token of each row, or None at the start of the sentence.
            position: how many tokens each row has.
            cells: SSRU states, from `start`.
            memory: the encoded sources.
            heed: told where the rows look.
        """
        x = np.zeros_like(cells[0]) if tokens is None else self._embed(tokens)
        x += self._signal(position + 1)[position]

        def recur(layer: int, gate: F32, candidate: F32) -> F32:
            cell = cells[layer]
            cell -= candidate
            cell *= gate
            cell += candidate
            return cell

        return self._decode(x, memory, recur, heed)

    def force(self, targets: I64, memory: Memory) -> F32:
        """Return the hidden states (B * T, D) that predict each token of given targets (B, T)."""
        sources, length = targets.shape
        x = np.zeros((sources, length, self.architecture.dim), dtype=np.float32)
        x[:, 1:] = self._embed(targets[:, :-1])
        x += self._signal(length)[:length]

        def recur(layer: int, gate: F32, candidate: F32) -> F32:
            gates, states = gate.reshape(x.shape), candidate.reshape(x.shape).copy()
            states[:, 0] *= 1.0 - gates[:, 0]
            for time in range(1, length):
                states[:, time] += gates[:, time] * (states[:, time - 1] - states[:, time])
            return states.reshape(gate.shape)

        return self._decode(x.reshape(sources * length, -1), memory, recur)

    def _embed(self, tokens: I64) -> F32:
        return self._target_embedding[tokens] * np.float32(self.architecture.dim**0.5)

    def _decode(self, x: F32, memory: Memory, recur: Recur, heed: Heed | None = None) -> F32:
        dim = self.architecture.dim
        last = len(self._decoder) - 1
        for number, layer in enumerate(self._decoder):
            projected = layer.cell(x)
            state = recur(number, sigmoid(projected[:, :dim]), projected[:, dim:])
            x = layer.cell_norm(x + np.maximum(state, 0.0))
            attended = layer.output(
                self._cross_attention(layer.query(x), number, memory, heed if number == last else None)
            )
            attended += x
            x = layer.feed_forward(layer.norm(attended))
        return x

    def _cross_attention(self, query: F32, layer: int, memory: Memory, heed: Heed | None) -> F32:
        keys, values = memory.keys[layer], memory.values[layer]
        sources, heads, size, _ = keys.shape
        queries = query.reshape(sources, -1, heads, size).transpose(0, 2, 1, 3)
        weights = queries @ keys
        weights += memory.mask
        context: F32 = softmax(weights) @ values  # in place
        if heed is not None:
            heed(weights)
        return context.transpose(0, 2, 1, 3).reshape(query.shape)

    # -- output layer ----------------------------------------------------------------------------------------

    @cached_property
    def _full_output(self) -> OutputLayer:
        return full_output(self._output, self._output_bias)

    def output_layer(self, candidates: Sequence[I64] | None) -> OutputLayer:
        """Return the output layer of a batch, for the allowed token ids of each source or (None) all tokens."""
        if candidates is None:
            return self._full_output
        return shortlisted_output(self._output, self._output_bias, candidates)
