"""How far a job is, from the counts in its ledger: cheap enough to be asked every second, from any process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scalemt.jobs.ledger import Ledger
from scalemt.jobs.processes import is_alive


@dataclass(frozen=True)
class Status:
    """One look at a job.

    Args:
        state: that of the ledger, or "interrupted" where it should be worked on and no process does.
        reason: why it is in that state.
        files: how many there are, and `read` how many of them have been read.
        segments: different ones, as far as the files have been read; `repeated` says how many more there are.
        done, failed: of them.
        fallbacks: of those that are done, how many have another candidate because the generalist failed.
        origins: how many translations came from which candidate.
        calls, tokens, cost: of the generalist.
        lost_tokens: what tries that timed out may have taken at most; limits count it as spent.
        runners: processes at work.
        judged: how many judgements there are.
    """

    state: str
    reason: str
    files: int
    read: int
    segments: int
    repeated: int
    done: int
    failed: int
    fallbacks: int
    origins: dict[str, int]
    calls: int
    tokens: int
    cost: float
    lost_tokens: int
    runners: int
    judged: int

    @property
    def waiting(self) -> int:
        """Segments that are neither done nor failed."""
        return self.segments - self.done - self.failed

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {**self.__dict__, "waiting": self.waiting, "cost": round(self.cost, 6)}


@dataclass(frozen=True)
class Failure:
    """A segment that failed: its file, its name there, its text, and why."""

    file: str
    name: str
    source: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return the object that `--json` prints."""
        return {"file": self.file, "id": self.name, "source": self.source, "reason": self.reason}


def failures(ledger: Ledger) -> Iterator[Failure]:
    """Yield the segments that failed, in their order; of one that is repeated, where it stands first."""
    position = 0
    while True:
        rows = ledger.rows(
            "SELECT s.id, i.name, json_extract(s.segment, '$[1]'), json_extract(s.segment, '$[0]'), s.reason "
            "FROM segments s JOIN inputs i ON i.id = s.input WHERE s.state = 'failed' AND s.id > ? "
            "ORDER BY s.id LIMIT 500",
            (position,),
        )
        if not rows:
            return
        for number, name, *told in rows:
            position = number
            yield Failure(os.fsdecode(name), *told)


def status_of(ledger: Ledger) -> Status:
    """Return how far a job is.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    counts = ledger.tallies()
    runners = sum(is_alive(*row) for row in ledger.rows("SELECT host, process, born, beat FROM runners"))
    state: str = ledger.state
    if state in ("reading", "running") and not runners:
        state = "interrupted"
    files, read, places = ledger.rows("SELECT COUNT(*), COUNT(segments), COALESCE(SUM(segments), 0) FROM inputs")[
        0
    ]
    # Until all is read the rows themselves tell how far that is.
    segments = int(counts.get("segments", 0)) or ledger.rows("SELECT COALESCE(MAX(id), 0) FROM segments")[0][0]
    return Status(
        state=state,
        reason=ledger.get("reason", ""),
        files=files,
        read=read,
        segments=segments,
        repeated=places - segments if files == read else 0,
        done=int(counts.get("done", 0)),
        failed=int(counts.get("failed", 0)),
        fallbacks=int(counts.get("fallbacks", 0)),
        origins={
            name.removeprefix("origin "): int(count)
            for name, count in counts.items()
            if name.startswith("origin ")
        },
        calls=int(counts.get("calls", 0)),
        tokens=int(counts.get("prompt_tokens", 0) + counts.get("completion_tokens", 0)),
        cost=counts.get("cost", 0.0),
        lost_tokens=int(counts.get("lost_tokens", 0)),
        runners=runners,
        judged=int(counts.get("judged", 0)),
    )
