"""A worker process: engines and models, doing what comes through a pipe.

Started by `crew.py` as `python -m scalemt.serve.worker FD`. It ends when the other end of the pipe goes, so that
no worker outlives its server.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any

from scalemt.errors import UsageError
from scalemt.serve.desk import Desk
from scalemt.serve.logs import trace_of
from scalemt.serve.pipe import Pipe, own_end
from scalemt.serve.work import Cancel, Kind, Misfit, Notice, Outcome, Ready, Setup, Task, portable

_INSIST = 0.2  # seconds between two tries to break off a task


class Worker:
    """Takes tasks off a pipe and puts their outcomes on it.

    Args:
        pipe: to the server.
        setup: what is served.
    """

    def __init__(self, pipe: Pipe, setup: Setup) -> None:
        self._pipe = pipe
        self._desk = Desk(setup, lambda text: self._send(Notice(text)))
        self._setup = setup
        self._pools: dict[Kind, ThreadPoolExecutor] = {}
        # What a task with a generalist takes while it is worked on: the generalist of a lane is its own.
        self._lanes: SimpleQueue[int] = SimpleQueue()
        # Tasks that are not done; those of them that are worked on, with their lanes; those that nobody wants.
        self._running: dict[int, Task] = {}
        self._at_work: dict[int, int] = {}
        self._given_up: set[int] = set()

    def run(self) -> None:
        """Work until the server goes.

        Raises:
            EOFError: it has gone.
        """
        Thread(target=self._prepare, daemon=True).start()
        while True:
            message = self._pipe.receive()
            if isinstance(message, Task):
                self._running[message.number] = message
                self._pools[message.kind].submit(self._do, message)
            elif isinstance(message, Cancel):
                Thread(target=self._cancel, args=(message.number,), daemon=True).start()

    def _prepare(self) -> None:
        """Find out whether all can be served, load models, and say so."""
        try:
            self._desk.check()
            self._desk.warm()
        except UsageError as fault:
            self._misfit(fault)
        except Exception as fault:
            # A server elsewhere that is down may be up again when it is needed.
            self._send(Notice(f"Nothing could be drafted at the start: {portable(fault)}"))
        lanes = self._desk.lanes()
        counts: dict[Kind, int] = {"drafting": 1, "answering": lanes, "asking": 2}
        self._pools |= {kind: ThreadPoolExecutor(count, kind) for kind, count in counts.items()}
        for lane in range(lanes):
            self._lanes.put(lane)
        self._send(Ready(lanes))
        # Drafts need not wait for it.
        try:
            self._desk.wake()
        except UsageError as fault:
            self._misfit(fault)
        except Exception as fault:
            self._send(Notice(f"The generalist cannot be loaded: {portable(fault)}"))

    def _misfit(self, fault: UsageError) -> None:
        self._send(Misfit(portable(fault)))
        os._exit(2)

    def _do(self, task: Task) -> None:
        outcome = Outcome(task.number, cancelled=True)
        try:
            with self._working(task) as told:
                if task.number not in self._given_up:
                    outcome = Outcome(task.number, getattr(self._desk, task.name)(**task.arguments, **told))
        except CancelledError:
            pass  # also where it was another task that was broken off: this one is sent again
        except Exception as fault:
            cancelled = task.number in self._given_up
            outcome = Outcome(task.number, error=portable(fault, trace_of(fault)), cancelled=cancelled)
        self._running.pop(task.number, None)
        self._given_up.discard(task.number)
        self._send(outcome)

    @contextmanager
    def _working(self, task: Task) -> Iterator[dict[str, Any]]:
        """Hold the place of a task; yield what else its function is to know."""
        if task.kind != "answering":
            self._at_work[task.number] = 0
            try:
                yield {}
            finally:
                del self._at_work[task.number]
            return
        lane = self._lanes.get()
        try:
            with self._desk.turn(task.arguments["variant"], lane):
                self._at_work[task.number] = lane
                try:
                    yield {"lane": lane}
                finally:
                    del self._at_work[task.number]
        finally:
            self._lanes.put(lane)

    def _cancel(self, number: int) -> None:
        """Break off a task, where that is possible; one that has not begun will not.

        Again and again, since between two calls of a backend there is nothing to break off.
        """
        task = self._running.get(number)
        if task is None:
            return
        self._given_up.add(number)
        while number in self._running:
            lane = self._at_work.get(number)
            if lane is not None and task.kind != "asking":
                self._desk.give_up(task.arguments["variant"], task.kind, lane)
            time.sleep(_INSIST)
        self._given_up.discard(number)

    def _send(self, message: object) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            os._exit(0)  # nobody is left to be told
        except Exception as fault:
            # Something of a plug-in that cannot be pickled.
            if isinstance(message, Outcome):
                self._pipe.send(Outcome(message.number, error=portable(fault, trace_of(fault))))


class _Telling(logging.Handler):
    """Hands what libraries log to the server, which has the log; what they quote may be texts, and stays here."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__(logging.WARNING)
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Tell where a record comes from; of our own also what it says."""
        own = record.name.split(".")[0] == "scalemt"
        said = record.getMessage() if own else f"a warning at {record.pathname}:{record.lineno}"
        try:
            self._pipe.send(Notice(f"{record.name}: {said}"))
        except OSError:
            return  # the server has gone, and this process goes too


def _set_up_logs(pipe: Pipe) -> None:
    logging.basicConfig(level=logging.WARNING, handlers=[_Telling(pipe)], force=True)
    logging.captureWarnings(capture=True)

    def told(broken: threading.ExceptHookArgs) -> None:
        if broken.exc_value is not None:
            pipe.send(Notice(f"A thread of the worker ended.\n{trace_of(broken.exc_value)}"))

    threading.excepthook = told


def main() -> None:
    """Serve the socket whose descriptor is the first argument."""
    pipe = own_end()
    _set_up_logs(pipe)
    try:
        Worker(pipe, pipe.receive()).run()
    except EOFError:
        # Threads may be waiting for a generalist that never answers: they would keep the process.
        os._exit(0)


if __name__ == "__main__":
    main()
