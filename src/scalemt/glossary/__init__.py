"""Glossaries: term entries, choosing those of a segment, verifying what became of them."""

from scalemt.glossary.entries import Glossary, TermEntry
from scalemt.glossary.matching import FoundTerm, TermFinder
from scalemt.glossary.reading import load_glossary
from scalemt.glossary.verifying import missed, verify, wanted
from scalemt.glossary.writing import save_glossary

__all__ = [
    "FoundTerm",
    "Glossary",
    "TermEntry",
    "TermFinder",
    "load_glossary",
    "missed",
    "save_glossary",
    "verify",
    "wanted",
]
