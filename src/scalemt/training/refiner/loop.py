"""The loop: transformers' Trainer with this loss, this order and this schedule. Only imported by what trains.

The loss is that of the answers alone (MT-Ladder: cross-entropy on target tokens), and only their positions are
projected to the vocabulary: of Gemma's 262,144 words that is most of the work of a step, and of its memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn import functional

from scalemt.errors import PausedError
from scalemt.training.refiner.configuration import Training
from scalemt.training.refiner.ordering import Course, rate
from scalemt.training.refiner.texts import Tokens

IGNORED = -100


def collate(items: Sequence[Tokens]) -> dict[str, torch.Tensor]:
    """Return a batch: `input_ids`, `attention_mask` and `labels`, each (N, longest), padded on the right."""
    longest = max(len(item.ids) for item in items)
    ids = torch.zeros((len(items), longest), dtype=torch.long)
    mask = torch.zeros((len(items), longest), dtype=torch.long)
    labels = torch.full((len(items), longest), IGNORED, dtype=torch.long)
    for row, item in enumerate(items):
        length = len(item.ids)
        ids[row, :length] = torch.tensor(item.ids)
        mask[row, :length] = 1
        labels[row, item.opening : length] = ids[row, item.opening : length]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def answer_loss(model: Any, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, int]:
    """Return the summed cross-entropy (nats) of the answers of a batch, and of how many tokens."""
    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = causal.base_model(
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False
    ).last_hidden_state[:, :-1]
    wanted = batch["labels"][:, 1:]
    told = wanted != IGNORED
    logits = causal.get_output_embeddings()(hidden[told]).float()
    cap = getattr(causal.config.get_text_config(), "final_logit_softcapping", None)
    if cap:
        logits = cap * torch.tanh(logits / cap)
    return functional.cross_entropy(logits, wanted[told], reduction="sum"), int(told.sum())


class RefinerTrainer(transformers.Trainer):
    """The Trainer with the loss of the answers, the order of a course, and its schedule.

    A loss that is no number ends the training before it can reach the weights.
    """

    # What `compute_loss` gives is divided by the answers' tokens of the whole update already.
    loss_is_scaled_for_ga = True

    def __init__(self, course: Course, settings: Training, **options: Any) -> None:
        super().__init__(data_collator=collate, **options)
        self.model_accepts_loss_kwargs = True  # has the Trainer count the tokens of an update
        self._course = course
        self._settings = settings

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the loss of a batch: its sum by the tokens of the update."""
        total, count = answer_loss(self.accelerator.unwrap_model(model), inputs)
        loss = total / (count if num_items_in_batch is None else num_items_in_batch)
        if not torch.isfinite(loss):
            raise PausedError(
                f"The loss is {float(loss)} at step {self.state.global_step + 1}: it cannot be gone on with. "
                f"Lower learning_rate (it is {self._settings.learning_rate:g}), or set precision to float32, "
                "and begin anew with --fresh."
            )
        return (loss, {}) if return_outputs else loss

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Return the schedule of the course."""
        stages, named, warmup = self._course.stages, self._settings.chosen_schedule, self._settings.warmup
        if self.lr_scheduler is None:
            chosen: Any = self.optimizer if optimizer is None else optimizer
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                chosen, lambda step: rate(step, stages, named, warmup)
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler


def arguments(folder: Path, course: Course, settings: Training, seed: int, *, measured: bool) -> Any:
    """Return the Trainer's arguments for a course."""
    on_cpu = not torch.cuda.is_available()
    return transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=course.steps,
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        weight_decay=0.0,
        max_grad_norm=1.0,
        train_sampling_strategy="sequential",
        seed=seed,
        data_seed=seed,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.checkpoint_every,
        save_total_limit=2,
        eval_strategy="steps" if measured and settings.measure_every else "no",
        eval_steps=settings.measure_every or None,
        prediction_loss_only=True,
        label_names=["labels"],
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        use_cpu=on_cpu,
        report_to="none",
        disable_tqdm=True,
    )
