"""Which prompt a slot of llama.cpp takes next: the one that shares the longest prefix with what the slot holds.

A slot keeps the tokens that it evaluated last, and evaluates of the next prompt only what differs. The server's
own choice takes prompts in the order in which they come; choosing among all that wait evaluates less of prompts
whose demonstrations differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition
from typing import TypeVar

from scalemt.workers import in_order

R = TypeVar("R")

Tokens = list[int]


class Slots:
    """The slots of one server; each runs one request at a time. Safe to share between threads.

    Args:
        count: how many there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: list[Tokens] = [[] for _ in range(count)]
        self._free = set(range(count))
        self._changed = Condition()
        self._calls: list[_Call] = []

    def run(
        self,
        prompts: Sequence[Tokens],
        request: Callable[[int, int], R],
        progress: Callable[[int], None] | None = None,
        cancel: Callable[[], None] | None = None,
    ) -> list[R]:
        """Call `request(index of a prompt, slot)` for each prompt; results come in the order of the prompts.

        All slots are busy as long as prompts wait. Of two calls from two threads, the later one gets the slots
        that the earlier one has no more prompts for.

        Args:
            progress: called with 1 for each prompt done, from any thread.
            cancel: makes the requests under way end soon; called when the waiting thread is interrupted.

        Raises:
            Exception: the first one that `request` raised; prompts that had not begun are dropped.
        """
        call = _Call(prompts)
        with self._changed:
            self._calls.append(call)

        def next_one(_: int) -> tuple[int, R]:
            index, slot = self._take(call)
            try:
                return index, request(index, slot)
            finally:
                self._give_back(slot, prompts[index])

        try:
            done = in_order(next_one, range(len(prompts)), self._count, progress, cancel)
        finally:
            with self._changed:
                self._calls.remove(call)
                self._changed.notify_all()
        return [result for _, result in sorted(done, key=lambda pair: pair[0])]

    def seed(self, prefix: Tokens, copy: Callable[[], int]) -> int:
        """Put `prefix` into all slots by `copy()`, unless it is there or a slot is busy; return what copy returns.

        A busy slot would have to be waited for, and it holds the prefix of the call before, which is most often
        the same one. Returns 0 where nothing was done.
        """
        with self._changed:
            if len(self._free) < self._count or all(_shared(held, prefix) == len(prefix) for held in self._held):
                return 0
            self._free.clear()
        try:
            evaluated = copy()
            with self._changed:
                self._held = [prefix] * self._count
            return evaluated
        finally:
            with self._changed:
                self._free.update(range(self._count))
                self._changed.notify_all()

    def _take(self, call: _Call) -> tuple[int, int]:
        """Wait for a slot and return the prompt that suits it best, with the slot."""
        with self._changed:
            self._changed.wait_for(lambda: self._free and self._is_next(call))
            slot, index = max(
                ((slot, index) for slot in sorted(self._free) for index in call.waiting),
                key=lambda pair: _shared(self._held[pair[0]], call.prompts[pair[1]]),
            )
            self._free.remove(slot)
            del call.waiting[index]
            if not call.waiting:
                self._changed.notify_all()  # the call behind this one may begin
            return index, slot

    def _is_next(self, call: _Call) -> bool:
        return next(one for one in self._calls if one.waiting) is call

    def _give_back(self, slot: int, held: Tokens) -> None:
        with self._changed:
            self._held[slot] = held
            self._free.add(slot)
            self._changed.notify_all()


class _Call:
    """Prompts of one call; `waiting` are the indexes of those that no slot has taken, in order."""

    def __init__(self, prompts: Sequence[Tokens]) -> None:
        self.prompts = prompts
        self.waiting = dict.fromkeys(range(len(prompts)))


def common_prefix(sequences: Sequence[Tokens]) -> list[int]:
    """Return the longest beginning that all sequences share."""
    first, last = min(sequences), max(sequences)
    return first[: _shared(first, last)]


def _shared(one: Tokens, other: Tokens) -> int:
    """Return the length of the longest common prefix."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    return next(index for index in range(length) if one[index] != other[index])
