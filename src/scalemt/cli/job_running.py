"""`scalemt job run`, `resume` and `retry-failed`: what works on a job."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scalemt.cli.documents import document_options, format_options
from scalemt.cli.job_cluster import cluster_options, take_crew
from scalemt.cli.job_progress import Telling, shares, telling
from scalemt.cli.options import method_options, overrides, profile_options, say, visible

if TYPE_CHECKING:
    from scalemt.jobs.answers import Limits
    from scalemt.jobs.crew import Crew, Work
    from scalemt.jobs.ledger import Ledger
    from scalemt.jobs.runner import Ending, Runner
    from scalemt.jobs.status import Status

F = TypeVar("F", bound=Callable[..., Any])

_NAMED = 20  # failed segments that are named one by one
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a time in seconds: 90, 90s, 30min, 2h, 1.5d."""
    if value is None:
        return None
    found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*", value)
    if not found or found[2] not in _UNITS or float(found[1]) <= 0:
        raise click.BadParameter(f"{value!r} is no time. Write 90, 90s, 30min, 2h or 1d.", ctx, param)
    return float(found[1]) * _UNITS[found[2]]


_LIMITS = (
    click.option("--max-cost", type=click.FloatRange(0, min_open=True), metavar="MONEY",
                 help="Most that the generalist may cost, over the whole job."),
    click.option("--max-tokens", type=click.IntRange(1), metavar="N",
                 help="Most tokens of the generalist, over the whole job."),
    click.option("--max-time", callback=seconds, metavar="TIME", help="Most time of this run: 90s, 30min, 2h."),
    click.option("--attempts", type=click.IntRange(1, 100), default=3, show_default=True,
                 help="How often a segment is tried before it is given up."),
    click.option("--max-retries", type=click.IntRange(0), metavar="N",
                 help="Tries after the first, of requests and segments, over the whole job."),
    click.option("--json", "as_json", is_flag=True, help="Events as JSON, one a line."),
)  # fmt: skip


def limit_options(function: F) -> F:
    """Add the options that say how much a run may take."""
    for option in reversed(_LIMITS):
        function = option(function)
    return function


@click.command("run", short_help="Begin a job, or go on with the same one.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", "folder", required=True, type=click.Path(file_okay=False), metavar="DIR",
              help="Folder of the job: its ledger, and the translations.")  # fmt: skip
@click.option("--from", "source", required=True, metavar="LANG", help="Source language, any common code.")
@click.option("--to", "target", required=True, metavar="LANG", help="Target language, any common code.")
@click.option("--estimate", is_flag=True, help="Tell segments, tokens, time and money, and begin nothing.")
@click.option(
    "--probe",
    type=click.IntRange(0, 1000),
    metavar="N",
    help="With --estimate: send N prompts, and measure time and tokens by them.",
)
@limit_options
@cluster_options
@document_options
@method_options
@profile_options
def run(files: tuple[str, ...], folder: str, source: str, target: str, **options: Any) -> int:
    """Translate files, folders and patterns ('docs/**/*.md') into DIR.

    Whatever ends it (Ctrl-C, a crash, a spent budget), the same command or `scalemt job resume DIR` goes on.
    """
    from scalemt.config import load_configuration
    from scalemt.jobs.reading import begin, find_files
    from scalemt.jobs.settings import Settings

    limits, crew, as_json = take_limits(options), take_crew(options), options.pop("as_json")
    estimated, probe, profile = options.pop("estimate"), options.pop("probe"), options.pop("profile")
    how, format_name = format_options(options), options.pop("format_name")
    configuration = load_configuration()
    chosen = configuration.profile(profile, **overrides(options))
    settings = Settings.of(chosen, configuration, source, target, format_name, how)
    found = find_files(files, Path(folder))
    if estimated:
        from scalemt.cli.job_estimate import show_estimate

        return show_estimate(settings, found, probe, as_json=as_json)
    ledger = begin(Path(folder), settings, found)
    return work(ledger, limits, crew, as_json=as_json)


@click.command("resume", short_help="Go on with a job.")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@limit_options
@cluster_options
def resume(folder: str, **options: Any) -> int:
    """Go on with the job in DIR, as it was begun; limits may be others."""
    from scalemt.jobs.leases import reopen
    from scalemt.jobs.ledger import Ledger

    limits, crew, as_json = take_limits(options), take_crew(options), options.pop("as_json")
    ledger = Ledger.of_files(Path(folder))
    reopen(ledger)
    return work(ledger, limits, crew, as_json=as_json)


