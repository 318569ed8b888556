"""Small Marian models with random weights, written in Marian's own format, and an independent forward pass."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

DIM, HEADS, FFN = 16, 4, 24

SENTENCES = """
The ferry to the island leaves at seven in the morning.
My grandmother keeps her recipes in a blue tin box.
Please sign the contract before the end of the month.
A balsa para a ilha sai às sete da manhã.
Minha avó guarda as receitas numa lata azul.
Assine o contrato antes do fim do mês, por favor.
The museum is closed on Mondays, but the garden is open.
O museu fecha às segundas, mas o jardim está aberto.
""".strip().split("\n")

CONFIG: dict[str, Any] = {
    "type": "transformer",
    "transformer-decoder-autoreg": "rnn",
    "dec-cell": "ssru",
    "dec-cell-base-depth": 2,
    "enc-depth": 2,
    "dec-depth": 2,
    "transformer-heads": HEADS,
    "transformer-ffn-activation": "relu",
    "transformer-ffn-depth": 2,
    "transformer-preprocess": "",
    "transformer-postprocess": "dan",
    "transformer-postprocess-emb": "d",
    "transformer-tied-layers": [],
    "tied-embeddings-all": True,
    "tied-embeddings": False,
}

Tensors = dict[str, npt.NDArray[np.float32]]


def yaml(config: Mapping[str, Any]) -> str:
    """Write a configuration as Marian does."""
    lines = []
    for key, value in config.items():
        if isinstance(value, list):
            lines += [f"{key}: []"] if not value else [f"{key}:", *(f"  - {one}" for one in value)]
        elif isinstance(value, bool):
            lines.append(f"{key}: {str(value).lower()}")
        else:
            lines.append(f'{key}: "{value}"' if value == "" else f"{key}: {value}")
    return "\n".join(lines) + "\n"


def marian_bytes(config: Mapping[str, Any] | None, tensors: Tensors, *, int8: bool = False) -> bytes:
    """Write a model in Marian's binary format; `int8` stores the matrices as intgemm8 (values times 1,024)."""
    items: list[tuple[str, int, tuple[int, ...], bytes]] = []
    for name, tensor in tensors.items():
        shape = tensor.shape if tensor.ndim == 2 else (1, *tensor.shape)
        if int8 and tensor.ndim == 2:
            stored = tensor if name.endswith("Wemb") else tensor.T
            values = np.rint(stored * 1024).astype(np.int8).tobytes()
            items.append((name, 0x4101, shape, values + struct.pack("<f", 1024.0) + bytes(28)))
            items.append((f"{name}_QuantMultA", 0x0404, (1, 1), struct.pack("<f", 3.0)))
        else:
            items.append((name, 0x0404, shape, tensor.astype("<f4").tobytes()))
    if config is not None:
        text = yaml(config).encode() + b"\0"
        items.append(("special:model.yml", 0x0101, (len(text),), text))
    return raw_bytes(items)


def raw_bytes(items: Sequence[tuple[str, int, tuple[int, ...], bytes]]) -> bytes:
    """Write items (name, type, shape, data) in Marian's binary format."""
    out = io.BytesIO()
    out.write(struct.pack("<QQ", 1, len(items)))
    for name, kind, shape, data in items:
        out.write(struct.pack("<QQQQ", len(name) + 1, kind, len(shape), len(data)))
    for name, *_ in items:
        out.write(name.encode() + b"\0")
    for _, _, shape, _ in items:
        out.write(struct.pack(f"<{len(shape)}i", *shape))
    padding = -(out.tell() + 8) % 256
    out.write(struct.pack("<Q", padding) + bytes(padding))
    for *_, data in items:
        out.write(data)
    return out.getvalue()


def shortlist_bytes(lists: Sequence[Sequence[int]], first: int) -> bytes:
    """Write a binary shortlist with one list of target ids for each source id."""
    offsets = np.cumsum([0, *map(len, lists)]).astype("<u8")
    targets = np.asarray([token for one in lists for token in one], dtype="<u4")
    header = struct.pack("<6Q", 0xF11A48D5013417F5, 0, first, 50, len(offsets), len(targets))
    return header + offsets.tobytes() + targets.tobytes()


