"""`scalemt train thot`: a phrase-based specialist made of what was confirmed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.memory import MemoryStore
    from scalemt.types import Pair


@click.command("thot", short_help="A phrase-based model that goes on learning from each correction.")
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False))
@click.option("--memory", "memories", multiple=True, metavar="FILE", help="A translation memory to train on.")
@click.option("--from", "source", required=True, metavar="LANG", help="Source language.")
@click.option("--to", "target", required=True, metavar="LANG", help="Target language.")
@click.option(
    "-o", "--output", "folder", required=True, type=click.Path(file_okay=False), help="Folder of the model."
)
@click.option("--most", type=click.IntRange(100), default=50_000, show_default=True,
              help="Train on at most so many pairs, the newest.")  # fmt: skip
@click.option("--aligner", default="hmm", show_default=True, help="Word alignment: hmm, ibm1, ibm2 or fast-align.")
@click.option("--tune/--no-tune", default=False, help="Fit the weights to held-out pairs: minutes more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def thot(
    files: tuple[str, ...], memories: tuple[str, ...], source: str, target: str, folder: str, **options: Any
) -> int:
    """Train a phrase-based specialist on memories, and on FILES in any format that a memory imports.

    Minutes for tens of thousands of pairs. Use it as --specialist thot:FOLDER; together with --memory FILE it
    learns what is added to that memory later, each unit in tens of milliseconds.
    """
    from scalemt import languages
    from scalemt.engine.teaching import mark_of
    from scalemt.errors import UsageError
    from scalemt.memory import MemoryStore
    from scalemt.specialists.thot import ThotSpecialist, train

    if not (files or memories):
        raise UsageError("There is nothing to train on. Name a memory with --memory FILE, or files of pairs.")
    pair = languages.parse_pair(source, target)
    stores = [MemoryStore(path) for path in memories]
    marks = [(store, kept, store.newest_id()) for store in stores for kept, _ in store.fitting(pair)]
    pairs = [*_of_memories(stores, pair), *_of_files(files, pair)][-options["most"] :]
    began = time.perf_counter()
    with _progress() as tell:
        train(pairs, pair, Path(folder), aligner=options["aligner"], tune=options["tune"], progress=tell)
    seconds = time.perf_counter() - began
    learner = ThotSpecialist(folder)
    for store, kept, newest in marks:
        store.set_mark(mark_of(learner, kept), newest)
    if options["as_json"]:
        told = {"folder": folder, "pair": str(pair), "pairs": len(pairs), "seconds": round(seconds, 1)}
        click.echo(json.dumps(told | {"signature": learner.signature}))
    else:
        click.echo(f"Trained on {len(pairs):,} pairs in {seconds:.0f} s. Use it as --specialist thot:{folder}")
    return 0


def _of_memories(stores: list[MemoryStore], pair: Pair) -> Iterator[tuple[str, str]]:
    for store in stores:
        for kept, swapped in store.fitting(pair):
            for _, unit in store.sides(kept, 0, swapped=swapped):
                yield unit.source, unit.target


def _of_files(files: tuple[str, ...], pair: Pair) -> Iterator[tuple[str, str]]:
    from scalemt.memory.exchange import read_units

    for file in files:
        for unit in read_units(Path(file), source=pair.source, target=pair.target):
            yield unit.source, unit.target


class _progress:  # noqa: N801  # a context manager, used like a function
    """A bar on standard error; `train` tells the share that is done and what is being done."""

    def __enter__(self) -> _progress:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True))
        self._bar.start()
        self._task = self._bar.add_task("Training", total=1.0)
        return self

    def __call__(self, share: float, what: str) -> None:
        self._bar.update(self._task, completed=share, description=what)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
