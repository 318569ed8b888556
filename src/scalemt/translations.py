"""Translations as JSON: what `--json` prints, and what a bench keeps of each segment."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scalemt.drafts import draft_to_json
from scalemt.types import Candidate, Demonstration, Translation


def as_json(translation: Translation) -> dict[str, Any]:
    """Return the object that `--json` prints for one segment."""
    draft = translation.draft
    return {
        "id": translation.segment.id,
        "source": translation.segment.text,
        "translation": translation.text,
        "method": translation.method,
        "draft": draft_to_json(draft) if draft else None,
        "drafts": [draft_to_json(item) for item in translation.drafts],
        "candidates": [_candidate(item) for item in translation.candidates],
        "decisions": [asdict(item) for item in translation.decisions],
        "checks": [asdict(item) for item in translation.checks],
        "terms": [asdict(item) for item in translation.terms],
        "matches": [_match(item) for item in translation.demonstrations if item.likeness is not None],
        "demonstrations": len(translation.demonstrations),
        "steps": [asdict(item) | {"probabilities": dict(item.probabilities)} for item in translation.steps],
        "usage": asdict(translation.usage),
        "signature": translation.signature,
        "seconds": round(translation.seconds, 4),
        "error": str(translation.error) if translation.error else None,
    }


def _match(item: Demonstration) -> dict[str, Any]:
    """Return a unit of a memory as it was shown to the generalist; the best of a segment is the last."""
    return {"source": item.source, "target": item.target, "score": item.likeness, "memory": item.origin}


def _candidate(candidate: Candidate) -> dict[str, Any]:
    verdicts = (*candidate.checks, *candidate.rules)
    failed = [f"{check.name}: {check.detail}" for check in verdicts if not check.passed]
    evidence = {name: round(value, 4) for name, value in candidate.evidence.items()}
    told = {"origin": candidate.origin, "text": candidate.text, "failed": failed, "evidence": evidence}
    return told | ({"round": candidate.round} if candidate.round else {})
