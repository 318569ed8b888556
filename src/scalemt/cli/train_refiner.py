"""`scalemt train refiner`: a small generalist taught to refine the drafts of your specialists."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scalemt.trained import ModelCard


@click.command("refiner", short_help="A small generalist that refines your specialists' drafts.")
@click.argument("configuration", metavar="CONFIG.toml", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--data", metavar="FOLDER", help="What paths in CONFIG.toml are meant from (default: its folder).")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE",
              help="Set a field otherwise, as training.steps=100 or corpora.0.lines=500.")  # fmt: skip
@click.option("--work", metavar="FOLDER", type=click.Path(path_type=Path),
              help="Where unfinished work lies (default: the data folder).")  # fmt: skip
@click.option("--fresh", is_flag=True, help="Train anew where an unfinished training lies; drafts are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as one JSON object.")
def refiner(
    configuration: Path, data: str | None, changes: tuple[str, ...], work: Path | None, fresh: bool, as_json: bool
) -> int:
    """Make triplets of a corpus and drafts, train a LoRA adapter on them, and register it as a generalist.

    Ended at any moment, the same command goes on: after a kill from the last checkpoint, after Ctrl-C from the
    step that was just done. docs/training.md tells what CONFIG.toml holds. Exit codes: 0 done, 2 wrong use,
    3 paused (the message says why), 130 interrupted.
    """
    from scalemt.cli.train_progress import watching
    from scalemt.training.faults import InterruptedTrainingError
    from scalemt.training.refiner import read_refiner, train_refiner

    settings = read_refiner(configuration, folder=data, changes=changes)
    text = configuration.read_text("utf-8") + "".join(f"# set on the command line: {one}\n" for one in changes)
    try:
        with watching(quiet=as_json) as watcher:
            card, folder = train_refiner(settings, work, watcher, fresh=fresh, source=text)
    except InterruptedTrainingError as fault:
        click.echo(str(fault), err=True)
        sys.exit(130 if fault.signal == signal.SIGINT else 143)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "card": asdict(card)}, ensure_ascii=False))
    else:
        click.echo(_told(card, folder))
    return 0


def _told(card: ModelCard, folder: Path) -> str:
    training = card.scores["training"]
    lines = [
        f"Trained in {training['minutes']:.1f} minutes: {training['steps']} steps of {training['samples']:,} "
        f"triplets, loss {training['first_loss']:.3f} -> {training['last_loss']:.3f}, "
        f"{training['memory_gb']:.1f} GB at most."
    ]
    for name, made in card.scores.items():
        if name != "training":
            before, after = made["draft"], made["refined"]
            lines.append(
                f"{name}: chrF++ {before['chrf++']:.1f} -> {after['chrf++']:.1f}, BLEU {before['bleu']:.1f} -> "
                f"{after['bleu']:.1f} ({made['lines']} lines, every answer taken)"
            )
    name = card.name if card.version == 1 else card.shown
    lines.append(f"{card.shown} is in {folder}. Use it as --generalist {name}")
    if card.version > 1:
        lines.append(f"{card.name} alone means what it meant before: scalemt train models can promote this one.")
    return "\n".join(lines)
