"""What backends have answered before, kept on disk and used again: drafts, completions, scores.

A backend is wrapped (`keep_specialist`, `keep_generalist`) and looks to its callers as before. A hit loads no
model and sends no request. Errors, and answers that were cut off or withheld, are never kept.
"""

from scalemt.caching.codec import KINDS
from scalemt.caching.generalists import CachedGeneralist, CachedScoringGeneralist, keep_generalist
from scalemt.caching.specialists import CachedScoringSpecialist, CachedSpecialist, bare, keep_specialist
from scalemt.caching.store import FILE_NAME, CacheStore
from scalemt.caching.units import read_age, read_size, size_limit

__all__ = [
    "FILE_NAME",
    "KINDS",
    "CacheStore",
    "CachedGeneralist",
    "CachedScoringGeneralist",
    "CachedScoringSpecialist",
    "CachedSpecialist",
    "bare",
    "keep_generalist",
    "keep_specialist",
    "read_age",
    "read_size",
    "size_limit",
]
