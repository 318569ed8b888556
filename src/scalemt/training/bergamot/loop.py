"""The loop: transformers' Trainer around the twin, measured by the engine that will run the model."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from scalemt.errors import MissingExtraError, PausedError
from scalemt.huggingface import quiet
from scalemt.training.bergamot.configuration import Training
from scalemt.training.bergamot.examples import Example, collate
from scalemt.training.bergamot.keeping import MEASURED, Keeper, pausing
from scalemt.training.bergamot.twin import Twin
from scalemt.training.bergamot.writing import Student
from scalemt.training.judging import Judged
from scalemt.training.stopping import last_checkpoint
from scalemt.training.watching import Watcher

Measure = Callable[[Path], Judged]
"""Scores the student that a folder holds."""

_SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


class StudentTrainer(transformers.Trainer):
    """The Trainer with drawn batches, and with dev translated by the engine that will run the model.

    A better student is kept in `best` of the work folder, as it will be used.

    Args:
        twin: what is trained.
        batches: those of all steps.
        dev: batches of dev, for its loss.
        student: how it is written.
        work: where.
        measure: scores what was written.
    """

    def __init__(
        self, twin: Twin, batches: Sequence[Sequence[Example]], dev: Sequence[Sequence[Example]], student: Student,
        work: Path, measure: Measure, **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(model=twin, train_dataset=batches, eval_dataset=dev, data_collator=collate, **options)
        self._twin, self._dev, self._student, self._work, self._measure = twin, dev, student, work, measure

    @property
    def measured_at(self) -> int:
        """The step of the last measurement, 0 before the first."""
        found = [int(entry["step"]) for entry in self.state.log_history if MEASURED in entry]
        return found[-1] if found else 0

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **options: Any) -> Any:
        """Return the loss of a batch; one that is no number ends the training before it reaches the weights."""
        loss = super().compute_loss(model, inputs, *args, **options)
        number = (loss[0] if isinstance(loss, tuple) else loss).detach()
        if not torch.isfinite(number):
            raise PausedError(
                f"The loss is {float(number)} at step {self.state.global_step + 1}, which no training comes back "
                f'from. Lower rate (it is {self.args.learning_rate:g}), or set precision = "float32", and begin '
                "anew with --fresh."
            )
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Write the student as it is now, score it, and keep it if it is the best so far."""
        began, folder = time.monotonic(), self._work / "candidate"
        self._student.write(folder, self._twin.tensors())
        judged = self._measure(folder)
        best = self.state.best_metric
        if self.state.global_step and (best is None or judged.deciding > best):
            shutil.rmtree(self._work / "best", ignore_errors=True)
            folder.rename(self._work / "best")
        metrics = {MEASURED: judged.deciding, "eval_loss": self._dev_loss()}
        metrics["eval_seconds"] = round(time.monotonic() - began, 2)
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def attempt(self, batch: Sequence[Example]) -> None:
        """Compute the gradients of a batch and forget them."""
        given = {name: value.to(self.args.device) for name, value in collate([batch]).items()}
        self._twin(**given)["loss"].backward()
        self._twin.zero_grad(set_to_none=True)

    def _dev_loss(self) -> float:
        """The mean loss of a target token of dev, in nats."""
        self._twin.eval()
        total = tokens = 0.0
        with torch.no_grad():
            for batch in self._dev:
                given = {name: value.to(self.args.device) for name, value in collate([batch]).items()}
                count = sum(len(target) for _, target in batch)
                total, tokens = total + float(self._twin(**given)["loss"]) * count, tokens + count
        self._twin.train()
        return round(total / max(tokens, 1), 4)


def arguments(work: Path, settings: Training, seed: int) -> transformers.TrainingArguments:
    """Return the Trainer's arguments."""
    on_cpu = not torch.cuda.is_available()
    return transformers.TrainingArguments(
        output_dir=str(work / "checkpoints"),
        max_steps=settings.steps,
        per_device_train_batch_size=1,  # an item is a batch
        train_sampling_strategy="sequential",  # they are drawn already
        learning_rate=settings.rate,
        lr_scheduler_type=_SCHEDULES[settings.schedule],
        warmup_steps=settings.warmup,
        weight_decay=0.0,
        adam_beta2=0.98,
        max_grad_norm=1.0,
        seed=seed,
        data_seed=seed,
        bf16=settings.precision == "bfloat16",
        logging_strategy="steps",
        logging_steps=min(10, settings.every),
        logging_nan_inf_filter=False,
        eval_strategy="steps",
        eval_steps=settings.every,
        save_strategy="steps",
        save_steps=settings.every,
        save_total_limit=2,
        metric_for_best_model=MEASURED,
        greater_is_better=True,
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        use_cpu=on_cpu,
        report_to="none",
        disable_tqdm=True,
    )


class Patience(transformers.TrainerCallback):
    """Stops where so many measurements in a row brought nothing better; told of by the state, so also resumed."""

    def __init__(self, patience: int) -> None:
        self._patience = patience

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Look at all measurements so far."""
        found = [entry[MEASURED] for entry in state.log_history if MEASURED in entry and entry["step"]]
        if self._patience and found and len(found) - 1 - found.index(max(found)) >= self._patience:
            control.should_training_stop = True


def board(work: Path) -> Any:
    """Return what writes logs that TensorBoard reads, into `logs` of the work folder.

    Raises:
        MissingExtraError: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("Training a Bergamot student (tensorboardX)", "training") from error
    from transformers.integrations.integration_utils import TensorBoardCallback

    writer = SummaryWriter(log_dir=str(work / "logs"))
    return TensorBoardCallback(tb_writer=writer)  # type: ignore[no-untyped-call]


def longest_first(corpora: Sequence[Sequence[Example]]) -> list[Example]:
    """Return the examples, those that take the most memory first."""
    return sorted(
        (example for corpus in corpora for example in corpus), key=lambda one: -len(one[0]) - len(one[1])
    )


def run(trainer: StudentTrainer, keeper: Keeper, work: Path, longest: Sequence[Example], watcher: Watcher) -> int:
    """Train from the first step or the last checkpoint to the end; return the step of the best student.

    Raises:
        PausedError: memory or disk do not suffice, or the loss is no number.
        InterruptedTrainingError: Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    mark = work / "trained.json"
    if mark.exists():  # all that a run before had still to do was to measure and register
        return int(json.loads(mark.read_text("utf-8")))
    done = last_checkpoint(work / "checkpoints")
    watcher.phase(f"Going on with {done.name}" if done else "Training")

    def attempt(count: int) -> None:
        trainer.attempt(list(longest[:count]))

    trainer.remove_callback(transformers.PrinterCallback)
    with pausing(work, keeper.size, attempt) as stopping, quiet():
        trainer.add_callback(stopping)
        trainer.train(resume_from_checkpoint=str(done) if done else None)
        if stopping.asked is None and trainer.measured_at != trainer.state.global_step:
            trainer.evaluate()
    found = [(entry[MEASURED], -entry["step"]) for entry in trainer.state.log_history if MEASURED in entry]
    best = -int(max(found)[1])
    mark.write_text(json.dumps(best), "utf-8")
    return best
