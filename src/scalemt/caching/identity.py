"""Who answers: the part of a key that says everything about a backend that can change its answers."""

from __future__ import annotations

from scalemt.generalists import Generalist
from scalemt.specialists import Specialist
from scalemt.types import Pair


def specialist_identity(specialist: Specialist, pair: Pair) -> str:
    """Return the specialist's `cache_key`; its signature for the pair where a plug-in has none."""
    own = getattr(specialist, "cache_key", None)
    return str(own(pair)) if callable(own) else specialist.signature_for(pair)


def generalist_identity(generalist: Generalist) -> str:
    """Return the generalist's `cache_key`; its signature where a plug-in has none."""
    own = getattr(generalist, "cache_key", None)
    return own if isinstance(own, str) else generalist.signature
