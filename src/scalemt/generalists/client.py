"""What the generalists that send requests share: the budget of a run, messages and stop strings."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock

from scalemt.errors import BudgetError
from scalemt.types import Prompt


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


def chat_messages(prompt: Prompt) -> list[dict[str, str]]:
    """Return the messages as chat servers take them; the prefill is left to the caller."""
    return [{"role": message.role, "content": message.content} for message in prompt.messages]


def cut(text: str, stops: Iterable[str]) -> str:
    """Return `text` up to the first stop string, for servers that take too few of them or keep them in."""
    ends = [position for stop in stops if stop and (position := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
