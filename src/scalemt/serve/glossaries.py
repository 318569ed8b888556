"""Glossaries that are kept at a server, each for the caller who made it."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from scalemt import languages
from scalemt.errors import ScalemtError, UsageError
from scalemt.glossary import Glossary, TermEntry, load_glossary
from scalemt.glossary.delimited import read_entries, read_rows, write_tsv
from scalemt.glossary.fields import make_entry, read_tag
from scalemt.serve.files import write_private
from scalemt.serve.refusals import InvalidRequest, NotFound, QuotaSpent, TooLarge, Unavailable
from scalemt.types import Pair

# As of DeepL's API (https://developers.deepl.com/docs/api-reference/glossaries), but for the size of one glossary,
# which is 10 MiB there.
MOST_ENTRIES = 10_000
MOST_BYTES = 2**20
MOST_OF_AN_OWNER = 1_000
_HALF_DONE = 60.0  # seconds after which nobody is at it any more
_LONGEST = 1024  # bytes of a term or a name

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTROL = r"\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff"
_CONTROLS = re.compile(f"[{_CONTROL}]")
_CONTROLS_AND_TABS = re.compile(f"[\t{_CONTROL}]")
_PLACE = "The glossary"

_log = logging.getLogger(__name__)

Numbered = tuple[str, TermEntry]
"""Where an entry stands, for messages, and the entry."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A glossary at the server.

    Args:
        id: a UUID.
        owner: the name of the caller who made it, and who alone can see it.
        name: what its owner calls it.
        pair: the direction that it is for.
        entries: how many it has, those of translations that must not be used among them.
        created: when it was made, as 2027-01-31T12:00:00Z.
    """

    id: str
    owner: str
    name: str
    pair: Pair
    entries: int
    created: str


class Shelf:
    """Keeps glossaries in a folder; safe to share between threads, and with the shelves of other processes.

    Each is a TSV file with a JSON file beside it, without which it does not exist, in a folder for its owner.
    Whoever asks for what is not there, or is somebody else's, gets `NotFound`.

    Args:
        folder: made, with those above it, when the first glossary is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._tidy()

    def create(
        self,
        owner: str,
        name: str,
        pair: Pair,
        *,
        entries: Sequence[tuple[str, str]] | None = None,
        tsv: str | None = None,
        csv: str | None = None,
        plain: bool = False,
    ) -> Kept:
        """Keep a glossary; its terms are given in one of three ways.

        No source may have two translations to be used, neither side may be empty, hold control characters or be
        longer than 1,024 bytes. What looks like a formula of a spreadsheet is a term like any other.

        Args:
            owner: the name of the caller.
            name: what the owner calls it; several may have the same.
            pair: the direction.
            entries: sources and targets.
            tsv, csv: the text of a file, as `load_glossary` reads it: with a header or without, and with what else
                scalemt knows of terms.
            plain: whether a text has neither header nor more than source and target in a row, and perhaps their
                languages: DeepL's form, in which a first row "de<tab>en" is a term.

        Raises:
            InvalidRequest: an entry that cannot be one; the message names its line or number.
            TooLarge: more than 10,000 entries, or a mebibyte.
            QuotaSpent: the owner has 1,000 glossaries.
            Unavailable: the disk does not take it.
        """
        title = checked_name(name)
        if pair.source == pair.target:
            raise InvalidRequest(f"Source and target are both {pair.source}. Give two languages.")
        text = tsv if tsv is not None else csv
        if (entries is None) == (text is None) or (tsv is not None and csv is not None):
            raise InvalidRequest("Give the terms in one way: as entries, as tsv or as csv.")
        if entries is not None:
            found = _of_pairs(entries)
        elif plain:
            found = _of_plain_text(text or "", pair, tabs=tsv is not None)
        else:
            found = _of_text(text or "", pair, tabs=tsv is not None)
        try:
            terms = _checked(found)
        except UsageError as fault:
            raise InvalidRequest(str(fault)) from None
        return self._keep(owner, title, pair, terms)

    def list(self, owner: str) -> list[Kept]:
        """Return the glossaries of an owner, the oldest first.

        Raises:
            Unavailable: the disk does not give them.
        """
        with _disk():
            found = [self._read(path, owner) for path in self._place(owner).glob("*.json")]
        return sorted((kept for kept in found if kept), key=lambda kept: (kept.created, kept.id))

    def get(self, owner: str, id: str) -> Kept:  # noqa: A002  # as it is called in every surface
        """Return a glossary of an owner.

        Raises:
            NotFound: the owner has none of that id.
            Unavailable: the disk does not give it.
        """
        lowered = id.lower()
        # Nothing but a UUID becomes part of a path.
        with _disk():
            kept = self._read(self._place(owner) / f"{lowered}.json", owner) if _ID.fullmatch(lowered) else None
        if kept is None:
            raise NotFound(
                "There is no glossary of that id. Ask for the list of glossaries to see those that are."
            )
        return kept

    def path(self, owner: str, id: str) -> Path:  # noqa: A002
        """Return the file of a glossary, for `load_glossary`.

        Raises:
            NotFound, Unavailable: as `get`.
        """
        return self._place(owner) / f"{self.get(owner, id).id}.tsv"

    def terms(self, owner: str, id: str) -> tuple[TermEntry, ...]:  # noqa: A002
        """Return all that is known of the terms of a glossary.

        Raises:
            NotFound, Unavailable: as `get`.
        """
        path = self.path(owner, id)
        try:
            return load_glossary(path).entries
        except ScalemtError as fault:
            # The message names a path, which is nobody's business outside.
            _log.error("A glossary cannot be read: %s", fault)
            raise Unavailable(
                "The server cannot read this glossary now. Whoever runs it finds why in its log."
            ) from None

    def entries(self, owner: str, id: str) -> tuple[tuple[str, str], ...]:  # noqa: A002
        """Return sources and targets, without translations that must not be used, which a pair cannot tell.

        Raises:
            NotFound, Unavailable: as `get`.
        """
        return tuple((term.source, term.target) for term in self.terms(owner, id) if not term.is_fault)

    def as_tsv(self, owner: str, id: str) -> str:  # noqa: A002
        """Return `entries` as TSV without a header, as DeepL's API gives them.

        Raises:
            NotFound, Unavailable: as `get`.
        """
        return "".join(f"{source}\t{target}\n" for source, target in self.entries(owner, id))

    def delete(self, owner: str, id: str) -> None:  # noqa: A002
        """Forget a glossary.

        Raises:
            NotFound, Unavailable: as `get`.
        """
        path = self.path(owner, id)
        with self._lock, _disk():
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def _keep(self, owner: str, name: str, pair: Pair, terms: Sequence[TermEntry]) -> Kept:
        place = self._place(owner)
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept = Kept(str(uuid.uuid4()), owner, name, pair, len(terms), created)
        about = {
            "id": kept.id, "owner": owner, "name": name, "source": pair.source, "target": pair.target,
            "entries": kept.entries, "created": created,
        }  # fmt: skip
        with self._lock, _disk():
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in place.glob("*.json")) >= MOST_OF_AN_OWNER:
                raise QuotaSpent(
                    f"{MOST_OF_AN_OWNER:,} glossaries are kept, and no more may be. Delete one first."
                )
            path = place / f"{kept.id}.tsv"
            write_private(path, write_tsv(Glossary(tuple(terms), *pair, name)).encode())
            try:
                write_private(path.with_suffix(".json"), json.dumps(about, ensure_ascii=False).encode())
            except OSError:
                path.unlink(missing_ok=True)
                raise
        return kept

    def _place(self, owner: str) -> Path:
        # A hash, since names may differ in case alone, which not every disk can tell apart.
        return self._folder / sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _read(self, path: Path, owner: str) -> Kept | None:
        """Return what a JSON file says; None where there is none, or it is no description of a glossary."""
        try:
            about: Any = json.loads(path.read_bytes())
            texts = [about[name] for name in ("id", "owner", "name", "source", "target", "created")]
            count = about["entries"]
            if not all(isinstance(text, str) for text in texts) or not isinstance(count, int):
                raise TypeError("a field is of another type")
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as fault:
            _log.error("The description of a glossary, %s, is broken (%r), and is passed over.", path, fault)
            return None
        number, of, name, source, target, created = texts
        if (number, of) != (path.stem, owner):
            return None
        return Kept(number, of, name, Pair(source, target), count, created)

    def _tidy(self) -> None:
        """Remove what a server that was killed has left half done, and none that another is at now."""
        with suppress(OSError):
            for place in self._folder.glob("*/"):
                for path in [*place.glob(".*.partial"), *place.glob("*.tsv")]:
                    half = path.suffix == ".partial" or not path.with_suffix(".json").exists()
                    if half and time.time() - path.stat().st_mtime > _HALF_DONE:
                        path.unlink(missing_ok=True)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        _log.error("Glossaries cannot be read or written: %s", fault)
        reason = fault.strerror or "of an unknown fault"
        raise Unavailable(f"The server can neither read nor keep glossaries now: {reason}.", 60.0) from None


