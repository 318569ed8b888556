"""The actors that work: engines, which hold the specialist, and generalists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Condition, Lock
from typing import Any

from scalemt.caching.codec import completion_key
from scalemt.engine import Engine
from scalemt.engine.backends import build_generalist
from scalemt.engine.running import Run
from scalemt.errors import LedgerError
from scalemt.generalists import ScoringGeneralist
from scalemt.jobs.journal import write_down
from scalemt.jobs.ray.library import load_ray
from scalemt.jobs.ray.llm_stage import COLUMNS, prompt_rows
from scalemt.jobs.ray.mailbox import Line
from scalemt.jobs.ray.portable import Fault, completions_out, pack
from scalemt.jobs.ray.proxies import (
    Described,
    RemoteGeneralist,
    RemoteJournal,
    RemoteRetries,
    RemoteScoringGeneralist,
    here,
    node_id,
    settle_in,
)
from scalemt.jobs.rows import segment_from_row
from scalemt.types import Completion, Decoding, Likelihood, Prompt, Segment


class EngineActor:
    """What Ray Data maps chunks with: an engine that is loaded once and called from one or several threads.

    Args:
        mailbox: leads to the driver.
        minds: the generalists, as actors; none where the method asks nobody.
        signature: what the job says translates; an engine that would translate otherwise touches no segment.
    """

    def __init__(self, mailbox: Any, minds: Sequence[Any], signature: str) -> None:
        self._line = Line(mailbox)
        self._fault: Fault | None = None
        self._node = node_id()
        self._identity = ""
        try:
            self._line.ask("arrive", load_ray().get_runtime_context().current_actor)
            self._run = self._loaded(minds, signature)
        except Exception as fault:
            # Raised here, Ray would start the actor anew, for ever: the first chunk tells of it instead.
            self._fault = Fault.of(fault)

    def __call__(self, table: Any) -> Any:
        """Translate the chunks of an Arrow table, one a row; see `shards`."""
        import pyarrow as pa

        numbers = table["chunk"].to_pylist()
        results = [self._result(*row) for row in zip(numbers, table["rows"].to_pylist(), strict=True)]
        kinds, payloads = [kind for kind, _ in results], [payload for _, payload in results]
        return pa.table({"chunk": numbers, "kind": kinds, "payload": pa.array(payloads, pa.large_binary())})

    def _loaded(self, minds: Sequence[Any], signature: str) -> Run:
        settings = settle_in(self._line, "engine")
        engine = Engine(
            settings.profile, settings.configuration, generalist=self._mind(minds), notice=self._notice
        )
        plan = engine.plan(settings.source, settings.target)
        if plan.signature != signature:
            raise LedgerError(
                f"On {here()} the job would be translated by other means: {plan.signature}, and it began with "
                f"{signature}. Give all nodes the same models and the same version of scalemt."
            )
        return engine.run(settings.source, settings.target)

    def _mind(self, minds: Sequence[Any]) -> RemoteGeneralist | None:
        if not minds:
            return None
        described = load_ray().get(minds[0].describe.remote())
        if isinstance(described, Fault):
            raise described.exception()
        self._identity = described.cache_key
        kind = RemoteScoringGeneralist if described.scores else RemoteGeneralist
        return kind(minds, described, RemoteRetries(self._line))

    def _notice(self, text: str) -> None:
        self._line.ask("note", text)

    def _result(self, number: int, rows: str) -> tuple[str, bytes]:
        """Translate one chunk, if the driver says that it is still to be done."""
        if self._fault:
            return "fault", _as_bytes(self._fault)
        try:
            if not self._line.ask("begin", number, self._node):
                return "skipped", b""
            segments = [segment_from_row(row) for row in json.loads(rows)]
            return "done", pack(self._translated(segments))
        except Exception as fault:
            return "fault", _as_bytes(Fault.of(fault))

    def _translated(self, segments: Sequence[Segment]) -> Any:
        return next(self._run.batches(iter([segments])))


class PromptActor(EngineActor):
    """What Ray Data maps chunks with to have their prompts: those that no answer is known to, one a row.

    Nothing is leased: a prompt that is answered twice is answered the same.
    """

    def __call__(self, table: Any) -> Any:
        """Return the prompts of the chunks of an Arrow table; see `llm_stage`."""
        if self._fault:
            raise self._fault.exception()
        rows: list[dict[str, Any]] = []
        for chunk in table["rows"].to_pylist():
            asked = self._run.prompts([segment_from_row(row) for row in json.loads(chunk)])
            rows += prompt_rows(self._line, self._identity, asked)
        return _prompt_table(rows)


def _prompt_table(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    return pa.Table.from_pylist(rows, pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()]))


class Room:
    """Lets calls in until so many requests are under way, and the next ones when there is room again.

    What is allowed and not yet answered counts against the limits of the job, and is lost if this process dies: it
    must not be more than keeps the server busy.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._changed = Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Wait for room for so many requests; one call alone always has it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + count <= self._most)
            self._taken += count
        try:
            yield
        finally:
            with self._changed:
                self._taken -= count
                self._changed.notify_all()


