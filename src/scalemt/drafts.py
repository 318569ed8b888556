"""Drafts as JSON: what `--drafts` and the drafts of `--demonstrations` hold, and what `--json` prints.

One draft: `{"text", "engine"?, "words": [{"text", "confidence"}]?, "score"?, "language"?,
"alignment": [[source word, draft word]]?, "spans": [{"start", "end", "kind", "key", "role", "partner"}]?,
"repairs": [string]?}`. Words of an alignment are counted from 0, at white space; spans are the protected ones, as
offsets into the text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn, get_args

from scalemt import languages
from scalemt.errors import InputError, UnknownLanguageError
from scalemt.types import Draft, Span, SpanKind, SpanRole, Word


def draft_from_json(value: object, where: str) -> Draft:
    """Return the draft that a JSON value holds; keys it does not know are left alone.

    Without "words" the text is split at white space into words of unknown confidence. Without "text" the
    words are joined by spaces.

    Args:
        value: a decoded JSON value.
        where: names the value in messages, as in "drafts.jsonl, line 3".

    Raises:
        InputError: not a draft; the message names place, field, what was found and what was expected.
    """
    fields = _object(value, where, "a draft")
    words = _words(fields.get("words"), where)
    text = fields.get("text")
    if text is None:
        if words is None:
            raise InputError(f'{where}: a draft needs "text" or "words"; it has {_keys(fields)}.')
        text = " ".join(word.text for word in words)
    if words is None:
        words = tuple(Word(word) for word in _string(text, where, "text").split())
    return Draft(
        text=_string(text, where, "text"),
        words=words,
        score=_number(fields.get("score"), where, "score"),
        engine=_string(fields.get("engine") or "", where, "engine"),
        language=_language(fields.get("language"), where),
        alignment=_alignment(fields.get("alignment"), where),
        spans=_spans(fields.get("spans"), _string(text, where, "text"), where),
        repairs=tuple(_string(item, where, "repairs") for item in _list(fields.get("repairs"), where, "repairs")),
    )


def draft_to_json(draft: Draft) -> dict[str, Any]:
    """Return the draft as JSON that `draft_from_json` reads back equal; fields with no value are left out."""
    result: dict[str, Any] = {"text": draft.text}
    if draft.engine:
        result["engine"] = draft.engine
    result["words"] = [{"text": word.text, "confidence": word.confidence} for word in draft.words]
    if draft.score is not None:
        result["score"] = draft.score
    if draft.language:
        result["language"] = draft.language
    if draft.alignment:
        result["alignment"] = [list(link) for link in draft.alignment]
    if draft.spans:
        result["spans"] = [asdict(span) for span in draft.spans]
    if draft.repairs:
        result["repairs"] = list(draft.repairs)
    return result


def _list(value: object, where: str, field: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        _wrong(where, field, value, "a list")
    return value


def _alignment(value: object, where: str) -> tuple[tuple[int, int], ...]:
    links = []
    for number, link in enumerate(_list(value, where, "alignment")):
        if not isinstance(link, list) or len(link) != 2 or not all(_is_count(item) for item in link):
            _wrong(where, f"alignment[{number}]", link, "two numbers of words, from 0")
        links.append((link[0], link[1]))
    return tuple(links)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _spans(value: object, text: str, where: str) -> tuple[Span, ...]:
    spans = []
    for number, item in enumerate(_list(value, where, "spans")):
        field = f"spans[{number}]"
        fields = _object(item, where, field)
        try:
            span = Span(**fields)  # type: ignore[arg-type]
        except TypeError:
            _wrong(where, field, item, "start, end, kind, key, role and partner")
        numbers = (span.start, span.end, span.key, span.partner + 1 if isinstance(span.partner, int) else None)
        if not all(_is_count(one) for one in numbers) or not span.start <= span.end <= len(text):
            _wrong(where, field, item, f"offsets into the text, which has {len(text)} characters")
        if span.kind not in get_args(SpanKind) or span.role not in get_args(SpanRole):
            _wrong(where, field, item, f"a kind of {', '.join(get_args(SpanKind))}; a role of open, close, alone")
        spans.append(span)
    return tuple(spans)


def _words(value: object, where: str) -> tuple[Word, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        _wrong(where, "words", value, "a list of objects with text and confidence")
    return tuple(_word(item, where, f"words[{index}]") for index, item in enumerate(value))


def _word(value: object, where: str, field: str) -> Word:
    fields = _object(value, where, field)
    text = _string(fields.get("text"), where, f"{field}.text")
    confidence = _number(fields.get("confidence"), where, f"{field}.confidence")
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        _wrong(where, f"{field}.confidence", confidence, "a probability from 0 to 1, or null")
    return Word(text, confidence)


def _object(value: object, where: str, field: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        _wrong(where, field, value, "a JSON object")
    return value


def _string(value: object, where: str, field: str) -> str:
    if not isinstance(value, str):
        _wrong(where, field, value, "a string")
    if "\n" in value:  # one line out for one in: a line break would shift every line after it
        _wrong(where, field, value, "a string without line breaks")
    return value


def _language(value: object, where: str) -> str:
    """Return the canonical tag of a draft's language, or "" where it does not say."""
    code = _string(value or "", where, "language")
    try:
        return languages.parse(code) if code else ""
    except UnknownLanguageError as fault:
        raise InputError(f"{where}: {fault}") from None


def _number(value: object, where: str, field: str) -> float | None:
    if value is None:
        return None
    # JSON's true and false are ints in Python, and must not pass as 1 and 0.
    if isinstance(value, bool) or not isinstance(value, int | float):
        _wrong(where, field, value, "a number or null")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _wrong(where, field, value, "a finite number or null")
    return number


def _keys(fields: Mapping[str, object]) -> str:
    return ", ".join(fields) or "no fields"


def _wrong(where: str, field: str, value: object, expected: str) -> NoReturn:
    shown = repr(value)
    if len(shown) > 60:
        shown = shown[:57] + "..."
    raise InputError(f"{where}: {field} is {shown}; expected {expected}.")
