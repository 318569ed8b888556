"""`scalemt train loop`: train, find errors, synthesise where it is weak, and again."""

from __future__ import annotations

import json
import signal
import sys

import click


@click.command("loop", short_help="Train, find errors, write sentences where it is weak, and again.")
@click.argument("config", metavar="CONFIG.toml", type=click.Path(dir_okay=False))
@click.option("--data", metavar="FOLDER", help="What paths in CONFIG.toml are meant from (default: its folder).")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE",
              help="Set a field otherwise, as rounds=2 or training.steps=100.")  # fmt: skip
@click.option("--work", metavar="FOLDER", help="Where rounds and reports lie (default: the data folder).")
@click.option("--fresh", is_flag=True, help="Begin anew; versions that were registered stay.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a round.")
def loop(
    config: str, data: str | None, changes: tuple[str, ...], work: str | None, fresh: bool, as_json: bool
) -> int:
    """Go round as CONFIG.toml says: train, measure, report errors, synthesise around weak terms, until dev stalls.

    Each round is a version of the model, with a report; the best one is promoted. Killed at any moment, the same
    command goes on.
    """
    from scalemt.cli.train_progress import watching
    from scalemt.training.faults import InterruptedTrainingError
    from scalemt.training.looping import read_loop, run_loop

    wanted = read_loop(config, folder=data, changes=changes)
    try:
        with watching(quiet=as_json) as watcher:
            ended = run_loop(wanted, work=work, fresh=fresh, watcher=watcher)
    except InterruptedTrainingError as fault:
        click.echo(str(fault), err=True)
        sys.exit(130 if fault.signal == signal.SIGINT else 143)
    if as_json:
        for one in ended.rounds:
            click.echo(json.dumps(one.as_json(), ensure_ascii=False))
    else:
        click.echo((ended.folder / "report.md").read_text("utf-8"), nl=False)
        click.echo(f"\nThe best is {ended.best}. Reports of the rounds lie in {ended.folder}.")
    return 0
