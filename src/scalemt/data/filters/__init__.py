"""The steps that a chain can have."""

from scalemt.data.filters.base import Filter, FittedFilter, Item, Memory, Scorer, StatefulFilter, settings
from scalemt.data.filters.compared import Overlap
from scalemt.data.filters.fitted import Alignment, Meaning, unusable
from scalemt.data.filters.known import FILTERS
from scalemt.data.filters.worded import Frames, Terms

__all__ = [
    "FILTERS",
    "Alignment",
    "Filter",
    "FittedFilter",
    "Frames",
    "Item",
    "Meaning",
    "Memory",
    "Overlap",
    "Scorer",
    "StatefulFilter",
    "Terms",
    "settings",
    "unusable",
]