def checked_name(name: str) -> str:
    """Return the name of a glossary without spaces around it.

    Raises:
        InvalidRequest: it is empty, too long, or holds control characters.
    """
    title = name.strip()
    if not title or len(title) > _LONGEST or _CONTROLS_AND_TABS.search(title) or len(title.encode()) > _LONGEST:
        raise InvalidRequest(
            f"A glossary wants a name of one line, of at most {_LONGEST:,} bytes and without control characters."
        )
    return title


def _of_pairs(entries: Iterable[tuple[str, str]]) -> Iterator[Numbered]:
    for number, sides in enumerate(entries, 1):
        where = f"{_PLACE}, entry {number}"
        for side in sides:
            _refuse_controls(side, where, tabs=False)
        yield where, make_entry(dict(zip(("source", "target"), sides, strict=True)), where)


def _of_text(text: str, pair: Pair, *, tabs: bool) -> Iterator[Numbered]:
    """Yield the entries of a file with all that scalemt knows of terms."""
    for number, tags, entry in read_entries(_lines(text, tabs=tabs), _PLACE, pair, tabs=tabs):
        where = f"{_PLACE}, line {number}"
        _check_languages(tags, pair, where)
        yield where, entry


def _of_plain_text(text: str, pair: Pair, *, tabs: bool) -> Iterator[Numbered]:
    """Yield the entries of a file in which each row is source and target, and perhaps their languages."""
    for number, row in read_rows(_lines(text, tabs=tabs), _PLACE, tabs=tabs):
        where = f"{_PLACE}, line {number}"
        while row and not row[-1].strip():
            row = row[:-1]  # noqa: PLW2901
        if len(row) not in (2, 4):
            raise InvalidRequest(
                f"{where}: {len(row)} fields, expected a source and a target. Separate them by a "
                f"{'tab' if tabs else 'comma, and put a field that holds one in quotes'}."
            )
        source, target, *tags = row
        if any("\n" in side for side in (source, target)):
            raise InvalidRequest(
                f"{where}: a term goes on in the next line. Close its quotes, or take out the break."
            )
        if tags:
            _check_languages((read_tag(tags[0], where), read_tag(tags[1], where)), pair, where)
        yield where, make_entry({"source": source, "target": target}, where)


