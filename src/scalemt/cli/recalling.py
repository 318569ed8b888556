"""What `scalemt memory` shows and tidies: search, concordance, stats, dedupe."""

from __future__ import annotations

import json
import re
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from scalemt.memory import Match, MemoryStore, Unit
    from scalemt.types import Pair

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("search", short_help="Show the units most like a text.")
@click.argument("paths", metavar="DB... TEXT", nargs=-1, required=True)
@click.option("--from", "source", required=True, metavar="LANG", help="Language of the text.")
@click.option("--to", "target", required=True, metavar="LANG", help="Language of the translations.")
@click.option("--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="Most units.")
@click.option(
    "--floor", type=click.FloatRange(0, 100), default=50.0, show_default=True, help="Least likeness, in percent."
)
@_JSON
def search(paths: tuple[str, ...], source: str, target: str, **options: Any) -> int:
    """Show the units whose source is most like TEXT, the best first, with what differs.

    DB:PENALTY takes so many percent off the matches of a memory. --json prints one object a unit.
    """
    from scalemt.languages import parse_pair
    from scalemt.memory.recall import Memories, read_use
    from scalemt.types import Segment

    if len(paths) < 2:
        raise click.UsageError("Give at least one memory, and the text to search for.")
    *specs, text = paths
    pair = parse_pair(source, target)
    memories = Memories([read_use(spec) for spec in specs])
    (found,) = memories.search([Segment(_utf8(text))], pair, options["limit"], options["floor"])
    for store in memories.stores:
        store.close()
    if options["as_json"]:
        for match in found:
            click.echo(json.dumps(_as_json(match), ensure_ascii=False))
        return 0
    if not found:
        click.echo(f"No unit of {memories.name} for {pair} is {options['floor']:g} % like it or more.")
    console = _console()
    for match in found:
        _show(match, text, console)
    return 0


def _utf8(text: str) -> str:
    from scalemt.lines import decode_lines

    # An argument that is not UTF-8 comes with surrogates, which the decoder refuses with line and byte.
    return "\n".join(decode_lines(text.encode(errors="surrogateescape"), "the text argument"))


def _as_json(match: Match) -> dict[str, Any]:
    from scalemt.memory.exchange.fields import fields_of

    unit = {"id": match.unit.id, **fields_of(match.unit)}
    return {"score": round(match.score, 2), "kind": match.kind, "memory": match.memory, **unit}


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def _show(match: Match, text: str, console: Console) -> None:
    from rich.text import Text

    from scalemt.cli.output import difference

    unit = match.unit
    # Without colours the words of both would stand there side by side.
    source = difference(visible(text), visible(unit.source)) if console.is_terminal else Text(visible(unit.source))
    _row(f"{match.shown} {match.kind}", source, console)
    _row("", Text(visible(unit.target), style="bold"), console)
    _row("", _about(unit, match.memory), console)


def _row(label: str, text: Text, console: Console) -> None:
    from rich.text import Text

    console.print(Text.assemble((f"{label:>14}  ", "bold cyan"), text), soft_wrap=True)


def _about(unit: Unit, *more: str) -> Text:
    from rich.text import Text

    told = [*more, unit.origin, unit.domain, unit.creator, unit.changed[:10]]
    return Text(", ".join(visible(part) for part in told if part), style="dim")


@click.command("concordance", short_help="Show the units that hold a text.")
@click.argument("path", metavar="DB")
@click.argument("text")
@click.option("--from", "source", metavar="LANG", help="Only units of this pair (with --to).")
@click.option("--to", "target", metavar="LANG", help="Only units of this pair (with --from).")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Most units to show."
)
@_JSON
def concordance(path: str, text: str, source: str | None, target: str | None, limit: int, as_json: bool) -> int:
    """Show units that hold TEXT on either side, whatever its case, those changed last first."""
    from scalemt.memory import MemoryStore
    from scalemt.memory.exchange.fields import fields_of

    if bool(source) != bool(target):
        raise click.UsageError("Give both --from and --to, or neither.")
    if not text:
        raise click.UsageError("Give a text to look for.")
    with closing(MemoryStore(path)) as store:
        found = _holding(store, _utf8(text), _pair(source, target), limit)
    if as_json:
        for unit in found:
            click.echo(json.dumps({"id": unit.id, **fields_of(unit)}, ensure_ascii=False))
        return 0
    if not found:
        click.echo(f"No unit of {path} holds it.")
    console = _console()
    for unit in found:
        _row(str(unit.pair), _marked(unit.source, text), console)
        _row("", _marked(unit.target, text), console)
        _row("", _about(unit), console)
    return 0


