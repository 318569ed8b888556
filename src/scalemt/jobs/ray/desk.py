"""The driver's side: what it answers to actors, and which chunks are in their hands."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from threading import Lock
from typing import Any

from scalemt.jobs.answers import LedgerJournal
from scalemt.jobs.crew import Work
from scalemt.jobs.leases import Chunk, Leases
from scalemt.jobs.settings import Settings
from scalemt.types import Completion

_KEYS = ("OPENAI_API_KEY", "DEEPL_API_KEY", "LIBRETRANSLATE_API_KEY")


class Desk:
    """Answers letters; called by the one thread that fetches them, asked about by the one that commits.

    Args:
        work: what the run gave.
        settings: what actors are to work by.
        journal: of the job's answers; None where nobody is asked.
    """

    def __init__(self, work: Work, settings: Settings, journal: LedgerJournal | None) -> None:
        self._work = work
        self._settings = settings
        self._journal = journal
        self._leases: Leases | None = None
        self._lock = Lock()
        self._taken: dict[int, tuple[Chunk, str]] = {}  # with the node that it is on
        self._engines: list[Any] = []
        self._reserved: dict[str, set[int]] = defaultdict(set)
        self._told: set[str] = set()
        self.closed = False
        self.greetings = 0  # engines that came since a chunk was begun the last time

    def answers(self) -> dict[str, Callable[..., Any]]:
        """Return what is called for each verb of a letter."""
        return {
            "hello": self._hello,
            "arrive": self._arrive,
            "note": self._note,
            "begin": self._begin,
            "retry": self._work.retries.take,
            "find": self._find,
            "reserve": self._reserve,
            "record": self._record,
            "release": self._release,
        }

    def open(self, leases: Leases) -> None:
        """Let chunks be begun."""
        self._leases = leases
        self.closed = False

    def finished(self, number: int) -> Chunk | None:
        """Take back a chunk whose result has come; None if it came before."""
        with self._lock:
            return self._taken.pop(number, (None, ""))[0]

    def forget(self) -> None:
        """Expect no result any more; what was begun keeps the suspicion of its lease."""
        with self._lock:
            self._taken.clear()
            self._engines.clear()

    def engines(self) -> list[Any]:
        """Return the engines of the round that have come, as actors."""
        with self._lock:
            return list(self._engines)

    def under_way(self, nodes: Container[str] | None = None) -> int:
        """Return how many chunks were begun, and no result has come: on some nodes, or on all."""
        with self._lock:
            return sum(nodes is None or node in nodes for _, node in self._taken.values())

    def _hello(self, role: str) -> dict[str, Any]:
        """Tell an actor what it works by; one that takes the place of a dead one frees what that had reserved."""
        for number in self._reserved.pop(role, ()):
            self._release(role, number)
        return {"settings": self._settings.as_json(), "environment": environment(self._settings)}

    def _arrive(self, engine: Any) -> None:
        self.greetings += 1
        with self._lock:
            self._engines.append(engine)

    def _note(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._work.watch.note(text)

    def _begin(self, number: int, node: str) -> bool:
        """Lease a chunk when the work on it begins on a node.

        So others may work beside, and a driver that dies leaves no suspicion on chunks that nobody had touched.
        """
        if self.closed or self._work.why() or self._leases is None:
            return False
        chunk = self._leases.take(number)
        if chunk is None:
            return False
        self.greetings = 0
        with self._lock:
            self._taken[number] = (chunk, node)
        return True

    def _find(self, keys: Sequence[bytes], bound: int) -> dict[bytes, Completion]:
        return self._journal.find(keys, bound) if self._journal else {}

    def _reserve(self, holder: str, tokens: int, prompt_tokens: int) -> int | None:
        number = self._journal.reserve(tokens, prompt_tokens) if self._journal else 0
        if number is not None:
            self._reserved[holder].add(number)
        return number

    def _record(self, holder: str, number: int, key: bytes, completion: Completion, bound: int) -> None:
        self._reserved[holder].discard(number)
        if self._journal:
            self._journal.record(number, key, completion, bound)

    def _release(self, holder: str, number: int, tries: int = 0) -> None:
        self._reserved[holder].discard(number)
        if self._journal:
            self._journal.release(number, tries)


def environment(settings: Settings) -> dict[str, str]:
    """Return what of this process's environment the job depends on: this program's settings, and keys."""
    tables = (*settings.configuration.specialists.values(), *settings.configuration.generalists.values())
    named = {str(value) for table in tables for key, value in table.items() if key.endswith("_env") and value}
    kept = {*named, *_KEYS}
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("SCALEMT_")}
