"""What the commands that serve have in common: which profiles, with what changes, within what limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scalemt.cli.options import overrides

if TYPE_CHECKING:
    from scalemt.config import Configuration, Profile
    from scalemt.serve.settings import Capacity, Limits, ServeSettings

F = TypeVar("F", bound=Callable[..., Any])

_BESIDE = ("default", "fast")  # served where nobody says which
_OPTIONS = (
    click.option(
        "--profile",
        "names",
        multiple=True,
        metavar="NAME",
        help="A profile to serve; the first is the default. Give it several times. [default: default, fast]",
    ),
    click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where glossaries, documents and usage are kept. [default: in the user's data folder]",
    ),
    click.option(
        "--log-format",
        type=click.Choice(["auto", "json", "text"]),
        default="auto",
        show_default=True,
        help="How logs are written to standard error.",
    ),
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="info",
        show_default=True,
        help="The least that is written.",
    ),
)


def serving_options(function: F) -> F:
    """Add the options that say what is served, where it is kept, and how logs are written."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def require_extra() -> None:
    """Return if all is installed that a server needs.

    Raises:
        MissingExtraError: something is not.
    """
    from importlib.util import find_spec

    from scalemt.errors import MissingExtraError

    if any(find_spec(name) is None for name in ("fastapi", "mcp", "multipart", "prometheus_client", "uvicorn")):
        raise MissingExtraError("The server", "serve")


def settings_of(names: tuple[str, ...], options: dict[str, Any], **chosen: Any) -> ServeSettings:
    """Return what a server is told.

    Args:
        names: the profiles to serve.
        options: parsed ones: "state", and fields of a profile, which change the first.
        chosen: fields of `ServeSettings`.

    Raises:
        UsageError: no such profile, or one that cannot be.
    """
    from scalemt.config import load_configuration
    from scalemt.folders import data_dir
    from scalemt.serve.settings import ServeSettings

    configuration = load_configuration()
    state = options.pop("state") or data_dir() / "serve"
    return ServeSettings(
        profiles=_profiles(configuration, names, overrides(options)),
        configuration=configuration,
        state=state,
        **chosen,
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


def limits_of(given: tuple[str, ...]) -> tuple[Limits, Capacity]:
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
            value = float(number) if name in ("kept", "arrival", "idle", "seconds", "grace") else int(number)
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
