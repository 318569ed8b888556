"""Translate what is not yet in the ledgers: every arm on every test set, in batches, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from scalemt.engine import Engine
from scalemt.engine.assembly import Plan
from scalemt.errors import BackendError, UsageError
from scalemt.evaluation.bench.arms import Arm, first
from scalemt.evaluation.bench.backends import Backends, deciding, warm_up
from scalemt.evaluation.bench.ledger import Ledger, fell_back, file_name, segment_key
from scalemt.evaluation.leakage import in_memories, in_pool
from scalemt.evaluation.systems import TestSet
from scalemt.translations import as_json
from scalemt.types import Pair, Segment, Translation

State = Literal["ready", "done", "not applicable", "failed"]


class Watcher(Protocol):
    """Told how a run goes on."""

    def start(self, total: int, finished: int) -> None:
        """Called once, with the number of segments of all tasks, and how many of them were done before."""

    def task(self, arm: str, test_set: str, pending: int) -> None:
        """Called as each task with something to do begins."""

    def advance(self, count: int) -> None:
        """Called as segments are done."""


class Silent:
    """Watches nothing."""

    def start(self, total: int, finished: int) -> None:
        """Do nothing."""

    def task(self, arm: str, test_set: str, pending: int) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""


@dataclass
class Task:
    """One arm on one test set.

    `rows` holds a row of the ledger for each segment that is finished, by its place; `reason` says why the arm is
    not applicable or failed. `fresh` counts the segments that this run translated.
    """

    arm: Arm
    test_set: TestSet
    pair: Pair
    state: State = "ready"
    reason: str = ""
    engine: Engine | None = None
    plan: Plan | None = None
    ledger: Ledger | None = None
    keys: list[str] = field(default_factory=list)
    rows: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    fresh: int = 0

    @property
    def pending(self) -> list[int]:
        """The places of the segments that are still to be translated."""
        if self.state != "ready":
            return []
        return [place for place in range(len(self.test_set)) if place not in self.rows]

    def stop(self, state: State, reason: Exception) -> None:
        """Give the task up and say why."""
        self.state, self.reason = state, str(reason)
        if state == "not applicable":
            self.rows = {}  # what another arm of the same configuration has is not this one's


@dataclass(frozen=True)
class Bench:
    """What is run and where its results are kept.

    Args:
        folder: holds the ledgers.
        limit: only the first segments of each set; None is all.
        retry_failed: translate again the segments where an earlier run failed, or its generalist did.
        notice: told what a user should know.
    """

    folder: Path
    backends: Backends
    limit: int | None = None
    retry_failed: bool = False
    notice: Callable[[str], None] = field(default=lambda _: None)

    def prepare(self, arms: Sequence[Arm], sets: Sequence[TestSet]) -> list[Task]:
        """Return one task an arm and set, with what earlier runs finished; nothing is translated.

        An arm that cannot be assembled for a pair is not applicable; the others are not held up by it.
        """
        ledgers: dict[tuple[str, str], Ledger] = {}
        return [self._task(arm, test_set, ledgers) for test_set in sets for arm in arms]

    def _task(self, arm: Arm, whole: TestSet, ledgers: dict[tuple[str, str], Ledger]) -> Task:
        test_set = first(whole, self.limit)
        assert test_set.pair  # noqa: S101  # `read_set` gives each its pair
        task = Task(arm, test_set, test_set.pair)
        try:
            task.engine = self.backends.engine(arm, task.pair, whole.sources)
            task.plan = task.engine.plan(*task.pair)
            self._warn_of_leaks(task)
        except UsageError as error:
            task.stop("not applicable", error)
            return task
        except BackendError as error:
            task.stop("failed", error)
            return task
        base = deciding(arm.profile, task.plan)
        if (test_set.name, base) not in ledgers:
            # Arms that come to the same thing share a ledger: nothing is translated twice for another name.
            ledgers[test_set.name, base] = self._ledger(test_set.name, arm.name)
        task.ledger = ledgers[test_set.name, base]
        texts = zip(test_set.ids, test_set.sources, strict=True)
        task.keys = [segment_key(base, identity, text) for identity, text in texts]
        self._recall(task)
        return task

    def _warn_of_leaks(self, task: Task) -> None:
        """Say where the test set is in the memories or among the demonstrations that the arm uses."""
        assert task.engine  # noqa: S101  # the caller has made it
        assert task.plan  # noqa: S101
        selector, memories = task.plan.kit.selector, task.engine.assembly.knowledge.memories
        found = in_memories(task.test_set, memories.uses, task.pair) if memories else []
        pool = in_pool(task.test_set, selector.pool, "its demonstrations") if selector else None
        for overlap in (*found, *([pool] if pool else [])):
            self.notice(f"{task.arm.name} on {task.test_set.name}: {overlap.warning()}")

    def _ledger(self, test_set: str, arm: str) -> Ledger:
        ledger = Ledger(self.folder / "ledgers" / f"{file_name(test_set, arm)}.jsonl")
        for note in ledger.notes:
            self.notice(note)
        return ledger

    def _recall(self, task: Task) -> None:
        assert task.ledger  # noqa: S101
        for place, key in enumerate(task.keys):
            row = task.ledger.find(key)
            if row is not None and not (self.retry_failed and _lacking(row) and key not in task.ledger.fresh):
                task.rows[place] = row

    def run(self, tasks: Sequence[Task], watcher: Watcher | None = None) -> None:
        """Translate what is pending; each batch is on the disk before the next begins.

        A fault of a backend ends its own task, what was done until then stays; the next task goes on.
        """
        watcher = watcher or Silent()
        open_tasks = [task for task in tasks if task.state == "ready"]
        watcher.start(sum(len(task.test_set) for task in open_tasks), sum(len(task.rows) for task in open_tasks))
        for task in open_tasks:
            before = len(task.rows)
            self._recall(task)  # another task with the same ledger may have done it meanwhile
            watcher.advance(len(task.rows) - before)
            try:
                self._finish(task, watcher)
            except UsageError as error:
                task.stop("not applicable", error)
            except BackendError as error:
                task.stop("failed", error)

    def _finish(self, task: Task, watcher: Watcher) -> None:
        assert task.engine  # noqa: S101
        assert task.plan  # noqa: S101
        assert task.ledger  # noqa: S101
        pending = task.pending
        if pending:
            watcher.task(task.arm.name, task.test_set.name, len(pending))
            filled = [task.test_set.sources[place] for place in pending if task.test_set.sources[place].strip()]
            if filled:
                warm_up(task.plan, min(filled, key=len))
        for batch, done in _translated(task, pending):
            rows = [(task.keys[i], as_json(item)) for i, item in zip(batch, done, strict=True)]
            task.ledger.append(rows, len(batch))
            task.rows |= {i: task.ledger.find(task.keys[i]) or {} for i in batch}
            task.fresh += len(batch)
            watcher.advance(len(batch))
        task.state = "done"


def _translated(task: Task, pending: Sequence[int]) -> Iterator[tuple[Sequence[int], list[Translation]]]:
    """Yield batches of places with their translations."""
    assert task.engine  # noqa: S101
    segments = {place: Segment(task.test_set.sources[place], task.test_set.ids[place]) for place in pending}
    # The account of a budget belongs to a run: batch by batch it would be opened anew, and each rounded down.
    whole = task.arm.profile.budget < 1
    stream = task.engine.stream(list(segments.values()), *task.pair) if whole else iter(())
    for batch in _batches(pending, task.arm.profile.batch):
        if whole:
            yield batch, list(islice(stream, len(batch)))
        else:
            yield batch, task.engine.translate([segments[place] for place in batch], *task.pair)


def _lacking(row: Mapping[str, Any]) -> bool:
    """Whether a segment failed, or the generalist did and something else stands in for its answer."""
    return bool(row.get("error")) or fell_back(row)


def _batches(places: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), size):
        yield places[start : start + size]
