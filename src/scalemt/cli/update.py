"""`scalemt update`: a new version of a specialist from new data, promoted only if it is not worse."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scalemt.training.updating import Update
    from scalemt.training.updating.rounds import Updated


@click.command("update", short_help="Train a new version of a specialist from what was confirmed since the last.")
@click.argument("what", metavar="CONFIG.toml|NAME", required=False)
@click.option("--memory", "memories", multiple=True, metavar="DB", help="A memory to learn from; may be repeated.")
@click.option("--new", multiple=True, metavar="FILE", help="New pairs: TSV, TMX …, or SRC,TGT; may be repeated.")
@click.option("--dev", metavar="FILE", help="Pairs that decide (default: those of the version before).")
@click.option(
    "--general", metavar="FILE", help="Pairs of another domain, on which forgetting is measured; likewise."
)
@click.option("--from", "source", metavar="LANG", help="Source language, of a first version.")
@click.option("--to", "target", metavar="LANG", help="Target language, of a first version.")
@click.option("--data", metavar="FOLDER", help="What paths in CONFIG.toml are meant from (default: its folder).")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE",
              help="Set a field otherwise, as training.steps=100 or scale.use=false.")  # fmt: skip
@click.option("--work", metavar="FOLDER", help="Where unfinished work lies (default: the data folder).")
@click.option("--fresh", is_flag=True, help="Begin anew where unfinished work lies.")
@click.option("--list", "listing", is_flag=True, help="List versions, with what each update found.")
@click.option(
    "--rollback", metavar="NAME[:VERSION]", help="Have NAME mean this version, or the one before, again."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object, or one a version with --list.")
def command(what: str | None, listing: bool, rollback: str | None, as_json: bool, **options: Any) -> int:
    """Train the next version of a specialist, compare it with the one before, and promote it if it is not worse.

    It learns from what was confirmed in memories since the version before, and from new files, mixed with what
    that version learnt from. Both are compared on dev, alone and inside SCALE, and on general text. A NAME that is
    no model yet is made from the packaged Bergamot student. Killed at any moment, the same command goes on.
    """
    from scalemt.errors import UsageError

    if rollback:
        return _roll_back(rollback, as_json=as_json)
    if listing:
        return _list(what, as_json=as_json)
    if not what:
        raise UsageError("Say what is updated: a configuration (CONFIG.toml), or the name of a model.")
    return _update(_wanted(what, options), options, as_json=as_json)


def _wanted(what: str, options: dict[str, Any]) -> Update:
    from scalemt.errors import UsageError
    from scalemt.training.updating import read_update, update_from

    table: dict[str, Any] = {
        "memories": list(options["memories"]), "new": [_texts(item) for item in options["new"]],
        "dev": _texts(options["dev"]), "general": _texts(options["general"]), "from": options["source"],
        "to": options["target"],
    }  # fmt: skip
    given = {key: value for key, value in table.items() if value}
    if not what.endswith(".toml"):
        return update_from({"name": what} | given, options["changes"])
    if given:
        raise UsageError(
            f"{what} says all: memories, files, languages. Name it alone, or change a field by --set FIELD=VALUE."
        )
    return read_update(what, folder=options["data"], changes=options["changes"])


def _texts(name: str | None) -> dict[str, list[str]] | None:
    """A file, or two of parallel lines with a comma between; a file whose own name has a comma is one."""
    if not name:
        return None
    return {"files": [name] if Path(name).exists() else name.split(",")}


def _update(wanted: Update, options: dict[str, Any], *, as_json: bool) -> int:
    from scalemt.cli.train_progress import watching
    from scalemt.training.faults import InterruptedTrainingError
    from scalemt.training.updating import update

    try:
        with watching(quiet=as_json) as watcher:
            made = update(wanted, work=options["work"], fresh=options["fresh"], watcher=watcher)
    except InterruptedTrainingError as fault:
        click.echo(str(fault), err=True)
        sys.exit(130 if fault.signal == signal.SIGINT else 143)
    if as_json:
        click.echo(json.dumps(made.record.as_json() | {"report": str(made.report)}, ensure_ascii=False))
    else:
        click.echo(_told(made))
    return 0


def _told(made: Updated) -> str:
    record = made.record
    lines = [
        f"{'yes' if check['passed'] else 'NO':>5}  {check['question']}: {check['found']}"
        for check in record.checks
    ]
    if record.promoted:
        lines.append(f"{record.name} means {record.name}:{record.version} now.")
    else:
        lines.append(f"{record.name}:{record.version} is not promoted; {record.parent} stays in use.")
    return "\n".join([*lines, f"Report: {made.report}"])


def _roll_back(spec: str, *, as_json: bool) -> int:
    from scalemt.training.updating import roll_back

    card = roll_back(spec)
    told = f"{card.name} means {card.shown} now, made {card.made}."
    click.echo(json.dumps(asdict(card), ensure_ascii=False) if as_json else told)
    return 0


def _list(name: str | None, *, as_json: bool) -> int:
    from scalemt.trained import TrainedModels
    from scalemt.training.updating import Records

    shelf, records = TrainedModels(), Records()
    names = [name] if name else shelf.names("specialist")
    for one in names:
        current = shelf.current(one)
        for version in shelf.versions(one):
            record = records.get(one, version)
            entry = {
                "name": one,
                "version": version,
                "current": version == current,
                "made": shelf.card(one, version).made,
            }
            entry |= {"update": record.as_json() if record else None}
            click.echo(json.dumps(entry, ensure_ascii=False) if as_json else _line(entry))
    return 0


def _line(entry: dict[str, Any]) -> str:
    record = entry["update"]
    told = "trained, no update"
    if record:
        scores = record["scores"].get("dev", {}).get("new", {})
        found = ", ".join(
            f"{'chrF++' if name == 'chrf++' else name.upper()} {value}" for name, value in scores.items()
        )
        told = f"from {record['parent']}, {'promoted' if record['promoted'] else 'refused'}; dev {found}"
    return f"{'*' if entry['current'] else ' '} {entry['name']}:{entry['version']}  {entry['made']}  {told}"
