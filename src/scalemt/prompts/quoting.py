"""Texts from outside as JSON in a prompt: they can neither close their quotes, open a line, nor end a turn."""

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
