"""The answers of a job's generalist in its ledger, and the limits of what it may spend."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from scalemt.errors import PausedError
from scalemt.jobs.ledger import Ledger
from scalemt.types import Completion, Thought

_COLUMNS = (
    "text, finish, bound, prompt_tokens, completion_tokens, cost, evaluated_tokens, accepted_tokens, thought"
)


@dataclass(frozen=True)
class Limits:
    """How much a job may take; None is no limit. They are not pinned: a later run may have others.

    Args:
        max_cost: in the currency of the generalist's prices, over the whole job.
        max_tokens: prompt and completion together, over the whole job.
        max_seconds: of this run.
        attempts: how often a segment is tried before it is given up.
        max_retries: tries after the first, of requests, answers and segments together, over the whole job; None
            allows a hundred, and one more for every fifth segment.
    """

    max_cost: float | None = None
    max_tokens: int | None = None
    max_seconds: float | None = None
    attempts: int = 3
    max_retries: int | None = None

    def retries(self, segments: int) -> int:
        """Return how many tries after the first a job of so many segments has."""
        return 100 + segments // 5 if self.max_retries is None else self.max_retries


@dataclass(frozen=True, slots=True)
class _Reserved:
    tokens: int
    cost: float


class LedgerJournal:
    """Writes answers into a ledger and keeps the job within its limits, whatever is under way.

    A request is allowed only if all that is spent, all that is under way at its most, and the most that it could
    take itself stay within the limits: so they are never exceeded by this process.

    Args:
        ledger: of the job.
        limits: what it may spend.
        prices: of a million tokens of prompts and of answers.
        stopped: asked before each request: a reason not to send it, or "".
    """

    def __init__(
        self,
        ledger: Ledger,
        limits: Limits,
        prices: tuple[float, float] = (0.0, 0.0),
        stopped: Callable[[], str] = lambda: "",
    ) -> None:
        self._ledger = ledger
        self._limits = limits
        self._prices = prices
        self._stopped = stopped
        self._lock = Lock()
        self._number = 0
        self._under_way: dict[int, _Reserved] = {}

    def find(self, keys: Sequence[bytes], bound: int) -> dict[bytes, Completion]:
        """Return the answers that are known and hold under another bound; see `Journal.find`."""
        rows = self._ledger.among(f"SELECT key, {_COLUMNS} FROM answers WHERE key", keys)  # noqa: S608
        found = {row[0]: (row[3], _completion(row[1:])) for row in rows}
        return {key: answer for key, (given, answer) in found.items() if _holds(answer, given, bound)}

    def reserve(self, tokens: int, prompt_tokens: int) -> int | None:
        """Allow one request; see `Journal.reserve`."""
        if why := self._stopped():
            raise PausedError(why)
        most = _Reserved(tokens, self._cost(prompt_tokens, tokens - prompt_tokens))
        with self._lock:
            limited = self._limits.max_tokens is not None or self._limits.max_cost is not None
            refusal = self._refusal(most) if limited else ""
            if refusal and self._under_way:
                return None  # they will hardly take as much as they might
            if refusal:
                raise PausedError(refusal)
            self._number += 1
            self._under_way[self._number] = most
            return self._number

    def record(self, number: int, key: bytes, completion: Completion, bound: int) -> None:
        """Write down an answer; see `Journal.record`."""
        row = (
            key,
            completion.text,
            completion.finish_reason,
            bound,
            completion.prompt_tokens,
            completion.completion_tokens,
            completion.cost,
            completion.evaluated_tokens,
            completion.accepted_tokens,
            _thought_row(completion.thought),
        )
        usage = completion.usage
        spent = {
            "calls": usage.calls,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "thinking_tokens": usage.thinking_tokens,
            "cost": usage.cost or self._cost(usage.prompt_tokens, usage.completion_tokens),
        }
        with self._lock, self._ledger.writing() as file:
            file.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            self._ledger.tally(spent)
            self._under_way.pop(number, None)

    def release(self, number: int, tries: int = 0) -> None:
        """Say that a request came to nothing; see `Journal.release`."""
        with self._lock:
            most = self._under_way.pop(number, None)
            if most and tries:
                # Nobody knows how far the server came: the limits take it that all was done each time.
                self._ledger.tally({"lost_tokens": tries * most.tokens, "lost_cost": tries * most.cost})

    def _cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self._prices[0] + completion_tokens * self._prices[1]) / 1e6

    def _refusal(self, most: _Reserved) -> str:
        """Return why a request could exceed a limit, or ""."""
        spent = self._ledger.tallies()
        under_way = self._under_way.values()
        tokens = sum(spent.get(name, 0.0) for name in ("prompt_tokens", "completion_tokens", "lost_tokens"))
        cost = spent.get("cost", 0.0) + spent.get("lost_cost", 0.0)
        limits = self._limits
        if limits.max_tokens is not None:
            left = limits.max_tokens - tokens - sum(item.tokens for item in under_way)
            if most.tokens > left:
                return (
                    f"The limit of {limits.max_tokens:,} tokens is reached: {tokens:,.0f} are spent, and the next "
                    f"request could take {most.tokens:,}. Resume with a higher --max-tokens."
                )
        if limits.max_cost is not None and most.cost > limits.max_cost - cost - sum(
            item.cost for item in under_way
        ):
            return (
                f"The limit of {limits.max_cost:g} in cost is reached: {cost:.4f} is spent, and the next request "
                f"could take {most.cost:.4f}. Resume with a higher --max-cost."
            )
        return ""


class Deadline:
    """The end of the time that a run may take."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def reached(self) -> str:
        """Why the run must end, or ""."""
        if self._end is None or time.monotonic() < self._end:
            return ""
        return f"The time of this run is over ({self._seconds:g} s). Resume the job for another such time."


def _holds(answer: Completion, bound: int, asked: int) -> bool:
    """Whether an answer under one bound of tokens would be the same under another."""
    if bound == asked:
        return True
    if answer.finish_reason == "length":
        return asked <= bound
    return asked >= bound or 0 < answer.answer_tokens < asked


def _completion(row: Sequence[Any]) -> Completion:
    text, finish, _, prompt_tokens, completion_tokens, cost, evaluated, accepted, thought = row
    return Completion(
        text,
        finish,
        prompt_tokens,
        completion_tokens,
        cost,
        evaluated_tokens=evaluated,
        accepted_tokens=accepted,
        thought=Thought(*json.loads(thought)) if thought else None,
    )


def _thought_row(thought: Thought | None) -> str | None:
    if thought is None:
        return None
    return json.dumps([thought.text, thought.tokens, thought.end, thought.waited], ensure_ascii=False)
