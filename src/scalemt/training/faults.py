"""What can go wrong while a specialist is trained, told so that a user can mend it and go on."""

from __future__ import annotations

import errno
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scalemt.errors import PausedError

_MEMORY = ("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory", "bad_alloc",
           "bad allocation", "unable to allocate")  # fmt: skip
_DISK = ("no space left", "file write failed", "failed writing file", "enforce fail at inline_container",
         "quota exceeded")  # fmt: skip
_MOST_PARTS = 256


class InterruptedTrainingError(PausedError):
    """Somebody ended a training; `signal` is the number of the signal."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


def is_memory(fault: BaseException) -> bool:
    """Whether there was not enough memory, by what torch and Python say of it."""
    if isinstance(fault, MemoryError) or type(fault).__name__ == "OutOfMemoryError":
        return True
    return isinstance(fault, RuntimeError) and any(part in str(fault).lower() for part in _MEMORY)


def is_disk(fault: BaseException) -> bool:
    """Whether the disk was full, by what torch, safetensors and the system say of it."""
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(part in str(fault).lower() for part in _DISK)


@contextmanager
def told_of_scarcity(folder: Path) -> Iterator[None]:
    """Raise PausedError in place of what a full disk or memory makes torch and safetensors raise."""
    try:
        yield
    except PausedError:
        raise
    except Exception as fault:
        if is_disk(fault):
            raise PausedError(
                f"The disk of {folder} is full. What was saved before is kept there: make room (a checkpoint "
                "takes three times the size of the weights), and run the same command again."
            ) from fault
        if is_memory(fault):
            raise PausedError(
                f"There is not enough memory: {fault}. What was done is kept in {folder}: make room, and run the "
                "same command again."
            ) from fault
        raise


def fitting_parts(attempt: Callable[[int], None], first: int, most: int) -> int | None:
    """Return the fewest parts that an update fits into memory with, by trying; None where none does.

    Args:
        attempt: computes the heaviest batch of an update in so many parts.
        first: the parts that did not fit.
        most: as many parts as an update has pairs; more cannot help.
    """
    parts = first * 2
    while parts <= min(_MOST_PARTS, 2 * most):
        if _fits(attempt, parts):
            return parts
        parts *= 2
    return None


def fitting_batch(batch: int, attempt: Callable[[int], None]) -> int:
    """Return the largest half, quarter … of a batch that fits into memory, by trying; 0 where none does."""
    while batch > 1:
        batch //= 2
        if _fits(attempt, batch):
            return batch
    return 0


def _fits(attempt: Callable[[int], None], number: int) -> bool:
    """Whether an attempt fits into memory; what the one before it held is let go first."""
    gc.collect()
    try:
        attempt(number)
    except (RuntimeError, MemoryError) as fault:
        if not is_memory(fault):
            raise
        return False
    return True


def memory_advice(tokens: int, parts: int, fits: int | None) -> str:
    """Return what is told when an update does not fit into memory.

    Args:
        tokens: of an update.
        parts: that it was computed in.
        fits: the parts that were tried and fit, None where none did.
    """
    found = f"There is not enough memory for an update of {tokens:,} tokens" + (
        f" in {parts} parts." if parts > 1 else "."
    )
    if fits is None:
        return f"{found} Not even one pair at a time fits: take a smaller model, or a shorter `longest`."
    return (
        f"{found} In {fits} parts of about {tokens // fits:,} tokens it fits, as was tried: set training.parts "
        f"= {fits} (what is learnt stays the same, dropout aside), and run the same command again."
    )
