"""One training: from a prepared folder to checkpoints, gone on with wherever a run before was cut off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from scalemt.errors import PausedError
from scalemt.huggingface import import_torch, quiet, read_json
from scalemt.training.faults import (
    InterruptedTrainingError,
    fitting_parts,
    is_memory,
    memory_advice,
    told_of_scarcity,
)
from scalemt.training.pairs import Pairs
from scalemt.training.specialist.batches import Rounds
from scalemt.training.specialist.codec import Codec
from scalemt.training.specialist.configuration import Recipe
from scalemt.training.specialist.material import Encoded, Material, encode
from scalemt.training.specialist.network import Machine, build
from scalemt.training.specialist.sampling import Sampler
from scalemt.training.specialist.work import Work
from scalemt.training.watching import Watcher

_LOG_EVERY = 20  # updates between two lines of the log, at most
_MOST_EVERY = 500  # updates between two measurements, where the recipe leaves it open
_TRAINED_RATE, _FRESH_RATE = 5e-5, 1e-3
_DEV_LONGEST = 500  # tokens of a side of dev


class Trained(NamedTuple):
    """What a training came to: the log of the trainer, updates made, target tokens of a pass."""

    history: list[dict[str, Any]]
    steps: int
    tokens: int


class _Texts(NamedTuple):
    """All texts as ids, and the references of dev as they are."""

    codec: Codec
    corpora: list[Encoded]
    dev: Encoded
    references: list[str]
    sampler: Sampler | None


class Pace(NamedTuple):
    """Updates of a pass and in all, between two measurements, and between two lines of the log."""

    of_a_round: int
    updates: int
    every: int
    log: int


def pace_of(recipe: Recipe, of_a_round: int) -> Pace:
    """Return how many updates there are, and when is measured and logged: measured only where it is logged."""
    training = recipe.training
    updates = max(1, math.ceil(training.epochs * of_a_round))
    updates = min(updates, training.steps) if training.steps else updates
    every = min(training.every or min(of_a_round, _MOST_EVERY), updates)
    log = max(1, every // math.ceil(every / _LOG_EVERY))
    return Pace(of_a_round, updates, every // log * log, log)


def fit(recipe: Recipe, work: Work, material: Material, machine: Machine, watcher: Watcher) -> Trained:
    """Train, or go on with a training; checkpoints and kept weights are in the work folder then.

    Raises:
        PausedError: memory or disk did not suffice, the loss was no number any more, or somebody interrupted;
            what was saved is kept, and the message says how to go on.
        InputError, ModelError: see `encode`.
    """
    torch, _ = import_torch("Training a specialist")
    training = recipe.training
    torch.set_num_threads(training.threads)
    texts = _texts(recipe, work, material)
    rounds = _rounds(recipe, texts.corpora, training.parts)
    pace = pace_of(recipe, rounds.of_a_round)
    rounds.updates = pace.updates
    with told_of_scarcity(work.path), quiet():
        trainer = _trainer(recipe, work, machine, texts, rounds, pace, watcher)
        history, steps = _run(trainer, recipe, work, texts.corpora)
    return Trained(history, steps, sum(corpus.tokens for corpus in texts.corpora))


def _texts(recipe: Recipe, work: Work, material: Material) -> _Texts:
    codec = Codec(work.start, recipe.pair)
    encoded = [encode(pairs, codec, recipe.training.longest) for pairs in material.corpora]
    lines = drawn(material.dev, recipe.training.measured, recipe.seed)
    dev = encode(lines, codec, _DEV_LONGEST)
    amount = 0.0 if recipe.model.base else recipe.vocabulary.sampling
    longest = recipe.training.longest
    sampler = Sampler(codec, material.corpora, encoded, amount, recipe.seed, longest) if amount else None
    return _Texts(codec, encoded, dev, [lines.targets[number] for number in dev.kept], sampler)


def drawn(pairs: Pairs, lines: int, seed: int) -> Pairs:
    """Return at most so many lines of a test set, drawn by a seed, in their order; 0 is all."""
    if not lines or lines >= len(pairs):
        return pairs
    chosen = sorted(Random(f"{seed}:dev").sample(range(len(pairs)), lines))  # noqa: S311  # nothing secret
    sources, targets = (tuple(side[number] for number in chosen) for side in (pairs.sources, pairs.targets))
    return replace(pairs, sources=sources, targets=targets)


def _rounds(recipe: Recipe, encoded: Sequence[Encoded], parts: int) -> Rounds:
    lengths = [corpus.lengths for corpus in encoded]
    weights = [corpus.weight for corpus in recipe.corpora]
    return Rounds(lengths, weights, recipe.training.batch_tokens, parts=parts, seed=recipe.seed)


def _trainer(
    recipe: Recipe,
    work: Work,
    machine: Machine,
    texts: _Texts,
    rounds: Rounds,
    pace: Pace,
    watcher: Watcher,
) -> Any:
    from transformers import EarlyStoppingCallback, GenerationConfig
    from transformers.integrations.integration_utils import TensorBoardCallback

    from scalemt.training.specialist import loop

    codec = texts.codec
    model = build(recipe, work.start, machine)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        decoder_start_token_id=codec.start, eos_token_id=codec.end, pad_token_id=codec.pad,
        forced_bos_token_id=codec.prefix[0] if codec.prefix else None,
        suppress_tokens=codec.never or None, num_beams=1, do_sample=False,
    )  # fmt: skip
    examples = loop.DevExamples(texts.dev)
    training = recipe.training
    telling = loop.Telling(watcher, pace.of_a_round)
    callbacks = [
        TensorBoardCallback(_writer(work)),  # type: ignore[no-untyped-call]
        loop.Keeping(work.kept, training.average, best=training.averaging == "best"),
        telling,
    ]
    if training.patience:
        callbacks.append(EarlyStoppingCallback(training.patience))
    trainer = loop.Trainer(
        rounds,
        examples,
        model=model,
        args=_arguments(recipe, work, machine, pace),
        data_collator=loop.Padding(codec),
        train_dataset=loop.Examples(texts.corpora, texts.sampler),
        compute_metrics=loop.scorer(codec, examples, texts.references),
        callbacks=callbacks,
    )
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    telling.trainer = trainer
    return trainer


def _writer(work: Work) -> Any:
    from tensorboardX import SummaryWriter

    checkpoint = _newest(work)
    step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    return SummaryWriter(str(work.logs), purge_step=step + 1)


def _newest(work: Work) -> Path | None:
    from scalemt.training.stopping import last_checkpoint

    return last_checkpoint(work.checkpoints)


def _arguments(recipe: Recipe, work: Work, machine: Machine, pace: Pace) -> Any:
    from transformers import Seq2SeqTrainingArguments

    training = recipe.training
    schedules = {"constant": "constant_with_warmup"}
    return Seq2SeqTrainingArguments(
        output_dir=str(work.checkpoints), max_steps=pace.updates, seed=recipe.seed, data_seed=recipe.seed,
        gradient_accumulation_steps=training.parts,
        learning_rate=training.rate or (_TRAINED_RATE if recipe.model.base else _FRESH_RATE),
        lr_scheduler_type=schedules.get(training.schedule, training.schedule), warmup_steps=training.warmup,
        label_smoothing_factor=training.smoothing, weight_decay=training.decay, max_grad_norm=training.clip,
        adam_beta2=0.98, optim="adamw_torch_fused",
        eval_strategy="steps", eval_steps=pace.every, save_strategy="steps", save_steps=pace.every,
        save_total_limit=2, logging_steps=pace.log, logging_nan_inf_filter=False,
        predict_with_generate=True, metric_for_best_model="chrf", greater_is_better=True,
        restore_callback_states_from_checkpoint=True, remove_unused_columns=False, report_to=[],
        disable_tqdm=True, dataloader_pin_memory=False, use_cpu=not machine.device.startswith("cuda"),
        bf16=machine.precision == "bfloat16", fp16=machine.precision == "float16",
    )  # fmt: skip


def _run(trainer: Any, recipe: Recipe, work: Work, encoded: Sequence[Encoded]) -> tuple[list[dict[str, Any]], int]:
    """Run the trainer, and tell its faults."""
    from scalemt.training.specialist.loop import LossError
    from scalemt.training.stopping import Stopping

    checkpoint = _newest(work)
    if checkpoint and _is_over(checkpoint, recipe):
        told = read_json(checkpoint / "trainer_state.json")
        return told["log_history"], int(told["global_step"])
    stopping = Stopping()
    trainer.add_callback(stopping)
    enough = True
    try:
        _attempt(trainer, trainer.rounds)
        with stopping:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except LossError as fault:
        raise PausedError(_told_of_the_loss(str(fault), trainer.state.global_step + 1, _newest(work))) from None
    except (RuntimeError, MemoryError) as fault:
        if not is_memory(fault):
            raise
        enough = False  # what the error holds must be let go before less is tried
    if not enough:
        raise PausedError(_told_of_the_memory(trainer, recipe, encoded))
    if stopping.asked is not None:
        raise InterruptedTrainingError(
            f"Interrupted after update {trainer.state.global_step:,} of {trainer.state.max_steps:,}. All is "
            f"saved in {work.path}: run the same command again to go on.",
            stopping.asked,
        )
    return trainer.state.log_history, trainer.state.global_step


def _is_over(checkpoint: Path, recipe: Recipe) -> bool:
    """Whether a training stopped by itself at this checkpoint."""
    told = read_json(checkpoint / "trainer_state.json")
    stopper = told.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {})
    waited = stopper.get("attributes", {}).get("early_stopping_patience_counter", 0)
    patience = recipe.training.patience
    return bool(told["global_step"] >= told["max_steps"] or (patience and waited >= patience))


def _attempt(trainer: Any, rounds: Rounds) -> None:
    """Compute the heaviest batch once, so that too little memory is seen now and not after an hour."""
    torch, _ = import_torch("Training a specialist")
    examples, model = trainer.train_dataset, trainer.model
    batch = trainer.data_collator([examples[place] for place in rounds.heaviest()])
    with _generators_untouched():
        # What the optimizer will hold: two numbers for each weight.
        held = [torch.zeros(2, *weight.shape, device=weight.device) for weight in model.parameters()]
        inputs = trainer._prepare_inputs(batch)  # moves tensors to the device
        model.train()
        with trainer.autocast_smart_context_manager():
            loss = trainer.compute_loss(model, inputs)
        loss.backward()
    del held
    model.zero_grad(set_to_none=True)


def _generators_untouched() -> Any:
    torch, _ = import_torch("Training a specialist")
    return torch.random.fork_rng()


def _told_of_the_memory(trainer: Any, recipe: Recipe, encoded: Sequence[Encoded]) -> str:
    def attempt(parts: int) -> None:
        _attempt(trainer, _rounds(recipe, encoded, parts))

    trainer.optimizer = trainer.lr_scheduler = None
    trainer.model.zero_grad(set_to_none=True)
    pairs = max(len(batch) for batch in _rounds(recipe, encoded, 1).round(0))
    fits = fitting_parts(attempt, recipe.training.parts, pairs)
    return memory_advice(recipe.training.batch_tokens, recipe.training.parts, fits)


def _told_of_the_loss(loss: str, step: int, checkpoint: Path | None) -> str:
    begun = (
        f"Checkpoint {checkpoint.name.rpartition('-')[2]} is kept" if checkpoint else "There is no checkpoint yet"
    )
    return (
        f"The loss of update {step:,} is {loss}: the training has gone astray. {begun}. With precision = "
        "'float32' the same command goes on from there; a lower training.rate, a longer training.warmup or a "
        "lower training.clip needs --fresh."
    )
