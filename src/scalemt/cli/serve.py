"""`scalemt serve`: the web page, and the APIs that existing tools speak."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalemt.cli.options import field_options, method_options, overrides

if TYPE_CHECKING:
    from scalemt.config import Configuration, Profile
    from scalemt.serve.settings import ServeSettings

_BESIDE = ("default", "fast")  # served where nobody says which


@click.command("serve", short_help="Serve a web page and the APIs of LibreTranslate, DeepL and OpenAI.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--profile",
    "names",
    multiple=True,
    metavar="NAME",
    help="A profile to serve; the first is the default. Give it several times. [default: default, fast]",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="API keys, made by: scalemt keys add.",
)
@click.option("--open", "open_to_all", is_flag=True, help="Serve whoever can reach the address, without keys.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where glossaries, documents and usage are kept. [default: in the user's data folder]",
)
@click.option(
    "--workers", type=click.IntRange(0, 64), default=0, help="Processes that hold models (0: one a core)."
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Of each caller: characters, texts, per_minute, characters_per_minute, concurrent, monthly; "
    "of the server: body, upload, buffered, waiting, documents, kept, connections, arrival, seconds, "
    "grace. 0 lifts a limit of callers.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Web pages elsewhere that may call the APIs, as https://example.org; * is all.",
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A name the server is called by.")
@click.option(
    "--log-format",
    type=click.Choice(["auto", "json", "text"]),
    default="auto",
    show_default=True,
    help="How logs are written to standard error.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is written.",
)
@field_options
@method_options
def command(names: tuple[str, ...], open_to_all: bool, log_format: Any, log_level: str, **options: Any) -> int:
    """Serve a web page and the APIs that existing tools speak: LibreTranslate, DeepL, OpenAI, MCP, our own.

    Options of profiles change the default profile. Logs go to standard error, without texts and keys.
    """
    _require_extra()
    from scalemt.serve import logs
    from scalemt.serve.running import require_safe, run

    settings = _settings(names, options)
    require_safe(settings, open_to_all=open_to_all)
    logs.set_up(log_format, log_level)
    return run(settings)


def _require_extra() -> None:
    from importlib.util import find_spec

    from scalemt.errors import MissingExtraError

    if any(find_spec(name) is None for name in ("fastapi", "uvicorn", "multipart", "prometheus_client")):
        raise MissingExtraError("The server", "serve")


def _settings(names: tuple[str, ...], options: dict[str, Any]) -> ServeSettings:
    from scalemt.config import load_configuration
    from scalemt.folders import data_dir
    from scalemt.serve.settings import ServeSettings

    configuration = load_configuration()
    kept = {name: options.pop(name) for name in ("host", "port", "key_file", "workers", "origins", "hosts")}
    state = options.pop("state") or data_dir() / "serve"
    limits, capacity = _limits(options.pop("limits"))
    return ServeSettings(
        profiles=_profiles(configuration, names, overrides(options)),
        configuration=configuration,
        state=state,
        limits=limits,
        capacity=capacity,
        **kept,
    )


def _profiles(configuration: Configuration, names: tuple[str, ...], changes: dict[str, Any]) -> dict[str, Profile]:
    """Return the profiles to serve, the first with what was changed on the command line."""
    first, *others = names or _BESIDE
    found = {first: configuration.profile(first, **changes)}
    # Beside a default whose specialists were named here, `fast` is to draft by the same ones.
    shared = {key: value for key, value in changes.items() if key not in ("method", "gate", "budget")}
    for name in others:
        found[name] = configuration.profile(name, **({} if names else shared))
    return found


def _limits(given: tuple[str, ...]) -> tuple[Any, Any]:
    """Return limits of callers and of the server, with what `--limit` says.

    Raises:
        UsageError: no such limit, or no number.
    """
    from scalemt.errors import UsageError
    from scalemt.serve.settings import Capacity, Limits

    limits, capacity = Limits(), Capacity()
    mine, whole = ({item.name for item in fields(kind)} for kind in (Limits, Capacity))
    for text in given:
        name, _, number = text.partition("=")
        if name not in mine | whole:
            choices = ", ".join(sorted(mine | whole))
            raise UsageError(f"There is no limit {name!r}. Valid choices: {choices}.")
        try:
            value = float(number) if name in ("kept", "arrival", "seconds", "grace") else int(number)
        except ValueError:
            raise UsageError(f"--limit {text}: expected a number, as in --limit {name}=100.") from None
        if value < 0 or (value == 0 and name in whole):
            raise UsageError(f"--limit {text}: expected a number above 0.")
        if name in mine:
            limits = replace(limits, **{name: int(value)})
        else:
            chosen: dict[str, Any] = {name: value}
            capacity = replace(capacity, **chosen)
    return limits, capacity
