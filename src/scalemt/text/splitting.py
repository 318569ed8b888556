"""Cut a text that is too long for a model into parts that join back to exactly the same text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scalemt.types import Span

# The end of a sentence: closing punctuation (Latin, Greek, Arabic, Devanagari, Ethiopic, CJK), closing quotes
# or brackets, then white space; CJK full stops need none.
_SENTENCE_END = re.compile(r"(?:[.!?;…؟۔।॥።]+[\"'”’»)\]]*\s+|[。！？]+[」』”’）]*\s*)")
_SPACE = re.compile(r"\s+")
# A full stop after these ends no sentence: single letters, titles, "number", "for example" and their like.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'“‘«])"
    r"(?:\w|\w\.\w|Dra?|Mrs?|Ms|Prof|Sra?|Srta|Sta?|no|n\.º|nr|vs|cf|p\. ?ex|approx|fig|vol|pp?)\.\s+$",
    re.IGNORECASE,
)


def split_long(text: str, limit: int, spans: Sequence[Span] = ()) -> list[tuple[str, str]]:
    """Split `text` into parts of at most `limit` characters, each with the white space that follows it.

    Cuts after the last sentence end that fits, else at the last white space, else in the middle of a word.
    A text within the limit is one part. `"".join(part + gap for part, gap in …)` is the text.

    Args:
        text: any text.
        limit: the most characters in a part, at least 1.
        spans: never cut, even where a part then is longer than the limit.
    """
    parts = []
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= limit else _outside(_cut(text, start, start + limit), spans, start)
        piece = text[start:end]
        kept = piece.rstrip()
        parts.append((kept, piece[len(kept) :]))
        start = end
    return parts or [("", "")]


def _cut(text: str, start: int, stop: int) -> int:
    """Return where to end the part that begins at `start` and must end by `stop`."""
    for pattern in (_SENTENCE_END, _SPACE):
        ends = [match.end() for match in pattern.finditer(text, start, stop) if match.end() > start]
        if ends:
            return ends[-1]
    return stop


def _outside(end: int, spans: Sequence[Span], start: int) -> int:
    """Move a cut out of a span: before it, or behind it where nothing else would be left."""
    for span in spans:
        if span.start < end < span.end:
            return span.start if span.start > start else span.end
    return end


def split_sentences(text: str, language: str = "", spans: Sequence[Span] = ()) -> list[tuple[str, str]]:
    """Split `text` into sentences, each with the white space that follows it.

    A sentence ends at closing punctuation that is not followed by a small letter or a digit and does not close a
    common abbreviation. `"".join(sentence + gap for sentence, gap in …)` is the text.
    """
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if _ends_sentence(text, match.end())]
    ends = [end for end in ends if not any(span.start < end < span.end for span in spans)]
    parts = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        piece = text[start:end]
        if piece:
            kept = piece.rstrip()
            parts.append((kept, piece[len(kept) :]))
    return parts or [("", "")]


def _ends_sentence(text: str, end: int) -> bool:
    following = text[end : end + 1]
    if following.islower() or following.isdigit():
        return False
    return not _ABBREVIATION.search(text, max(0, end - 20), end)
