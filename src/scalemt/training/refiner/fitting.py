"""One training from its first step or its last checkpoint to its end. Only imported by what trains."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers

from scalemt.errors import MissingExtraError, PausedError
from scalemt.huggingface import quiet
from scalemt.training.faults import InterruptedTrainingError, is_disk, is_memory
from scalemt.training.refiner import memory
from scalemt.training.refiner.configuration import Training
from scalemt.training.refiner.loop import RefinerTrainer, answer_loss, arguments, collate
from scalemt.training.refiner.ordering import Course
from scalemt.training.refiner.texts import Tokens
from scalemt.training.stopping import Stopping, claim, last_checkpoint, mark_whole, step_of
from scalemt.training.watching import Measured, Progress, Watcher

_LOG = "losses.jsonl"


@dataclass
class Fitted:
    """What became of a training.

    Args:
        steps: updates that were made, those before a resumption included.
        seconds: of computing, likewise.
        losses: of each step, in nats a token of an answer.
        dev_losses: by step.
        memory: the highest of this process, in bytes.
        triplets: examples that were learnt from, repetitions included.
        tokens: that went through the model, padding left out.
    """

    steps: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    dev_losses: dict[int, float] = field(default_factory=dict)
    memory: int = 0
    triplets: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class Lessons:
    """What is learnt and how.

    Args:
        course: which triplets, in which order.
        items: the triplets by their index.
        dev: triplets whose loss is measured on the way.
        settings: of the configuration.
        identity: tells what the training depends on; checkpoints of another one are refused.
        seed: of dropout.
    """

    course: Course
    items: dict[int, Tokens]
    dev: Sequence[Tokens]
    settings: Training
    identity: str
    seed: int


def fit(model: Any, lessons: Lessons, folder: Path, *, fresh: bool, watcher: Watcher) -> Fitted:
    """Train an adapter, going on where an earlier call was ended.

    Args:
        model: peft's, in memory.
        lessons: what is learnt.
        folder: of checkpoints and logs, and of nothing else.
        fresh: begin anew.
        watcher: is told how it goes.

    Raises:
        PausedError: memory or disk do not suffice, or the loss is no number; what was done is kept.
        UsageError: the folder holds checkpoints of other settings.
        InterruptedTrainingError: Ctrl-C or SIGTERM, after a checkpoint was written.
    """
    course, settings = lessons.course, lessons.settings
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    claim(folder, lessons.identity, folder)
    torch.set_num_threads(settings.threads)
    attempt = _attempt(model, lessons.items, settings)
    done = last_checkpoint(folder)
    if done is None:
        memory.check(attempt, settings.batch, settings.accumulation)
    else:
        watcher.note(f"Going on after step {step_of(done)}.")
    torch.manual_seed(lessons.seed)
    rows = [lessons.items[index] for index in course.order]
    keeper = _Keeper(folder, watcher, rows, len(lessons.items), settings)
    trainer = RefinerTrainer(
        course,
        settings,
        model=model,
        args=arguments(folder, course, settings, lessons.seed, measured=bool(lessons.dev)),
        train_dataset=_Rows(rows),
        eval_dataset=_Rows(lessons.dev) if lessons.dev else None,
        callbacks=[keeper, _board(folder)],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    watcher.phase("Training")
    if done is not None and step_of(done) >= course.steps:
        return _finished(model, done, keeper, course)

    def explain(error: BaseException) -> PausedError:
        return memory.explained(error, attempt, settings.batch, settings.accumulation)

    with _pausing(folder, explain) as stopping, quiet():
        trainer.add_callback(stopping)
        trainer.train(resume_from_checkpoint=str(done) if done else None)
    if stopping.asked is not None:
        raise InterruptedTrainingError(
            "Interrupted. A checkpoint was written, and the same command goes on from it.", stopping.asked
        )
    return keeper.fitted(course)


def _finished(model: Any, checkpoint: Path, keeper: _Keeper, course: Course) -> Fitted:
    """Take the adapter of a training that had ended, before what was made of it was put into place."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(str(checkpoint / "adapter_model.safetensors")))
    keeper.read(course.steps)
    return keeper.fitted(course)


