"""What a step takes of the memory, measured on one and two triplets before the whole batch is tried."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from scalemt.errors import PausedError
from scalemt.training.faults import fitting_batch, is_memory

Attempt = Callable[[int], None]
"""Computes a step of so many triplets, the longest there are, and forgets it."""

_SPARE = 0.05  # share of the memory that is left alone


def check(attempt: Attempt, batch: int, accumulation: int) -> int:
    """Return how many bytes a step of a batch takes beside the model, by what one and two triplets take.

    Raises:
        PausedError: it is more than there is; the message names a batch that fits, with the same sum.
    """
    try:
        one = _peak(lambda: attempt(1))
        two = _peak(lambda: attempt(min(2, batch))) if batch > 1 else one
    except (RuntimeError, MemoryError) as error:
        if not is_memory(error):
            raise
        raise PausedError(
            "Not even one triplet of the longest fits into the memory. Lower max_tokens, or take a smaller model."
        ) from error
    each = max(two - one, 0)
    needed, there = one + each * (batch - 1), _available()
    if there and needed > there * (1 - _SPARE):
        fitting = int((there * (1 - _SPARE) - one) // each) + 1 if each else 1
        measured = f"{needed / 2**30:.1f} GB are needed, {there / 2**30:.1f} GB are there"
        why = f"{measured} (by what one and two triplets take)"
        raise PausedError(_too_large(batch, accumulation, max(1, fitting), why))
    return needed


def explained(error: BaseException, attempt: Attempt, batch: int, accumulation: int) -> PausedError:
    """Return what to do about a step that did not fit: the largest half, quarter … of the batch that was tried."""
    fitting = fitting_batch(batch, attempt)
    if not fitting:
        return PausedError(f"Out of memory, also with one triplet at a time: {error}. Lower max_tokens.")
    return PausedError(_too_large(batch, accumulation, fitting, "that batch was tried and fits"))


def _too_large(batch: int, accumulation: int, fitting: int, why: str) -> str:
    fitting = min(fitting, batch - 1) or 1
    while (batch * accumulation) % fitting:
        fitting -= 1
    return (
        f"Out of memory: batch = {batch} does not fit. Set batch = {fitting} and accumulation = "
        f"{batch * accumulation // fitting} in [training], which is the same sum: {why}. The same command then "
        "goes on."
    )


def _peak(run: Callable[[], None]) -> int:
    """Return by how many bytes a run raises the memory at most."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return int(torch.cuda.max_memory_allocated() - before)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # forgets the highest mark so far
    except OSError:
        run()
        return 0
    before = _status("VmRSS")
    run()
    return max(0, _status("VmHWM") - before)


def _available() -> int:
    """Return how many bytes are free, 0 where nobody tells."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    try:
        found = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text("utf-8"))
    except OSError:
        return 0
    free = int(found[1]) * 1024 if found else 0
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text("utf-8"))
        used = int(Path("/sys/fs/cgroup/memory.current").read_text("utf-8"))
    except (OSError, ValueError):
        return free
    return min(free, max(0, limit - used))


def _status(key: str) -> int:
    try:
        found = re.search(rf"{key}:\s*(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def highest() -> int:
    """Return the highest memory of this process since it was last asked for, in bytes."""
    return _status("VmHWM")
