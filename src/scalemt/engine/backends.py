"""Build specialists and generalists from what a profile says: a name, a table, or `name:argument`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from scalemt.config import Configuration, Profile
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.generalists import GENERALISTS, Generalist
from scalemt.registry import Registry
from scalemt.specialists import SPECIALISTS, DraftOptions, Specialist


def build_specialist(spec: str, configuration: Configuration, profile: Profile) -> Specialist:
    """Return the specialist that `spec` names.

    Args:
        spec: a name of the registry or of a `[specialists.NAME]` table, with an optional argument behind a
            colon: a folder, a mode or a URL, whatever the first parameter of that kind is.

    Raises:
        UnknownNameError: no such name.
        ConfigurationError: an option is unknown or lacks.
    """
    built: Specialist = _build(spec, SPECIALISTS, configuration.specialists, profile)
    return built


def build_generalist(spec: str, configuration: Configuration, profile: Profile) -> Generalist:
    """Return the generalist that `spec` names; for `openai` the argument is `URL#MODEL`.

    Raises:
        UnknownNameError: no such name.
        ConfigurationError: an option is unknown or lacks.
    """
    built: Generalist = _build(spec, GENERALISTS, configuration.generalists, profile)
    return built


def _build(spec: str, registry: Registry, tables: Mapping[str, Mapping[str, Any]], profile: Profile) -> Any:
    name, _, argument = spec.partition(":")
    options: dict[str, Any] = {}
    kind = name
    if name in tables:
        options = dict(tables[name])
        kind = options.pop("type", None)
        if kind is None:
            raise ConfigurationError(f"[{name}] lacks type. Valid choices: {', '.join(registry.names())}.")
    elif name not in registry.names():
        raise UnknownNameError(registry.kind, name, [*registry.names(), *tables])
    factory = registry.load(kind)
    parameters = _parameters(factory)
    options |= _from_argument(argument, parameters, spec)
    return _call(factory, _filled(options, parameters, profile), parameters, spec)


def _parameters(factory: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(factory).parameters.values())


def _from_argument(argument: str, parameters: list[inspect.Parameter], spec: str) -> dict[str, Any]:
    if not argument:
        return {}
    if not parameters:
        raise ConfigurationError(f"{spec}: this kind takes no argument behind the colon.")
    names = [parameter.name for parameter in parameters]
    if names[:2] == ["url", "model"]:
        url, _, model = argument.partition("#")
        return {"url": url} | ({"model": model} if model else {})
    return {names[0]: argument}


def _filled(options: dict[str, Any], parameters: list[inspect.Parameter], profile: Profile) -> dict[str, Any]:
    """Put decoding options into one `DraftOptions`, and hand down threads and seed of the profile."""
    names = {parameter.name for parameter in parameters}
    if "threads" in names:
        options.setdefault("threads", profile.core_count())
    if "options" in names:
        keys = {item.name for item in fields(DraftOptions)}
        chosen = {key: options.pop(key) for key in list(options) if key in keys}
        options["options"] = DraftOptions(**({"seed": profile.seed} | chosen))
    return options


def _call(factory: Any, options: dict[str, Any], parameters: list[inspect.Parameter], spec: str) -> Any:
    names = [parameter.name for parameter in parameters]
    for key in options:
        if key not in names:
            known = sorted(set(names) - {"options"} | {item.name for item in fields(DraftOptions)})
            raise ConfigurationError(f"{spec} has no option {key!r}. Valid choices: {', '.join(known)}.")
    for parameter in parameters:
        if parameter.default is inspect.Parameter.empty and parameter.name not in options:
            example = "openai:http://127.0.0.1:8000/v1#MODEL" if spec.startswith("openai") else f"{spec}:VALUE"
            raise ConfigurationError(f"{spec} lacks {parameter.name}. Write it as {example}, or in a table.")
    return factory(**options)
