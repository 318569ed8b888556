"""Whose a folder's checkpoints are, which are whole, interruptions that wait for an update: for every training."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from scalemt.errors import UsageError

_IDENTITY = "identity.json"
_WHOLE = "whole"  # a file in a checkpoint that says that all of it was written


def claim(folder: Path, identity: str, checkpoints: Path) -> bool:
    """Take a folder for a training; return whether what lies in it is of this one.

    Args:
        folder: of unfinished work; somebody holds it.
        identity: tells apart trainings that cannot go on from each other's checkpoints.
        checkpoints: the folder that they are in.

    Raises:
        UsageError: it holds a training with other settings or data that can still be gone on with.
    """
    mark = folder / _IDENTITY
    ours = not mark.exists() or json.loads(mark.read_text("utf-8")) == identity
    if not ours and last_checkpoint(checkpoints):
        raise UsageError(
            f"{folder} holds a training with other settings or other data, which cannot be gone on with. Set them "
            "back, name another folder with --work, or begin anew with --fresh."
        )
    mark.write_text(json.dumps(identity), "utf-8")
    return ours


def mark_whole(checkpoint: Path) -> None:
    """Say that all of a checkpoint is written, once it is on the disk."""
    for path in checkpoint.iterdir():
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    (checkpoint / _WHOLE).touch()


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole, and delete those that were cut off."""
    found = []
    for path in folder.glob("checkpoint-*"):
        if (path / _WHOLE).exists():
            found.append(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """Return the update behind which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


class Stopping(TrainerCallback):
    """Ends a training after the update under way when it is asked to, with a checkpoint.

    Used as a context: inside, SIGINT and SIGTERM ask. A second one does what it does elsewhere, at once.
    """

    def __init__(self) -> None:
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopping:
        if threading.current_thread() is threading.main_thread():  # else nobody sends us signals
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: object) -> None:
        self._restore()
        self.asked = number

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save and stop if somebody asked."""
        if self.asked is not None:
            control.should_save = control.should_training_stop = True
