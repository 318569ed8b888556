"""What the readers and writers of translation memories share: options, languages, dates, spans from outside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, get_args

from scalemt.errors import InputError, UnknownLanguageError, UsageError
from scalemt.languages import base, parse
from scalemt.types import Pair, Span, SpanKind, SpanRole

NO_TARGET = "without a translation"
NO_SOURCE = "without a source"
NO_LANGUAGE = "in no language that was asked for"
UNSURE = "not confirmed (fuzzy, draft, machine translation)"

_DATE = re.compile(
    r"(\d{4})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])"
    r"(?:[T ]?([01]\d|2[0-3]):?([0-5]\d)(?::?([0-5]\d|60))?(?:\.\d+)?)?(?:Z|\+00:?00)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How units are read.

    Args:
        encoding: of a text file, where it cannot be told ("" asks byte order mark, declaration, then UTF-8).
        unsure: take also what is marked as unfinished (fuzzy messages, drafts, unreviewed machine translation).
        domain, origin, creator: what all units get, whatever the file says; "" leaves what it says.
        otherwise: the origin of units that name none.
    """

    encoding: str = ""
    unsure: bool = False
    domain: str = ""
    origin: str = ""
    creator: str = ""
    otherwise: str = ""


@dataclass
class Reading:
    """One file that is being read.

    Args:
        path: the file.
        source, target: canonical tags of the wanted pair, "" takes what the file says.
        options: see there.
        skipped: how many units were passed over, by the reason.
        advance: is told how many bytes were read.
    """

    path: Path
    source: str = ""
    target: str = ""
    options: ReadOptions = ReadOptions()
    skipped: Counter[str] = field(default_factory=Counter)
    advance: Callable[[int], object] = lambda count: None

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """Open the file; what is read from it is told to `advance`."""
        with self.path.open("rb") as file:
            yield _Watched(file, self.advance)  # type: ignore[misc]

    def completed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a unit with what the options say of all units."""
        options = self.options
        if options.otherwise and not fields.get("origin"):
            fields["origin"] = options.otherwise
        for name in ("domain", "origin", "creator"):
            if value := getattr(options, name):
                fields[name] = value
        return fields

    def told(self, source: str, target: str) -> Pair:
        """Return the languages of a unit for which a file says these ("" where it says nothing).

        Raises:
            InputError: neither the file nor the user says which; the message says how to.
        """
        pair = Pair(narrower(self.source, source), narrower(self.target, target))
        if not all(pair):
            side, flag = ("source", "--from") if not pair.source else ("target", "--to")
            raise InputError(f"{self.path} does not say its {side} language. Give it with {flag} LANG.")
        return pair


class _Watched:
    """A binary file whose reader is watched."""

    def __init__(self, file: IO[bytes], advance: Callable[[int], object]) -> None:
        self._file = file
        self._advance = advance

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._advance(len(data))
        return data


def tag_of(code: str) -> str:
    """Return the canonical tag of a language code in a file, "" where it is of no language that is known."""
    if not code.strip("* ") or code == "*all*" or not code.isprintable():
        return ""
    try:
        return parse(code.replace("_", "-"))
    except UnknownLanguageError:
        return ""


def near(one: str, other: str) -> bool:
    """Whether texts in one language serve for another: the same, or one says no territory."""
    return one == other or (base(one) == base(other) and base(one) in (one, other))


def narrower(wanted: str, told: str) -> str:
    """Return the tag that says more of two that are near: what a file says, unless the user says the territory."""
    return wanted if not told or (wanted and told == base(wanted)) else told


def nearest(tags: Sequence[str], wanted: str) -> str:
    """Return which of the languages of a unit a wanted one is: the same, else the first near one, else ""."""
    if wanted in tags:
        return wanted
    return next((tag for tag in tags if tag and near(tag, wanted)), "")


def date_of(text: str) -> str:
    """Return a date of TMX (`20261129T200000Z`) or ISO 8601 as units hold it, "" where it is none in UTC."""
    found = _DATE.fullmatch(text.strip()) if text else None
    if not found:
        return ""
    year, month, day, hour, minute, second = found.groups("00")
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"


def quality_of(text: str) -> float | None:
    """Return a quality from 0 to 1, None where a text is none."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def spans_of(text: str, rows: Any) -> tuple[Span, ...]:
    """Return spans that came from outside as lists [start, end, kind, key, role, partner], checked against a text.

    Raises:
        ValueError: they do not fit; the message says what is wrong.
    """
    if not isinstance(rows, list):
        raise ValueError("spans must be a list of [start, end, kind, key, role, partner]")
    spans: list[Span] = []
    for row in rows:
        if not isinstance(row, list) or not 4 <= len(row) <= 6:
            raise ValueError(f"{row!r} is no span: expected [start, end, kind, key, role, partner]")
        span = Span(*row)
        numbers = (span.start, span.end, span.key, span.partner)
        if not all(type(number) is int and abs(number) < 2**31 for number in numbers):
            raise ValueError(f"a span has whole numbers for start, end, key and partner, not {row!r}")
        if span.kind not in get_args(SpanKind) or span.role not in get_args(SpanRole):
            raise ValueError(f"a span has no kind {span.kind!r} with the role {span.role!r}")
        if not (spans[-1].end if spans else 0) <= span.start < span.end <= len(text):
            raise ValueError(f"the span {span.start} to {span.end} is empty, out of order or beyond its text")
        spans.append(span)
    if len({span.key for span in spans}) < len(spans):
        raise ValueError("two spans have one key")
    return tuple(spans)


@contextmanager
def placed(target: str | Path | IO[bytes]) -> Iterator[IO[bytes]]:
    """Open what is to be written; a file is put in place only when all is done, and nothing is left behind else.

    A device or a pipe is written to, not replaced; a link stays a link.

    Raises:
        UsageError: it cannot be written.
    """
    if not isinstance(target, str | Path):
        yield target
        return
    path = Path(target)
    partial = path
    if path.is_file() or not path.exists():
        path = path.resolve()
        partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            yield file
        if partial != path:
            partial.replace(path)
    except OSError as fault:
        raise UsageError(f"{target} cannot be written: {fault.strerror or fault}.") from None
    finally:
        if partial != path:
            partial.unlink(missing_ok=True)
