"""Apertium's modes: which are installed, what each translates, and what its result depends on.

A mode is a file `NAME.mode` that holds one shell pipeline. Its name says the direction: `eng-spa`, `en-gl`,
`es-pt_BR`, `eng-cat_valencia_uni` (https://wiki.apertium.org/wiki/Modes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import which

from scalemt.errors import UnknownLanguageError
from scalemt.fingerprint import file_digest
from scalemt.languages import parse
from scalemt.types import Pair

_NAME = re.compile(r"([a-z]{2,3}(?:_\w+)?)-([a-z]{2,3}(?:_\w+)?)", re.ASCII)

# What tells a translation mode from one for analysis, tagging or debugging: its generator takes the switch
# for marks as $1 (https://wiki.apertium.org/wiki/Modes, "gendebug").
_GENERATOR = re.compile(r"\b(?:lt|hfst)-proc\b[^|]*\$1")

# Codes that BCP-47 would read as something else: Suriname, the Nastaliq script.
_SPECIAL = {
    "hbs_HR": "hr", "hbs_BS": "bs", "hbs_SR": "sr-Latn",
    "oci_aran": "oc-aranes", "oc_aran": "oc-aranes",
}  # fmt: skip

# Serbo-Croatian is analysed as one language, so its modes read every standard of it.
_READ_AS = {"sh": ("sh", "hr", "bs", "sr")}


@dataclass(frozen=True, slots=True)
class Mode:
    """One installed translation mode.

    `extras` counts the parts of the name that no language tag holds (`uni`, `iec2017`): the fewer, the plainer.
    """

    name: str
    path: Path
    source: str
    target: str
    extras: int

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The directions that the mode serves."""
        return tuple(Pair(source, self.target) for source in _READ_AS.get(self.source, (self.source,)))


def find_modes(folder: Path) -> list[Mode]:
    """Return the translation modes in a folder, plainest first within each direction."""
    found = [mode for path in sorted(folder.glob("*.mode")) if (mode := _read(path)) is not None]
    return sorted(found, key=lambda mode: (mode.source, mode.target, mode.extras, mode.name))


def _read(path: Path) -> Mode | None:
    match = _NAME.fullmatch(path.stem)
    if match is None or not _GENERATOR.search(path.read_text(encoding="utf-8", errors="replace")):
        return None
    sides = [_language(code) for code in match.groups()]
    if sides[0] is None or sides[1] is None:
        return None
    (source, left), (target, right) = sides[0], sides[1]
    return Mode(path.stem, path, source, target, left + right)


def _language(code: str) -> tuple[str, int] | None:
    """Return the tag of `cat_valencia_uni` and how many of its parts the tag does not hold."""
    parts = code.split("_")
    for length in range(len(parts), 0, -1):
        wanted = "_".join(parts[:length])
        try:
            return _SPECIAL.get(wanted) or parse(wanted), len(parts) - length
        except UnknownLanguageError:
            continue
    return None


def fingerprint(mode: Mode) -> str:
    """Return 12 hex digits that change when the mode or a data file it names changes.

    Data files enter by size and time of change: Debian's packages fix those times, so they agree between
    machines, and the up to 20 MB of a pair need not be read.
    """
    script = mode.path.read_bytes()
    digest = sha256(script)
    for name in re.findall(rb"'([^']+)'", script):
        digest.update(_stamp(Path(name.decode("utf-8", errors="replace"))))
    return digest.hexdigest()[:12]


def content_digest(mode: Mode) -> str:
    """Return the SHA-256 (hexadecimal) over the mode, the data files that it names, and the programs it runs.

    Debian gives the files of one build one time, so of a build of one's own a size and a time tell too little.
    """
    script = mode.path.read_bytes()
    programs = [which(stage.split()[0]) for stage in script.decode("utf-8", "replace").split("|") if stage.split()]
    named = [name.decode("utf-8", errors="replace") for name in re.findall(rb"'([^']+)'", script)]
    digest = sha256(script)
    for name in [*named, *(program for program in programs if program)]:
        digest.update(_content(Path(name)).encode())
    return digest.hexdigest()


def _content(path: Path) -> str:
    try:
        return f"{path} {file_digest(path)}\n"
    except OSError:
        return f"{path} missing\n"


def _stamp(path: Path) -> bytes:
    try:
        status = path.stat()
    except OSError:
        return f"{path.name} missing\n".encode()
    return f"{path.name} {status.st_size} {int(status.st_mtime)}\n".encode()
