"""Corpora: read from what people have, filtered with a data card, sampled, split."""

from scalemt.data.card import DataCard, as_markdown, read_card
from scalemt.data.cleaning import clean
from scalemt.data.configuration import Cleaning, default_chain, read_configuration
from scalemt.data.reading import Source, read

__all__ = [
    "Cleaning",
    "DataCard",
    "Source",
    "as_markdown",
    "clean",
    "default_chain",
    "read",
    "read_card",
    "read_configuration",
]
