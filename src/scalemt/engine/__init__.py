"""The engine: built from a profile, the one road to a translation."""

from scalemt.engine.core import Engine

__all__ = ["Engine"]