class _Rows(torch.utils.data.Dataset[Tokens]):
    """Triplets in the order in which they are learnt."""

    def __init__(self, rows: Sequence[Tokens]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Tokens:
        return self._rows[index]


def _attempt(model: Any, items: dict[int, Tokens], settings: Training) -> memory.Attempt:
    """Return what computes a step of the longest triplets and forgets it."""
    longest = sorted(items.values(), key=lambda item: -len(item.ids))[: settings.batch]

    def attempt(count: int) -> None:
        device = next(model.parameters()).device
        rows = [longest[index % len(longest)] for index in range(count)]
        model.train()
        total, tokens = answer_loss(model, {name: value.to(device) for name, value in collate(rows).items()})
        (total / tokens).backward()  # type: ignore[no-untyped-call]
        model.zero_grad(set_to_none=True)

    return attempt


def _board(folder: Path) -> Any:
    """Return what writes logs that TensorBoard reads, into the folder."""
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("Training a refiner", "training") from error
    from transformers.integrations.integration_utils import TensorBoardCallback

    return TensorBoardCallback(  # type: ignore[no-untyped-call]
        tb_writer=SummaryWriter(log_dir=str(folder / "tensorboard"))
    )


class _Keeper(transformers.TrainerCallback):
    """Keeps what a training tells, and marks whole checkpoints."""

    def __init__(
        self, folder: Path, watcher: Watcher, rows: Sequence[Tokens], triplets: int, settings: Training
    ) -> None:
        self._folder = folder
        self._watcher = watcher
        self._rows = rows
        self._triplets = triplets
        self._each = settings.batch * settings.accumulation
        self._told: dict[int, dict[str, float]] = {}
        self._before = 0.0
        self._began = time.monotonic()
        self._peak = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to count time."""
        self.read(state.global_step)
        self._began = self._last = time.monotonic()

    def read(self, step: int) -> None:
        """Read what was told up to the checkpoint that is gone on from; what came after it is told again."""
        for line in _lines(self._folder / _LOG):
            told = json.loads(line)
            if told["step"] <= step:
                self._told.setdefault(int(told["step"]), {}).update(told)
        kept = [json.dumps(told) + "\n" for _, told in sorted(self._told.items())]
        partial = self._folder / f"{_LOG}.partial"
        partial.write_text("".join(kept), "utf-8")
        partial.replace(self._folder / _LOG)
        self._before = max((told.get("seconds", 0.0) for told in self._told.values()), default=0.0)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Keep the losses, and show those of the step."""
        names = {"loss": "loss", "eval_loss": "dev_loss", "learning_rate": "learning_rate"}
        found = {new: float(logs[old]) for old, new in names.items() if logs and old in logs}
        if not found:
            return
        now = time.monotonic()
        told = {"step": state.global_step, **found, "seconds": self._before + now - self._began}
        self._told.setdefault(state.global_step, {}).update(told)
        with (self._folder / _LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")
        if "loss" in found:
            self._tell(state, found, max(now - self._last, 1e-9))
            self._peak = max(self._peak, memory.highest())
        if "dev_loss" in found and logs:
            self._watcher.measured(Measured(state.global_step, found["dev_loss"], logs["eval_runtime"]))
        self._last = now

    def _tell(self, state: Any, found: dict[str, float], seconds: float) -> None:
        step = state.global_step
        left, speed = (state.max_steps - step) * seconds, self._tokens(step) / seconds
        epoch, rate = step * self._each / self._triplets, found.get("learning_rate", 0.0)
        self._watcher.progress(Progress(step, state.max_steps, epoch, found["loss"], rate, speed, left))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark a checkpoint as whole, once all of it is on the disk."""
        mark_whole(self._folder / f"checkpoint-{state.global_step}")

    def _tokens(self, step: int) -> int:
        return sum(len(item.ids) for item in self._rows[(step - 1) * self._each : step * self._each])

    def fitted(self, course: Course) -> Fitted:
        """Return what was told."""
        told = [self._told[step] for step in sorted(self._told)]
        return Fitted(
            course.steps,
            max((item.get("seconds", 0.0) for item in told), default=0.0),
            [item["loss"] for item in told if "loss" in item],
            {int(item["step"]): item["dev_loss"] for item in told if "dev_loss" in item},
            max(self._peak, memory.highest()),
            len(course.order),
            sum(len(item.ids) for item in self._rows),
        )


def _lines(path: Path) -> Iterator[str]:
    """Yield the whole lines of a log; a kill may have cut the last one."""
    if path.exists():
        yield from (line for line in path.read_text("utf-8").split("\n")[:-1] if line.startswith("{"))


@contextmanager
def _pausing(folder: Path, explain: Any) -> Iterator[Stopping]:
    """Have Ctrl-C and SIGTERM wait for the end of a step, and turn what machines lack into what users can do."""
    try:
        with Stopping() as stopping:
            yield stopping
    except (OSError, RuntimeError, MemoryError) as error:
        if is_memory(error):
            raise explain(error) from error
        # What torch says of a disk that fills up within a file.
        if is_disk(error) or "iostream error" in str(error):
            raise PausedError(_full(folder)) from error
        raise


def _full(folder: Path) -> str:
    kept = last_checkpoint(folder)
    told = f"The checkpoint of step {step_of(kept)} is whole" if kept else "No checkpoint was whole yet"
    return f"The disk of {folder} is full. {told}: free some room, and the same command goes on."
