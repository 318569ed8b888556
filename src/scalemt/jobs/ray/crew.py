"""A crew on a cluster: engines and generalists are actors, and this process commits what they give.

Sources: https://docs.ray.io/en/latest/data/transforming-data.html (stateful transforms),
https://docs.ray.io/en/latest/ray-core/fault_tolerance/actors.html.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from scalemt.config import Profile
from scalemt.engine.backends import build_generalist
from scalemt.errors import BackendError, ConfigurationError, PausedError, ScalemtError
from scalemt.jobs.answers import LedgerJournal
from scalemt.jobs.crew import Crew, Work, blame, write_results
from scalemt.jobs.leases import Leases
from scalemt.jobs.ray.actors import GeneralistActor, PromptActor
from scalemt.jobs.ray.cluster import Options, join
from scalemt.jobs.ray.desk import Desk
from scalemt.jobs.ray.library import load_ray
from scalemt.jobs.ray.llm_stage import Processor, answer_ahead, vllm_processor
from scalemt.jobs.ray.mailbox import Postman, beside, open_mailbox
from scalemt.jobs.ray.portable import Fault, unpack
from scalemt.jobs.ray.rounds import Answered, Pool, Stream, fine_grained, mapped
from scalemt.jobs.ray.shards import Shards, remove_strays, write_shards
from scalemt.jobs.settings import Settings
from scalemt.jobs.verdicts import Verdicts
from scalemt.jobs.working import Worker

_AT_ONCE = 3  # chunks that an engine works on while a generalist answers
_MOST_CALLS = 256  # of engines to one generalist at a time
_FRUITLESS = 3  # rounds in a row that Ray gave up and that brought nothing
_SLOW_START = 30.0  # seconds without a result before a user is told what may be the matter
_LOOK_EVERY = 2.0  # seconds between two looks at the nodes
_LAST_WORDS = 4.0  # seconds for Ray to end a round


def on_ray(options: Options, processor: Processor | None = None) -> Callable[[Work], Crew]:
    """Return what makes a crew on Ray, for `Runner`; see `RayCrew`."""
    return partial(RayCrew, options=options, processor=processor)


class RayCrew:
    """Engines on a cluster; see `Crew`.

    Args:
        work: what the run gives.
        options: which cluster, and how it is used.
        processor: answers all prompts of a round before the engines ask; see `llm_stage`.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigurationError: the cluster cannot be used, or the job cannot be divided.
    """

    def __init__(self, work: Work, options: Options, processor: Processor | None = None) -> None:
        settings = work.ledger.settings
        if settings.profile.context:
            raise ConfigurationError(
                "The prompts of this job show what was translated before (context), so that its chunks go one "
                "after the other: leave out --on, or begin the job with --context 0."
            )
        if settings.helpers:
            raise ConfigurationError(
                f"The method {settings.profile.method} asks others too ({', '.join(settings.helpers)}), "
                "whose answers a cluster neither counts nor writes down: leave out --on."
            )
        if options.llm_stage and not settings.asks:
            method = settings.profile.method
            raise ConfigurationError(f"The method {method} sends no prompts: leave out --llm-stage.")
        self._work, self._options = work, options
        self._journal: LedgerJournal | None = None
        self._worker = Worker(settings, self._kept_journal, work.retries, work.watch.note)
        self._processor = processor
        self._fruitless = self._busy = 0
        self._seen = self._hurried = False
        self._cluster = join(options.address)
        self._postman: Postman | None = None
        try:
            self._prepare(settings)
        except BaseException:
            self.close()
            raise

    @property
    def signature(self) -> str:
        """One line that says what translates; see `Crew.signature`."""
        return self._worker.signature

    def hurry(self) -> None:
        """Wait for nothing: closing ends the actors, and answers under way with them."""
        self._hurried = True

    def close(self) -> None:
        """End the actors, and leave the cluster."""
        if self._postman:
            self._postman.end()
        for actor in getattr(self, "_actors", ()):
            _kill(actor)
        self._cluster.close()

    def round(self, leases: Leases, verdicts: Verdicts) -> bool:
        """Put all that is to be done through the cluster once; see `Crew.round`."""
        folder = self._work.ledger.place
        shards = write_shards(leases, folder, self._options.shards)
        if not shards.chunks:
            return False
        try:
            self._pool = self._fitting()
            self._desk.open(leases)
            if self._processor and self._journal:
                self._answer_ahead(shards, self._processor, self._journal)
            self._through(shards, leases, verdicts)
        finally:
            self._desk.closed = True
            shards.remove()
            remove_strays(self._work.ledger)
        return True

    def _kept_journal(self, prices: tuple[float, float]) -> LedgerJournal:
        self._journal = self._work.journal(prices)
        return self._journal

    def _prepare(self, settings: Settings) -> None:
        """Start all actors but the engines, which each round starts anew."""
        threads = settings.profile.threads or 1
        given = {name: getattr(settings.profile, name) for name in settings.profile.explicit}
        settings = replace(settings, profile=Profile.model_validate({**given, "threads": threads}))
        self._desk = Desk(self._work, settings, self._journal)
        mailbox = open_mailbox(self._cluster.node)
        self._actors: list[Any] = [mailbox]
        self._postman = Postman(mailbox, self._work.ledger, self._desk.answers())
        minds = self._minds(mailbox, settings) if settings.asks else ()
        at_once = _AT_ONCE if settings.asks else 1
        self._pool = Pool(1, threads, at_once, self._options.actor_gpus, (mailbox, minds, self.signature))

    def _fitting(self) -> Pool:
        """Return the pool that a round begins with: as many engines as are wanted, and have room now.

        Raises:
            ConfigurationError: not one has.
        """
        room = self._room()
        if not room:
            gpus = f" and {self._pool.gpus:g} GPUs" if self._pool.gpus else ""
            raise ConfigurationError(
                f"No node of the cluster has {self._pool.threads} logical CPUs{gpus} for an engine. Give less "
                "--threads or --actor-gpus, or start nodes with more."
            )
        return replace(self._pool, size=min(self._options.actors or room, room))

    def _room(self) -> int:
        return self._cluster.room(self._pool.threads, self._pool.gpus, self._busy)

    def _minds(self, mailbox: Any, settings: Settings) -> tuple[Any, ...]:
        """Start the generalists; engines ask them what they are.

        One that only waits for a server stands beside the driver: then no other node takes its calls along.
        """
        ray = load_ray()
        inner = build_generalist(settings.profile.generalist, settings.configuration, settings.profile)
        # One that computes in its own process is told how many threads it may have.
        computes = "threads" in inspect.signature(type(inner)).parameters
        cores = settings.profile.threads if computes else 0
        kind = ray.remote(GeneralistActor).options(
            num_cpus=cores,
            max_concurrency=_MOST_CALLS,
            max_restarts=-1,
            max_task_retries=-1,
            scheduling_strategy="DEFAULT" if cores else beside(self._cluster.node),
        )
        actors = tuple(kind.remote(mailbox, number) for number in range(self._options.generalist_actors))
        self._actors += actors
        self._busy = cores * len(actors)
        if self._options.llm_stage:
            # Two models would answer under one name.
            self._work.ledger.pin("llm_stage", self._options.llm_stage, "What answers prompts ahead")
            self._processor = vllm_processor(self._options.llm_stage, inner.kind)
        return actors

    def _answer_ahead(self, shards: Shards, processor: Processor, journal: LedgerJournal) -> None:
        # Half of the engines' cores are left to the processor: holding them all, they would wait for each other.
        pool = replace(self._pool, size=max(1, self._pool.size // 2), at_once=1)
        with fine_grained():
            prompts = mapped(shards, pool, self._cluster.node, PromptActor)
            count = answer_ahead(prompts, processor, journal, self._work.why)
        self._work.watch.note(f"{count:,} prompts were answered ahead.")

    def _through(self, shards: Shards, leases: Leases, verdicts: Verdicts) -> None:
        stream = Stream(shards, self._pool, self._cluster.node)
        stopped: Exception | None = None
        health = _Health(self._cluster.nodes)
        fruits = 0
        try:
            for item in stream.results():
                if health.is_due():
                    self._look(health)
                if item is not None:
                    self._seen = True
                    try:
                        fruits += self._settle(item, leases, verdicts)
                    except ScalemtError as fault:
                        # Others are still at work: what they have begun is finished first.
                        stopped = stopped or fault
                        self._desk.closed = True
                if (stopped or self._desk.closed or self._work.why()) and not self._desk.under_way(health.nodes):
                    break
        finally:
            self._end(stream)
        if stopped:
            raise stopped
        if stream.fault:
            self._failed(stream.fault, fruits)

    def _end(self, stream: Stream) -> None:
        """End a round; engines that Ray keeps for tasks that cannot go on would take the room of the next ones."""
        if not stream.is_ended(0 if self._hurried else _LAST_WORDS):
            for engine in self._desk.engines():
                _kill(engine)
            stream.is_ended(0 if self._hurried else _LAST_WORDS)
        self._desk.forget()

    def _settle(self, item: Answered, leases: Leases, verdicts: Verdicts) -> int:
        """Commit the result of one chunk, and return how many segments it brought."""
        chunk = self._desk.finished(item.number)
        fault = Fault(*json.loads(item.payload)).exception() if item.kind == "fault" else None
        if fault and (chunk is None or not _of_segments(fault)):
            if chunk:
                leases.give_back(chunk)
            raise fault
        if chunk is None or item.kind == "skipped":
            return 0
        if fault:
            blame(self._work, chunk, fault, leases, verdicts)
        else:
            write_results(self._work, chunk, unpack(item.payload), leases, verdicts)
        self._work.watch.tick(len(chunk.rows))
        self._work.watch.written()
        return len(chunk.rows)

    def _look(self, health: _Health) -> None:
        """See whether the cluster is still of use, and whether all engines of the round have room on it.

        Raises:
            PausedError: it is of no use any more.
        """
        if self._postman and self._postman.fault:
            raise PausedError(f"The cluster is out of reach: {_told(self._postman.fault)}")
        if self._desk.greetings > 3 * self._pool.size + 3:
            raise PausedError(
                f"{self._desk.greetings} engines ended one after the other before they began with a chunk. Look "
                "into the logs of Ray; often the memory of a node does not hold so many: give fewer --actors."
            )
        health.look()
        if not self._desk.closed and self._room() < self._pool.size:
            # An engine that has no room waits for it, and Ray keeps what it had begun waiting with it.
            self._desk.closed = True
            self._work.watch.note("Nodes of the cluster are gone: the work goes on with fewer engines.")
        if not self._seen and health.seconds > _SLOW_START:
            self._seen = True
            self._work.watch.note(
                f"No engine has given a result yet. {self._pool.size} engines of {self._pool.threads} CPUs each "
                "are asked for: if the cluster is busy with other work, they wait for it."
            )

    def _failed(self, fault: BaseException, fruits: int) -> None:
        """Begin another round after one that Ray gave up; chunks in hand keep the suspicion of this lease.

        Raises:
            ConfigurationError: the shards cannot be read.
            PausedError: it does not help.
        """
        cause = getattr(fault, "cause", None) or fault.__cause__ or fault
        if isinstance(fault, OSError) or isinstance(cause, OSError):
            raise ConfigurationError(
                f"A node of the cluster cannot read the chunks: {_told(cause)}. Give a folder or URI that all "
                "nodes see with --shards."
            )
        self._fruitless = 0 if fruits else self._fruitless + 1
        if self._fruitless >= _FRUITLESS:
            raise PausedError(f"Ray gave up {_FRUITLESS} times, and nothing was done between: {_told(fault)}")
        self._work.watch.note(f"Ray gave up a round, another one begins: {_told(fault)}")


class _Health:
    """Which nodes are alive, as far as was seen the last time; `nodes` is None before the first look."""

    def __init__(self, nodes: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        self._nodes = nodes
        self._began = self._last = time.monotonic()
        self.nodes: set[str] | None = None

    @property
    def seconds(self) -> float:
        """How long this goes on."""
        return time.monotonic() - self._began

    def is_due(self) -> bool:
        """Whether it is time for another look."""
        if time.monotonic() - self._last < _LOOK_EVERY:
            return False
        self._last = time.monotonic()
        return True

    def look(self) -> None:
        """Ask Ray."""
        self.nodes = {str(node["NodeID"]) for node in self._nodes()}


def _of_segments(fault: Exception) -> bool:
    """Whether a fault may lie in the segments of a chunk, so that the others can go on."""
    return isinstance(fault, BackendError) or not isinstance(fault, ScalemtError)


def _told(fault: BaseException) -> str:
    """Return the gist of what Ray says, which is often a page of traceback: its last line that says something."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return (lines[-1] if lines else type(fault).__name__)[:300]


def _kill(actor: Any) -> None:
    ray = load_ray()

    try:
        ray.kill(actor)
    except Exception:  # it is gone already, or the cluster is
        return
