"""Texts of one language: files of lines, or the side of files of pairs that is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from scalemt.errors import InputError, UsageError
from scalemt.lines import iterate_lines
from scalemt.memory.units import Unit
from scalemt.types import Pair


def check_texts(files: Sequence[str], where: str) -> None:
    """Raise UsageError or InputError where no file is named, or one is not there.

    Args:
        files: of texts.
        where: the field of a configuration that names them.
    """
    if not files:
        raise UsageError(f"{where} names no file. Give text files, one sentence a line, or files of pairs.")
    for file in files:
        if not Path(file).is_file():
            raise InputError(f"{file} (in {where}) is no file. Give text files, or files of pairs.")


def texts_of(files: Sequence[str], pair: Pair, side: Literal["source", "target"]) -> Iterator[str]:
    """Yield the texts of files in one language of a pair, stripped; empty ones are passed over.

    Raises:
        InputError: a file cannot be read.
    """
    from scalemt.memory.exchange import SUFFIXES

    for file in files:
        if Path(file).suffix.lower() in SUFFIXES:
            yield from (text for unit in _units(file, pair) if (text := getattr(unit, side).strip()))
        else:
            yield from (text for line in iterate_lines(file) if (text := line.strip()))


def _units(file: str, pair: Pair) -> Iterator[Unit]:
    from scalemt.data.reading import Source, read

    return read(Source((file,), *pair), Counter())
