"""Scorers of BLEU with any of sacreBLEU's tokenizers, without a download and with errors that say what to do.

sacreBLEU fetches a missing sentencepiece model while it builds a tokenizer, and raises what its libraries raise.
"""

from __future__ import annotations

from hashlib import md5
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError
from scalemt.fingerprint import fingerprint

_EXTRAS = {"ja-mecab": "ja", "ko-mecab": "ko"}
_PIECES = ("flores200", "flores101")

# Where people have the models from: sacreBLEU's own addresses, of which the one of flores200 is a short link.
_SOURCES = {
    "flores200": "https://dl.fbaipublicfiles.com/large_objects/nllb/models/spm_200/"
    "flores200_sacrebleu_tokenizer_spm.model (the sentencepiece.bpe.model of every NLLB-200 checkpoint is the "
    "same file)",
    "flores101": "https://dl.fbaipublicfiles.com/fairseq/models/flores/sacrebleu_tokenizer_spm.model",
}
_FLORES200_MD5 = "05c551ae7955b3980d5a9d044eb09d70"


def bleu_scorer(tokenizer: str, model: str = "") -> Any:
    """Return sacreBLEU's BLEU with a tokenizer.

    Args:
        tokenizer: one of sacreBLEU's names.
        model: for the sentencepiece tokenizers, a model file in place of the one that sacreBLEU keeps.

    Raises:
        MissingExtraError: the tokenizer's library is not installed.
        ModelError: the sentencepiece model is not there or cannot be read.
        ConfigurationError: MeCab is installed with another dictionary than sacreBLEU's.
    """
    if tokenizer in _PIECES:
        return _over_pieces(tokenizer, model)
    # force: sacreBLEU would log a warning about outputs that look tokenized, into whatever is being printed.
    from sacrebleu.metrics.bleu import BLEU

    if tokenizer not in _EXTRAS:
        return BLEU(tokenize=tokenizer, force=True)
    try:
        return BLEU(tokenize=tokenizer, force=True)
    except (ImportError, RuntimeError, AssertionError) as fault:
        if "requires extra dependencies" in str(fault) or isinstance(fault, ImportError):
            raise MissingExtraError(f"BLEU with the tokenizer {tokenizer}", _EXTRAS[tokenizer]) from fault
        raise ConfigurationError(
            f"The tokenizer {tokenizer} cannot be used: {str(fault).strip() or 'MeCab does not start'}. "
            f"Install sacreBLEU's own dictionary with: pip install 'sacrebleu[{_EXTRAS[tokenizer]}]'"
        ) from fault


def _over_pieces(tokenizer: str, model: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    path = Path(model).expanduser() if model else _kept(tokenizer)
    pieces = _Pieces(path, _name(tokenizer, path) if model else tokenizer)
    scorer = BLEU(tokenize="none", force=True)
    scorer.tokenizer = pieces
    scorer.tokenizer_signature = pieces.signature()
    return scorer


def _kept(tokenizer: str) -> Path:
    """Return where sacreBLEU keeps a tokenizer's model; the name is the last part of its address."""
    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
    from sacrebleu.utils import SACREBLEU_DIR

    path = Path(SACREBLEU_DIR) / "models" / SPM_MODELS[tokenizer]["url"].rsplit("/", 1)[-1]
    if not path.is_file():
        raise ModelError(
            f"The sentencepiece model of {tokenizer} is not at {path}. Put it there, or give its path "
            f"(spbleu:/path/to/the.model). It is had from {_SOURCES[tokenizer]}."
        )
    return path


def _name(tokenizer: str, path: Path) -> str:
    """Return what the signature calls a given file: not flores200 unless it is that very model."""
    if not path.is_file():
        raise ModelError(
            f"There is no sentencepiece model at {path}. The one of {tokenizer} is had from {_SOURCES[tokenizer]}."
        )
    if md5(path.read_bytes(), usedforsecurity=False).hexdigest() == _FLORES200_MD5:
        return tokenizer
    return f"spm-{fingerprint([path])}"


class _Pieces:
    """What `sacrebleu.tokenizers.tokenizer_spm.TokenizerSPM` is, over a file that is already there."""

    def __init__(self, path: Path, name: str) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise MissingExtraError("BLEU over sentence pieces", "evaluation") from error
        self._name = name
        self._processor = SentencePieceProcessor()
        try:
            self._processor.Load(str(path))
        except (OSError, RuntimeError) as fault:
            raise ModelError(f"{path} is not a sentencepiece model ({fault}). Fetch the file again.") from fault

    def signature(self) -> str:
        return self._name

    def __call__(self, line: str) -> str:
        return " ".join(self._processor.EncodeAsPieces(line))
