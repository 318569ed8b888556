"""Texts as ids of a model folder and back, by the same code that cuts texts for a specialist that drafts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, ModelError
from scalemt.huggingface import import_torch, load_tokenizer, read_json
from scalemt.specialists.families import END, UNKNOWN, Convention, Family, guess_family
from scalemt.specialists.pieces import load_pieces
from scalemt.specialists.transformers import vocabulary_of
from scalemt.types import Pair

Cut = Callable[[str], list[str]]
IGNORED = -100  # the label of what no loss is counted for, in transformers


class Codec:
    """Tokenizer and language tokens of a folder, for one direction.

    Args:
        folder: of transformers.
        pair: the direction.

    Raises:
        ModelError: the folder lacks something, or its tokenizer does not fit its weights.
        ConfigurationError: its vocabulary has no token for a language of the direction.
    """

    def __init__(self, folder: Path, pair: Pair) -> None:
        _, transformers = import_torch("Training a specialist")
        self.folder, self.pair = folder, pair
        config = read_json(folder / "config.json")
        size = int(config.get("vocab_size", 0))
        if not size:
            raise ModelError(
                f"The file {folder / 'config.json'} says no vocab_size: it is no model to train further."
            )
        tokenizer = load_tokenizer(folder, transformers)
        _check_size(folder, tokenizer, size)
        tokens = vocabulary_of(tokenizer, size)
        self.ids = {token: number for number, token in reversed(list(enumerate(tokens)))}
        self._tokens = tokens
        self.family: Family = guess_family(self.ids, str(folder), str(config.get("model_type", "")))
        self._convention = Convention(self.family, self.ids)
        if missing := self._convention.missing(pair):
            raise ConfigurationError(f"The model in {folder} cannot be trained on {pair}. {missing}")
        self._pieces = load_pieces(folder, None, extra="training")
        self.end = self.ids.get(END, int(config.get("eos_token_id") or 0))
        self.pad = int(config["pad_token_id"])
        start = config.get("decoder_start_token_id")
        self.start = self.pad if start is None else int(start)

    @property
    def prefix(self) -> list[int]:
        """The ids that are forced at the start of an output."""
        return self._numbers(self._convention.prefix(self.pair))

    @property
    def never(self) -> list[int]:
        """Ids that are never put out."""
        return [self.ids[token] for token in self.family.never if token in self.ids]

    def source(self, text: str, cut: Cut | None = None) -> list[int]:
        """Return the ids that an encoder gets, `</s>` included; `cut` takes the place of the tokenizer."""
        return self._numbers(self._convention.source(text, self.pair, cut or self._pieces.source))

    def target(self, text: str, cut: Cut | None = None) -> list[int]:
        """Return the ids that a decoder should put out, forced ones and `</s>` included."""
        return [*self.prefix, *self._numbers((cut or self._pieces.target)(text)), self.end]

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of what a decoder put out; start, padding and control tokens are left out."""
        numbers = [number for number in ids if number >= 0]
        body = numbers[1:] if numbers[:1] == [self.start] else numbers
        body = body[: body.index(self.end)] if self.end in body else body
        specials = self._convention.specials
        pieces = [self._tokens[number] for number in body if number != self.pad]
        return self._pieces.text([piece for piece in pieces if piece not in specials])

    def unknown(self, ids: Sequence[int]) -> int:
        """Return how many of them stand for what the vocabulary does not have."""
        return (
            ids.count(self.ids.get(UNKNOWN, -1)) if isinstance(ids, list) else list(ids).count(self.ids[UNKNOWN])
        )

    def _numbers(self, tokens: Sequence[str]) -> list[int]:
        unknown = self.ids.get(UNKNOWN, 0)
        return [self.ids.get(token, unknown) for token in tokens]


def _check_size(folder: Path, tokenizer: Any, size: int) -> None:
    highest = max(tokenizer.get_vocab().values(), default=0)
    if highest >= size:
        raise ModelError(
            f"The tokenizer in {folder} does not fit its weights: it has ids up to {highest}, the model {size} "
            "rows. Take tokenizer and weights from the same model."
        )
