"""Cut texts into sentences, or into parts that a model can hold, that join back to exactly the same text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from scalemt.errors import MissingExtraError, UsageError
from scalemt.types import Span

SPLITTERS = ("srx", "sentencex")
"""What cuts sentences, by name; the path of an SRX file is the third choice."""

# Where a long text is best cut when it has no end of sentence: behind a clause.
_CLAUSE_END = re.compile(r"[,;:،；：，、][\"'”’»)\]]*\s*(?=\s|[^\x00-\u02ff])")
_SPACE = re.compile(r"\s+")
_LONE = re.compile(r"[\ud800-\udfff]")


def split_sentences(
    text: str, language: str = "", spans: Sequence[Span] = (), splitter: str = "srx"
) -> list[tuple[str, str]]:
    """Split `text` into sentences, each with the white space that follows it.

    `"".join(sentence + gap for sentence, gap in …)` is the text.

    Args:
        text: any text.
        language: a canonical tag; without one the rules for all languages are all there is.
        spans: no sentence ends inside of one.
        splitter: one of `SPLITTERS`, or the path of an SRX file.

    Raises:
        UsageError, MissingExtraError: see `check_splitter`.
        InputError: the SRX file is wrong.
    """
    ends = (
        end for end in _ends(text, language, splitter) if not any(item.start < end < item.end for item in spans)
    )
    return _parts(text, ends, spans)


def check_splitter(splitter: str) -> None:
    """Refuse a splitter that cannot be used.

    Raises:
        UsageError: no splitter of that name.
        MissingExtraError: its package is not installed.
        InputError: the SRX file cannot be read, or is wrong.
    """
    if splitter == "sentencex":
        _sentencex()
    elif splitter != "srx":
        from scalemt.text.srx import rules_for

        if not splitter.lower().endswith(".srx"):
            raise UsageError(
                f"{splitter!r} cuts no sentences. Choose srx, sentencex, or the path of an .srx file."
            )
        rules_for("en", Path(splitter))


def _ends(text: str, language: str, splitter: str) -> Iterable[int]:
    """Yield where sentences end, in order; white space behind an end may lie on either side."""
    if splitter == "sentencex":
        return _sentencex_ends(text, language)
    from scalemt.text.srx import DEFAULT, rules_for

    if splitter == "srx":
        return rules_for(language, DEFAULT).ends(text)
    return rules_for(language, Path(splitter)).ends(text)


def _sentencex_ends(text: str, language: str) -> Iterator[int]:
    """Yield where Wikimedia's sentencex ends sentences."""
    text = _LONE.sub("\N{REPLACEMENT CHARACTER}", text)  # it takes well-formed Unicode only
    position = 0
    for sentence in _sentencex().segment(language.partition("-")[0] or "en", text):
        # It may leave white space out; what it gives is looked for, so that offsets are right in any case.
        found = text.find(sentence.strip(), position) if sentence.strip() else -1
        if found < 0:
            continue
        position = found + len(sentence.strip())
        yield position


@cache
def _sentencex() -> Any:
    try:
        import sentencex
    except ImportError as fault:
        raise MissingExtraError("The sentence splitter sentencex", "sentencex") from fault
    return sentencex


def _parts(text: str, ends: Iterable[int], spans: Sequence[Span]) -> list[tuple[str, str]]:
    """Cut a text at offsets; white space around a cut is the gap before it, empty parts are none."""
    parts: list[tuple[str, str]] = []
    start = 0
    for end in (*ends, len(text)):
        following = _behind_space(text, end)
        if following <= start or not text[start:following].strip():
            continue  # white space before the first sentence is part of it
        parts.append(_with_gap(text, start, following, spans))
        start = following
    if not parts:
        return [("", text)]
    return parts


def _behind_space(text: str, end: int) -> int:
    space = _SPACE.match(text, end)
    return space.end() if space else end


def split_long(
    text: str, limit: int, spans: Sequence[Span] = (), language: str = "", splitter: str = "srx"
) -> list[tuple[str, str]]:
    """Split `text` into parts of at most `limit` characters, each with the white space that follows it.

    Cuts after the last sentence end that fits, else behind the last clause, else at the last white space, else in
    the middle of a word. A text within the limit is one part. Joined, parts and gaps are the text.

    Args:
        text: any text.
        limit: the most characters in a part, at least 1.
        spans: never cut, even where a part then is longer than the limit.
        language, splitter: see `split_sentences`.
    """
    if len(text) <= limit:
        return [_with_gap(text, 0, len(text), spans)]
    parts = []
    ends = [_behind_space(text, end) for end in _ends(text, language, splitter)]
    start = 0
    while start < len(text):
        end = len(text) if len(text) - start <= limit else _outside(_cut(text, start, limit, ends), spans, start)
        parts.append(_with_gap(text, start, end, spans))
        start = end
    return parts


def _with_gap(text: str, start: int, end: int, spans: Sequence[Span]) -> tuple[str, str]:
    """Return a stretch of a text and the white space at its end; that of a span is the span's."""
    kept = start + len(text[start:end].rstrip())
    if kept < end:
        kept = max([kept, *(span.end for span in spans if kept < span.end <= end)])
    return text[start:kept], text[kept:end]


def _cut(text: str, start: int, limit: int, ends: Sequence[int]) -> int:
    """Return where to end the part that begins at `start`."""
    stop = start + limit
    place = bisect_right(ends, stop)
    if place and ends[place - 1] > start:
        return ends[place - 1]
    clauses = [match.end() for match in _CLAUSE_END.finditer(text, start, stop)]
    spaces = [match.end() for match in _SPACE.finditer(text, start, stop) if match.end() > start]
    # A clause in the first third leaves too little in the part.
    if clauses and clauses[-1] - start > limit // 3:
        return next((end for end in spaces if end >= clauses[-1]), clauses[-1])
    return spaces[-1] if spaces else stop


def _outside(end: int, spans: Sequence[Span], start: int) -> int:
    """Move a cut out of a span: before it, or behind it where nothing else would be left."""
    for span in spans:
        if span.start < end < span.end:
            return span.start if span.start > start else span.end
    return end
