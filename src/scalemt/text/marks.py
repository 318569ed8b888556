"""Marks that belong to the inside of models and must never stand in a translation unless its source has them."""

from __future__ import annotations

import re
from collections import Counter

# Sentencepiece: its sign for a space, its sign for an unknown piece, bytes, control pieces. Chat templates: ChatML
# and its kin (<|im_start|>, <|eot_id|>), Gemma, Llama 2, DeepSeek. Multilingual models: language tokens (M2M100,
# NLLB, OPUS, MADLAD).
_FOREIGN = re.compile(
    r"▁|⁇|<unk>|</?s>|</?pad>|<0x[0-9A-F]{2}>"
    r"|<\|[^|<>\s]{1,40}\|>|<｜[^｜<>]{1,40}｜>|</?(?:start|end)_of_turn>|</?(?:bos|eos)>"
    r"|\[/?INST\]|<</?SYS>>|__[a-z]{2,3}__|\b[a-z]{3}_[A-Z][a-z]{3}\b|<2[a-z]{2,3}>|>>[a-z]{2,3}(?:_[A-Za-z]+)?<<"
)


def foreign(text: str) -> Counter[str]:
    """Return the marks of models that stand in a text, counted."""
    return Counter(_FOREIGN.findall(text))


def leftovers(source: str, text: str) -> tuple[str, ...]:
    """Return the marks of models in a translation that its source does not have as often."""
    found = foreign(text)
    return tuple((found - foreign(source)).elements()) if found else ()
