"""Translation memories in and out of files: TMX, XLIFF, PO, CSV, TSV, JSON Lines."""

from scalemt.memory.exchange.base import ReadOptions
from scalemt.memory.exchange.files import (
    READERS,
    SUFFIXES,
    WRITERS,
    format_of,
    read_lines,
    read_units,
    write_units,
)

__all__ = [
    "READERS",
    "SUFFIXES",
    "WRITERS",
    "ReadOptions",
    "format_of",
    "read_lines",
    "read_units",
    "write_units",
]
