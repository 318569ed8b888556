"""Tiny GGUF models with random weights that llama.cpp loads and transformers reads: two blocks, few tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEADS, PARTNERS, INNER, BLOCKS = 32, 4, 2, 64, 2
_HEAD = {"llama": 8, "qwen2": 8, "gemma3": 256}  # transformers takes 256 for what Gemma scales attention by
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_WORDS = ["En", "Engl", "Span", "ish", "▁the", "▁la", "Draft", "es", "er", "▁c"]


def vocabulary() -> tuple[list[str], list[float], list[int]]:
    """Return tokens, scores and types of a sentencepiece vocabulary of bytes, letters and a few pieces."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256]
    pieces = ["▁", *(chr(code) for code in range(33, 127)), *"áéíóúñ¿¡", "\n"]
    for word in _WORDS:  # every merge of two tokens that leads to a word must be a token itself
        pieces += [word[:end] for end in range(2, len(word) + 1)]
    pieces = list(dict.fromkeys(pieces))
    scores = [0.0] * len(tokens) + [-float(place) for place in range(len(pieces))]
    return tokens + pieces, scores, kinds + [_NORMAL] * len(pieces)


def write_tiny(path: Path, architecture: str = "llama", seed: int = 0) -> Path:
    """Write a model of "llama", "qwen2" or "gemma3" and return its path."""
    import gguf

    draws = np.random.default_rng(seed)
    tokens, scores, kinds = vocabulary()
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_name("tiny")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(PARTNERS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    if architecture == "llama":
        writer.add_rope_dimension_count(_HEAD[architecture])
    if architecture == "gemma3":
        writer.add_key_length(_HEAD[architecture])
        writer.add_value_length(_HEAD[architecture])
        writer.add_sliding_window(64)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    if architecture != "llama":
        writer.add_add_space_prefix(False)
    for name, values in _tensors(architecture, len(tokens), draws):
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _tensors(architecture: str, size: int, draws: np.random.Generator) -> Any:
    def matrix(rows: int, columns: int) -> np.ndarray[Any, Any]:
        values: np.ndarray[Any, Any] = draws.standard_normal((rows, columns)) / np.sqrt(columns)
        return values.astype(np.float32)

    def norm(length: int) -> np.ndarray[Any, Any]:
        return (1 + 0.1 * draws.standard_normal(length)).astype(np.float32)

    width = _HEAD[architecture]
    yield "token_embd.weight", matrix(size, WIDTH)
    yield "output_norm.weight", norm(WIDTH)
    if architecture == "llama":
        yield "output.weight", matrix(size, WIDTH)
    for block in range(BLOCKS):
        head = f"blk.{block}"
        yield f"{head}.attn_norm.weight", norm(WIDTH)
        yield f"{head}.ffn_norm.weight", norm(WIDTH)
        yield f"{head}.attn_q.weight", matrix(HEADS * width, WIDTH)
        yield f"{head}.attn_k.weight", matrix(PARTNERS * width, WIDTH)
        yield f"{head}.attn_v.weight", matrix(PARTNERS * width, WIDTH)
        yield f"{head}.attn_output.weight", matrix(WIDTH, HEADS * width)
        yield f"{head}.ffn_gate.weight", matrix(INNER, WIDTH)
        yield f"{head}.ffn_up.weight", matrix(INNER, WIDTH)
        yield f"{head}.ffn_down.weight", matrix(WIDTH, INNER)
        if architecture == "qwen2":
            for name, length in (("q", HEADS), ("k", PARTNERS), ("v", PARTNERS)):
                yield f"{head}.attn_{name}.bias", norm(length * width)
        if architecture == "gemma3":
            for name, length in (("attn_q_norm", width), ("attn_k_norm", width)):
                yield f"{head}.{name}.weight", norm(length)
            for name in ("post_attention_norm", "post_ffw_norm"):
                yield f"{head}.{name}.weight", norm(WIDTH)
