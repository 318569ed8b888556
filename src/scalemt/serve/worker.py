"""A worker process: engines and models, doing what comes through a pipe.

Started by `crew.py` as `python -m scalemt.serve.worker FD`. It ends when the other end of the pipe goes, so that
no worker outlives its server.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from multiprocessing.connection import Connection
from threading import Lock, Thread
from typing import Any

from pydantic import ValidationError

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.engine.backends import build_generalist, build_specialists
from scalemt.errors import ConfigurationError
from scalemt.generalists import Generalist
from scalemt.memory import Match, Memories, Unit
from scalemt.memory.store import PairStats
from scalemt.methods import METHODS
from scalemt.serve.work import Cancel, Kind, Notice, Outcome, Setup, Task, Variant, portable, portable_translations
from scalemt.specialists import Specialist
from scalemt.specialists.road import through_pivot
from scalemt.types import Pair, Segment
from scalemt.workers import give_up

_MOST_ENGINES = 64  # variants that are kept planned; models are shared by all of them


class Backends:
    """Specialists and generalists, each built once, whatever number of profiles and variants names it.

    Args:
        setup: configuration, and threads.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._specialists: dict[tuple[str, ...], list[Specialist]] = {}
        self._generalists: dict[str, Generalist] = {}
        self._lock = Lock()

    def specialists(self, profile: Profile) -> list[Specialist]:
        """Return the specialists of a profile; in a list of several, those not installed are left out."""
        with self._lock:
            if profile.specialists not in self._specialists:
                chosen = _with_threads(profile, self._setup.threads)
                self._specialists[profile.specialists] = build_specialists(chosen, self._setup.configuration)
            return self._specialists[profile.specialists]

    def generalist(self, profile: Profile) -> Generalist:
        """Return the generalist of a profile."""
        with self._lock:
            if profile.generalist not in self._generalists:
                chosen = _with_threads(profile, self._setup.answering_threads)
                self._generalists[profile.generalist] = build_generalist(
                    profile.generalist, self._setup.configuration, chosen
                )
            return self._generalists[profile.generalist]


def _with_threads(profile: Profile, threads: int) -> Profile:
    return profile if profile.threads else profile.model_copy(update={"threads": threads})


class Desk:
    """Does tasks, by their name.

    Args:
        setup: what is served.
        notice: told once about each thing an operator should know.
    """

    def __init__(self, setup: Setup, notice: Callable[[str], None]) -> None:
        self._setup = setup
        self._notice = notice
        self._backends = Backends(setup)
        self._engines: OrderedDict[Variant, Engine] = OrderedDict()
        self._lock = Lock()

    def engine(self, variant: Variant) -> Engine:
        """Return the engine of a variant; the models are shared with all others.

        Raises:
            ConfigurationError: a change has a value that it cannot have.
        """
        with self._lock:
            engine = self._engines.get(variant)
            if engine is None:
                engine = self._engines[variant] = self._built(variant)
                while len(self._engines) > _MOST_ENGINES:
                    self._engines.popitem(last=False)
            self._engines.move_to_end(variant)
            return engine

    def _built(self, variant: Variant) -> Engine:
        profile = changed(self._setup.profiles[variant.profile], dict(variant.changes))
        asks = self._setup.answers and METHODS.load(profile.method).needs_generalist
        return Engine(
            profile,
            self._setup.configuration,
            specialists=self._backends.specialists(profile),
            generalist=self._backends.generalist(profile) if asks else None,
            notice=self._notice,
        )

    def translate(self, variant: Variant, pair: Pair, segments: Sequence[Segment]) -> Any:
        """Translate a batch."""
        (done,) = self.engine(variant).batches([segments], pair.source, pair.target)
        return portable_translations(done)

    def give_up(self, variant: Variant) -> None:
        """Have the backends of a variant give up what they are at."""
        assembly = self.engine(variant).assembly
        give_up(assembly.generalist)

    def pairs(self, variant: Variant) -> list[Pair]:
        """List what the specialists of a variant can draft, those first that need no third language."""
        specialists = self.engine(variant).assembly.specialists
        direct = [pair for item in specialists for pair in item.pairs()]
        return list(dict.fromkeys([*direct, *(pair for pair, _, _ in through_pivot(specialists))]))

    def warm(self, variant: Variant) -> None:
        """Load the models of the first pair that a variant drafts."""
        engine = self.engine(variant)
        for pair in self.pairs(variant)[:1]:
            list(engine.batches([[Segment("1")]], pair.source, pair.target))

    def plan(self, variant: Variant, pair: Pair) -> str:
        """Return the signature of what translates a pair; raises where nothing can."""
        return self.engine(variant).plan(pair.source, pair.target).signature

    def correct(self, variant: Variant, pair: Pair, text: str, translation: str, about: Mapping[str, str]) -> None:
        """Keep a correction."""
        self.engine(variant).correct(text, translation, pair.source, pair.target, **about)

    def matches(self, variant: Variant, pair: Pair, text: str, limit: int, floor: float) -> list[Match]:
        """Find what is like a text in the memories of a variant."""
        (found,) = self._memories(variant).search([Segment(text)], pair, limit, floor)
        return found

    def concordance(self, variant: Variant, pair: Pair | None, text: str, limit: int) -> list[Unit]:
        """Find what holds a text in the memories of a variant."""
        found = [
            unit for store in self._memories(variant).stores for unit in store.concordance(text, pair, limit=limit)
        ]
        return found[:limit]

    def memory_stats(self, variant: Variant) -> dict[str, list[PairStats]]:
        """Count the units of each memory of a variant."""
        return {store.path.name: store.stats() for store in self._memories(variant).stores}

    def _memories(self, variant: Variant) -> Memories:
        memories = self.engine(variant).assembly.knowledge.memories
        if memories is None:
            raise ConfigurationError(f"The profile {variant.profile} has no memory.")
        return memories


