"""`scalemt serve`: the web page, and the APIs that existing tools speak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalemt.cli.options import field_options, method_options
from scalemt.cli.served import limits_of, require_extra, serving_options, settings_of


@click.command("serve", short_help="Serve a web page and the APIs of LibreTranslate, DeepL and OpenAI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@serving_options
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="API keys, made by: scalemt keys add.",
)
@click.option("--open", "open_to_all", is_flag=True, help="Serve whoever can reach the address, without keys.")
@click.option(
    "--workers", type=click.IntRange(0, 64), default=0, help="Processes that hold models (0: one a core)."
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Of each caller: characters, texts, per_minute, characters_per_minute, concurrent, monthly; "
    "of the server: body, upload, buffered, waiting, documents, kept, connections, arrival, idle, "
    "seconds, grace. 0 lifts a limit of callers.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Web pages elsewhere that may call the APIs, as https://example.org; * is all.",
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A name the server is called by.")
@field_options
@method_options
def command(names: tuple[str, ...], open_to_all: bool, log_format: Any, log_level: str, **options: Any) -> int:
    """Serve a web page and the APIs that existing tools speak: LibreTranslate, DeepL, OpenAI, MCP, our own.

    Options of profiles change the default profile. Logs go to standard error, without texts and keys.
    """
    require_extra()
    from scalemt.serve import logs
    from scalemt.serve.running import require_safe, run

    chosen = {name: options.pop(name) for name in ("host", "port", "key_file", "workers", "origins", "hosts")}
    limits, capacity = limits_of(options.pop("limits"))
    settings = settings_of(names, options, limits=limits, capacity=capacity, **chosen)
    require_safe(settings, open_to_all=open_to_all)
    logs.set_up(log_format, log_level)
    return run(settings)
