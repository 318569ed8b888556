"""`scalemt keys`: who may call a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from scalemt.serve.keys import Key, KeyRing

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULT_SCOPES = ("translate", "documents", "glossaries")  # what a tool for translators needs
_AGE = r"\d+(\.\d+)?\s*[smhdwSMHDW]"

_FILE: Callable[[F], F] = click.option(
    "--key-file", "path", required=True, metavar="FILE", type=click.Path(dir_okay=False), help="The key file."
)
_JSON: Callable[[F], F] = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("keys", short_help="Make and withdraw API keys of a server.")
def command() -> None:
    """Make, list and withdraw the API keys of a server.

    They stand in a file that is named to the server by --key-file; it holds no key, only what tells one again. A
    running server sees each change within a second.
    """


@command.command("add", short_help="Make a key.")
@click.argument("name", metavar="NAME")
@_FILE
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="What it is good for: translate, documents, memory, memory:write, glossaries, evaluate, metrics, "
    "or all. Without: translate, documents and glossaries.",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A limit of its own: characters or texts (of a request), per_minute, characters_per_minute, "
    "concurrent, monthly (characters); 0 lifts it.",
)
@click.option("--expires", metavar="WHEN", help="Last day (2027-01-31, UTC), or a time from now: 30d, 12h.")
@click.option("--note", default="", help="Anything else.")
@_JSON
def add(name: str, path: str, **options: Any) -> int:
    """Make a key for NAME, and the key file if there is none, and print the key.

    It is shown this once. What a server keeps for a caller (glossaries, the characters of a month) belongs to
    NAME, also if its key is withdrawn and another is made.
    """
    from scalemt.serve.keys import SCOPES

    ring = _ring(path, create=True)
    scopes = options["scopes"] or _DEFAULT_SCOPES
    limits = dict(_limit(text) for text in options["limits"])
    expires = _until(options["expires"]) if options["expires"] else None
    secret = ring.add(name, SCOPES if "all" in scopes else scopes, limits, expires, options["note"])
    (key,) = [key for key in ring.entries() if key.name == name]
    if options["as_json"]:
        click.echo(json.dumps({**key.as_json(), "key": secret}, ensure_ascii=False))
        return 0
    click.echo(f"The key of {name}, which is shown this once ({_told(key)}):", err=True)
    click.echo(secret)
    return 0


@command.command("list", short_help="List the keys, which are not shown.")
@_FILE
@_JSON
def list_(path: str, as_json: bool) -> int:
    """List names, scopes and limits of the keys; --json prints an object a line."""
    import time

    from scalemt.cli.options import visible

    for key in _ring(path).entries():
        if as_json:
            click.echo(json.dumps(key.as_json(), ensure_ascii=False))
            continue
        expired = "  EXPIRED" if key.is_expired(time.time()) else ""
        note = f"  {key.note}" if key.note else ""
        click.echo(visible(f"{key.name}  {key.prefix}…  {_told(key)}{expired}{note}"))
    return 0


@command.command("remove", short_help="Withdraw a key.")
@click.argument("name", metavar="NAME")
@_FILE
@_JSON
def remove(name: str, path: str, as_json: bool) -> int:
    """Withdraw the key of NAME: a running server refuses it within a second."""
    _ring(path).remove(name)
    click.echo(json.dumps({"removed": name}) if as_json else f"Withdrew the key of {name}.")
    return 0


def _ring(path: str, *, create: bool = False) -> KeyRing:
    from scalemt.serve.keys import KeyRing
    from scalemt.serve.settings import Limits

    return KeyRing(Path(path), Limits(), create=create)


def _told(key: Key) -> str:
    parts = [", ".join(key.scopes), *(f"{name} {value:,}" for name, value in key.limits.items())]
    return "; ".join([*parts, f"until {key.as_json()['expires']}"] if key.expires else parts)


def _limit(text: str) -> tuple[str, int]:
    from scalemt.errors import ConfigurationError

    name, _, number = text.partition("=")
    if not number.strip().isascii() or not number.strip().isdigit() or len(number) > 20:
        raise ConfigurationError(
            f"--limit is {text[:80]!r}; expected a name and a number, as in characters=10000."
        )
    return name.strip(), int(number)


def _until(text: str) -> datetime:
    """Return the moment from which on a key is refused."""
    import re

    from scalemt.caching.units import read_age
    from scalemt.errors import ConfigurationError

    try:
        if re.fullmatch(_AGE, text.strip(), re.ASCII):
            now = datetime.now(UTC).replace(microsecond=0)
            return now + timedelta(seconds=read_age(text, "--expires"))
        day = date.fromisoformat(text.strip()) + timedelta(days=1)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"--expires is {text[:40]!r}; expected a day such as 2027-01-31, or a time from now such as 30d."
        ) from None
