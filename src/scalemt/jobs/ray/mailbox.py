"""How actors anywhere reach the driver, which alone writes the ledger: letters that it fetches and answers.

A driver of Ray can call actors and cannot be called. So actors lay their questions into a mailbox, an actor
beside the driver, and a thread of the driver takes them out, all that are there at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import Event, Thread
from typing import Any

from scalemt.errors import ScalemtError
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.ray.library import load_ray
from scalemt.jobs.ray.portable import Fault
from scalemt.jobs.schema import fault_of

_PATIENCE = 0.5  # seconds that the driver waits for the next letter before it looks whether it is to end
_AT_ONCE = 10_000  # questions that may wait for their answers

Letter = tuple[int, str, tuple[Any, ...]]
"""Number, verb and arguments."""


class Mailbox:
    """The actor in between; all its methods run in one event loop."""

    def __init__(self) -> None:
        import asyncio

        self._new: list[Letter] = []
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._arrived = asyncio.Event()
        self._number = 0

    async def ask(self, verb: str, *arguments: Any) -> Any:
        """Wait for the driver's answer; a fault comes as a value."""
        import asyncio

        self._number += 1
        number = self._number
        self._open[number] = asyncio.get_running_loop().create_future()
        self._new.append((number, verb, arguments))
        self._arrived.set()
        try:
            return await self._open[number]
        finally:
            del self._open[number]

    async def turn(self, answers: list[tuple[int, Any]], patience: float) -> list[Letter]:
        """Hand out answers, and return the letters that have come, or none after a while."""
        import asyncio

        for number, answer in answers:
            if number in self._open and not self._open[number].done():
                self._open[number].set_result(answer)
        try:
            await asyncio.wait_for(self._arrived.wait(), patience)
        except TimeoutError:
            return []
        taken, self._new = self._new, []
        self._arrived.clear()
        return taken


def beside(node: str) -> Any:
    """Return the strategy that puts an actor on a node, and nowhere else."""
    strategies = import_module("ray.util.scheduling_strategies")
    return strategies.NodeAffinitySchedulingStrategy(node, soft=False)


def open_mailbox(node: str) -> Any:
    """Start the actor on the driver's node: there it lives as long as the driver's machine does."""
    ray = load_ray()
    made = ray.remote(Mailbox).options(num_cpus=0, max_concurrency=_AT_ONCE, scheduling_strategy=beside(node))
    return made.remote()


class Line:
    """What an actor holds to ask the driver."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def ask(self, verb: str, *arguments: Any) -> Any:
        """Ask the driver.

        Raises:
            ScalemtError: what the driver raised, as itself.
        """
        ray = load_ray()

        answer = ray.get(self._mailbox.ask.remote(verb, *arguments))
        if isinstance(answer, Fault):
            raise answer.exception()
        return answer


class Postman:
    """The thread of the driver that answers.

    Args:
        mailbox: the actor.
        ledger: letters that come together are answered in one transaction, on the disk before the answers go out.
        answers: what is called for each verb.
    """

    def __init__(self, mailbox: Any, ledger: Ledger, answers: Mapping[str, Callable[..., Any]]) -> None:
        self._mailbox = mailbox
        self._ledger = ledger
        self._answers = answers
        self._over = Event()
        self.fault: Exception | None = None
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Answer no more."""
        self._over.set()
        self._thread.join(2 * _PATIENCE)

    def _serve(self) -> None:
        ray = load_ray()

        answers: list[tuple[int, Any]] = []
        try:
            while not self._over.is_set():
                letters = ray.get(self._mailbox.turn.remote(answers, _PATIENCE))
                answers = self._all(letters) if letters else []
        except Exception as fault:
            # The mailbox is gone: whoever waits for results must not wait for ever.
            self.fault = fault

    def _all(self, letters: list[Letter]) -> list[tuple[int, Any]]:
        try:
            with self._ledger.writing():
                return [(number, self._one(verb, arguments)) for number, verb, arguments in letters]
        except Exception as fault:
            # Nothing of it is written: nobody may be told that it is.
            return [(number, Fault.of(fault)) for number, _, _ in letters]

    def _one(self, verb: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return self._answers[verb](*arguments)
        except ScalemtError as fault:
            return Fault.of(fault)
        except sqlite3.Error as fault:
            raise fault_of(fault, self._ledger.path) from fault
