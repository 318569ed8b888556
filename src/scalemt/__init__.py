"""scalemt: one translator out of two unequal ones, a specialist that drafts and an LLM that refines."""

from scalemt.version import __version__

__all__ = ["__version__"]