def _pair(source: str | None, target: str | None) -> Pair | None:
    from scalemt.languages import parse_pair

    return parse_pair(source, target) if source and target else None


def _holding(store: MemoryStore, text: str, pair: Pair | None, limit: int) -> list[Unit]:
    """Return the units that hold a text; of a pair in its direction, also those kept for the opposite one."""
    from scalemt.memory.units import swap

    if pair is None:
        return store.concordance(text, limit=limit)
    found = [
        swap(unit) if swapped else unit
        for kept, swapped in store.fitting(pair)
        for unit in store.concordance(text, kept, limit=limit)
    ]
    return sorted(found, key=lambda unit: (unit.changed, unit.id), reverse=True)[:limit]


def _marked(held: str, text: str) -> Text:
    """Return a text with all places marked where another stands."""
    from rich.text import Text

    shown = Text(visible(held))
    for found in re.finditer(re.escape(visible(text)), shown.plain, re.IGNORECASE):
        shown.stylize("bold yellow", *found.span())
    return shown


@click.command("stats", short_help="Say what a memory holds.")
@click.argument("path", metavar="DB")
@_JSON
def stats(path: str, as_json: bool) -> int:
    """Say what a memory holds of each pair, and how large it and its index are."""
    from scalemt.caching.units import shown_size
    from scalemt.memory import MemoryStore
    from scalemt.memory.index import index_size

    with closing(MemoryStore(path)) as store:
        found, size, index = store.stats(), store.size_on_disk(), index_size(store.path)
    total = sum(item.units for item in found)
    if as_json:
        pairs = [
            {
                "from": item.pair.source,
                "to": item.pair.target,
                "units": item.units,
                "sources": item.sources,
                "oldest": item.oldest,
                "newest": item.newest,
            }
            for item in found
        ]
        told = {"path": path, "units": total, "bytes": size, "index_bytes": index, "pairs": pairs}
        click.echo(json.dumps(told, ensure_ascii=False))
        return 0
    click.echo(f"{path}: {total:,} units, {shown_size(size)}; index {shown_size(index)}")
    for item in found:
        days = f"{item.oldest[:10]} to {item.newest[:10]}"
        click.echo(f"{item.pair!s:>16}  {item.units:>11,} units of {item.sources:>11,} sources  {days}")
    return 0


@click.command("dedupe", short_help="Remove units that say the same.")
@click.argument("path", metavar="DB")
@click.option("--keep-contexts", is_flag=True, help="Keep what stands in another context.")
@click.option("--newest", is_flag=True, help="Keep one translation of a text in its context: the newest.")
@click.option("--dry-run", is_flag=True, help="Only say how many units would go.")
@click.option("--no-index", is_flag=True, help="Leave the index for the next search.")
@_JSON
def dedupe(path: str, keep_contexts: bool, newest: bool, dry_run: bool, no_index: bool, as_json: bool) -> int:
    """Remove units whose source and translation another, newer unit has too.

    Those differ only by their context (what stands before or after, a key of the document). --keep-contexts
    removes of them only units without a context.
    """
    from scalemt.cli.indexing import index
    from scalemt.memory import MemoryStore
    from scalemt.memory.index import drop_index

    if keep_contexts and newest:
        raise click.UsageError("Give --keep-contexts or --newest, not both.")
    with closing(MemoryStore(path)) as store:
        going = set(store.repeated(keep_contexts=keep_contexts))
        if newest:
            going |= set(store.superseded())
        removed = len(going) if dry_run else store.remove(sorted(going))
        if removed and not dry_run:
            # Units that are gone take places among the hits of a search until the index is made anew.
            drop_index(store.path)
            if not no_index:
                index(store)
        left = sum(item.units for item in store.stats())
    if as_json:
        click.echo(json.dumps({"path": path, "removed": removed, "units": left, "dry_run": dry_run}))
    else:
        verb = "would be removed from" if dry_run else "removed from"
        click.echo(f"{removed:,} units {verb} {path}; it holds {left:,}.")
    return 0


COMMANDS = (search, concordance, stats, dedupe)
