"""`scalemt job status` and `cancel`: what looks at a job, from any terminal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scalemt.cli.job_progress import duration, shares
from scalemt.cli.options import visible

if TYPE_CHECKING:
    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.status import Status


@click.command("status", short_help="Say how far a job is, also while it runs.")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option("--watch", is_flag=True, help="Look again every second until the job stops.")
@click.option("--failed", is_flag=True, help="List the segments that failed, with the reasons.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a look, or a failed segment.")
def status(folder: str, watch: bool, failed: bool, as_json: bool) -> int:
    """Say how far the job in DIR is, or the synthesis (`scalemt data synthesise`)."""
    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.status import status_of

    if failed:
        return _list_failed(Ledger.of_files(Path(folder)), as_json=as_json)
    ledger = Ledger.open(Path(folder))
    if ledger.get("synthesis"):
        return _look_at_synthesis(ledger, watch=watch, as_json=as_json)
    before: tuple[float, int] | None = None
    while True:
        found = status_of(ledger)
        now = (time.monotonic(), found.done + found.failed)
        if as_json:
            click.echo(json.dumps(found.as_json(), ensure_ascii=False))
        else:
            _show(found, _left(found, before, now))
        if not watch or found.state not in ("reading", "running"):
            return 0
        before = before or now
        time.sleep(1.0)


@click.command("cancel", short_help="Have whoever works on a job stop.")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
def cancel(folder: str) -> int:
    """Have the job in DIR stopped, wherever it runs: what is under way is finished, and resume goes on later."""
    from scalemt.jobs.ledger import Ledger

    ledger = Ledger.of_files(Path(folder))
    if ledger.state == "done":
        click.echo("The job is done already.", err=True)
        return 0
    ledger.turn("cancelled", "Cancelled by scalemt job cancel.")
    click.echo(f"Cancelled. Go on with: scalemt job resume {folder}", err=True)
    return 0


def _look_at_synthesis(ledger: Ledger, *, watch: bool, as_json: bool) -> int:
    from scalemt.data.synthesis.status import status_of_synthesis

    while True:
        found = status_of_synthesis(ledger)
        told = "\n  ".join(part for part in (found.line, found.reason) if part)
        click.echo(json.dumps(found.as_json(), ensure_ascii=False) if as_json else told)
        if not watch or found.state != "running":
            return 0
        time.sleep(1.0)


def _list_failed(ledger: Ledger, *, as_json: bool) -> int:
    from scalemt.jobs.status import failures

    for item in failures(ledger):
        line = f"{item.file}, {item.name}: {item.reason}\n  {item.source}"
        click.echo(json.dumps(item.as_json(), ensure_ascii=False) if as_json else visible(line))
    return 0


def _left(found: Status, before: tuple[float, int] | None, now: tuple[float, int]) -> str:
    if before is None or now[1] <= before[1]:
        return ""
    rate = (now[1] - before[1]) / (now[0] - before[0])
    return f", {rate:,.1f}/s, {duration(found.waiting / rate)} left"


def _show(found: Status, left: str) -> None:
    done = found.done + found.failed
    share = f" ({done / found.segments:.1%})" if found.segments else ""
    read = "" if found.read == found.files else f"; {found.read} of {found.files} files are read"
    click.echo(f"{found.state}: {done:,} of {found.segments:,} segments{share}{left}{read}")
    if told := shares(found):
        click.echo(f"  {told}")
    if found.fallbacks:
        click.echo(f"  {found.fallbacks:,} with another candidate, because the generalist failed")
    if found.runners:
        click.echo(f"  {found.runners} process{'es' if found.runners > 1 else ''} at work")
    if found.reason:
        click.echo(f"  {found.reason}")