def _lines(text: str, *, tabs: bool) -> list[str]:
    if len(text) > MOST_BYTES or len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise _too_many_bytes()
    lines = re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff"))
    for number, line in enumerate(lines, 1):
        _refuse_controls(line, f"{_PLACE}, line {number}", tabs=tabs)
    return lines


def _refuse_controls(text: str, where: str, *, tabs: bool) -> None:
    found = (_CONTROLS if tabs else _CONTROLS_AND_TABS).search(text)
    if found:
        raise InvalidRequest(
            f"{where}: it holds the control character U+{ord(found[0]):04X}, which no term may have. Take it out."
        )


def _check_languages(tags: tuple[str, str], pair: Pair, where: str) -> None:
    if any(tag and languages.base(tag) != languages.base(wanted) for tag, wanted in zip(tags, pair, strict=True)):
        raise InvalidRequest(
            f"{where}: it is of {tags[0] or 'any language'} to {tags[1] or 'any language'}, and the glossary of "
            f"{pair.source} to {pair.target}. Make a glossary for each direction."
        )


def _checked(found: Iterator[Numbered]) -> list[TermEntry]:
    """Return entries of which each source has one translation to be used."""
    terms: dict[TermEntry, None] = {}
    translated: dict[str, str] = {}
    size = 0
    for where, term in found:
        for side in (term.source, term.target):
            length = len(side.encode())
            size += length
            if length > _LONGEST:
                raise InvalidRequest(
                    f"{where}: a term of {length:,} bytes, expected at most {_LONGEST:,}. Shorten it."
                )
        # One with a status of its own, such as admitted, stands beside the one to be used.
        if term.status in ("preferred", "keep"):
            if term.source in translated:
                before = translated[term.source].rpartition(", ")[2]
                raise InvalidRequest(
                    f"{where}: its source has a translation already, in {before}. Take one of them out."
                )
            translated[term.source] = where
        terms[term] = None
        if len(terms) > MOST_ENTRIES:
            raise TooLarge(f"The glossary has more than {MOST_ENTRIES:,} entries. Make several of it.")
        if size > MOST_BYTES:
            raise _too_many_bytes()
    if not terms:
        raise InvalidRequest(f"{_PLACE} holds no terms. A glossary has at least one term and its translation.")
    return list(terms)


def _too_many_bytes() -> TooLarge:
    return TooLarge(f"The glossary is larger than {MOST_BYTES:,} bytes. Make several of it.")
