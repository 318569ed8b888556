"""What stands around the loop: whole checkpoints, interruptions that wait for a step, failures explained."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import transformers

from scalemt.errors import PausedError
from scalemt.training.bergamot.examples import Example
from scalemt.training.faults import InterruptedTrainingError, fitting_batch, is_disk, is_memory
from scalemt.training.stopping import Stopping, claim, last_checkpoint, mark_whole, step_of
from scalemt.training.watching import Measured, Progress, Watcher

MEASURED = "eval_chrf"


def taken(work: Path, identity: str) -> None:
    """Take a work folder for a training, and forget what another one has measured there.

    Raises:
        UsageError: see `claim`.
    """
    if not claim(work, identity, work / "checkpoints"):
        shutil.rmtree(work / "best", ignore_errors=True)
        (work / "before.json").unlink(missing_ok=True)


class Keeper(transformers.TrainerCallback):
    """Marks whole checkpoints, and tells a watcher.

    Args:
        work: the folder of the training.
        watcher: is told.
        batches: those of all steps.
        pairs: of all corpora together, once each.
    """

    def __init__(self, work: Path, watcher: Watcher, batches: Sequence[Sequence[Example]], pairs: int) -> None:
        self._work, self._watcher, self._pairs = work, watcher, pairs
        self.size = len(batches[0])
        self._tokens = [0, *accumulate(sum(len(target) for _, target in batch) for batch in batches)]
        self._at, self._since, self._measuring = 0, 0.0, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to count."""
        self._at, self._since = state.global_step, time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Tell the watcher, and append to the log of the work folder."""
        told = logs or {}
        with (self._work / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": state.global_step, **told}) + "\n")
        now = time.monotonic()
        if "loss" in told and state.global_step > self._at:
            seconds = max(now - self._since, 1e-9)
            step = state.global_step
            left = (state.max_steps - step) * seconds / (step - self._at)
            speed = (self._tokens[step] - self._tokens[self._at]) / seconds
            epoch = step * self.size / self._pairs
            rate = told.get("learning_rate", 0.0)
            self._watcher.progress(Progress(step, state.max_steps, epoch, told["loss"], rate, speed, left))
            self._at, self._since = step, now

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Tell the watcher of a measurement."""
        score, loss, seconds = (float(metrics[name]) for name in (MEASURED, "eval_loss", "eval_seconds"))
        best = max(score, state.best_metric or 0.0)
        self._watcher.measured(Measured(state.global_step, loss, seconds, score, best))
        self._since += seconds  # speed is that of learning

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark a checkpoint as whole."""
        mark_whole(self._work / "checkpoints" / f"checkpoint-{state.global_step}")


@contextmanager
def pausing(work: Path, batch: int, attempt: Callable[[int], None]) -> Iterator[Stopping]:
    """Have Ctrl-C and SIGTERM wait for the end of a step, and turn what a machine lacks into what users can do.

    Args:
        work: the folder of the training.
        batch: pairs of an update.
        attempt: computes an update of so many of the longest pairs, and forgets it.
    """
    try:
        with Stopping() as stopping:
            yield stopping
    except (OSError, RuntimeError, MemoryError) as error:
        raise _explained(error, work, batch, attempt) from error
    if stopping.asked is not None:
        kept = last_checkpoint(work / "checkpoints")
        step = step_of(kept) if kept else 0
        raise InterruptedTrainingError(
            f"Interrupted behind step {step}; a checkpoint was written, and the same command goes on from it.",
            stopping.asked,
        )


def _explained(error: Exception, work: Path, batch: int, attempt: Callable[[int], None]) -> BaseException:
    kept = last_checkpoint(work / "checkpoints")
    whole = f"The checkpoint of step {step_of(kept)} is whole" if kept else "No checkpoint was written yet"
    if is_memory(error):
        fits = fitting_batch(batch, attempt)
        mend = f"Batches of {fits} fit, as was tried: set batch = {fits}" if fits else "Not even one pair fits"
        return PausedError(
            f"There is not enough memory for batches of {batch} pairs. {whole}. {mend}; or set a smaller longest "
            "in [training], and begin anew with --fresh."
        )
    if is_disk(error):
        return PausedError(
            f"The disk of {work} is full; a training keeps about 500 MB there. {whole}: free some room, and the "
            "same command goes on."
        )
    return error
