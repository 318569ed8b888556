"""A CTranslate2 folder of the size of OPUS-MT with random weights: real work for the machine, no real drafts."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

VOCABULARY = 32_000
LAYERS, WIDTH, HEADS, INNER = 6, 512, 8, 2048


def make_model(folder: Path, sentences: Sequence[str]) -> Path:
    """Write an English to Portuguese model below `folder` and return where; pieces are learnt from `sentences`."""
    import ctranslate2

    from scalemt.huggingface import quiet

    plain = folder / "transformers"
    plain.mkdir()
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and the converter have some of their own
        _save(plain, _write_vocabulary(plain, sentences))
        ctranslate2.converters.TransformersConverter(
            str(plain), copy_files=["source.spm", "target.spm", "tokenizer_config.json"]
        ).convert(str(folder / "model"))
    return folder / "model"


def _write_vocabulary(folder: Path, sentences: Sequence[str]) -> int:
    """Train pieces, fill the vocabulary up to the real size, and return the number of tokens."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=written, vocab_size=4000, hard_vocab_limit=False,
        eos_id=0, unk_id=1, bos_id=-1, num_threads=1, minloglevel=2,
    )  # fmt: skip
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(written.getvalue())
    model = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    pieces = [model.id_to_piece(index) for index in range(2, len(model))]
    fillers = [f"▁filler{number}" for number in range(VOCABULARY - len(pieces) - 3)]
    tokens = ["</s>", "<unk>", *pieces, *fillers, "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(tokens)}), "utf-8")
    settings = {"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "pt"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return len(tokens)


def _save(folder: Path, size: int) -> None:
    import torch

    hf: Any = import_module("transformers")
    torch.manual_seed(0)
    config = hf.MarianConfig(
        vocab_size=size, pad_token_id=size - 1, decoder_start_token_id=size - 1, eos_token_id=0,
        forced_eos_token_id=0, max_position_embeddings=512, scale_embedding=True, activation_function="swish",
        d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS, encoder_attention_heads=HEADS,
        decoder_attention_heads=HEADS, encoder_ffn_dim=INNER, decoder_ffn_dim=INNER,
    )  # fmt: skip
    hf.MarianMTModel(config).eval().save_pretrained(folder)
