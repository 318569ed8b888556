"""Reading glossaries from files of any known format."""

from __future__ import annotations

from pathlib import Path

from scalemt.errors import InputError, UnknownNameError
from scalemt.glossary.delimited import read_delimited
from scalemt.glossary.entries import Glossary
from scalemt.glossary.tbx import read_tbx
from scalemt.glossary.utx import read_utx
from scalemt.types import Pair

FORMATS = ("csv", "tbx", "tsv", "utx")
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".tbx": "tbx", ".xml": "tbx", ".utx": "utx"}


def format_of(path: Path, wanted: str | None = None) -> str:
    """Return the name of a file's format: the one wanted, else that of its suffix, else that of its first bytes.

    Raises:
        UnknownNameError: a format that is not known.
    """
    if wanted is not None:
        if wanted not in FORMATS:
            raise UnknownNameError("glossary format", wanted, FORMATS)
        return wanted
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None and path.is_file():
        with path.open("rb") as file:
            start = file.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
        found = "utx" if start[:4].upper() == b"#UTX" else "tbx" if start.startswith(b"<") else "csv"
    if found is None:
        raise UnknownNameError("glossary format", path.suffix or path.name, FORMATS)
    return found


def load_glossary(path: str | Path, pair: Pair | None = None, format: str | None = None) -> Glossary:  # noqa: A002
    """Read a glossary: CSV, TSV, TBX or UTX, in UTF-8 (TBX in any encoding that it declares).

    Args:
        path: the file; its suffix tells the format.
        pair: the direction it is for. It chooses among the languages of a file, and a glossary of the opposite
            direction is turned round.
        format: "csv", "tsv", "tbx" or "utx", where the suffix does not tell.

    Raises:
        InputError: the file cannot be read; the message names file, line and field.
        ConfigurationError: it is of other languages, or of several and no pair was given.
        UnknownNameError: a format that is not known.
    """
    place = Path(path)
    try:
        glossary = _read(place, pair, format)
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    except ValueError as fault:  # a NUL in the path
        raise InputError(f"{str(path)!r} cannot be read: {fault}.") from None
    return glossary.for_pair(pair) if pair else glossary


def _read(path: Path, pair: Pair | None, wanted: str | None) -> Glossary:
    found = format_of(path, wanted)
    if found == "tbx":
        return read_tbx(path, pair)
    if found == "utx":
        return read_utx(path, pair)
    return read_delimited(path, pair, tabs=found == "tsv")
