"""Work on several threads, with the results in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R],
    items: Sequence[T],
    workers: int,
    progress: Callable[[int], None] | None = None,
    cancel: Callable[[], None] | None = None,
) -> list[R]:
    """Apply `function` to all items on up to `workers` threads; results come in the order of the items.

    Args:
        progress: called with 1 for each item done, from any thread.
        cancel: called when the waiting thread is interrupted (Ctrl-C, SIGTERM): it makes the calls of `function`
            that are under way end soon, for they are waited for.

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
        try:
            futures = [pool.submit(guarded, item) for item in items]
            wait(futures)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what has not begun is not sent any more
            if cancel is not None:
                cancel()
            raise
    if faults:
        raise faults[0]
    return [future.result() for future in futures]


def give_up(backend: object) -> None:
    """Tell a backend to give up what it is doing, where it can: plug-ins need not have `cancel`."""
    cancel = getattr(backend, "cancel", None)
    if cancel:
        cancel()
