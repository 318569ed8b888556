"""`scalemt train bergamot`: a packaged student, fine-tuned on your own text."""

from __future__ import annotations

import json
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
@click.argument("config", metavar="CONFIG.toml", type=click.Path(exists=True, dir_okay=False))
@click.option("--work", type=click.Path(file_okay=False), help="Folder of checkpoints (default: CONFIG.work).")
@click.option("--fresh", is_flag=True, help="Begin anew where unfinished work lies.")
@click.option("--promote", is_flag=True, help="The name means this version from now on; it does for a first one.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as one JSON object.")
def bergamot(config: str, work: str | None, fresh: bool, promote: bool, as_json: bool) -> int:
    """Fine-tune a Bergamot student as CONFIG.toml says, and register it: use it as --specialist NAME.

    Killed at any moment, the same command goes on from the last checkpoint. What is kept is the student that
    translates dev best, as it is run.
    """
    from scalemt.cli.training_lines import Lines
    from scalemt.training.bergamot import fine_tune, read_fine_tuning

    settings = read_fine_tuning(config)
    folder = Path(work) if work else Path(config).with_suffix(".work")
    made = fine_tune(settings, folder, fresh=fresh, promote=promote, watcher=Lines())
    click.echo(json.dumps(asdict(made.card), ensure_ascii=False) if as_json else _told(made))
    return 0


def _told(made: FineTuned) -> str:
    lines = [
        f"{name:>8}  {scores(made.before[name])} before, {scores(found)} after"
        for name, found in made.after.items()
    ]
    return "\n".join([*lines, f"{made.card.shown} lies in {made.folder}. Use it as --specialist {made.card.name}"])


def scores(found: Mapping[str, float]) -> str:
    """Return scores as a person reads them."""
    names = {"chrf++": "chrF++", "bleu": "BLEU"}
    return ", ".join(f"{names.get(name, name)} {value:.1f}" for name, value in found.items())
