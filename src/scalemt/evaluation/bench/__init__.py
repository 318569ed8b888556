"""Profiles by test sets: quality, seconds, tokens, cost."""