def random_tensors(vocabularies: tuple[int, int], *, shared: bool = True, seed: int = 1) -> Tensors:
    """Random weights of the architecture of `CONFIG`, on the grid of 1/1024 that int8 can hold."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> npt.NDArray[np.float32]:
        return rng.integers(-127, 128, size=shape).astype(np.float32) / np.float32(1024.0)

    tensors: Tensors = {}
    embeddings = ["Wemb"] if shared else ["encoder_Wemb", "decoder_Wemb"]
    for name, size in zip(embeddings, vocabularies, strict=False):
        tensors[name] = weights(size, DIM)
    tensors["decoder_ff_logit_out_b"] = weights(vocabularies[1]) * 4
    for side, attention in (("encoder", "self"), ("decoder", "context")):
        for layer in (1, 2):
            prefix = f"{side}_l{layer}"
            for part in "qkvo":
                tensors[f"{prefix}_{attention}_W{part}"] = weights(DIM, DIM)
                tensors[f"{prefix}_{attention}_b{part}"] = weights(DIM)
            tensors[f"{prefix}_ffn_W1"], tensors[f"{prefix}_ffn_b1"] = weights(DIM, FFN), weights(FFN)
            tensors[f"{prefix}_ffn_W2"], tensors[f"{prefix}_ffn_b2"] = weights(FFN, DIM), weights(DIM)
            norms = [f"{prefix}_{attention}_Wo", f"{prefix}_ffn_ffn"]
            if side == "decoder":
                tensors[f"{prefix}_rnn_W"], tensors[f"{prefix}_rnn_Wf"] = weights(DIM, DIM), weights(DIM, DIM)
                tensors[f"{prefix}_rnn_bf"] = weights(DIM)
                norms.append(f"{prefix}_rnn_ffn")
            for norm in norms:
                tensors[f"{norm}_ln_scale"] = 1.0 + weights(DIM)
                tensors[f"{norm}_ln_bias"] = weights(DIM)
    return tensors


@dataclass
class Reference:
    """The same forward pass, written plainly: float64, one source, one token after the other."""

    tensors: Tensors
    heads: int = HEADS
    swish: bool = False
    source: str = "Wemb"
    target: str = "Wemb"
    _p: dict[str, npt.NDArray[np.float64]] = field(init=False)

    def __post_init__(self) -> None:
        self._p = {name: tensor.astype(np.float64) for name, tensor in self.tensors.items()}

    def logprobs(self, source: Sequence[int], target: Sequence[int], allowed: Sequence[int] | None) -> list[float]:
        """Log-probability of each target token (end of sentence included), among the allowed ones."""
        rows = self.distributions(source, target, allowed)
        return [float(row[token]) for row, token in zip(rows, target, strict=True)]

    def distributions(
        self, source: Sequence[int], target: Sequence[int], allowed: Sequence[int] | None
    ) -> list[npt.NDArray[np.float64]]:
        """Log-probabilities of the whole vocabulary before each target token."""
        memory = self._encode(source)
        cells = [np.zeros(memory.shape[1]) for _ in range(self._depth("decoder"))]
        found = []
        for time in range(len(target)):
            x = np.zeros(memory.shape[1])
            if time:
                x = self._p[self.target][target[time - 1]] * np.sqrt(len(x))
            hidden = self._step(x + self._position(time, len(x)), cells, memory)
            scores = self._p[self.target] @ hidden + self._p["decoder_ff_logit_out_b"]
            if allowed is not None:
                masked = np.full_like(scores, -np.inf)
                masked[list(allowed)] = scores[list(allowed)]
                scores = masked
            found.append(scores - np.logaddexp.reduce(scores))
        return found

    def _depth(self, side: str) -> int:
        return len({name.split("_")[1] for name in self._p if name.startswith(f"{side}_l")})

    def _position(self, time: int, dim: int) -> npt.NDArray[np.float64]:
        half = dim // 2
        angles = [time * 10000.0 ** (-i / (half - 1)) for i in range(half)]
        return np.array([np.sin(a) for a in angles] + [np.cos(a) for a in angles])

    def _encode(self, source: Sequence[int]) -> npt.NDArray[np.float64]:
        embedding = self._p[self.source]
        dim = embedding.shape[1]
        x = np.stack([embedding[t] * np.sqrt(dim) + self._position(i, dim) for i, t in enumerate(source)])
        for layer in range(1, self._depth("encoder") + 1):
            prefix = f"encoder_l{layer}"
            rows = [self._attend(row, x, f"{prefix}_self") for row in x]
            x = np.stack([self._feed(row, prefix) for row in rows])
        return x

    def _step(
        self, x: npt.NDArray[np.float64], cells: list[npt.NDArray[np.float64]], memory: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        p = self._p
        for layer in range(1, len(cells) + 1):
            prefix = f"decoder_l{layer}"
            gate = 1 / (1 + np.exp(-(x @ p[f"{prefix}_rnn_Wf"] + p[f"{prefix}_rnn_bf"])))
            cells[layer - 1] = gate * cells[layer - 1] + (1 - gate) * (x @ p[f"{prefix}_rnn_W"])
            x = self._norm(x + np.maximum(cells[layer - 1], 0), f"{prefix}_rnn_ffn")
            x = self._feed(self._attend(x, memory, f"{prefix}_context"), prefix)
        return x

    def _attend(
        self, row: npt.NDArray[np.float64], memory: npt.NDArray[np.float64], name: str
    ) -> npt.NDArray[np.float64]:
        p, size = self._p, len(row) // self.heads
        query = row @ p[f"{name}_Wq"] + p[f"{name}_bq"]
        key, value = (memory @ p[f"{name}_W{c}"] + p[f"{name}_b{c}"] for c in "kv")
        parts = []
        for head in range(self.heads):
            part = slice(head * size, (head + 1) * size)
            weights = np.exp(key[:, part] @ query[part] / np.sqrt(size))
            parts.append(weights @ value[:, part] / weights.sum())
        mixed = np.concatenate(parts) @ p[f"{name}_Wo"] + p[f"{name}_bo"]
        return self._norm(row + mixed, f"{name}_Wo")

    def _feed(self, row: npt.NDArray[np.float64], prefix: str) -> npt.NDArray[np.float64]:
        p = self._p
        hidden = row @ p[f"{prefix}_ffn_W1"] + p[f"{prefix}_ffn_b1"]
        hidden = hidden / (1 + np.exp(-hidden)) if self.swish else np.maximum(hidden, 0)
        return self._norm(row + hidden @ p[f"{prefix}_ffn_W2"] + p[f"{prefix}_ffn_b2"], f"{prefix}_ffn_ffn")

    def _norm(self, row: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
        centred = row - row.mean()
        normal: npt.NDArray[np.float64] = centred / np.sqrt((centred**2).mean() + 1e-6)
        return normal * self._p[f"{name}_ln_scale"] + self._p[f"{name}_ln_bias"]


def train_vocabulary(path: Path, size: int = 90, **options: Any) -> None:
    """Train a SentencePiece vocabulary as Marian does (end of sentence 0, unknown 1) on project-written text."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="the extra 'bergamot' is not installed")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=model,
        vocab_size=size,
        eos_id=0,
        unk_id=1,
        bos_id=-1,
        pad_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    path.write_bytes(model.getvalue())


def vocabulary_size(path: Path) -> int:
    """Return the number of pieces of a vocabulary file."""
    from scalemt.specialists.bergamot.vocabulary import Vocabulary

    return Vocabulary(path).size


@dataclass
class SmallModel:
    """A model folder with random weights (English to Portuguese by name only), and its reference."""

    folder: Path
    tensors: Tensors
    config: dict[str, Any]
    size: int

    def rewrite(self, **config: Any) -> None:
        """Write the model again with some options changed."""
        self.config |= {key.replace("_", "-"): value for key, value in config.items()}
        (self.folder / "model.enpt.bin").write_bytes(marian_bytes(self.config, self.tensors))
