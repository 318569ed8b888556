"""`scalemt cache`: what is kept of drafts and answers, and how to be rid of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.caching import CacheStore
    from scalemt.caching.store import CacheStats


@click.group("cache", short_help="Show or clear what is kept of drafts and answers.")
def command() -> None:
    """Show or clear what is kept of drafts, answers and scores.

    They are kept in the clear, readable by you alone, in one file of the cache folder; translate --no-cache
    neither reads nor writes it.
    """


@command.command("stats")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(as_json: bool) -> int:
    """Say where the cache is, how large it may be, and what it holds of each kind."""
    found = _store().stats()
    if as_json:
        click.echo(json.dumps(_as_json(found), ensure_ascii=False))
    else:
        _show(found)
    return 0


@command.command("clear")
@click.option("--kind", help="Only entries of this kind: draft, forced, completion or likelihood.")
@click.option("--older-than", metavar="AGE", help="Only entries made longer ago than this: 30d, 12h, 2w.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def clear(kind: str | None, older_than: str | None, as_json: bool) -> int:
    """Remove entries, and give their place back to the disk."""
    from scalemt.caching import KINDS, read_age
    from scalemt.caching.units import shown_size
    from scalemt.errors import UnknownNameError

    if kind is not None and kind not in KINDS:
        raise UnknownNameError("kind of cache entry", kind, KINDS)
    store = _store()
    age = None if older_than is None else read_age(older_than, "--older-than")
    before = store.size_on_disk()
    removed = store.clear(kind, age)
    freed = max(0, before - store.size_on_disk())
    if as_json:
        click.echo(json.dumps({"path": str(store.path), "removed": removed, "bytes_freed": freed}))
    else:
        click.echo(f"Removed {removed} entries from {store.path}; {shown_size(freed)} are free again.")
    return 0


def _store() -> CacheStore:
    from scalemt.caching import FILE_NAME, CacheStore, size_limit
    from scalemt.folders import cache_dir

    return CacheStore(cache_dir() / FILE_NAME, size_limit())


def _as_json(found: CacheStats) -> dict[str, Any]:
    kinds = [
        {"kind": kind.kind, "entries": kind.entries, "bytes": kind.bytes, "oldest": _day(kind.oldest)}
        for kind in found.kinds
    ]
    return {
        "path": str(found.path),
        "entries": found.entries,
        "bytes": found.bytes,
        "limit": found.limit,
        "kinds": kinds,
    }


def _show(found: CacheStats) -> None:
    from scalemt.caching.units import shown_size

    click.echo(f"{found.path}: {shown_size(found.bytes)} of {shown_size(found.limit)}, {found.entries} entries")
    for kind in found.kinds:
        size = shown_size(kind.bytes)
        click.echo(f"{kind.kind:>12}  {kind.entries:>8}  {size:>10}  oldest of {_day(kind.oldest)}")


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
