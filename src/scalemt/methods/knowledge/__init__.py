"""Knowledge cards: models and sources that write background, and what of it is kept (arXiv 2305.09955)."""

from scalemt.methods.knowledge.method import KnowledgeMethod

__all__ = ["KnowledgeMethod"]
