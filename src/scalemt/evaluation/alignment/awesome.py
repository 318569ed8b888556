"""awesome-align (Dou and Neubig 2021): links from the hidden states of a multilingual encoder.

The method of section 2 of the paper and its published settings, over any local `transformers` encoder: hidden
states of layer 8, softmax of their dot products in both directions, a link of two sub-words where both exceed
0.001, a link of two words where any of their sub-words have one. (The library itself, awesome_align 0.1.7, reads
only files and only pickled BERT weights; on random BERTs the links are the same, all of them.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, ModelError
from scalemt.evaluation.alignment.base import Alignment, Words
from scalemt.fingerprint import fingerprint
from scalemt.huggingface import choose_device, import_torch, load_tokenizer, quiet, weight_files

LAYER = 8
THRESHOLD = 1e-3


@dataclass(frozen=True)
class _Text:
    """Sub-words of a text with the model's opening and closing token, and the word of each (not of those two)."""

    tokens: list[int]
    words: list[int]


class AwesomeAlign:
    """A local folder of a multilingual encoder (mBERT, or what awesome-align has fine-tuned of it).

    A text longer than the model can take is cut, as awesome-align does: its last words then have no links.

    Args:
        argument: the folder, as `save_pretrained` writes it.
        threads: CPU threads; torch has one number for the whole process, and this sets it.
        device: of torch; None takes cuda where there is one.
        batch: pairs run together.

    Raises:
        ModelError: the folder lacks a file or cannot be loaded; the message says which.
        MissingExtraError: torch or transformers is not installed.
    """

    name = "awesome-align"

    def __init__(self, argument: str, *, threads: int = 1, device: str | None = None, batch: int = 32) -> None:
        if threads < 1 or batch < 1:
            raise ConfigurationError(f"threads={threads}, batch={batch}: both must be at least 1.")
        folder = Path(argument).expanduser()
        weights = weight_files(folder)
        self._torch, transformers = import_torch("The aligner `awesome-align`")
        self._torch.set_num_threads(threads)
        self._tokenizer = load_tokenizer(folder, transformers)
        if self._tokenizer.cls_token_id is None or self._tokenizer.sep_token_id is None:
            raise ModelError(f"The tokenizer in {folder} has no opening and closing token: it is no encoder's.")
        self._device = choose_device(device, self._torch)
        self._model, self._layers = _encoder(folder, transformers, self._device)
        self._longest = int(getattr(self._model.config, "max_position_embeddings", 512))
        # RoBERTa and its kin count positions from behind the padding index.
        if "roberta" in type(self._model).__name__.lower():
            self._longest -= self._model.config.pad_token_id + 1
        self._batch = batch
        shown = re.sub(r"[^\w.+-]", "_", folder.name)
        self._signature = f"awesome-align[{shown}:{fingerprint(weights)},layer:{self._layers},softmax:{THRESHOLD}]"

    @property
    def signature(self) -> str:
        """Name and fingerprint of the folder, the layer, and the threshold."""
        return self._signature

    def fit(self, sources: Sequence[Words], targets: Sequence[Words]) -> None:
        """Learn nothing: the encoder is used as it is."""

    def align(self, sources: Sequence[Words], targets: Sequence[Words], system: str = "") -> list[Alignment]:
        """Return the links of N pairs of texts."""
        with quiet():
            pairs = [(self._cut(a), self._cut(b)) for a, b in zip(sources, targets, strict=True)]
        found: list[Alignment] = [()] * len(pairs)
        filled = [index for index, (source, target) in enumerate(pairs) if source.words and target.words]
        filled.sort(key=lambda index: sum(len(text.tokens) for text in pairs[index]))
        for batch in _batches(filled, self._batch):
            left, right = (self._states([pairs[index][side] for index in batch]) for side in (0, 1))
            for row, index in enumerate(batch):
                found[index] = self._links(*pairs[index], left[row], right[row])
        return found

    def _cut(self, words: Words) -> _Text:
        pieces = [self._tokenizer.encode(word, add_special_tokens=False) for word in words]
        room = self._longest - 2
        tokens = list(chain.from_iterable(pieces))[:room]
        numbers = [number for number, piece in enumerate(pieces) for _ in piece][:room]
        return _Text([self._tokenizer.cls_token_id, *tokens, self._tokenizer.sep_token_id], numbers)

    def _states(self, texts: Sequence[_Text]) -> Any:
        """Return hidden states of the layer, shape (texts, tokens, width)."""
        torch = self._torch
        width = max(len(text.tokens) for text in texts)
        padding = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([text.tokens + [padding] * (width - len(text.tokens)) for text in texts])
        mask = torch.tensor([[1] * len(text.tokens) + [0] * (width - len(text.tokens)) for text in texts])
        with torch.inference_mode():
            made = self._model(input_ids=ids.to(self._device), attention_mask=mask.to(self._device))
        return made.last_hidden_state

    def _links(self, source: _Text, target: _Text, left: Any, right: Any) -> Alignment:
        # One token stands before the sub-words; what stands behind them takes no part.
        likeness = left[1 : len(source.words) + 1] @ right[1 : len(target.words) + 1].T
        both = (likeness.softmax(dim=1) > THRESHOLD) & (likeness.softmax(dim=0) > THRESHOLD)
        linked = both.nonzero().tolist()
        return tuple(sorted({(source.words[i], target.words[j]) for i, j in linked}))


def _encoder(folder: Path, transformers: Any, device: str) -> tuple[Any, int]:
    """Load the first eight layers of the model in float32, or all of one that has fewer."""
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
            layers = min(LAYER, int(config.num_hidden_layers))
            config.num_hidden_layers = layers
            model = transformers.AutoModel.from_pretrained(str(folder), config=config, local_files_only=True)
            return model.float().to(device).eval(), layers
    except Exception as error:  # missing files, wrong shapes, an unknown architecture, no such device
        raise ModelError(f"The model in {folder} cannot be loaded as an encoder: {error}") from error


def _batches(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
