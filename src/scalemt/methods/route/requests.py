"""What a router is asked, what it answers, and what is known of a segment before it is translated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scalemt.glossary import FoundTerm, verify
from scalemt.quality.deferral import Drafted, free_features
from scalemt.quality.language import MIN_LETTERS, identify
from scalemt.quality.mixing import mixture
from scalemt.text.spans import prose
from scalemt.types import Draft, Pair, Segment, Usage

SOURCE_FEATURES = (
    "length",
    "words",
    "word length",
    "digits",
    "capitals",
    "marks",
    "tags",
    "mixed",
    "source language",
    "terms",
)
"""Known of the source: characters, words, characters a word; shares of digits, capitalised words, punctuation;
protected spans; the code-mixing index in percent; how probably it is in the source language; glossary terms."""

DRAFT_FEATURES = (
    "confidence",
    "lowest",
    "doubt",
    "unknown",
    "score",
    "length ratio",
    "copied",
    "repeated",
    "failed",
    "language",
    "missed",
)
"""Known of the draft of the cheapest worker that drafts (see quality/deferral.py), and terms that it misses."""

FEATURES = (*SOURCE_FEATURES, *DRAFT_FEATURES)


@dataclass(frozen=True)
class Request:
    """One segment that is to be given to a worker.

    Args:
        segment: the text; nobody changes it.
        pair: source and target.
        features: those of `FEATURES` that are known.
        domain: by the graph's words, or as somebody said; "" if not known.
    """

    segment: Segment
    pair: Pair
    features: Mapping[str, float] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True)
class Choice:
    """Who gets a segment, and why.

    `router` is who chose in the end, `fault` why it was not the one that was to choose. `usage` is what choosing
    cost.
    """

    worker: str
    reason: str
    router: str
    probabilities: Mapping[str, float] = field(default_factory=dict)
    fault: str = ""
    usage: Usage = field(default_factory=Usage)


def features_of(
    segment: Segment, pair: Pair, draft: Draft | None = None, found: Sequence[FoundTerm] = ()
) -> dict[str, float]:
    """Return what is known of a segment before it is translated, by name; what is not known is left out.

    Args:
        segment: the text.
        pair: source and target.
        draft: by the worker that drafts, where there is one.
        found: terms of the glossary that the source holds.
    """
    text = prose(segment.text, segment.spans)
    words = re.findall(r"\w+", text)
    letters = max(1, len(text))
    known = {
        "length": float(len(segment.text)),
        "words": float(len(words)),
        "word length": sum(map(len, words)) / max(1, len(words)),
        "digits": sum(character.isdigit() for character in text) / letters,
        "capitals": sum(word[0].isupper() for word in words[1:]) / max(1, len(words) - 1),
        "marks": sum(not (c.isalnum() or c.isspace()) for c in text) / letters,
        "tags": float(len(segment.spans)),
        "mixed": mixture(segment.text, (pair.source, pair.target), segment.spans).index,
        "terms": float(len(found)),
    }
    if sum(character.isalpha() for character in text) >= MIN_LETTERS:
        code, likely = pair.source.split("-")[0], identify(text)
        known |= {"source language": likely[code]} if code in likely else {}
    return known | (draft_features(segment, pair, draft, found) if draft and draft.text.strip() else {})


def draft_features(
    segment: Segment, pair: Pair, draft: Draft, found: Sequence[FoundTerm] = ()
) -> dict[str, float]:
    """Return what a draft, or a translation that a worker has made, tells."""
    told = free_features(Drafted(segment.text, (draft,), draft.text, pair))
    missed = sum(use.state == "missed" for use in verify(found, draft.text, pair)) if found else 0
    told["missed"] = float(missed)
    return {name: value for name, value in told.items() if name in DRAFT_FEATURES and math.isfinite(value)}