@click.command("retry-failed", short_help="Try the failed segments of a job again.")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@click.option("--fallbacks", is_flag=True, help="Also those whose draft stands in for an answer that failed.")
@limit_options
@cluster_options
def retry_failed(folder: str, fallbacks: bool, **options: Any) -> int:
    """Translate the segments that failed anew, and write the files again."""
    from scalemt.jobs.leases import try_again
    from scalemt.jobs.ledger import Ledger

    limits, crew, as_json = take_limits(options), take_crew(options), options.pop("as_json")
    ledger = Ledger.of_files(Path(folder))
    number = try_again(ledger, fallbacks=fallbacks)
    if not number:
        say("No segment has failed: there is nothing to try again.")
        return 0
    say(f"{number:,} segments are tried again.")
    return work(ledger, limits, crew, as_json=as_json)


def work(ledger: Ledger, limits: Limits, crew: Callable[[Work], Crew] | None = None, *, as_json: bool) -> int:
    """Run a job until its end, and say how it ended; without a crew, this process works."""
    from scalemt.jobs.local import LocalCrew
    from scalemt.jobs.runner import Runner

    shown = telling(ledger, as_json=as_json)
    runner = Runner(ledger, limits, shown, crew or LocalCrew)
    # Paths of the profile begin where the job was begun.
    with closing(ledger), chdir(ledger.settings.folder), _signals(runner, shown) as sent:
        try:
            ending = runner.run()
        finally:
            shown.close()
        code = _ended(ledger, ending, as_json=as_json)
    return 143 if code == 130 and signal.SIGTERM in sent else code


@contextmanager
def _signals(runner: Runner, shown: Telling) -> Iterator[list[int]]:
    """Finish what is under way at the first Ctrl-C or SIGTERM, end at once at the second; yields those sent."""
    sent: list[int] = []

    def stop(number: int, _: Any) -> None:
        sent.append(number)
        if len(sent) > 1:
            runner.hurry()
            raise KeyboardInterrupt
        runner.stop("Interrupted.")
        shown.note("What is under way is finished first; Ctrl-C again ends at once, and loses only that.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield sent
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def take_limits(options: dict[str, Any]) -> Limits:
    """Return how much a run may take; what belongs to that is taken out of `options`."""
    from scalemt.jobs.answers import Limits

    return Limits(
        max_cost=options.pop("max_cost"),
        max_tokens=options.pop("max_tokens"),
        max_seconds=options.pop("max_time"),
        attempts=options.pop("attempts"),
        max_retries=options.pop("max_retries"),
    )


def _ended(ledger: Ledger, ending: Ending, *, as_json: bool) -> int:
    from scalemt.jobs.status import failures, status_of

    status = status_of(ledger)
    named = list(islice(failures(ledger), _NAMED))
    if as_json:
        told = [failure.as_json() for failure in named]
        click.echo(json.dumps({"event": ending.state, **status.as_json(), "failures": told}, ensure_ascii=False))
    else:
        for failure in named:
            click.echo(visible(f"Failed: {failure.file}, {failure.name}: {failure.reason}"), err=True)
        if status.failed > _NAMED:
            click.echo(f"All are listed by: scalemt job status --failed {ledger.folder}", err=True)
        _say_ended(ledger, status, ending)
    if ending.interrupted:
        return 130
    if ending.state != "done":
        return 3
    return 1 if status.failed else 0


def _say_ended(ledger: Ledger, status: Status, ending: Ending) -> None:
    done = f"{status.done:,} of {status.segments:,} segments are translated"
    if status.repeated > 0:
        done += f", {status.repeated:,} repetitions with them"
    told = shares(status)
    click.echo(f"{done}{f' ({told})' if told else ''}.", err=True)
    if status.fallbacks:
        say(
            f"For {status.fallbacks:,} the generalist failed and another candidate stands in; try them again with "
            f"scalemt job retry-failed --fallbacks {ledger.folder}."
        )
    if ending.state == "done":
        click.echo(f"Written to {ledger.folder}.", err=True)
        if status.failed:
            click.echo(
                f"{status.failed:,} segments failed and keep their source. Try them again with: "
                f"scalemt job retry-failed {ledger.folder}",
                err=True,
            )
        return
    click.echo(f"{ending.state.capitalize()}: {ending.reason}", err=True)
    click.echo(f"Nothing is lost. Go on with: scalemt job resume {ledger.folder}", err=True)
