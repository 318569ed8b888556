"""transformers' Seq2SeqTrainer with our batches, our scores, and checkpoints that are known to be whole."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import Seq2SeqTrainer, TrainerCallback

from scalemt.errors import PausedError
from scalemt.specialists.seq2seq import token_batches
from scalemt.training.specialist.batches import Place, Rounds
from scalemt.training.specialist.codec import IGNORED, Codec
from scalemt.training.specialist.material import Encoded
from scalemt.training.specialist.network import zero_padding
from scalemt.training.specialist.sampling import Sampler
from scalemt.training.stopping import mark_whole
from scalemt.training.watching import Measured, Progress, Watcher

"""The file that is written into a checkpoint last; one without it was cut off, and is not gone on with."""

_SPARE_TOKENS = 8  # of a greedy translation beyond 1.5 times its source
_DEV_TOKENS = 4096  # source tokens of dev that are translated together


class Examples(Dataset[tuple[list[int], list[int]]]):
    """Pairs of several corpora by their place in a round; see `Rounds`.

    Args:
        corpora: as ids.
        sampler: cuts them anew in each round; None leaves them as they are.
    """

    def __init__(self, corpora: Sequence[Encoded], sampler: Sampler | None = None) -> None:
        self._corpora = corpora
        self._sampler, self._round = sampler, -1

    def __len__(self) -> int:
        return sum(map(len, self._corpora))

    def __getitem__(self, place: Place) -> tuple[list[int], list[int]]:
        round_, corpus, number = place
        if self._sampler and round_ != self._round:
            self._corpora, self._round = self._sampler.round(round_), round_
        return self._corpora[corpus].sources[number], self._corpora[corpus].targets[number]


class DevExamples(Dataset[tuple[list[int], list[int]]]):
    """Dev, from the longest source to the shortest, so that little of a batch is padding."""

    def __init__(self, dev: Encoded) -> None:
        self.order = sorted(range(len(dev)), key=lambda number: -len(dev.sources[number]))
        self._dev = dev

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, number: int) -> tuple[list[int], list[int]]:
        return self._dev.sources[self.order[number]], self._dev.targets[self.order[number]]

    def batches(self) -> list[list[int]]:
        """Return the places that are translated together."""
        return list(token_batches([len(self[number][0]) for number in range(len(self))], _DEV_TOKENS))


class Padding:
    """Makes a batch of pairs: ids padded, labels, and the labels moved on as the decoder's input.

    Args:
        codec: knows pad and start.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __call__(self, pairs: Sequence[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
        """Return tensors of shape (pairs, longest)."""
        sources, targets = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        begun = [[self._codec.start, *target[:-1]] for target in targets]
        return {
            "input_ids": _matrix(sources, self._codec.pad),
            "attention_mask": _matrix([[1] * len(source) for source in sources], 0),
            "labels": _matrix(targets, IGNORED),
            "decoder_input_ids": _matrix(begun, self._codec.pad),
        }


def _matrix(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])


class LossError(PausedError):
    """The loss is no number any more."""


class Trainer(Seq2SeqTrainer):
    """The trainer of transformers; what differs is told in the module.

    Args:
        rounds: the batches.
        tokens: counts the target tokens that were trained on.
    """

    def __init__(self, rounds: Rounds, dev: DevExamples, **options: Any) -> None:
        super().__init__(eval_dataset=dev, **options)
        self.rounds, self._dev_examples = rounds, dev
        self.tokens = 0

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Give the batches of the whole training as one pass."""
        return DataLoader(self.train_dataset, batch_sampler=self.rounds, collate_fn=self.data_collator)  # type: ignore[arg-type]

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Give dev in batches of like length."""
        batches: Any = self._dev_examples.batches()
        return DataLoader(self._dev_examples, batch_sampler=batches, collate_fn=self.data_collator)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load a checkpoint; one that was made before `<pad>` was kept at zero is mended."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        network: Any = self.model
        if network.config.model_type == "marian":
            zero_padding(network)

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """Compute one part of an update; see `Trainer.training_step`.

        Raises:
            LossError: the loss is no finite number.
        """
        self.tokens += int((inputs["labels"] != IGNORED).sum())
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        if not math.isfinite(float(loss)):
            raise LossError(str(float(loss)))
        return loss

    def prediction_step(self, model: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Translate a batch of dev greedily; an untrained model would not end by itself, hence the limit."""
        limit = int(1.5 * inputs["input_ids"].shape[1]) + _SPARE_TOKENS
        return super().prediction_step(model, inputs, *arguments, max_new_tokens=limit, **options)


class Keeping(TrainerCallback):
    """Marks checkpoints that are whole, and keeps the weights of those that will be averaged.

    Args:
        folder: gets the kept weights, STEP.safetensors.
        count: how many.
        best: those with the best chrF++, else the last.
    """

    def __init__(self, folder: Path, count: int, *, best: bool) -> None:
        self._folder, self._count, self._best = folder, count, best

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Forget what a run before left of steps that are done again."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._folder.iterdir():
            if not path.stem.isdecimal() or int(path.stem) > state.global_step:
                path.unlink()
        if state.global_step:
            self._keep(Path(args.output_dir), state)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Mark the checkpoint, then keep its weights."""
        mark_whole(Path(args.output_dir) / f"checkpoint-{state.global_step}")
        self._keep(Path(args.output_dir), state)

    def _keep(self, checkpoints: Path, state: Any) -> None:
        chosen = chosen_steps(state.log_history, self._count, best=self._best)
        weights = checkpoints / f"checkpoint-{state.global_step}" / "model.safetensors"
        kept = self._folder / f"{state.global_step}.safetensors"
        if state.global_step in chosen and not kept.exists():
            _linked(weights, kept)
        for path in self._folder.iterdir():
            if int(path.stem) not in chosen:
                path.unlink()


def _linked(file: Path, place: Path) -> None:
    try:
        os.link(file, place)
    except OSError:  # not every file system has links
        shutil.copy2(file, place)


def chosen_steps(history: Sequence[dict[str, Any]], count: int, *, best: bool) -> list[int]:
    """Return the steps whose weights are averaged, the best or the latest first."""
    scored = {int(row["step"]): float(row["eval_chrf"]) for row in history if "eval_chrf" in row}
    ranked = sorted(scored, key=lambda step: (-scored[step] if best else 0.0, -step))
    return ranked[:count]


class Telling(TrainerCallback):
    """Tells a watcher how far it is.

    Args:
        watcher: is told.
        of_a_round: updates of a pass.
    """

    def __init__(self, watcher: Watcher, of_a_round: int) -> None:
        self._watcher, self._of_a_round = watcher, of_a_round
        self.trainer: Any = None
        self._began = self._evaluating = 0.0
        self._done = self._tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin to count."""
        self._mark(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Tell loss and speed, or what was measured on dev."""
        if logs and "loss" in logs:
            seconds = max(1e-9, time.monotonic() - self._began)
            pace = (state.global_step - self._done) / seconds
            left = (state.max_steps - state.global_step) / pace if pace else math.inf
            speed = (self.trainer.tokens - self._tokens) / seconds
            epoch = state.global_step / self._of_a_round
            self._watcher.progress(
                Progress(
                    state.global_step, state.max_steps, epoch, logs["loss"], logs["learning_rate"], speed, left
                )
            )
            self._mark(state)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Tell what was measured; the time that took is none of training."""
        score = metrics["eval_chrf"]
        best = max(state.best_metric or 0.0, score)
        self._watcher.measured(
            Measured(state.global_step, metrics["eval_loss"], metrics["eval_runtime"], score, best)
        )
        self._mark(state)

    def _mark(self, state: Any) -> None:
        self._began, self._done, self._tokens = time.monotonic(), state.global_step, self.trainer.tokens


def scorer(codec: Codec, dev: DevExamples, references: Sequence[str]) -> Callable[[Any], dict[str, float]]:
    """Return what measures chrF++ of the ids that were put out for dev, as sacreBLEU does."""
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(word_order=2)
    wanted = [references[number] for number in dev.order]

    def measure(made: Any) -> dict[str, float]:
        texts = [codec.text(row) for row in made.predictions.tolist()]
        return {"chrf": metric.corpus_score(texts, [wanted]).score}

    return measure
