"""Writing glossaries to files of any known format."""

from __future__ import annotations

from pathlib import Path

from scalemt.glossary.delimited import write_csv, write_tsv
from scalemt.glossary.entries import Glossary
from scalemt.glossary.fields import is_acronym
from scalemt.glossary.reading import format_of
from scalemt.glossary.tbx_writing import write_tbx
from scalemt.glossary.utx import write_utx
from scalemt.lines import write_whole

_WRITERS = {"csv": write_csv, "tsv": write_tsv, "tbx": write_tbx, "utx": write_utx}


def save_glossary(glossary: Glossary, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write a glossary as CSV, TSV, TBX-Basic or UTX, in UTF-8; `lost` says what the format cannot hold.

    Raises:
        InputError: the file cannot be written, or a term cannot stand in that format.
        ConfigurationError: TBX or UTX, and the languages of the glossary are not known.
        UnknownNameError: a format that is not known.
    """
    write_whole(path, _WRITERS[format_of(Path(path), format)](glossary))


def lost(glossary: Glossary, path: str | Path, format: str | None = None) -> tuple[str, ...]:  # noqa: A002
    """Return sentences about what a file of that format will not say of these entries."""
    if format_of(Path(path), format) != "tbx":
        return ()
    told = []
    if any(entry.status == "forbidden" for entry in glossary.entries):
        told.append("TBX has no forbidden terms: they are written as deprecated.")
    if any(entry.status == "keep" for entry in glossary.entries):
        told.append("TBX cannot say that a term is kept: it is written as its own preferred translation.")
    if any(entry.case_sensitive != is_acronym(entry.source) for entry in glossary.entries):
        told.append("TBX does not say which terms are case-sensitive: it is lost.")
    return tuple(told)
