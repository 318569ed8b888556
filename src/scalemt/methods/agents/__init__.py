"""Agents that find what is hard to translate, look it up, and doubt what they find (CRAT, Wang et al. 2024)."""
