"""Read, translate into itself, write: are the files of a machine byte-equal afterwards?

    python benchmarks/round_trips.py FOLDER… [--format NAME] [--most 2000] [--json FILE]

Every file below the folders whose suffix a format has (or all files, with --format) is read; each segment is
written as it was. Formats that hold source and translation side by side (PO, XLIFF, TMX) would make a translation
of each source: there the file must be byte-equal when no segment was translated, and what comes out with every
source as its translation must come out of a second such pass unchanged. Of tables the first column is read. A file
that is refused counts by its reason, and one that differs is named: that is a bug. Equal files count once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from rich.progress import track

from scalemt.errors import ScalemtError
from scalemt.formats import Format, FormatOptions, Target, format_for
from scalemt.formats import suffixes as known_suffixes
from scalemt.text.protection import protect
from scalemt.types import Segment

_LEFT_OUT = {".git", "__pycache__", ".cache"}
_LARGEST = 30 << 20  # bytes


@dataclass
class Count:
    """What became of the files of one format."""

    files: int = 0
    segments: int = 0
    spans: int = 0
    equal: int = 0
    seconds: float = 0.0
    differing: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)


def files(folders: Sequence[Path], name: str | None) -> Iterator[Path]:
    """Yield the files below folders that a format may read."""
    endings = tuple(known_suffixes())
    for folder in folders:
        if folder.is_file():
            yield folder
        for place, inside, names in os.walk(folder):
            inside[:] = sorted(set(inside) - _LEFT_OUT)
            for item in sorted(names):
                path = Path(place, item)
                known = name or item.lower().endswith(endings)
                if known and path.is_file() and path.stat().st_size < _LARGEST:
                    yield path


def tried(path: Path, name: str | None, counts: dict[str, Count]) -> None:
    """Read and write one file."""
    form = format_for(path, name)
    count = counts[form.name]
    count.files += 1
    start = time.perf_counter()
    try:
        same, segments = _round(form, path)
    except ScalemtError as fault:
        count.refused[_reason(str(fault), path)] += 1
        count.named.append(f"{path}: {str(fault)[:200]}")
        return
    count.seconds += time.perf_counter() - start
    count.segments += len(segments)
    count.spans += sum(len(protect(segment).spans) for segment in segments)
    if same:
        count.equal += 1
    else:
        count.differing.append(str(path))


def _round(form: Format, path: Path) -> tuple[bool, list[Segment]]:
    """Return whether a file came out as it went in, and its segments."""
    options = FormatOptions(overwrite=form.bilingual, fields=("1",) if form.name in ("csv", "tsv") else ())
    segments = list(form.read(path, options))

    def written(source: Path, failed: bool) -> bytes:
        out = io.BytesIO()
        targets = (replace(Target.same(segment), failed=failed) for segment in segments)
        form.write(source, options, targets, out)
        return out.getvalue()

    same = written(path, form.bilingual) == path.read_bytes()
    if form.bilingual and same:
        with tempfile.TemporaryDirectory() as folder:
            first = Path(folder, path.name)
            first.write_bytes(written(path, failed=False))
            same = (
                list(form.read(first, options)) == segments and written(first, failed=False) == first.read_bytes()
            )
    return same, segments


def _reason(fault: str, path: Path) -> str:
    """Return a message without what differs from file to file."""
    short = fault.replace(str(path), "…").partition(". ")[0]
    return re.sub(r"0x[0-9a-f]{2}|\d+", "N", short)[:100]


def main() -> None:
    """Print the table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--format", dest="name")
    parser.add_argument("--most", type=int, default=2000, help="files of one suffix")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    counts: dict[str, Count] = defaultdict(Count)
    seen: set[bytes] = set()
    suffixes: Counter[str] = Counter()
    for path in track(list(files(given.folders, given.name)), "Reading"):
        content = sha256(path.read_bytes()).digest()
        suffixes[path.suffix.lower()] += 1
        if content in seen or suffixes[path.suffix.lower()] > given.most:
            continue
        seen.add(content)
        tried(path, given.name, counts)
    print("| format | files | segments | spans | byte-equal | refused | differ |")
    print("|---|" + "---:|" * 6)
    for name, count in sorted(counts.items()):
        refused = sum(count.refused.values())
        row = [count.files, count.segments, count.spans, count.equal, refused, len(count.differing)]
        print(f"| {name} | " + " | ".join(f"{value:,}" for value in row) + " |")
    for name, count in sorted(counts.items()):
        for path_ in count.differing:
            print(f"differs  {name}  {path_}")
        for reason, number in count.refused.most_common():
            print(f"refused  {name}  {number:5}  {reason}")
    if given.json:
        held = {}
        for name, count in sorted(counts.items()):
            held[name] = {**vars(count), "refused": dict(count.refused), "named": count.named[:20]}
        given.json.write_text(json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    main()
