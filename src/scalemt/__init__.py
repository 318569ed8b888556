"""scalemt: one translator out of two unequal ones, a specialist that drafts and an LLM that refines.

Importing this package loads no model library; backends are imported when a profile first needs them.
"""

from scalemt.types import Demonstration, Draft, Pair, Segment, Translation, Word
from scalemt.version import __version__

__all__ = ["Demonstration", "Draft", "Engine", "Pair", "Segment", "Translation", "Word", "__version__"]


def __getattr__(name: str) -> object:
    """Import the engine on first use, so that `import scalemt` stays quick."""
    if name == "Engine":
        from scalemt.engine import Engine

        return Engine
    raise AttributeError(f"module 'scalemt' has no attribute {name!r}")
