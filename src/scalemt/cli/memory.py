"""`scalemt memory`: confirmed translations kept, searched, and exchanged with other tools."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli import recalling

if TYPE_CHECKING:
    from scalemt.memory import MemoryStore, Unit
    from scalemt.memory.exchange import ReadOptions
    from scalemt.types import Pair

_FROM = click.option("--from", "source", metavar="LANG", help="Source language, where the file does not say it.")
_TO = click.option("--to", "target", metavar="LANG", help="Target language, where the file does not say it.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("memory", short_help="Keep, search and exchange confirmed translations.")
def command() -> None:
    """Keep confirmed translations in a translation memory, search it, exchange it with other tools.

    A memory is one file (DB), beside which lies a folder with its index; translate --memory DB makes use of it.
    """


for _command in recalling.COMMANDS:
    command.add_command(_command)


@dataclass
class _Imported:
    """What became of one file."""

    path: str
    added: int = 0
    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    error: str = ""

    @property
    def units(self) -> int:
        return self.added + self.known

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"file": self.path, "added": self.added, "known": self.known}
        told |= {"skipped": dict(self.skipped), "seconds": round(self.seconds, 3)}
        return told | ({"error": self.error} if self.error else {})

    def __str__(self) -> str:
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in self.skipped.most_common())
        skipped = f"{sum(self.skipped.values()):,} skipped" + (f" ({reasons})" if reasons else "")
        speed = f"{self.units / self.seconds:,.0f} units/s" if self.seconds > 1 else f"{self.seconds:.2f} s"
        return f"{self.path}: {self.added:,} added, {self.known:,} known before, {skipped}; {speed}"


@command.command("import", short_help="Take the units of files into a memory.")
@click.argument("path", metavar="DB")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--from", "source", metavar="LANG", help="Source language, where the file has several or none.")
@click.option("--to", "target", metavar="LANG", help="Target language, likewise.")
@click.option("--format", "format_name", metavar="NAME", help="tmx, xliff, po, csv, tsv, jsonl.")
@click.option("--encoding", metavar="NAME", default="", help="Encoding of a text file that does not tell it.")
@click.option("--domain", metavar="TEXT", default="", help="What the units are about.")
@click.option("--origin", metavar="TEXT", default="", help="Where they come from (default: the file's name).")
@click.option("--creator", metavar="TEXT", default="", help="Who confirmed them.")
@click.option("--unsure", is_flag=True, help="Take also fuzzy entries, drafts and unreviewed machine translation.")
@click.option("--no-index", is_flag=True, help="Leave the index for the first search.")
@_JSON
def import_(path: str, files: tuple[str, ...], **options: Any) -> int:
    """Take the units of files (TMX, XLIFF, PO, CSV, TSV, JSON Lines) into a memory, and make it if there is none.

    All of a file is taken, or nothing: an error or Ctrl-C leaves the memory as it was before that file. Languages
    are those that the file names; where it names several, --from and --to choose. Exit code 1: some files failed.
    """
    from scalemt.cli.indexing import index
    from scalemt.memory.exchange import ReadOptions

    chosen = ReadOptions(*(options[name] for name in ("encoding", "unsure", "domain", "origin", "creator")))
    with _store(path) as store:
        done = [_imported(store, name, chosen, options, alone=len(files) == 1) for name in files]
        if not options["no_index"] and any(item.units for item in done):
            index(store)
        if options["as_json"]:
            told = {"memory": path, "files": [item.as_json() for item in done]}
            click.echo(json.dumps(told, ensure_ascii=False))
    failed = sum(bool(item.error) for item in done)
    return 0 if not failed else 2 if failed == len(done) else 1


@contextmanager
def _store(path: str) -> Iterator[MemoryStore]:
    """Open a memory to write into; one that was made for nothing does not stay."""
    from scalemt.memory import MemoryStore

    is_new = not Path(path).exists()
    store = MemoryStore(path, create=True)
    try:
        yield store
    finally:
        spare = is_new and not any(item.units for item in store.stats())
        store.close()
        if spare:
            Path(path).unlink(missing_ok=True)


def _imported(
    store: MemoryStore, path: str, chosen: ReadOptions, options: dict[str, Any], *, alone: bool
) -> _Imported:
    """Import one file; an error ends all where it is the only one, else it is told."""
    from dataclasses import replace

    from scalemt.errors import ScalemtError
    from scalemt.memory.exchange import read_units

    done = _Imported(path)
    began = time.perf_counter()
    try:
        with _bar(path) as (advance, counted):
            units = read_units(
                path,
                source=options["source"] or "",
                target=options["target"] or "",
                format_name=options["format_name"],
                options=replace(chosen, otherwise=Path(path).name),
                skipped=done.skipped,
                advance=advance,
            )
            added = store.add(counted(units))
    except ScalemtError as fault:
        if alone:
            raise
        done.error = str(fault)
        click.echo(f"Failed: {fault}", err=True)
        return done
    done.added, done.known, done.seconds = added.added, added.known, time.perf_counter() - began
    if added.refused:
        done.skipped["empty"] += added.refused
    if not options["as_json"]:
        click.echo(str(done))
    return done


Counted = Callable[[Iterable["Unit"]], Iterator["Unit"]]


@contextmanager
def _bar(path: str) -> Iterator[tuple[Callable[[int], None], Counted]]:
    """Show how far a file is read, and how many units a second, where a person is watching."""
    if not sys.stderr.isatty() or not Path(path).is_file():
        yield lambda count: None, iter
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[units]:,} units, {task.fields[speed]:,.0f}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(Path(path).name, total=Path(path).stat().st_size, units=0, speed=0.0)
        began = time.perf_counter()

        def counted(units: Iterable[Unit]) -> Iterator[Unit]:
            for number, unit in enumerate(units, 1):
                if not number % 1000:
                    bar.update(task, units=number, speed=number / (time.perf_counter() - began))
                yield unit

        yield lambda count: bar.advance(task, count), counted


@command.command("export", short_help="Write the units of a memory to a file.")
@click.argument("path", metavar="DB")
@click.argument("file", metavar="FILE")
@click.option("--from", "source", metavar="LANG", help="Only units of this source language.")
@click.option("--to", "target", metavar="LANG", help="Only units of this target language.")
@click.option("--format", "format_name", metavar="NAME", help="tmx, csv, tsv or jsonl (default: by the suffix).")
@_JSON
def export(
    path: str, file: str, source: str | None, target: str | None, format_name: str | None, as_json: bool
) -> int:
    """Write the units of a memory as TMX 1.4b, CSV, TSV or JSON Lines; - is standard output."""
    from scalemt.memory import MemoryStore
    from scalemt.memory.exchange import format_of, write_units

    name = format_of(file, format_name, writing=True)
    with closing(MemoryStore(path)) as store:
        pairs = _chosen(store, source, target)
        sources = {pair.source for pair in pairs}
        units = (unit for pair in pairs for unit in store.units(pair))
        out = sys.stdout.buffer if file == "-" else file
        count = write_units(units, out, name, sources.pop() if len(sources) == 1 else "")
    told = {"file": file, "format": name, "units": count, "pairs": [str(pair) for pair in pairs]}
    said = json.dumps(told, ensure_ascii=False) if as_json else f"Wrote {count:,} units to {file}."
    click.echo(said, err=file == "-")
    return 0


def _chosen(store: MemoryStore, source: str | None, target: str | None) -> list[Pair]:
    """Return the kept pairs with these languages; a territory that is not given matches all."""
    from scalemt.errors import UsageError
    from scalemt.languages import parse
    from scalemt.memory.exchange.base import near

    wanted = [parse(code) if code else "" for code in (source, target)]
    kept = [item.pair for item in store.stats()]
    fit = [
        pair for pair in kept if all(not tag or near(tag, held) for tag, held in zip(wanted, pair, strict=True))
    ]
    if not fit:
        held = ", ".join(map(str, kept)) or "nothing"
        raise UsageError(f"{store.path} holds no units of these languages. It holds: {held}.")
    return fit


@command.command("add", short_help="Keep one translation, or those of a stream.")
@click.argument("path", metavar="DB")
@click.argument("text", metavar="SOURCE")
@click.argument("translation", metavar="[TARGET]", required=False)
@_FROM
@_TO
@click.option("--context", default="", help="A key that its document gives it.")
@click.option("--before", default="", help="The sentence that stands before it.")
@click.option("--domain", default="", help="What it is about.")
@click.option("--note", default="", help="Anything else.")
@click.option("--creator", default="", help="Who confirmed it.")
@_JSON
def add(path: str, text: str, translation: str | None, **options: Any) -> int:
    """Keep one translation, or those of standard input (SOURCE is -): JSON Lines, or tabs between the columns."""
    skipped: Counter[str] = Counter()
    units = _given(text, translation, options) if text != "-" or translation else _streamed(options, skipped)
    with _store(path) as store:
        added = store.add(units)
    left = sum(skipped.values()) + added.refused
    if options["as_json"]:
        click.echo(json.dumps({"memory": path, "added": added.added, "known": added.known, "skipped": left}))
    else:
        click.echo(f"{path}: {added.added:,} added, {added.known:,} known before, {left:,} skipped")
    return 0


def _given(text: str, translation: str | None, options: dict[str, Any]) -> list[Unit]:
    from scalemt.languages import parse_pair
    from scalemt.memory import Unit

    if translation is None:
        raise click.UsageError("Give SOURCE and TARGET, or - to read units from standard input.")
    if not options["source"] or not options["target"]:
        raise click.UsageError("Give the languages with --from LANG and --to LANG.")
    if not text.strip() or not translation.strip():
        raise click.UsageError("Neither SOURCE nor TARGET may be empty.")
    names = ("context", "before", "domain", "note", "creator")
    about: dict[str, Any] = {name: _argument(options[name], f"--{name}") for name in names}
    pair = parse_pair(options["source"], options["target"])
    return [Unit(_argument(text, "SOURCE"), _argument(translation, "TARGET"), pair, origin="added", **about)]


def _argument(text: str, what: str) -> str:
    """Return an argument that is UTF-8; another comes with surrogates, which are no text."""
    from scalemt.errors import InputError

    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{what} is not UTF-8. Texts must be UTF-8; set the terminal to it.") from None
    return text


def _streamed(options: dict[str, Any], skipped: Counter[str]) -> Iterator[Unit]:
    from dataclasses import replace

    from scalemt.lines import stream_lines
    from scalemt.memory.exchange import ReadOptions, read_lines

    chosen = ReadOptions(domain=options["domain"], creator=options["creator"], otherwise="added")
    lines = stream_lines(sys.stdin.buffer, "standard input")
    given = {name: options[name] for name in ("context", "before", "note") if options[name]}
    languages = {"source": options["source"] or "", "target": options["target"] or ""}
    for unit in read_lines(lines, "standard input", **languages, options=chosen, skipped=skipped):
        yield replace(unit, **given) if given else unit
