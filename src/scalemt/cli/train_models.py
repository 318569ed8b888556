"""`scalemt train models`: what was trained here, its versions, and which of them a name means."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.trained import ModelCard, TrainedModels


@click.command("models", short_help="What was trained here, and which version a name means.")
@click.argument("spec", required=False, metavar="[NAME[:VERSION]]")
@click.option("--promote", is_flag=True, help="From now on NAME alone means this version.")
@click.option("--remove", is_flag=True, help="Delete this version.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object a line, or the card.")
def models(spec: str | None, promote: bool, remove: bool, as_json: bool) -> int:
    """List the models that were trained here; with NAME show its card, with NAME:VERSION that of a version.

    They lie in the folder `models` of SCALEMT_DATA_DIR, and are used as --specialist NAME or --generalist NAME.
    """
    from scalemt.errors import UsageError
    from scalemt.trained import TrainedModels, as_markdown

    known = TrainedModels()
    if promote or remove:
        if promote and remove:
            raise UsageError("A version is promoted or removed; not both.")
        if spec is None or ":" not in spec:
            raise UsageError("Say which version, as NAME:VERSION; `scalemt train models` lists them.")
    if spec is None:
        _list(known, as_json=as_json)
        return 0
    card, _ = known.resolve(spec)
    if promote:
        known.promote(card.name, card.version)
    elif remove:
        known.remove(card.name, card.version)
    if as_json:
        click.echo(json.dumps(asdict(card), ensure_ascii=False))
    elif promote:
        click.echo(f"{card.name} means {card.shown} now.")
    elif remove:
        click.echo(f"{card.shown} is deleted. {_left(known, card.name)}")
    else:
        click.echo(as_markdown(card), nl=False)
    return 0


def _list(known: TrainedModels, *, as_json: bool) -> None:
    entries = [_entry(known, name, version) for name in known.names() for version in known.versions(name)]
    if as_json:
        for entry in entries:
            click.echo(json.dumps(entry, ensure_ascii=False))
        return
    if not entries:
        click.echo(f"Nothing was trained yet; it would lie in {known.folder_of_all}.")
    for entry in entries:
        mark = "*" if entry["current"] else " "
        told = entry.get("fault") or f"{entry['kind']} ({entry['backend']}), {entry['pairs']}, {entry['made']}"
        click.echo(f"{mark} {entry['name']}:{entry['version']}  {told}")


def _entry(known: TrainedModels, name: str, version: int) -> dict[str, Any]:
    from scalemt.errors import ModelError

    entry: dict[str, Any] = {"name": name, "version": version, "current": version == known.current(name)}
    try:
        return entry | _told(known.card(name, version))
    except ModelError as fault:
        return entry | {"fault": str(fault)}


def _told(card: ModelCard) -> dict[str, Any]:
    pairs = ", ".join(card.pairs) or "any pair"
    return {"kind": card.kind, "backend": card.backend, "pairs": pairs, "made": card.made, "parent": card.parent}


def _left(known: TrainedModels, name: str) -> str:
    versions = known.versions(name)
    return f"{name} means {name}:{known.current(name)} now." if versions else f"There is no {name} any more."
