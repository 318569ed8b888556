"""What a ledger knows of one segment: its translation, or why there is none, and how good it seems to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from scalemt.formats import Target

State = Literal["waiting", "done", "failed"]
"""Of a segment: not translated yet (or to be tried again), translated, given up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one segment.

    Args:
        state: one that is "waiting" or "failed" has its source as `target`, which says so.
        target: what is written into the document.
        checks: names of the quality checks that the translation fails.
        scores: by name, each the higher the better: "confidence" (0 to 1, mean of the word confidences of the
            draft), "meaning" (0 to 1, likeness of sentence vectors), "faith" and its five dimensions (1 to 5). One
            that is not known is not there.
        origin: which candidate won: "draft", "refine", "memory" …
        reason: why it failed, or why a fallback stands there.
    """

    state: State
    target: Target
    checks: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    origin: str = ""
    reason: str = ""
