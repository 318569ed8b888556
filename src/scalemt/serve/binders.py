"""Glossaries of several directions that can be changed, as version 3 of DeepL's API has them.

A binder is a name and a list of glossaries of the shelf, one a direction; what is changed is made anew there. A
glossary that is in no binder counts as one with a single direction, and becomes one when it is changed.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from scalemt import languages
from scalemt.serve.files import write_private
from scalemt.serve.glossaries import Kept, Shelf, checked_name
from scalemt.serve.refusals import InvalidRequest, NotFound, QuotaSpent, Refusal, Unavailable
from scalemt.types import Pair

MOST_PARTS = 100  # directions in one binder

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_lock = threading.Lock()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Binder:
    """Glossaries under one name.

    Args:
        id: a UUID.
        owner: the name of the caller who made it, and who alone can see it.
        name: what its owner calls it.
        created: when it was made, as 2027-01-31T12:00:00.000Z.
        parts: its glossaries by direction.
    """

    id: str
    owner: str
    name: str
    created: str
    parts: dict[Pair, Kept] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one direction, as the text of a file.

    Args:
        pair: the direction.
        text: of the file: source and target in a row.
        tabs: whether they are parted by tabs; else by commas.
    """

    pair: Pair
    text: str
    tabs: bool = True


class Binders:
    """Keeps binders in a folder; each call may come from any thread of the process.

    Args:
        folder: made when the first binder is.
        shelf: where their glossaries are.
    """

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self._folder = folder
        self._shelf = shelf

    def create(self, owner: str, name: str, terms: Sequence[Terms]) -> Binder:
        """Make a binder.

        Raises:
            InvalidRequest: a direction twice or too many, or terms that cannot be; see `Shelf.create`.
            TooLarge, QuotaSpent, Unavailable: as there.
        """
        name = checked_name(name)
        if not terms:
            raise InvalidRequest("A glossary has at least one dictionary. Send it in 'dictionaries'.")
        if len({item.pair for item in terms}) < len(terms) or len(terms) > MOST_PARTS:
            raise InvalidRequest(f"Send one dictionary a direction, and at most {MOST_PARTS} of them.")
        created = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        binder = Binder(str(uuid.uuid4()), owner, name, created)
        with self._lock_and_undo(owner) as made:
            for item in terms:
                binder.parts[item.pair] = kept = self._made(owner, name, item)
                made.append(kept)
            self._write(binder)
        return binder

    def listed(self, owner: str) -> list[Binder]:
        """Return the binders of an owner, and each glossary that is in none; the oldest first."""
        with _disk():
            paths = list(self._place(owner).glob("*.json"))
        alone = {kept.id: kept for kept in self._shelf.list(owner)}
        found = [binder for path in paths if (binder := self._read(owner, path.stem, alone))]
        bound = {kept.id for binder in found for kept in binder.parts.values()} | {item.id for item in found}
        found += [_single(kept) for kept in alone.values() if kept.id not in bound]
        return sorted(found, key=lambda binder: (binder.created, binder.id))

    def alone(self, owner: str) -> list[Kept]:
        """Return the glossaries of the shelf that are in no binder, the oldest first."""
        kept = {binder.id for binder in self.listed(owner)}
        return [item for item in self._shelf.list(owner) if item.id in kept]

    def get(self, owner: str, number: str) -> Binder:
        """Return a binder, or a glossary of the shelf as one.

        Raises:
            NotFound: the owner has none of that id.
        """
        number = number.lower()
        found = self._read(owner, number) if _ID.fullmatch(number) else None
        return found or _single(self._shelf.get(owner, number))

    def part(self, owner: str, number: str, pair: Pair) -> Kept:
        """Return the glossary of a direction; territories say nothing.

        Raises:
            NotFound: there is no such binder, or no such direction in it.
        """
        binder = self.get(owner, number)
        kept = binder.parts.get(_bare(pair))
        if kept is None:
            held = ", ".join(map(str, binder.parts)) or "none"
            raise NotFound(f"The glossary has no dictionary of {_bare(pair)}; it has: {held}.")
        return kept

    def rename(self, owner: str, number: str, name: str) -> Binder:
        """Call a binder by another name.

        Raises:
            NotFound: there is none.
            InvalidRequest: the name cannot be one.
        """
        with _lock:
            binder = replace(self.get(owner, number), name=checked_name(name))
            self._write(binder)
        return binder

    def put(self, owner: str, number: str, terms: Terms, *, merge: bool = False) -> Binder:
        """Put terms in the place of those of a direction.

        Args:
            owner: whose it is.
            number: of the binder.
            terms: and their direction, which may be new.
            merge: keep the terms whose sources are not among the new ones.

        Raises:
            NotFound: there is no such binder.
            InvalidRequest, TooLarge, QuotaSpent, Unavailable: see `Shelf.create`.
        """
        with self._lock_and_undo(owner) as made:
            binder = self.get(owner, number)
            before = binder.parts.get(terms.pair)
            if before is None and len(binder.parts) >= MOST_PARTS:
                raise QuotaSpent(f"A glossary has at most {MOST_PARTS} dictionaries. Delete one first.")
            kept = self._made(owner, binder.name, terms)
            made.append(kept)
            if merge and before is not None:
                kept = self._merged(owner, binder.name, before, kept)
                made.append(kept)
            binder = replace(binder, parts={**binder.parts, terms.pair: kept})
            self._write(binder)
            for old in {item.id for item in (before, *made[:-1]) if item} - {kept.id}:
                self._shelf.delete(owner, old)
        return binder

    def remove_part(self, owner: str, number: str, pair: Pair) -> None:
        """Forget the terms of a direction.

        Raises:
            NotFound: there is no such binder, or no such direction in it.
        """
        with _lock:
            kept = self.part(owner, number, pair)
            binder = self.get(owner, number)
            self._write(replace(binder, parts={key: item for key, item in binder.parts.items() if item != kept}))
            self._shelf.delete(owner, kept.id)

    def remove(self, owner: str, number: str) -> None:
        """Forget a binder and all its terms.

        Raises:
            NotFound: there is none.
        """
        with _lock:
            binder = self.get(owner, number)
            for kept in binder.parts.values():
                self._shelf.delete(owner, kept.id)
            with _disk():
                self._path(owner, binder.id).unlink(missing_ok=True)

    @contextmanager
    def _lock_and_undo(self, owner: str) -> Iterator[list[Kept]]:
        """Take away the glossaries in the list that is given, where what they are made for goes wrong."""
        made: list[Kept] = []
        with _lock:
            try:
                yield made
            except Refusal:
                for kept in made:
                    self._shelf.delete(owner, kept.id)
                raise

    def _made(self, owner: str, name: str, terms: Terms) -> Kept:
        text = {"tsv": terms.text} if terms.tabs else {"csv": terms.text}
        return self._shelf.create(owner, name, terms.pair, tsv=text.get("tsv"), csv=text.get("csv"), plain=True)

    def _merged(self, owner: str, name: str, before: Kept, new: Kept) -> Kept:
        entries = {**dict(self._shelf.entries(owner, before.id)), **dict(self._shelf.entries(owner, new.id))}
        return self._shelf.create(owner, name, new.pair, entries=list(entries.items()))

    def _write(self, binder: Binder) -> None:
        about = {
            "id": binder.id, "owner": binder.owner, "name": binder.name, "created": binder.created,
            "parts": [kept.id for kept in binder.parts.values()],
        }  # fmt: skip
        path = self._path(binder.owner, binder.id)
        with _disk():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, json.dumps(about, ensure_ascii=False).encode())

    def _read(self, owner: str, number: str, known: dict[str, Kept] | None = None) -> Binder | None:
        """Return a binder; None where there is none. Parts that were deleted from the shelf are left out."""
        try:
            with _disk():
                about: Any = json.loads(self._path(owner, number).read_bytes())
            told = Binder(str(about["id"]), str(about["owner"]), str(about["name"]), str(about["created"]))
            numbers = [str(item) for item in about["parts"]]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as fault:
            _log.error("The description of a glossary, %s, is broken (%r), and is passed over.", number, fault)
            return None
        if (told.id, told.owner) != (number, owner):
            return None
        for item in numbers:
            kept = known.get(item) if known is not None else self._shelf_part(owner, item)
            if kept:
                told.parts[_bare(kept.pair)] = kept
        return told

    def _shelf_part(self, owner: str, number: str) -> Kept | None:
        try:
            return self._shelf.get(owner, number)
        except NotFound:
            return None

    def _place(self, owner: str) -> Path:
        return self._folder / sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _path(self, owner: str, number: str) -> Path:
        return self._place(owner) / f"{number}.json"


def _single(kept: Kept) -> Binder:
    return Binder(kept.id, kept.owner, kept.name, kept.created, {_bare(kept.pair): kept})


def _bare(pair: Pair) -> Pair:
    return Pair(languages.base(pair.source), languages.base(pair.target))


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as fault:
        _log.error("Glossaries cannot be read or written: %s", fault)
        raise Unavailable(
            f"The server can neither read nor keep glossaries now: {fault.strerror or 'of an unknown fault'}.",
            60.0,
        ) from None
