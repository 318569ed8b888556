"""Segments and translations as rows of a ledger, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import blake2b
from typing import Any

from scalemt.drafts import draft_to_json
from scalemt.formats import Target
from scalemt.jobs.outcomes import Outcome
from scalemt.types import Segment, Span, Translation

RESULT = (
    "text", "spans", "draft", "decisions", "checks", "terms", "scores", "origin", "calls", "prompt_tokens",
    "completion_tokens", "cost", "seconds", "reason",
)  # fmt: skip
"""Columns of a segment that a translation fills."""

OUTCOME = "state, text, spans, checks, scores, origin, reason"
"""Columns that an `Outcome` is made of, in the order of `outcome`."""


def key_of(segment: Segment, *, context: bool, apart: bool) -> bytes:
    """Return what tells a segment from others: equal ones are translated once.

    Args:
        segment: any.
        context: prompts show what stands before it, so that this tells segments apart.
        apart: so does a memory that knows contexts.
    """
    parts: list[Any] = [segment.text, [_packed(span) for span in segment.spans], segment.breaks, segment.syntax]
    if context:
        parts += [segment.before, segment.note]
    if apart:
        parts += [segment.before[-1:], segment.id]
    return blake2b(_json(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def segment_to_row(segment: Segment) -> str:
    """Return a segment as JSON."""
    parts = [segment.text, segment.id, [_packed(span) for span in segment.spans], segment.breaks, segment.syntax,
             segment.note, segment.before]  # fmt: skip
    return _json(parts)


def segment_from_row(value: str) -> Segment:
    """Return the segment of a row."""
    text, name, spans, breaks, syntax, note, before = json.loads(value)
    return Segment(
        text,
        name,
        tuple(Span(*span) for span in spans),
        breaks,
        None if syntax is None else tuple(syntax),
        note,
        tuple(before),
    )


def result_of(translation: Translation) -> dict[str, Any]:
    """Return the columns `RESULT` of a translation."""
    written = Target.of(translation)
    usage, draft = translation.usage, translation.draft
    return {
        "text": None if translation.error else written.text,
        "spans": _json([_packed(span) for span in written.spans]) if written.spans else None,
        "draft": _json(_rounded(draft_to_json(draft))) if draft else None,
        "decisions": _json([list(asdict(item).values()) for item in translation.decisions]),
        "checks": _json([[item.name, item.detail] for item in translation.checks if not item.passed]),
        "terms": _json([asdict(item) for item in translation.terms]) if translation.terms else None,
        "scores": _json(_scores(translation)),
        "origin": _origin(translation),
        "calls": usage.calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": usage.cost,
        "seconds": round(translation.seconds, 6),
        "reason": str(translation.error) if translation.error else None,
    }


def outcome(row: tuple[Any, ...], segment: Segment, method: str) -> Outcome:
    """Return what a row of the columns `OUTCOME` says of a segment; without a text it keeps its source."""
    state, text, spans, checks, scores, origin, reason = row
    known: Mapping[str, float] = json.loads(scores) if scores else {}
    if text is None:
        target = Target(segment.text, segment.spans, failed=True)
    else:
        held = tuple(Span(*span) for span in json.loads(spans)) if spans else ()
        target = Target(text, held, origin=f"scalemt {method}", quality=known.get("confidence"))
    failed = tuple(name for name, _ in json.loads(checks)) if checks else ()
    return Outcome(state, target, failed, known, origin or "", reason or "")


def _rounded(draft: dict[str, Any]) -> dict[str, Any]:
    """Shorten the confidences: of a million drafts, their last digits would be half of the file."""
    for word in draft["words"]:
        if word["confidence"] is not None:
            word["confidence"] = round(word["confidence"], 4)
    return draft


def _scores(translation: Translation) -> dict[str, float]:
    draft = translation.draft
    confidence = draft.confidence if draft else None
    return {} if confidence is None else {"confidence": round(confidence, 4)}


def _origin(translation: Translation) -> str:
    """Return which candidate won, as the decisions tell: a segment in pieces tells of its last one."""
    if translation.error:
        return ""
    chosen = [item.outcome for item in translation.decisions if item.step == "gate" and " " not in item.outcome]
    if chosen:
        return chosen[-1]
    reused = any((item.step, item.outcome) == ("memory", "reused") for item in translation.decisions)
    return "memory" if reused else "draft" if translation.drafts else "copy"


def _packed(span: Span) -> list[Any]:
    return [span.start, span.end, span.kind, span.key, span.role, span.partner]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
