"""Turn a generalist's raw answer into one line of translation.

What models add, as seen in the released SCALE outputs (echoed scores, "Target sentence:" lines, enumerated
candidates) and in common chat models (fences, quotes, "Here is the translation:").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# The authors' brackets hold two decimals of a probability, glued to a word: "Dustin(0.62)".
_SCORE = re.compile(r"(?<=\S)\((?:0\.\d\d|1\.00)\)")
_ENUMERATION = re.compile(r"^(?:\d{1,2}[.)]|[-*•])\s+")
_CHATTER = re.compile(
    r"^(?:(?:sure|certainly|of course|okay|ok)\b[^:\n]{0,60}[,!.:]\s*)?"
    r"(?:here(?:'s| is)[^:\n]{0,80}:|(?:the )?(?:final |refined )?translation(?: is)?\s*:)\s*",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^```[\w-]*\s*$")
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "'": "'", "`": "`"}
_SPACES = re.compile(r"\s+")


def clean(answer: str, source: str, labels: Sequence[str] = ()) -> str:
    """Return the translation that an answer holds: one line, without what the model put around it.

    Args:
        answer: the raw completion.
        source: decides what is an addition: quotes, enumeration or a score that the source has stay.
        labels: openings of the template ("Target sentence:"); the answer may repeat one.
    """
    if not _SCORE.search(source):
        answer = _SCORE.sub("", answer)
    for line in answer.split("\n"):
        text = _SPACES.sub(" ", line).strip()
        if not text or _FENCE.match(text):
            continue
        text = _without_openings(text, source, labels)
        if text:
            return _without_quotes(text, source)
    return ""


def _without_openings(text: str, source: str, labels: Sequence[str]) -> str:
    """Take off labels, chatter and enumeration in any order, until none is left."""
    before = None
    while text != before:
        before = text
        for label in labels:
            if text.lower().startswith(label.lower()) and not source.lower().startswith(label.lower()):
                text = text[len(label) :].strip()
        if not _CHATTER.match(source):
            text = _CHATTER.sub("", text).strip()
        if not _ENUMERATION.match(source):
            text = _ENUMERATION.sub("", text)
    return text


def _without_quotes(text: str, source: str) -> str:
    """Take off a pair of quotes around the whole text that the source does not have."""
    closing = _QUOTES.get(text[0])
    wrapped = closing is not None and len(text) > 2 and text.endswith(closing) and closing not in text[1:-1]
    if wrapped and source.strip()[:1] not in _QUOTES:
        return text[1:-1].strip()
    return text