def changed(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """Return a profile with other values in some fields; which fields somebody set stays known.

    Raises:
        ConfigurationError: a value is not one that the field can have.
    """
    try:
        return Profile(**{**profile.model_dump(exclude_unset=True), "name": profile.name, **changes})
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        raise ConfigurationError(f"{fault['loc'][0]} is {fault['input']!r}: {fault['msg']}.") from None


class Worker:
    """Takes tasks off a pipe and puts their outcomes on it.

    Args:
        pipe: to the server.
        setup: what is served.
    """

    def __init__(self, pipe: Connection, setup: Setup) -> None:
        self._pipe = pipe
        self._sending = Lock()
        self._desk = Desk(setup, lambda text: self._send(Notice(text)))
        lanes: dict[Kind, int] = {"drafting": 1, "answering": setup.lanes, "asking": 2}
        self._pools = {kind: ThreadPoolExecutor(count, kind) for kind, count in lanes.items()}
        self._running: dict[int, Task] = {}
        self._given_up: set[int] = set()
        self._setup = setup

    def run(self) -> None:
        """Work until the server goes."""
        Thread(target=self._warm, daemon=True).start()
        while True:
            message = self._pipe.recv()
            if isinstance(message, Task):
                self._running[message.number] = message
                self._pools[message.kind].submit(self._do, message)
            elif isinstance(message, Cancel):
                Thread(target=self._cancel, args=(message.number,), daemon=True).start()

    def _warm(self) -> None:
        try:
            self._desk.warm(Variant.of(next(iter(self._setup.profiles)), method="draft"))
        except Exception as fault:
            self._send(Notice(f"Nothing could be drafted at the start: {portable(fault)}"))
        self._send(Notice(ready=True))

    def _do(self, task: Task) -> None:
        try:
            value = getattr(self._desk, task.name)(**task.arguments)
            outcome = Outcome(task.number, value)
        except CancelledError:
            outcome = Outcome(task.number, cancelled=True)
        except Exception as fault:
            cancelled = task.number in self._given_up
            outcome = Outcome(task.number, error=portable(fault, traceback.format_exc()), cancelled=cancelled)
        self._running.pop(task.number, None)
        self._given_up.discard(task.number)
        self._send(outcome)

    def _cancel(self, number: int) -> None:
        """Break off a task where that is possible: one that waits for a generalist."""
        task = self._running.get(number)
        if task is None or task.kind != "answering":
            return
        self._given_up.add(number)
        self._desk.give_up(task.arguments["variant"])

    def _send(self, message: object) -> None:
        with self._sending:
            try:
                self._pipe.send(message)
            except OSError:
                os._exit(0)  # nobody is left to be told


def main() -> None:
    """Serve the pipe whose descriptor is the first argument."""
    # Ctrl-C reaches the whole group of processes; the server decides when its workers go.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Connection(int(sys.argv[1]))
    try:
        Worker(pipe, pipe.recv()).run()
    except (EOFError, OSError):
        # Threads may be waiting for a generalist that never answers: they would keep the process.
        os._exit(0)


if __name__ == "__main__":
    main()
