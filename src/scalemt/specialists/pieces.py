"""Sub-word tokenizers of local model folders: text to string pieces and back, with nothing added.

Language tokens and `</s>` are the business of `families`. A piece that happens to spell a special token is
kept as plain text, so that a source text cannot switch the target language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from scalemt.errors import MissingExtraError, ModelError
from scalemt.specialists.confidence import MARK

# Single sentencepiece models under the names that released folders give them.
_SINGLE_MODELS = ("sentencepiece.bpe.model", "spiece.model", "sentencepiece.model", "spm.model")

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


class Pieces(Protocol):
    """A sub-word tokenizer. `source` and `target` cut a text of either side, `text` joins target pieces."""

    def source(self, text: str) -> list[str]:
        """The pieces of a source text."""
        ...

    def target(self, text: str) -> list[str]:
        """The pieces of a target text."""
        ...

    def text(self, pieces: Sequence[str]) -> str:
        """The text of target pieces."""
        ...


class SentencePieces:
    """One or two sentencepiece models; OPUS-MT has one a side."""

    def __init__(self, source: Path, target: Path, *, extra: str) -> None:
        self._source = _sentencepiece(source, extra)
        self._target = self._source if target == source else _sentencepiece(target, extra)

    def source(self, text: str) -> list[str]:
        """The pieces of a source text."""
        return list(self._source.encode(text, out_type=str))

    def target(self, text: str) -> list[str]:
        """The pieces of a target text."""
        return list(self._target.encode(text, out_type=str))

    def text(self, pieces: Sequence[str]) -> str:
        """The text of target pieces; a piece that only the source model knows keeps its mark, hence replace."""
        return _one_line(str(self._target.decode(list(pieces))).replace(MARK, " "))


class JsonPieces:
    """A tokenizer.json of Hugging Face's `tokenizers`, the same for both sides."""

    def __init__(self, path: Path, *, extra: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise MissingExtraError(f"The tokenizer {path.name}", extra) from error
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # `tokenizers` raises plain Exception
            raise ModelError(f"The file {path} is not a tokenizer.json that can be read: {error}.") from error
        self._tokenizer.encode_special_tokens = True

    def source(self, text: str) -> list[str]:
        """The pieces of a source text."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    target = source

    def text(self, pieces: Sequence[str]) -> str:
        """The text of target pieces."""
        decoder = self._tokenizer.decoder
        joined = decoder.decode(list(pieces)) if decoder else "".join(pieces)
        return _one_line(joined.replace(MARK, " "))


def load_pieces(folder: Path, tokenizer: Path | None, *, extra: str) -> Pieces:
    """Open the tokenizer of a model folder, sentencepiece before tokenizer.json.

    Args:
        folder: where to look.
        tokenizer: another folder to look in, or a file: *.json for `tokenizers`, else sentencepiece.
        extra: the extra that installs the packages, for the message when they are missing.

    Raises:
        ModelError: no tokenizer there, or half of one.
        MissingExtraError: sentencepiece or tokenizers is not installed.
    """
    place = tokenizer or folder
    if place.is_file():
        single = place
        return (
            JsonPieces(place, extra=extra)
            if place.suffix == ".json"
            else SentencePieces(single, single, extra=extra)
        )
    if not place.is_dir():
        raise ModelError(f"There is no tokenizer at {place}: expected a file or a folder.")
    source, target = place / "source.spm", place / "target.spm"
    if source.exists() or target.exists():
        for path in (source, target):
            if not path.exists():
                raise ModelError(
                    f"The folder {place} holds one of source.spm and target.spm, but not {path.name}."
                )
        return SentencePieces(source, target, extra=extra)
    for name in _SINGLE_MODELS:
        if (place / name).exists():
            return SentencePieces(place / name, place / name, extra=extra)
    if (place / "tokenizer.json").exists():
        return JsonPieces(place / "tokenizer.json", extra=extra)
    expected = ", ".join(("source.spm and target.spm", *_SINGLE_MODELS, "tokenizer.json"))
    raise ModelError(
        f"The folder {place} has no tokenizer. Expected one of: {expected}. Copy it from the original model, "
        "or give its place with `tokenizer`."
    )


def readable(pieces: Sequence[str]) -> list[str]:
    """Replace runs of byte pieces (`<0xE2><0x82><0xAC>`) by what they spell, so that words can be read.

    The number of pieces stays: the first of a run gets the text, the others become empty.
    """
    shown = list(pieces)
    start = 0
    while start < len(shown):
        end = start
        while end < len(shown) and _BYTE.fullmatch(shown[end]):
            end += 1
        if end > start:
            raw = bytes(int(piece[3:5], 16) for piece in shown[start:end])
            shown[start:end] = [raw.decode("utf-8", errors="replace"), *[""] * (end - start - 1)]
        start = max(end, start + 1)
    return shown


def _one_line(text: str) -> str:
    return re.sub(r"\s*[\r\n\u2028\u2029]+\s*", " ", text).strip()


def _sentencepiece(path: Path, extra: str) -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingExtraError(f"The tokenizer {path.name}", extra) from error
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"The file {path} is not a sentencepiece model: {error}.") from error
