"""SentencePiece vocabularies of Marian models: text to ids and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scalemt.errors import MissingExtraError, ModelError
from scalemt.specialists.pieces import readable


class Vocabulary:
    """One `.spm` file; `size` tokens, `end` and `unknown` are the ids of `</s>` and `<unk>`.

    Raises:
        MissingExtraError: sentencepiece is not installed.
        ModelError: the file is not a SentencePiece model.
    """

    def __init__(self, path: Path) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise MissingExtraError(
                "The tokenizer of the bergamot specialist (sentencepiece)", "embedded"
            ) from error
        try:
            self._processor: Any = SentencePieceProcessor(model_file=str(path))
        except (RuntimeError, OSError) as error:
            raise ModelError(f"{path} is not a SentencePiece vocabulary ({error}). Fetch it again.") from error
        self.size = int(self._processor.get_piece_size())
        self.end = int(self._processor.eos_id())
        self.unknown = int(self._processor.unk_id())
        if self.end < 0:
            raise ModelError(f"The vocabulary {path} has no end of sentence, which Marian models need.")

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text without end of sentence; a lone surrogate counts as "?"."""
        clean = text.encode("utf-8", "replace").decode()
        return list(self._processor.encode(clean))

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        return str(self._processor.decode(list(ids)))

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return the pieces of ids, with runs of byte pieces (`<0xE2>`…) read as the characters they spell.

        The characters stand in the first piece of a run and the others are empty, so that there is still one
        piece for each id.
        """
        return readable([str(self._processor.id_to_piece(token)) for token in ids])
