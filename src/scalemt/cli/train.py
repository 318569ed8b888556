"""`scalemt train`: specialists and refiners made of what you have; one file per command."""

from __future__ import annotations

import click

from scalemt.cli.train_bergamot import bergamot
from scalemt.cli.train_loop import loop
from scalemt.cli.train_models import models
from scalemt.cli.train_refiner import refiner
from scalemt.cli.train_specialist import specialist
from scalemt.cli.train_thot import thot


@click.group("train", short_help="Train specialists and refiners on your own data.")
def command() -> None:
    """Train specialists and refiners on your own data, to be used by their names at once."""


for _one in (bergamot, loop, models, refiner, specialist, thot):
    command.add_command(_one)
