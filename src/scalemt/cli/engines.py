"""`scalemt engines`: every backend, method and template by name, and whether it can be used here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from scalemt.errors import ConfigurationError

if TYPE_CHECKING:
    from scalemt.registry import Registry


@dataclass(frozen=True)
class Entry:
    """One name of one registry, with the first sentence of its documentation."""

    kind: str
    name: str
    summary: str
    usable: bool


@click.command("engines", short_help="List specialists, generalists, methods and templates.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(as_json: bool) -> int:
    """List specialists, generalists, methods, selections and prompt templates, plug-ins included."""
    entries = _entries()
    for entry in entries:
        if as_json:
            click.echo(json.dumps(asdict(entry)))
        else:
            click.echo(f"{entry.kind:<12} {entry.name:<15} {entry.summary}")
    return 0


def _entries() -> list[Entry]:
    from scalemt.generalists import GENERALISTS
    from scalemt.memory import SELECTORS
    from scalemt.methods import METHODS
    from scalemt.prompts import load_template, template_names
    from scalemt.specialists import SPECIALISTS

    entries = [
        entry
        for kind, registry in (
            ("specialist", SPECIALISTS),
            ("generalist", GENERALISTS),
            ("method", METHODS),
            ("selection", SELECTORS),
        )
        for entry in _of(kind, registry)
    ]
    return (
        entries
        + _trained()
        + [Entry("template", name, f"For {load_template(name).kind} models.", True) for name in template_names()]
    )


def _trained() -> list[Entry]:
    """List what was trained here, and the refiners that come with scalemt."""
    from scalemt.errors import ModelError
    from scalemt.refiners import packaged_refiners
    from scalemt.trained import TrainedModels

    entries: dict[str, Entry] = {}
    for shelf, origin in ((TrainedModels(), "trained"), (packaged_refiners(), "packaged, trained")):
        for name in shelf.names():
            try:
                card = shelf.card(name)
            except ModelError as error:
                entries.setdefault(name, Entry("trained", name, str(error), False))
                continue
            pairs = ", ".join(card.pairs) or "any pair"
            summary = f"Version {card.version}, {origin} for {pairs}, run by {card.backend}."
            entries.setdefault(name, Entry(card.kind, name, summary, True))
    return list(entries.values())


def _of(kind: str, registry: Registry) -> list[Entry]:
    return [_entry(kind, name, registry) for name in registry.names()]


def _entry(kind: str, name: str, registry: Registry) -> Entry:
    try:
        summary = (registry.load(name).__doc__ or "").strip().split("\n")[0]
    except ImportError as error:
        return Entry(kind, name, f"Cannot be imported: {error}", False)
    except ConfigurationError as error:
        return Entry(kind, name, str(error), False)
    return Entry(kind, name, summary, True)
