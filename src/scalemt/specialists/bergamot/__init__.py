"""Bergamot / Firefox Translations models, run by a small numpy engine of our own."""

from scalemt.specialists.bergamot.specialist import BergamotSpecialist

__all__ = ["BergamotSpecialist"]
