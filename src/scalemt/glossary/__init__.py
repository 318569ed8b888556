"""Glossaries: term entries, choosing those of a segment, verifying what became of them."""
