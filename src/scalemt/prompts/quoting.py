"""Texts from outside in a prompt, made so that they can end no turn; as JSON, close no quotes and open no line."""

from __future__ import annotations

import json
import re

# What tokenizers may read as the end of a turn or of a text, though it stands inside one; and what JSON leaves as
# it is, though somebody takes it for a line break or cannot encode it.
_UNSAFE = re.compile(
    r"<(?=[|｜]|<?/?SYS>|/?(?:s|[be]os|pad|unk|mask|(?:start|end)_of_\w+|think(?:ing)?|tool_\w+|unused\d+)>)"
    r"|\[(?=/?(?:inst|[a-z]+_[a-z_]+)\])|[\x7f-\x9f\u2028\u2029\ud800-\udfff]",
    re.IGNORECASE,
)


def quoted(value: object) -> str:
    """Return a value as JSON on one line, control tokens of known models escaped.

    Args:
        value: a text, or lists and objects of texts and numbers.
    """
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def defused(text: str) -> str:
    """Return a text in which no known model finds a control token: a space parts what would be one.

    Args:
        text: one line.
    """
    return _UNSAFE.sub(lambda match: f"{match[0]} " if match[0] in "<[" else " ", text)


def holds_control(text: str) -> bool:
    """Whether a text holds what a known model may read as a control token."""
    return any(match[0] in "<[" for match in _UNSAFE.finditer(text))
