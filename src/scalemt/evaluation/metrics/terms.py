"""Whether the terms of a glossary came out as the glossary wants them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.metrics.base import Progress, RatioMetric
from scalemt.evaluation.metrics.folding import fold, units
from scalemt.evaluation.systems import System, TestSet
from scalemt.fingerprint import fingerprint
from scalemt.lines import read_lines
from scalemt.version import __version__

Units = tuple[str, ...]

_SOURCE_FIELDS = ("source", "sourcestring")
_TARGET_FIELDS = ("target", "targetstring")


class TermList:
    """Source terms with the translations that are allowed for each, all folded and cut into units."""

    def __init__(self, terms: Mapping[Units, tuple[Units, ...]]) -> None:
        self.terms = terms
        self._lengths: dict[str, set[int]] = {}
        for term in terms:
            self._lengths.setdefault(term[0], set()).add(len(term))

    def found_in(self, text: str) -> list[Units]:
        """Return the terms of a text, each once; where two overlap the longer one counts."""
        hits = sorted(self._hits(tuple(units(fold(text)))), key=lambda hit: (-_weight(hit[1]), hit[0]))
        taken: set[int] = set()
        kept: dict[Units, None] = {}
        for start, term in hits:
            place = range(start, start + len(term))
            if taken.isdisjoint(place):
                taken.update(place)
                kept[term] = None
        return list(kept)

    def _hits(self, pieces: Units) -> Iterator[tuple[int, Units]]:
        for start, piece in enumerate(pieces):
            for length in self._lengths.get(piece, ()):
                term = pieces[start : start + length]
                if term in self.terms:
                    yield start, term

    def translated(self, terms: Sequence[Units], text: str) -> list[Units]:
        """Return those of the terms that have an allowed translation in a text, as whole words."""
        flat = _flat(units(fold(text)))
        return [term for term in terms if any(_flat(allowed) in flat for allowed in self.terms[term])]


def _weight(term: Units) -> int:
    return sum(map(len, term))


def _flat(pieces: Sequence[str]) -> str:
    # No unit holds a line break, so a unit is found only where it begins and ends.
    return "\n" + "\n".join(pieces) + "\n"


class TermAccuracy(RatioMetric):
    """Percent of the glossary's terms in the sources whose translation is in the output.

    A term counts once a segment, however often it occurs. It is found as whole words, case-insensitively, the
    longest first and without overlap; any of its translations will do, at any place of the output. Inflected
    forms are not found, so the number is a lower bound where the target language inflects. Segments without
    terms are left out. This is the exact-match accuracy of Alam et al. 2021, "On the Evaluation of Machine
    Translation for Terminology Consistency".

    Raises:
        ConfigurationError: no glossary was given.
        InputError: the glossary cannot be read.
    """

    name = "terms"
    needs = frozenset({"sources"})

    def __init__(self, glossary: str = "") -> None:
        if not glossary:
            raise ConfigurationError(
                "The metric terms needs a glossary. Give a CSV or TSV file with --glossary FILE."
            )
        self._terms = read_terms(glossary)
        self._signature = (
            f"glossary:{fingerprint([Path(glossary)])}|terms:{len(self._terms.terms)}|match:longest-first+whole-words"
            f"|norm:NFKC|case:folded|count:once-a-segment|inflection:no|version:scalemt-{__version__}"
        )

    @property
    def signature(self) -> str:
        """The glossary's fingerprint and size, and how terms are matched."""
        return self._signature

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[tuple[float, float]]:
        found = []
        for source, text in zip(test_set.sources, system.texts, strict=True):
            terms = self._terms.found_in(source)
            found.append((float(len(self._terms.translated(terms, text))), float(len(terms))))
            progress(1)
        return found


def read_terms(path: str | Path) -> TermList:
    """Read a glossary from a CSV or TSV file (RFC 4180; tabs where the first line has one).

    With a header the columns are `source` and `target`, or `sourceString` and `targetString` as in TICO-19's
    lists, in any order and among others; without one there must be two columns. Rows with the same source are
    alternatives. Blank rows are passed over.

    Raises:
        InputError: unreadable, not UTF-8, a row that has a field too many or too few, a term without translation
            or the reverse, no term at all; the message names file, line and field.
    """
    lines = read_lines(path)
    rows = list(_rows(lines, path))
    if not rows:
        raise InputError(f"{path} holds no terms. A glossary has a source term and its translation on each line.")
    source, target, width = _columns(rows[0][1], path)
    terms: dict[Units, dict[Units, None]] = {}
    for number, row in rows[1:] if width else rows:
        _check_width(row, width or 2, f"{path}, line {number}")
        entry = [tuple(units(fold(row[column]))) for column in (source, target)]
        if not any(entry):
            continue
        for field, value in zip(("source", "target"), entry, strict=True):
            if not value:
                raise InputError(f"{path}, line {number}: the {field} is empty. Fill it in, or take the line out.")
        terms.setdefault(entry[0], {})[entry[1]] = None
    if not terms:
        raise InputError(f"{path} holds no terms below its header. Give a source and a target on each line.")
    return TermList({term: tuple(translations) for term, translations in terms.items()})


def _rows(lines: Sequence[str], path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of each row that is not blank."""
    tabs = bool(lines) and "\t" in lines[0]
    # Tab-separated files are mostly written without quoting, so a quote in them is a character.
    dialect = _Tabs if tabs else _Commas
    reader = csv.reader((f"{line}\n" for line in lines), dialect)
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield reader.line_num, row
    except csv.Error as fault:
        raise InputError(
            f"{path}, line {reader.line_num}: not {'TSV' if tabs else 'CSV'} ({fault}). "
            "Close every quote, and double quotes that stand inside quotes."
        ) from None


class _Commas(csv.excel):
    strict = True


class _Tabs(csv.excel_tab):
    quoting = csv.QUOTE_NONE


def _columns(first: Sequence[str], path: str | Path) -> tuple[int, int, int]:
    """Return the columns of source and target, and how many fields the header has (0 where there is none)."""
    names = [field.strip().casefold() for field in first]
    sources = [names.index(name) for name in _SOURCE_FIELDS if name in names]
    targets = [names.index(name) for name in _TARGET_FIELDS if name in names]
    if sources and targets:
        return sources[0], targets[0], len(first)
    if len(first) == 2:
        return 0, 1, 0
    raise InputError(
        f"{path}, line 1: {len(first)} fields and no header that is known. Name the columns source and target "
        "(or sourceString and targetString), or give two columns; a term that holds a comma stands in quotes."
    )


def _check_width(row: Sequence[str], width: int, where: str) -> None:
    if len(row) != width:
        raise InputError(
            f"{where}: {len(row)} fields, expected {width}. A field that holds a comma must stand in quotes."
        )
