"""Alignments that another tool has made, in the Pharaoh format: a line a segment, links as `i-j` from 0."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from scalemt.errors import InputError
from scalemt.evaluation.alignment.base import Alignment, Words
from scalemt.fingerprint import fingerprint
from scalemt.lines import read_lines

_LINK = re.compile(r"([0-9]{1,9})-([0-9]{1,9})", re.ASCII)


class PharaohFiles:
    """Recorded links: of one system from a file, of several from a folder with one file a system.

    A file of a folder is that of the system whose name it has, with or without an ending (`gpt-4`, `gpt-4.align`).

    Args:
        argument: the file or the folder.

    Raises:
        InputError: neither is there.
    """

    name = "pharaoh"

    def __init__(self, argument: str) -> None:
        self._path = Path(argument).expanduser()
        if not self._path.exists():
            raise InputError(f"There is no file or folder of alignments {self._path}.")
        shown = re.sub(r"[^\w.+-]", "_", self._path.name)
        self._signature = f"pharaoh[{shown},{fingerprint(self._files())}]"

    @property
    def signature(self) -> str:
        """Name and fingerprint of the file, or of all files of the folder."""
        return self._signature

    def fit(self, sources: Sequence[Words], targets: Sequence[Words]) -> None:
        """Learn nothing: the links are recorded."""

    def align(self, sources: Sequence[Words], targets: Sequence[Words], system: str = "") -> list[Alignment]:
        """Return the recorded links of a system.

        Raises:
            InputError: there is no file for the system, its lines do not pair up with the segments, or a line is
                not in the format or points beyond the words; the message names file and line.
        """
        path = self._file_of(system) if self._path.is_dir() else self._path
        lines = read_lines(path)
        if not len(lines) == len(sources) == len(targets):
            raise InputError(
                f"{path} has {len(lines)} lines of alignments, and {system or 'the system'} {len(targets)} "
                "segments. Give one line a segment, an empty one where no words are linked."
            )
        rows = zip(lines, sources, targets, strict=True)
        return [_read(line, len(a), len(b), f"{path}, line {row}") for row, (line, a, b) in enumerate(rows, 1)]

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path]
        return sorted(path for path in self._path.iterdir() if path.is_file())

    def _file_of(self, system: str) -> Path:
        # Names are looked up in the listing, never joined to the path: they come from outside.
        files = self._files()
        exact = [path for path in files if path.name == system]
        found = exact or [path for path in files if path.stem == system]
        if len(found) != 1:
            names = ", ".join(path.name for path in found or files) or "nothing"
            told = "more than one file" if found else "no file"
            raise InputError(
                f"The folder {self._path} has {told} of alignments for {system or 'a system without a name'}: "
                f"found {names}. Give one file a system, with the system's name."
            )
        return found[0]


def _read(line: str, source: int, target: int, where: str) -> Alignment:
    links = set()
    for item in line.split():
        match = _LINK.fullmatch(item)
        if not match:
            raise InputError(f"{where}: {item[:40]!r} is no link. Expected pairs i-j of word numbers from 0.")
        i, j = int(match[1]), int(match[2])
        if i >= source or j >= target:
            raise InputError(
                f"{where}: the link {item} points beyond the words: the source has {source} words, the output "
                f"{target}, and both are counted from 0."
            )
        links.add((i, j))
    return tuple(sorted(links))
