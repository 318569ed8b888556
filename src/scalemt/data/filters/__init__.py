"""The steps that a chain can have."""

from scalemt.data.filters.base import Filter, FittedFilter, Item, Memory, Scorer, StatefulFilter, settings
from scalemt.data.filters.compared import Overlap
from scalemt.data.filters.fitted import Alignment, Meaning, unusable
from scalemt.data.filters.known import FILTERS

__all__ = [
    "FILTERS",
    "Alignment",
    "Filter",
    "FittedFilter",
    "Item",
    "Meaning",
    "Memory",
    "Overlap",
    "Scorer",
    "StatefulFilter",
    "settings",
    "unusable",
]
