"""Agents that find what is hard to translate, look it up, and doubt what they find (CRAT, arXiv 2410.21067)."""

from scalemt.methods.agents.method import AgentsMethod

__all__ = ["AgentsMethod"]
