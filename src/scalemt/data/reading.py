"""Corpora as units, with the place that each came from: TMX, TSV, PO, XLIFF, JSON Lines, memories, Moses pairs.

The readers are those of the memory (`scalemt.memory.exchange`, `MemoryStore`); here is only what they lack: two
files of parallel lines, as Moses has them, and the provenance of each pair.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from scalemt.errors import InputError, UsageError
from scalemt.languages import parse
from scalemt.memory.units import Unit
from scalemt.types import Pair

_PLACE = re.compile(r"(?P<file>.*)#(?P<number>\d+)(?: \| (?P<own>.*))?", re.DOTALL)
_MEMORIES = {".db", ".sqlite", ".sqlite3"}
NO_TEXT = "without a text on one side"


@dataclass(frozen=True, slots=True)
class Source:
    """One input of a corpus.

    Args:
        files: one file or memory; or two of parallel lines, source and target (Moses).
        source, target: canonical tags, "" takes what the file says.
        format: a memory format, "memory", or "" for what the suffix tells.
        encoding: of a text file that does not tell it.
        unsure: take fuzzy entries and drafts too.
        name: what provenance calls it; "" takes the file's name.
    """

    files: tuple[str, ...]
    source: str = ""
    target: str = ""
    format: str = ""
    encoding: str = ""
    unsure: bool = False
    name: str = ""

    @property
    def shown(self) -> str:
        """The name in provenance."""
        return self.name or Path(self.files[0]).name

    @property
    def is_memory(self) -> bool:
        """Whether it is a translation memory of scalemt."""
        return self.format == "memory" or (not self.format and Path(self.files[0]).suffix.lower() in _MEMORIES)

    def check(self) -> None:
        """Raise InputError or UsageError, with the mend, before anything is read: missing files, unequal lines."""
        if len(self.files) not in (1, 2):
            raise UsageError(f"An input has one file, or two of parallel lines; {len(self.files)} are named.")
        for file in self.files:
            if not Path(file).is_file():
                found = "is no file" if Path(file).exists() else "does not exist"
                raise InputError(f"{file} {found}. Name pairs, a memory, or two files SRC,TGT.")
        if len(self.files) == 2:
            _check_moses(self)
        elif not self.is_memory:
            from scalemt.memory.exchange import format_of

            format_of(self.files[0], self.format or None)


def read(
    source: Source,
    skipped: Counter[str],
    advance: Callable[[int], object] | None = None,
    *,
    keep_places: bool = False,
) -> Iterator[Unit]:
    """Yield the units of an input; `origin` says where each came from: `FILE#NUMBER`, or `FILE#NUMBER | OWN`.

    NUMBER counts what the reader gives from 1: lines in files of lines, units elsewhere. OWN is the origin that
    the unit had itself.

    Args:
        source: what to read.
        skipped: counts what was passed over, by the reason.
        advance: is told how many bytes were read, where the reader tells it.
        keep_places: leave an origin that is a place already, as in what `scalemt data clean` wrote.

    Raises:
        InputError: the file cannot be read as its format; the message names file, line and mend.
    """
    for number, unit in _numbered(source, skipped, advance):
        if keep_places and _PLACE.fullmatch(unit.origin):
            yield replace(unit, id=0)
            continue
        place = f"{source.shown}#{number}"
        yield replace(unit, origin=f"{place} | {unit.origin}" if unit.origin else place, id=0)


def place_of(unit: Unit) -> tuple[str, int, str]:
    """Return file, number and own origin of a unit that `read` gave; of any other its origin as the last."""
    found = _PLACE.fullmatch(unit.origin)
    return (found["file"], int(found["number"]), found["own"] or "") if found else ("", 0, unit.origin)


def _numbered(
    source: Source, skipped: Counter[str], advance: Callable[[int], object] | None
) -> Iterator[tuple[int, Unit]]:
    if len(source.files) == 2:
        yield from _moses(source, skipped, advance)
    elif source.is_memory:
        yield from enumerate(_of_memory(source), 1)
    else:
        from scalemt.memory.exchange import ReadOptions, read_units

        options = ReadOptions(encoding=source.encoding, unsure=source.unsure)
        yield from enumerate(
            read_units(
                source.files[0],
                source=source.source,
                target=source.target,
                format_name=source.format or None,
                options=options,
                skipped=skipped,
                advance=advance,
            ),
            1,
        )


def _of_memory(source: Source) -> Iterator[Unit]:
    from contextlib import closing

    from scalemt.memory import MemoryStore
    from scalemt.memory.exchange.base import near
    from scalemt.memory.units import swap

    with closing(MemoryStore(source.files[0])) as store:
        for kept in store.pairs():
            for pair, turned in ((kept, False), (kept.reversed, True)):
                told = zip(pair, (source.source, source.target), strict=True)
                if all(not wanted or near(tag, wanted) for tag, wanted in told):
                    yield from (swap(unit) if turned else unit for unit in store.units(kept))
                    break


def _check_moses(source: Source) -> None:
    """Two files of lines say no language, and must have the same number of lines: counted before all else."""
    from scalemt.lines import count_lines

    left, right = source.files
    if not source.source or not source.target:
        flag = "source" if not source.source else "target"
        raise InputError(
            f"{left} and {right} are lines without languages: the {flag} is not told. Give both, with --from "
            'LANG and --to LANG, or from = "LANG" and to = "LANG" in the table of the input.'
        )
    counts = count_lines(left), count_lines(right)
    if counts[0] != counts[1]:
        raise InputError(
            f"{left} has {counts[0]:,} lines and {right} {counts[1]:,}: they are not parallel. Line i of both "
            "must be one pair; an empty line stands for what has no translation."
        )


def _moses(
    source: Source, skipped: Counter[str], advance: Callable[[int], object] | None
) -> Iterator[tuple[int, Unit]]:
    from scalemt.lines import iterate_lines

    pair = Pair(parse(source.source), parse(source.target))
    rows = zip(*(iterate_lines(file) for file in source.files), strict=True)
    for number, (left, right) in enumerate(rows, 1):
        if advance:
            advance(len(left.encode()) + 1)
        if left.strip() and right.strip():
            yield number, Unit(left, right, pair)
        else:
            skipped[NO_TEXT] += 1
