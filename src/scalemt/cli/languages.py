"""`scalemt languages`: the pairs that the specialists installed here can draft."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import overrides, profile_options, say

if TYPE_CHECKING:
    from scalemt.types import Pair


@click.command("languages", short_help="List what can be translated with what is installed.")
@click.option("--from", "source", metavar="LANG", help="Only pairs from this language.")
@click.option("--to", "target", metavar="LANG", help="Only pairs into this language.")
@click.option("--pivot-too", is_flag=True, help="Also pairs that two legs through a third language reach.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a pair.")
@profile_options
def command(source: str | None, target: str | None, pivot_too: bool, as_json: bool, **options: Any) -> int:
    """List the pairs that the specialists of a profile can draft; --method few-shot takes any pair."""
    from scalemt.config import load_configuration
    from scalemt.engine import Engine
    from scalemt.specialists.road import through_pivot

    configuration = load_configuration()
    profile = configuration.profile(options.pop("profile"), **overrides(options))
    specialists = Engine(profile, configuration, notice=say).assembly.specialists
    rows = [(pair, item.name, "") for item in specialists for pair in item.pairs()]
    if pivot_too:
        rows += [(pair, names, pivot) for pair, names, pivot in through_pivot(specialists)]
    shown = _filtered(rows, source, target)
    for row in shown:
        click.echo(_line(*row, as_json=as_json))
    if not shown:
        say("No specialist installed covers that. See: scalemt doctor")
    return 0


def _filtered(
    rows: Iterable[tuple[Pair, str, str]], source: str | None, target: str | None
) -> list[tuple[Pair, str, str]]:
    from scalemt.languages import base, parse

    wanted = (parse(source) if source else None, parse(target) if target else None)
    return sorted(
        row
        for row in rows
        if all(asked is None or asked in (tag, base(tag)) for asked, tag in zip(wanted, row[0], strict=True))
    )


def _line(pair: Pair, specialist: str, pivot: str, *, as_json: bool) -> str:
    from scalemt.languages import name

    if as_json:
        fields = {"source": pair.source, "target": pair.target, "specialist": specialist, "pivot": pivot or None}
        return json.dumps(fields)
    through = f" through {name(pivot)}" if pivot else ""
    return f"{pair!s:<18} {name(pair.source)} to {name(pair.target)}{through}  ({specialist})"
