"""The filters by name."""

from __future__ import annotations

from scalemt.data.filters.alone import (
    Copy,
    Encoding,
    Language,
    Length,
    Letters,
    Numbers,
    Ratio,
    Repetition,
    Script,
    Tags,
)
from scalemt.data.filters.base import Filter
from scalemt.data.filters.compared import Duplicates, Near, Overlap
from scalemt.data.filters.fitted import Alignment, Meaning
from scalemt.data.filters.worded import Frames, Terms

FILTERS: dict[str, type[Filter]] = {
    "length": Length,
    "encoding": Encoding,
    "ratio": Ratio,
    "letters": Letters,
    "script": Script,
    "copy": Copy,
    "repetition": Repetition,
    "numbers": Numbers,
    "tags": Tags,
    "language": Language,
    "terms": Terms,
    "overlap": Overlap,
    "duplicates": Duplicates,
    "near": Near,
    "frames": Frames,
    "meaning": Meaning,
    "alignment": Alignment,
}
"""Each filter by name; a default chain has them in this order, `terms` and `frames` left out."""
