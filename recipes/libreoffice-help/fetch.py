"""Make the corpus of this recipe from Debian's packages: LibreOffice's help in English and another language.

    python recipes/libreoffice-help/fetch.py eu DATA

Needs apt and dpkg. Writes DATA/libreoffice-help.en-eu.train.tsv and .dev.tsv, `English TAB Basque`: paragraphs and
headings of four words or more, paired by the number that both languages give them, each pair once; a twentieth is
dev, drawn by a hash of the English side. The texts are LibreOffice's, MPL 2.0.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

_TEXTS = {"p", "h1", "h2", "h3", "h4"}
_VOID = {"br", "img", "hr", "input", "link", "meta"}
_LEAST_WORDS = 4


class Paragraphs(HTMLParser):
    """Collects the text of paragraphs and headings that have an id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open: list[str | None] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Open an element; what it says belongs to the nearest one with an id."""
        if tag not in _VOID:
            identity = dict(attributes).get("id") if tag in _TEXTS else None
            self._open.append(identity or (self._open[-1] if self._open else None))

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if self._open and tag not in _VOID:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._open and (identity := self._open[-1]):
            self.found[identity] = self.found.get(identity, "") + data


def paragraphs(language: str, folder: Path) -> dict[tuple[str, str], str]:
    """Download and unpack the help of a language, and return its texts by page and id."""
    package = f"libreoffice-help-{language.lower()}"
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
    (archive,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", str(archive), package], cwd=folder, check=True)
    found = {}
    base = next((folder / package / "usr/share/libreoffice/help").glob("*/text")).parent
    for page in sorted(base.glob("text/**/*.html")):
        parser = Paragraphs()
        parser.feed(page.read_text("utf-8"))
        for identity, text in parser.found.items():
            if joined := " ".join(text.split()):
                found[str(page.relative_to(base)), identity] = joined
    return found


def main(language: str, output: Path) -> None:
    """Write train and dev."""
    with tempfile.TemporaryDirectory() as temporary:
        english, other = (paragraphs(tag, Path(temporary)) for tag in ("en-us", language))
    shared = ((english[key], other[key]) for key in english.keys() & other.keys())
    pairs = sorted({pair for pair in shared if pair[0] != pair[1] and len(pair[0].split()) >= _LEAST_WORDS})
    output.mkdir(parents=True, exist_ok=True)
    for part in ("train", "dev"):
        rows = [pair for pair in pairs if (_draw(pair[0]) == 0) == (part == "dev")]
        file = output / f"libreoffice-help.en-{language}.{part}.tsv"
        file.write_text("".join(f"{one}\t{two}\n" for one, two in rows), "utf-8")
        sys.stdout.write(f"{file}: {len(rows):,} pairs\n")


def _draw(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 20


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
