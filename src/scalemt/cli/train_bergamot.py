"""`scalemt train bergamot`: a packaged student, fine-tuned on your own text."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scalemt.training.bergamot import FineTuned


@click.command(
    "bergamot", short_help="Fine-tune a Bergamot student, such as the packaged English-Portuguese ones."
)
@click.argument("config", metavar="CONFIG.toml", type=click.Path(dir_okay=False))
@click.option("--data", metavar="FOLDER", help="What paths in CONFIG.toml are meant from (default: its folder).")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE",
              help="Set a field otherwise, as training.steps=100 or corpora.0.fraction=0.1.")  # fmt: skip
@click.option("--work", metavar="FOLDER", help="Where unfinished work lies (default: the data folder).")
@click.option("--fresh", is_flag=True, help="Begin anew where unfinished work lies.")
@click.option("--promote", is_flag=True, help="The name means this version from now on; it does for a first one.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as one JSON object.")
def bergamot(
    config: str, changes: tuple[str, ...], fresh: bool, promote: bool, as_json: bool, **options: str | None
) -> int:
    """Fine-tune a Bergamot student as CONFIG.toml says, and register it: use it as --specialist NAME.

    Killed at any moment, the same command goes on from the last checkpoint. What is kept is the student that
    translates dev best, as it is run.
    """
    from scalemt.cli.train_progress import watching
    from scalemt.training.bergamot import fine_tune, read_fine_tuning
    from scalemt.training.faults import InterruptedTrainingError

    settings = read_fine_tuning(config, folder=options["data"], changes=changes)
    work = Path(options["work"]) if options["work"] else None
    try:
        with watching(quiet=as_json) as watcher:
            made = fine_tune(settings, work, fresh=fresh, promote=promote, watcher=watcher)
    except InterruptedTrainingError as fault:
        click.echo(str(fault), err=True)
        sys.exit(130 if fault.signal == signal.SIGINT else 143)
    click.echo(json.dumps(asdict(made.card), ensure_ascii=False) if as_json else _told(made))
    return 0


def _told(made: FineTuned) -> str:
    lines = [
        f"{name:>8}  {scores(made.before[name])} before, {scores(found)} after"
        for name, found in made.after.items()
    ]
    card = made.card
    lines.append(f"{card.shown} is registered. Its card: {made.folder / 'README.md'}")
    current = made.is_current
    lines.append(f"Use it as --specialist {card.name if current else card.shown}")
    if not current:
        lines.append(f"{card.name} alone means another version still: scalemt train models {card.shown} --promote")
    return "\n".join(lines)


def scores(found: Mapping[str, float]) -> str:
    """Return scores as a person reads them."""
    names = {"chrf++": "chrF++", "bleu": "BLEU"}
    return ", ".join(f"{names.get(name, name)} {value:.1f}" for name, value in found.items())
