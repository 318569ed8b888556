"""A folder of transformers converted to CTranslate2 int8, with its tokenizer beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalemt.errors import MissingExtraError, ModelError
from scalemt.huggingface import quiet

_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def convert(full: Path, output: Path) -> None:
    """Convert a folder of transformers.

    Args:
        full: Marian, NLLB, M2M100 or T5.
        output: is made anew.

    Raises:
        ModelError: the converter does not take it.
        MissingExtraError: ctranslate2 is not installed.
    """
    copied = [
        path.name for path in full.iterdir() if path.suffix in {".spm", ".model"} or path.name in _TOKENIZERS
    ]
    try:
        with quiet():
            converter = _mended()(str(full), copy_files=sorted(copied))
            converter.convert(str(output), quantization="int8", force=True)
    except MissingExtraError:
        raise
    except Exception as error:  # the converter raises what it likes
        raise ModelError(f"CTranslate2 cannot convert the model in {full}: {error}") from error


def _mended() -> Any:
    """Return CTranslate2's converter, to which transformers 5 is shown as transformers 4 was."""
    try:
        from ctranslate2.converters import TransformersConverter
    except ImportError as error:
        raise MissingExtraError("Converting to CTranslate2", "training") from error

    class Converter(TransformersConverter):  # type: ignore[misc]
        def load_model(self, model_class: Any, model_name_or_path: str, **options: Any) -> Any:
            # transformers 5 ties always, and means scale_decoder_outputs, which CTranslate2 4.8 does not know.
            model = super().load_model(model_class, model_name_or_path, **options)
            if hasattr(model.config, "scale_decoder_outputs"):
                model.config.tie_word_embeddings = model.config.scale_decoder_outputs
            return model

        def load_tokenizer(self, tokenizer_class: Any, model_name_or_path: str, **options: Any) -> Any:
            # CTranslate2 4.8 looks for M2M100's languages where transformers 5 no longer keeps them.
            tokenizer = super().load_tokenizer(tokenizer_class, model_name_or_path, **options)
            listed = tokenizer.get_vocab() | getattr(tokenizer, "lang_token_to_id", {})
            tokenizer.get_vocab = lambda: listed
            return tokenizer

    return Converter
