"""A clock for tests: waiting takes no time, and what was waited for is written down."""

from __future__ import annotations

from threading import Condition

from scalemt.limiter import Clock


class FakeClock(Clock):
    """Begins at 1000 seconds; each wait for a time moves it on by that time."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, condition: Condition, seconds: float | None) -> None:
        if seconds is None:  # for other threads, which are real
            condition.wait()
            return
        self.waits.append(round(seconds, 6))
        self.time += seconds
