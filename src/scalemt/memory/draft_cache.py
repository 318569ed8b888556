"""Drafts of demonstrations, kept on disk: they are the same for every run until the specialist changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

from scalemt.drafts import draft_from_json, draft_to_json
from scalemt.errors import InputError
from scalemt.specialists import Specialist
from scalemt.types import Draft, Pair


class DraftCache:
    """A SQLite file of drafts, keyed by all that can change one: specialist signature, pair, n, text.

    Safe for several processes. A file that is damaged or cannot be written only costs time: drafts are then
    made again, since a cache must never be the reason why a translation fails.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def draft(self, specialist: Specialist, texts: Sequence[str], pair: Pair, n: int = 1) -> list[list[Draft]]:
        """Return what `specialist.draft` returns, from the file where it has been made before."""
        signature = specialist.signature_for(pair)
        keys = [_key(signature, pair, n, text) for text in texts]
        found = self._read(keys)
        missing = [index for index, key in enumerate(keys) if key not in found]
        if missing:
            made = specialist.draft([texts[index] for index in missing], pair, n)
            fresh = {keys[index]: drafts for index, drafts in zip(missing, made, strict=True)}
            self._write(fresh)
            found |= fresh
        return [found[key] for key in keys]

    def _read(self, keys: Sequence[str]) -> dict[str, list[Draft]]:
        try:
            if not self.path.exists():
                return {}
            with closing(sqlite3.connect(self.path, timeout=10)) as file:
                rows = [file.execute("SELECT * FROM drafts WHERE key = ?", (key,)).fetchone() for key in keys]
            return {row[0]: [draft_from_json(item, row[0]) for item in json.loads(row[1])] for row in rows if row}
        except (sqlite3.Error, OSError, InputError, TypeError, ValueError):
            return {}

    def _write(self, made: dict[str, list[Draft]]) -> None:
        rows = [(key, json.dumps([draft_to_json(draft) for draft in drafts])) for key, drafts in made.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=10)) as file, file:
                file.execute("CREATE TABLE IF NOT EXISTS drafts (key TEXT PRIMARY KEY, drafts TEXT NOT NULL)")
                file.executemany("INSERT OR REPLACE INTO drafts VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError):
            return


def _key(signature: str, pair: Pair, n: int, text: str) -> str:
    return sha256("\x1f".join((signature, str(pair), str(n), text)).encode("utf-8", "surrogatepass")).hexdigest()
