"""`scalemt train refiner`: a small generalist taught to refine the drafts of your specialists."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from scalemt.trained import ModelCard
    from scalemt.training.refiner import Watcher

_LINE_EVERY = 10.0  # seconds between two lines of progress where nobody watches


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
    from scalemt.training.faults import InterruptedTrainingError
    from scalemt.training.refiner import read_refiner, train_refiner

    settings = read_refiner(configuration, folder=data, changes=changes)
    text = configuration.read_text("utf-8") + "".join(f"# set on the command line: {one}\n" for one in changes)
    try:
        with _watching(quiet=as_json) as watcher:
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


@contextmanager
def _watching(*, quiet: bool) -> Iterator[Watcher]:
    """Show how far it is: a bar with the loss where a person watches, a line now and then elsewhere."""
    if quiet:
        yield _Nothing()
        return
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}  {task.fields[told]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar)


def _figures(told: dict[str, float]) -> str:
    names = {"loss": "loss {:.3f}", "dev_loss": "dev loss {:.3f}", "tokens_per_second": "{:,.0f} tokens/s",
             "gain": "chrF++ {:+.1f} over the drafts"}  # fmt: skip
    return ", ".join(shape.format(told[name]) for name, shape in names.items() if name in told)


class _Nothing:
    """Says nothing."""

    def phase(self, name: str, total: int | None) -> None:
        pass

    def move(self, done: int, told: dict[str, float]) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class _Lines:
    """A line at most every ten seconds, for log files; what is measured is always told."""

    def __init__(self) -> None:
        self._name = ""
        self._total: int | None = None
        self._last = 0.0

    def phase(self, name: str, total: int | None) -> None:
        self._name, self._total = name, total
        click.echo(f"{name} …", err=True)

    def move(self, done: int, told: dict[str, float]) -> None:
        if time.monotonic() - self._last < _LINE_EVERY and not {"dev_loss", "gain"} & told.keys():
            return
        self._last = time.monotonic()
        total = self._total or told.get("of")
        figures = _figures(told)
        click.echo(
            f"{self._name}: {done:,}{f' of {total:,.0f}' if total else ''}{f', {figures}' if figures else ''}",
            err=True,
        )

    def note(self, text: str) -> None:
        click.echo(f"Note: {text}", err=True)


class _Bar:
    """A bar for each phase; the loss is a mean that forgets, as single batches differ much."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._known: dict[str, Any] = {}

    def phase(self, name: str, total: int | None) -> None:
        if self._task is not None:
            self._bar.update(self._task, total=self._bar.tasks[-1].completed or 1)
            self._bar.stop_task(self._task)
        self._known = {}
        self._task = self._bar.add_task(name, total=total, told="")

    def move(self, done: int, told: dict[str, float]) -> None:
        if self._task is None:
            return
        for name, value in told.items():
            before = self._known.get(name)
            self._known[name] = value if before is None or name != "loss" else 0.9 * before + 0.1 * value
        if "of" in told:
            self._bar.update(self._task, total=told["of"])
        self._bar.update(self._task, completed=done, told=_figures(self._known))

    def note(self, text: str) -> None:
        self._bar.console.print(f"Note: {text}", markup=False, highlight=False)
