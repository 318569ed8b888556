"""Work on several threads: order, faults, and an end when the waiting thread is interrupted."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import pytest

from scalemt.errors import EndpointError
from scalemt.workers import in_order


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.002 * (10 - number))
        return number * number

    done: list[int] = []
    assert in_order(slow_first, range(10), 4, done.append) == [number * number for number in range(10)]
    assert sum(done) == 10
    assert in_order(slow_first, [], 4) == []


def test_a_fault_ends_the_work_and_drops_what_had_not_begun() -> None:
    begun: list[int] = []

    def fails_at_three(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise EndpointError("gone")
        return number

    with pytest.raises(EndpointError, match="gone"):
        in_order(fails_at_three, range(1000), 1)
    assert len(begun) < 1000


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_cancels_what_is_under_way(fault: type[BaseException]) -> None:
    released = threading.Event()
    begun: list[int] = []

    def waits(number: int) -> bool:
        begun.append(number)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        return released.wait(20)

    def interrupt(*_: object) -> NoReturn:
        raise fault

    before: Callable[..., object] | int | None = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(fault):
            in_order(waits, range(100), 1, cancel=released.set)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert released.is_set()
    assert begun == [0]
