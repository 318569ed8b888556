"""The torch twin of `scalemt.specialists.bergamot.network`: the same weights and probabilities, and gradients.

It computes what training needs, the log-probabilities of given targets (teacher forcing), and no more:
translations are made by the numpy engine, which runs the model in the end. Kim et al. 2019, "From Research to
Production and Back: Ludicrously Fast Neural Machine Translation", section 3.1, has the SSRU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scalemt.specialists.bergamot.architecture import architecture_of
from scalemt.specialists.bergamot.marian import F32, MarianModel
from scalemt.specialists.bergamot.network import sinusoids

IGNORED = -100
"""Stands in `labels` where a target is padded."""

_EPSILON = 1e-6  # of layer normalisation, as in Marian


class Twin(nn.Module):
    """A student as torch module; `weights` holds its tensors under Marian's names.

    Args:
        model: what `read_model` gives.
        dropout: of states before each residual sum, and of embeddings; 0 for none.
        smoothing: label smoothing, the share of probability that all other tokens get together.

    Raises:
        ModelError: the architecture is not covered.
    """

    def __init__(self, model: MarianModel, *, dropout: float = 0.0, smoothing: float = 0.0) -> None:
        super().__init__()
        self.architecture = architecture_of(model)
        self.weights = nn.ParameterDict({name: nn.Parameter(torch.tensor(x)) for name, x in model.tensors.items()})
        self.dropout = nn.Dropout(dropout)
        self.smoothing = smoothing

    def tensors(self) -> dict[str, F32]:
        """Return the weights as `read_model` gives them."""
        return {name: weight.detach().cpu().numpy() for name, weight in self.weights.items()}

    def forward(self, source: Tensor, mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the mean loss of all target tokens.

        Args:
            source: ids with end of sentence (B, L).
            mask: whether a source has a piece there (B, L).
            labels: target ids with end of sentence (B, T), `IGNORED` behind it.
        """
        states = self._decode(labels.clamp(min=0), self._encode(source, mask), mask[:, None, None])
        wanted = labels != IGNORED  # most of the work is the output layer: nothing of it is spent on padding
        smoothing = self.smoothing if self.training else 0.0
        loss = functional.cross_entropy(self._output(states[wanted]), labels[wanted], label_smoothing=smoothing)
        return {"loss": loss}

    def logprobs(self, source: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Return the log-probability of each target token (B, T), 0 where it is padded."""
        scores = self.scores(source, mask, labels).log_softmax(-1)
        found = scores.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
        return found * (labels != IGNORED)

    def scores(self, source: Tensor, mask: Tensor, labels: Tensor) -> Tensor:
        """Return the scores of all tokens at each place of the targets, (B, T, vocabulary)."""
        return self._output(self._decode(labels.clamp(min=0), self._encode(source, mask), mask[:, None, None]))

    def _output(self, states: Tensor) -> Tensor:
        output = self.weights[self.architecture.output]
        if not self.architecture.output.endswith("Wemb"):
            output = output.T
        return functional.linear(states, output, self._optional("decoder_ff_logit_out_b"))

    # -- encoder and decoder -------------------------------------------------------------------------------------

    def _encode(self, source: Tensor, mask: Tensor) -> Tensor:
        x = self._embedded(source, self.architecture.source_embedding)
        x = self.dropout(x + self._signal(x))
        for number in range(self.architecture.encoder_depth):
            layer = f"encoder_l{number + 1}"
            x = self._feed_forward(self._attended(x, x, f"{layer}_self", mask[:, None, None]), layer)
        return x

    def _decode(self, targets: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        x = self._embedded(targets[:, :-1], self.architecture.target_embedding)
        x = torch.cat([torch.zeros_like(memory[:, :1]), x], dim=1)  # nothing stands before the first token
        x = self.dropout(x + self._signal(x))
        for number in range(self.architecture.decoder_depth):
            layer = f"decoder_l{number + 1}"
            x = self._recurred(x, f"{layer}_rnn")
            x = self._feed_forward(self._attended(x, memory, f"{layer}_context", mask), layer)
        return x

    def _recurred(self, x: Tensor, name: str) -> Tensor:
        """The SSRU: only its cell runs over time, everything else is computed for all places at once."""
        gates = torch.sigmoid(self._dense(x, name, "f"))
        inputs = (1.0 - gates) * self._dense(x, name, "")
        cell, cells = torch.zeros_like(inputs[:, 0]), []
        for gate, given in zip(gates.unbind(1), inputs.unbind(1), strict=True):
            cell = gate * cell + given
            cells.append(cell)
        return self._normal(x + self.dropout(functional.relu(torch.stack(cells, dim=1))), f"{name}_ffn")

    def _attended(self, x: Tensor, memory: Tensor, name: str, mask: Tensor) -> Tensor:
        query = self._heads(self._dense(x, name, "q"))
        key, value = (self._heads(self._dense(memory, name, part)) for part in "kv")
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = self._dense(found.transpose(1, 2).flatten(2), name, "o")
        return self._normal(x + self.dropout(mixed), f"{name}_Wo")

    def _feed_forward(self, x: Tensor, layer: str) -> Tensor:
        activation: Any = functional.relu if self.architecture.activation == "relu" else functional.silu
        hidden = self._dense(activation(self._dense(x, f"{layer}_ffn", "1")), f"{layer}_ffn", "2")
        return self._normal(x + self.dropout(hidden), f"{layer}_ffn_ffn")

    # -- parts ---------------------------------------------------------------------------------------------------

    def _embedded(self, ids: Tensor, name: str) -> Tensor:
        found: Tensor = functional.embedding(ids, self.weights[name]) * self.architecture.dim**0.5
        return found

    def _signal(self, x: Tensor) -> Tensor:
        return torch.from_numpy(sinusoids(x.shape[1], self.architecture.dim)).to(x)

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.architecture.heads, -1).transpose(1, 2)

    def _dense(self, x: Tensor, name: str, part: str) -> Tensor:
        return functional.linear(x, self.weights[f"{name}_W{part}"].T, self._optional(f"{name}_b{part}"))

    def _optional(self, name: str) -> Tensor | None:
        """A bias that may be absent: the SSRU's candidate has none, and the output may lack its own."""
        found: Tensor | None = self.weights.get(name)
        return found

    def _normal(self, x: Tensor, name: str) -> Tensor:
        scale, bias = self.weights[f"{name}_ln_scale"], self.weights[f"{name}_ln_bias"]
        return functional.layer_norm(x, scale.shape, scale, bias, _EPSILON)
