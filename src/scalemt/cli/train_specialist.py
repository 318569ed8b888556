"""`scalemt train specialist`: a small translation model made of your pairs, or a local one trained further."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scalemt.training.specialist.making import Made


@click.command("specialist", short_help="A small neural model from scratch, or a local one trained further.")
@click.argument("configuration", metavar="CONFIG.toml", type=click.Path(dir_okay=False))
@click.option("--data", metavar="FOLDER", help="What paths in CONFIG.toml are meant from (default: its folder).")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE",
              help="Set a field otherwise, as training.epochs=2 or corpora.0.fraction=0.1.")  # fmt: skip
@click.option("--work", metavar="FOLDER", help="Where unfinished work lies (default: the data folder).")
@click.option("--fresh", is_flag=True, help="Begin anew where unfinished work lies.")
@click.option("--promote", is_flag=True, help="The name means this version from now on; it does for a first one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def specialist(
    configuration: str, changes: tuple[str, ...], fresh: bool, promote: bool, as_json: bool, **options: str | None
) -> int:
    """Train a specialist as CONFIG.toml says, convert it, and register it under its name.

    Then --specialist NAME uses it. Killed at any moment, the same command goes on at the last checkpoint and
    learns what it would have learnt. Exit codes: 0 done, 2 wrong use, 3 paused (the message says why), 130
    interrupted.
    """
    from scalemt.cli.train_progress import watching
    from scalemt.trained import TrainedModels
    from scalemt.training.faults import InterruptedTrainingError
    from scalemt.training.specialist.configuration import read_recipe
    from scalemt.training.specialist.making import train_specialist

    recipe = read_recipe(configuration, folder=options["data"], changes=changes)
    text = Path(configuration).read_text("utf-8") + "".join(
        f"# set on the command line: {one}\n" for one in changes
    )
    try:
        with watching(quiet=as_json) as watcher:
            made = train_specialist(recipe, configuration=text, work=options["work"], fresh=fresh, watcher=watcher)
    except InterruptedTrainingError as fault:
        click.echo(str(fault), err=True)
        sys.exit(130 if fault.signal == signal.SIGINT else 143)
    if promote:
        TrainedModels().promote(recipe.name, made.card.version)
    click.echo(_told(made) if not as_json else json.dumps(_as_json(made), ensure_ascii=False))
    return 0


def _told(made: Made) -> str:
    from scalemt.trained import TrainedModels

    shown = [
        f"{made.card.shown} is registered ({made.seconds / 60:.0f} min). Its card: {made.folder / 'README.md'}"
    ]
    for test, scores in made.card.scores.items():
        if isinstance(scores, dict):
            for what, found in scores.items():
                shown.append(f"  {test}, {what}: {_scores(found)}")
    current = TrainedModels().current(made.card.name) == made.card.version
    name = made.card.name if current else made.card.shown
    shown.append(f"Use it as --specialist {name}")
    if not current:
        promotion = f"scalemt train models {made.card.shown} --promote"
        shown.append(f"{made.card.name} alone means another version: {promotion} changes that.")
    return "\n".join(shown)


def _scores(found: object) -> str:
    return ", ".join(f"{name} {score}" for name, score in found.items()) if isinstance(found, dict) else str(found)


def _as_json(made: Made) -> dict[str, object]:
    told = {"folder": str(made.folder), "signature": made.signature, "seconds": made.seconds}
    return told | {"card": asdict(made.card)}
