"""What the generalists that send requests share: the budget of a run, and order under concurrency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeVar

from scalemt.errors import BudgetError
from scalemt.generalists.base import Progress
from scalemt.types import Prompt

T = TypeVar("T")
R = TypeVar("R")


class Budget:
    """The tokens and the money that one run may spend; safe to share between threads.

    Args:
        max_tokens: prompt and completion tokens together; None is no limit.
        max_cost: in the currency of the prices; None is no limit.

    It is asked before a request and told after it, so requests that are already under way when it runs out
    (at most one per worker) are still paid for.
    """

    def __init__(self, max_tokens: int | None = None, max_cost: float | None = None) -> None:
        self.max_tokens = max_tokens
        self.max_cost = max_cost
        self._tokens = 0
        self._cost = 0.0
        self._lock = Lock()

    @property
    def tokens(self) -> int:
        """Tokens spent so far."""
        return self._tokens

    @property
    def cost(self) -> float:
        """Money spent so far."""
        return self._cost

    def spend(self, tokens: int, cost: float = 0.0) -> None:
        """Record what one request took."""
        with self._lock:
            self._tokens += tokens
            self._cost += cost

    def check(self) -> None:
        """Return if there is something left.

        Raises:
            BudgetError: the budget is spent; the message says how much and which limit.
        """
        with self._lock:
            if self.max_tokens is not None and self._tokens >= self.max_tokens:
                spent = f"{self._tokens} of {self.max_tokens} tokens"
            elif self.max_cost is not None and self._cost >= self.max_cost:
                spent = f"{self._cost:.4f} of {self.max_cost:.4f} in cost"
            else:
                return
        raise BudgetError(
            f"The budget of this run is spent ({spent}), so this prompt was not sent. "
            "Raise the budget of the generalist, or translate the rest in another run."
        )


def in_order(
    function: Callable[[T], R], items: Sequence[T], workers: int, progress: Progress | None = None
) -> list[R]:
    """Apply `function` to all items on up to `workers` threads; results come in the order of the items.

    Raises:
        Exception: the first one that `function` raised; items that had not begun are dropped.
    """

    faults: list[Exception] = []

    def guarded(item: T) -> R:
        if faults:
            raise CancelledError
        try:
            result = function(item)
        except Exception as error:
            faults.append(error)
            raise
        if progress is not None:
            progress(1)
        return result

    if len(items) == 1:
        return [guarded(items[0])]
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(items)))) as pool:
        futures = [pool.submit(guarded, item) for item in items]
        try:
            wait(futures)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)  # what has not begun is not sent any more
            raise
    if faults:
        raise faults[0]
    return [future.result() for future in futures]


def chat_messages(prompt: Prompt) -> list[dict[str, str]]:
    """Return the messages as chat servers take them; the prefill is left to the caller."""
    return [{"role": message.role, "content": message.content} for message in prompt.messages]


def cut(text: str, stops: Iterable[str]) -> str:
    """Return `text` up to the first stop string, for servers that take too few of them or keep them in."""
    ends = [position for stop in stops if stop and (position := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