class GeneralistActor:
    """One generalist that writes down each answer as it arrives, for any number of engines at once.

    An engine that dies takes no answer with it: what it had asked is answered and written down here, and whoever
    asks the same meanwhile waits for that answer.
    """

    def __init__(self, mailbox: Any, number: int) -> None:
        self._lock = Lock()
        self._under_way: dict[bytes, Future[Completion]] = {}
        self._fault: Fault | None = None
        line = Line(mailbox)
        try:
            self._load(line, f"generalist {number}")
        except Exception as fault:
            self._fault = Fault.of(fault)

    def _load(self, line: Line, holder: str) -> None:
        settings = settle_in(line, holder)
        inner = build_generalist(settings.profile.generalist, settings.configuration, settings.profile)
        if hasattr(inner, "retries"):
            inner.retries = RemoteRetries(line)
        self._generalist = write_down(inner, RemoteJournal(line, holder))
        self._width = int(getattr(inner, "concurrency", 8)) if self._generalist.overlaps else 1
        self._room = Room(2 * self._width if self._generalist.overlaps else 1)

    def describe(self) -> Described | Fault:
        """Say what this generalist is."""
        if self._fault:
            return self._fault
        inner = self._generalist
        key = getattr(inner.inner, "cache_key", "") or inner.signature
        return Described(
            inner.name, inner.kind, inner.signature, key, inner.overlaps, isinstance(inner, ScoringGeneralist)
        )

    def complete(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Completion] | Fault:
        """Complete prompts, and wait for those that are being completed already."""
        if self._fault:
            return self._fault
        keys = [completion_key(str(decoding.max_tokens), prompt, decoding) for prompt in prompts]
        waited, own = self._divided(keys)
        try:
            asked = [prompts[keys.index(key)] for key in own]
            with self._room.taken(min(len(asked), self._width)):
                answers = self._generalist.complete(asked, decoding) if asked else []
            for key, answer in zip(own, answers, strict=True):
                own[key].set_result(answer)
            found = waited | own
            return completions_out([found[key].result() for key in keys])
        except BaseException as fault:
            for future in own.values():
                if not future.done():
                    future.set_exception(fault)
            return Fault.of(fault)
        finally:
            with self._lock:
                for key in own:
                    del self._under_way[key]

    def _divided(
        self, keys: Sequence[bytes]
    ) -> tuple[dict[bytes, Future[Completion]], dict[bytes, Future[Completion]]]:
        """Return the prompts that others are asking now, and those that are to be asked, by their keys."""
        with self._lock:
            waited = {key: self._under_way[key] for key in keys if key in self._under_way}
            own: dict[bytes, Future[Completion]] = {key: Future() for key in keys if key not in waited}
            self._under_way |= own
        return waited, own

    def score(self, prompts: Sequence[Prompt], continuations: Sequence[str]) -> list[Likelihood] | Fault:
        """The likelihood of `continuations[i]` after `prompts[i]`."""
        if self._fault:
            return self._fault
        try:
            with self._room.taken(1):
                found: list[Likelihood] = self._generalist.score(prompts, continuations)  # type: ignore[attr-defined]
                return found
        except Exception as fault:
            return Fault.of(fault)


def _as_bytes(fault: Fault) -> bytes:
    return json.dumps([fault.kind, fault.said]).encode("utf-8", "surrogatepass")
