"""`scalemt mcp`: the tools of the Model Context Protocol, over standard input and output."""

from __future__ import annotations

from typing import Any

import click

from scalemt.cli.options import field_options, method_options
from scalemt.cli.served import require_extra, serving_options, settings_of


@click.command("mcp", short_help="Give language models tools to translate with (Model Context Protocol).")
@serving_options
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Processes that hold models (0: one a core).",
)
@field_options
@method_options
def command(names: tuple[str, ...], log_format: Any, log_level: str, workers: int, **options: Any) -> int:
    """Serve the Model Context Protocol over standard input and output, until the input ends.

    A host such as Claude Desktop or an editor starts it. `scalemt serve` has the same tools at /mcp. Options of
    profiles change the default profile. Logs go to standard error, without texts.
    """
    require_extra()
    from scalemt.serve import logs
    from scalemt.serve.mcp.stdio import run

    settings = settings_of(names, options, workers=workers)
    logs.set_up(log_format, log_level)
    return run(settings)
