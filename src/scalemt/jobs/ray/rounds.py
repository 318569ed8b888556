"""One round on the cluster: Ray Data reads the shards, maps them with engines, and the results stream back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from scalemt.jobs.ray.actors import EngineActor
from scalemt.jobs.ray.library import load_ray
from scalemt.jobs.ray.shards import Shards

_AHEAD = 16  # results that wait to be committed; beyond that, Ray holds them back
_POLL = 0.2  # seconds


@dataclass(frozen=True)
class Pool:
    """The engines of a round.

    Args:
        size: how many.
        threads: of each, and as many logical CPUs.
        at_once: chunks that one works on at a time: while a generalist answers one, the next one is drafted.
        gpus: of each.
        arguments: of `EngineActor`.
    """

    size: int
    threads: int
    at_once: int
    gpus: float
    arguments: tuple[Any, ...]


def mapped(shards: Shards, pool: Pool, node: str, kind: type[EngineActor] = EngineActor) -> Any:
    """Return the data set of what engines make of chunks; nothing is done before it is iterated."""
    ray = load_ray()
    from ray.data import ActorPoolStrategy

    # Reading needs no core of its own: where engines hold all of them, it would wait for ever.
    where = {"label_selector": {"ray.io/node-id": node}} if shards.local else {}
    read = ray.data.read_parquet(shards.folder, filesystem=shards.filesystem, num_cpus=0, **where)
    return read.map_batches(
        kind,
        fn_constructor_args=pool.arguments,
        batch_size=1,
        batch_format="pyarrow",
        zero_copy_batch=True,
        num_cpus=pool.threads,
        num_gpus=pool.gpus or None,
        compute=ActorPoolStrategy(
            size=pool.size,
            # One more than it works on: it never waits for the next.
            max_tasks_in_flight_per_actor=pool.at_once + 1,
            max_concurrent_calls_per_actor=pool.at_once,
            enable_true_multi_threading=pool.at_once > 1,
        ),
    )


@dataclass(frozen=True)
class Answered:
    """The result of one chunk: "done" with its translations, "fault" with what was raised, or "skipped"."""

    number: int
    kind: str
    payload: bytes


class Stream:
    """Iterates a data set in a thread of its own, so that whoever waits for results hears signals meanwhile.

    `fault` is what ended it early.
    """

    def __init__(self, shards: Shards, pool: Pool, node: str) -> None:
        self._made = (shards, pool, node)
        self._found: Queue[Answered | None] = Queue(_AHEAD)
        self._over = Event()
        self.fault: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def results(self) -> Iterator[Answered | None]:
        """Yield results as they come, and None now and then while none comes."""
        while True:
            try:
                found = self._found.get(timeout=_POLL)
            except Empty:
                yield None
                continue
            if found is None:
                return
            yield found

    def is_ended(self, patience: float) -> bool:
        """Want no more, and wait a while for Ray to take its actors down; return whether it has."""
        self._over.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for table in _tables(*self._made):
                for row in table.to_pylist():
                    self._put(Answered(row["chunk"], row["kind"], row["payload"]))
                if self._over.is_set():
                    break
        except BaseException as fault:
            self.fault = fault
        self._put(None)

    def _put(self, item: Answered | None) -> None:
        while not self._over.is_set():
            with suppress(Full):
                self._found.put(item, timeout=_POLL)
                return


def _tables(shards: Shards, pool: Pool, node: str) -> Iterator[Any]:
    with fine_grained():
        yield from mapped(shards, pool, node).iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=1
        )


@contextmanager
def fine_grained() -> Iterator[None]:
    """Have data sets that are made within made of blocks of one row.

    Each chunk is a task of its own then, comes back when it is done, and is lost alone.
    """
    from ray.data import DataContext

    context = DataContext.get_current().copy()
    context.target_max_block_size = 1
    # The reader that is the default since Ray 2.5x lists files in tasks that ask for a whole core, and engines may
    # hold them all.
    if hasattr(context, "use_datasource_v2"):
        context.use_datasource_v2 = False
    with DataContext.current(context):
        yield
