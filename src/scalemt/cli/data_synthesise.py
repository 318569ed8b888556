"""`scalemt data synthesise`: corpora made with a generalist in the loop."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.job_running import seconds

if TYPE_CHECKING:
    from scalemt.data.synthesis import Ended, Synthesis

_SHOWN = 6  # faults that are told one by one


@click.command(
    "synthesise", short_help="Have pairs made: around terms, of a domain, back-translated, in contrasts."
)
@click.argument("configuration", metavar="CONFIG.toml", type=click.Path(dir_okay=False))
@click.option("-o", "--output", metavar="FILE", help="TSV, CSV, TMX or JSON Lines, by suffix.")
@click.option("--data", metavar="FOLDER", help="What paths in CONFIG.toml are meant from (default: its folder).")
@click.option("--dry-run", is_flag=True, help="Print the prompts, JSON Lines, and ask nobody.")
@click.option("--max-cost", type=click.FloatRange(0, min_open=True), metavar="MONEY",
              help="Most that the generalist may cost, all runs together.")  # fmt: skip
@click.option("--max-tokens", type=click.IntRange(1), metavar="N",
              help="Most tokens of the generalist, all runs together.")  # fmt: skip
@click.option("--max-time", callback=seconds, metavar="TIME", help="Most time of this run: 90s, 30min, 2h.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes that filter.")
@click.option("--fresh", is_flag=True, help="Begin anew where another synthesis lies; its answers are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the data card as JSON.")
def synthesise(
    configuration: str, output: str | None, data: str | None, dry_run: bool, as_json: bool, **options: Any
) -> int:
    """Have a corpus made as CONFIG.toml says, filter it, and write it with a data card.

    Whatever ends it (Ctrl-C, a crash, a spent budget), the same command goes on, and pays for no answer twice:
    they stand in FILE.synthesis. FILE.card.md says what was asked, what came, what was dropped and why.
    """
    from scalemt.data.synthesis import prompts_of, read_synthesis

    told = read_synthesis(configuration, folder=data)
    if dry_run:
        told.check()
        for request, prompt in prompts_of(told):
            click.echo(json.dumps({"id": str(request.number + 1), **prompt.as_json()}, ensure_ascii=False))
        return 0
    if not output:
        raise click.UsageError("Missing option '-o' / '--output': where the pairs are written.")
    if not as_json:
        for name, why in told.left_out.items():
            click.echo(f"Without {name}: {why}.", err=True)
    return _run(told, output, as_json=as_json, **options)


def _run(told: Synthesis, output: str, *, as_json: bool, workers: int, fresh: bool, **limits: Any) -> int:
    from scalemt.cli.data_progress import watching
    from scalemt.data.synthesis import synthesise as run
    from scalemt.errors import PausedError
    from scalemt.jobs.answers import Limits

    chosen = Limits(limits["max_cost"], limits["max_tokens"], limits["max_time"])
    with watching(0) as watcher, _stopping() as stopped:
        try:
            ended = run(
                told, output, limits=chosen, workers=workers, fresh=fresh, watcher=watcher,
                stopped=lambda: "Interrupted." if stopped else "",
            )  # fmt: skip
        except PausedError as fault:
            click.echo(f"Paused: {fault}", err=True)
            click.echo(f"What was answered is kept in {output}.synthesis. The same command goes on.", err=True)
            return 130 if stopped else 3
    card = ended.card.as_json()
    click.echo(json.dumps(card, ensure_ascii=False) if as_json else _told(ended, output))
    return 1 if ended.failed else 0


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Let what is under way be finished at the first Ctrl-C; the second one ends at once."""
    sent: list[int] = []

    def stop(number: int, _: Any) -> None:
        sent.append(number)
        if len(sent) > 1:
            raise KeyboardInterrupt
        click.echo("Note: what is under way is finished first; Ctrl-C again ends at once.", err=True)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield sent
    finally:
        signal.signal(signal.SIGINT, before)


def _told(ended: Ended, output: str) -> str:
    card, made = ended.card, ended.card.made
    asked = f"{made['requests']:,} requests"
    if made.get("calls"):
        asked += f", {made['calls']:,} calls, {made['prompt_tokens'] + made['completion_tokens']:,} tokens"
        asked += f", cost {made['cost']:.4f}" if made.get("cost") else ""
    lines = [f"{asked}: {made['pairs']:,} pairs."]
    lines += [f"{count:>9,}  {fault}" for fault, count in list(made["faults"].items())[:_SHOWN]]
    lines += [f"{step.name:>12}  {step.dropped:>7,} of {step.seen:,}" for step in card.steps if step.dropped]
    lines.append(f"{card.output['pairs']:,} pairs in {output}. What was asked, came and went: {output}.card.md")
    if ended.failed:
        lines.append(f"{ended.failed:,} requests got no answer; the same command asks them again.")
    folder = Path(f"{output}.synthesis")
    return "\n".join([*lines, f"Answers are kept in {folder}; filters may change without another call."])
