"""What a synthesis has asked and made, in the ledger of a job: answers as they arrive, pairs a request at a time.

The answers are kept under the hashes of their prompts. They outlive a change of the configuration, and `--fresh`:
what was paid for once is never asked for again, until somebody removes the folder.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scalemt.data.synthesis.base import Made
from scalemt.data.workfiles import packed, unpacked
from scalemt.errors import UsageError
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.schema import FILE_NAME
from scalemt.jobs.settings import Settings
from scalemt.memory.units import Unit

_TABLES = (
    "CREATE TABLE IF NOT EXISTS made (request INTEGER PRIMARY KEY, faults TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS pairs (request INTEGER NOT NULL, number INTEGER NOT NULL, unit TEXT NOT NULL, "
    "state TEXT NOT NULL, fault TEXT, PRIMARY KEY (request, number)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS pairs_open ON pairs (request, number) WHERE state = 'open'",
)

Place = tuple[int, int]
"""Number of a request, and of a pair of it."""


class Store:
    """The folder of one synthesis.

    Args:
        folder: it is made where there is none.
        settings: languages and profile of the engine; also whose generalist is asked.
        identity: hash of all that decides what is asked and made.
        fresh: what was made is forgotten where it was another synthesis; answers stay.

    Raises:
        UsageError: the folder holds another synthesis.
    """

    def __init__(self, folder: Path, settings: Settings, identity: str, *, fresh: bool = False) -> None:
        if (folder / FILE_NAME).exists():
            self.ledger = Ledger.open(folder)
        else:
            self.ledger = Ledger.create(folder, settings)
        known = self.ledger.get("synthesis")
        if known not in (None, identity) and not fresh:
            self.close()
            raise UsageError(
                f"{folder} holds another synthesis: its languages, its kind with what belongs to that, the "
                "generalist, the profile, the seed or an input were different. Go on with what it was begun with, "
                "name another output with -o, or begin anew with --fresh, which keeps the answers."
            )
        self._begin(settings, identity, fresh=fresh)

    def _begin(self, settings: Settings, identity: str, *, fresh: bool) -> None:
        with self.ledger.writing() as file:
            for statement in _TABLES:
                file.execute(statement)
            for table in ("made", "pairs") if fresh else ():
                file.execute(f"DELETE FROM {table}")  # noqa: S608
            self.ledger.put("settings", settings.as_json())
            self.ledger.put("synthesis", identity)

    def close(self) -> None:
        """Close the file."""
        self.ledger.close()

    def done(self) -> set[int]:
        """Return the numbers of the requests of which all is known."""
        return {row[0] for row in self.ledger.rows("SELECT request FROM made")}

    def add(self, rows: Iterable[tuple[int, Made]], *, filled: bool) -> None:
        """Keep what came of requests; `filled` says that both sides of the pairs are there."""
        state = "done" if filled else "open"
        with self.ledger.writing() as file:
            for request, made in rows:
                file.execute("INSERT OR REPLACE INTO made VALUES (?, ?)", (request, json.dumps(made.faults)))
                file.execute("DELETE FROM pairs WHERE request = ?", (request,))
                file.executemany(
                    "INSERT INTO pairs VALUES (?, ?, ?, ?, NULL)",
                    [(request, number, packed(unit), state) for number, unit in enumerate(made.units)],
                )

    def open_pairs(self, after: Place, count: int) -> list[tuple[Place, Unit]]:
        """Return pairs that lack a side, in order, behind a place."""
        rows = self.ledger.rows(
            "SELECT request, number, unit FROM pairs WHERE state = 'open' AND (request, number) > (?, ?) "
            "ORDER BY request, number LIMIT ?",
            (*after, count),
        )
        return [((request, number), unpacked(unit)) for request, number, unit in rows]

    def fill(self, rows: Sequence[tuple[Place, Unit | None, str]]) -> None:
        """Keep pairs that have both sides now; None is one that was refused, for the reason beside it."""
        with self.ledger.writing() as file:
            for place, unit, fault in rows:
                if unit is None:
                    file.execute(
                        "UPDATE pairs SET state = 'refused', fault = ? WHERE request = ? AND number = ?",
                        (fault, *place),
                    )
                else:
                    file.execute(
                        "UPDATE pairs SET state = 'done', unit = ? WHERE request = ? AND number = ?",
                        (packed(unit), *place),
                    )

    def count(self, state: str) -> int:
        """Return how many pairs are "open", "done" or "refused"."""
        return int(self.ledger.rows("SELECT COUNT(*) FROM pairs WHERE state = ?", (state,))[0][0])

    def units(self) -> Iterator[Unit]:
        """Yield the pairs that are done, in the order of their requests."""
        place: Place = (-1, -1)
        while rows := self.ledger.rows(
            "SELECT request, number, unit FROM pairs WHERE state = 'done' AND (request, number) > (?, ?) "
            "ORDER BY request, number LIMIT 1000",
            place,
        ):
            for _, _, unit in rows:
                yield unpacked(unit)
            place = rows[-1][0], rows[-1][1]

    def faults(self) -> Counter[str]:
        """Return what was wrong with answers, and with translations of what they said."""
        counted = Counter[str]()
        for (told,) in self.ledger.rows("SELECT faults FROM made WHERE faults != '[]'"):
            counted.update(json.loads(told))
        for fault, number in self.ledger.rows(
            "SELECT fault, COUNT(*) FROM pairs WHERE fault NOT NULL GROUP BY fault"
        ):
            counted[fault] += number
        return counted
