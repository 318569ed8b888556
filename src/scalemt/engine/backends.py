"""Build specialists and generalists from what a profile says: a name, a table, or `name:argument`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from scalemt.config import Configuration, Profile
from scalemt.errors import ConfigurationError, MissingExtraError, UnknownNameError
from scalemt.generalists import GENERALISTS, Generalist
from scalemt.methods import METHODS, Method
from scalemt.methods.base import HINTS
from scalemt.refiners import packaged_refiners
from scalemt.registry import Registry
from scalemt.retry import redact
from scalemt.specialists import SPECIALISTS, DraftOptions, Specialist
from scalemt.trained import ModelKind, TrainedModels


def build_specialist(spec: str, configuration: Configuration, profile: Profile) -> Specialist:
    """Return the specialist that `spec` names.

    Args:
        spec: a name of the registry or of a `[specialists.NAME]` table, with an optional argument behind a
            colon: a folder, a mode or a URL, whatever the first parameter of that kind is; or a model that was
            trained here, with an optional version behind a colon.

    Raises:
        UnknownNameError: no such name.
        ConfigurationError: an option is unknown or lacks.
    """
    built: Specialist = _build(spec, SPECIALISTS, configuration.specialists, profile)
    return built


def build_specialists(profile: Profile, configuration: Configuration) -> list[Specialist]:
    """Return the specialists of a profile in order; in a list of several, those not installed are left out.

    Raises:
        UnknownNameError: there is none of a name.
        MissingExtraError: the only one is not installed.
        ConfigurationError: an option is unknown or lacks.
    """
    found = []
    for spec in profile.specialists:
        try:
            found.append(build_specialist(spec, configuration, profile))
        except MissingExtraError:
            if len(profile.specialists) == 1:
                raise
    return found


def build_generalist(spec: str, configuration: Configuration, profile: Profile) -> Generalist:
    """Return the generalist that `spec` names, or was trained here; for `openai` the argument is `URL#MODEL`.

    Raises:
        UnknownNameError: no such name.
        ConfigurationError: an option is unknown or lacks.
    """
    built: Generalist = _build(spec, GENERALISTS, configuration.generalists, profile)
    return built


def build_method(name: str, options: Mapping[str, Any]) -> Method:
    """Return the method of a name, with its options.

    Raises:
        UnknownNameError: no such method.
        ConfigurationError: an option is unknown or has a value that it cannot have.
    """
    factory = METHODS.load(name)
    given = dict(options)
    hints = given.pop("hints", ())
    built: Method = _call(factory, given, _parameters(factory), f"the method {name}")
    if hints:
        built.hints = _hints(hints, built)
    return built


def _hints(value: Any, method: Method) -> tuple[str, ...]:
    """Read `omission,addition`, as a flag gives it, or a list."""
    found = [str(item).strip() for item in (value.split(",") if isinstance(value, str) else value)]
    wrong = next((item for item in found if item not in HINTS), None)
    if wrong is not None:
        raise ConfigurationError(f"The hint {wrong!r} is not known. Valid choices: {', '.join(HINTS)}.")
    if not method.needs_generalist:
        raise ConfigurationError(f"The method {method.name} asks no generalist: there is nobody to give hints to.")
    return tuple(hint for hint in HINTS if hint in found)


def asks_generalist(profile: Profile) -> bool:
    """Return whether a profile puts texts to a generalist, which of some methods their options decide.

    Raises:
        UnknownNameError: no such method.
        ConfigurationError: an option of the method is unknown or has a value that it cannot have.
    """
    return bool(build_method(profile.method, profile.options).needs_generalist)


def _build(spec: str, registry: Registry, tables: Mapping[str, Mapping[str, Any]], profile: Profile) -> Any:
    name, _, argument = spec.partition(":")
    options: dict[str, Any] = {}
    kind = name
    if name in tables:
        options = dict(tables[name])
        kind = options.pop("type", "")
        if kind not in registry.names():
            found = f"has the type {kind!r}" if kind else "lacks type"
            raise ConfigurationError(f"[{name}] {found}. Valid choices: {', '.join(registry.names())}.")
    elif name not in registry.names():
        return _trained(spec, registry, tables, profile)
    factory = registry.load(kind)
    parameters = _parameters(factory)
    # Only the redacted form is shown: the URL of an endpoint may hold a password or a key.
    shown = f"{name}:{redact(argument)}" if "://" in argument else spec
    options |= _from_argument(argument, parameters, shown)
    return _call(factory, _filled(options, parameters, profile, shown), parameters, shown)


def _trained(spec: str, registry: Registry, tables: Mapping[str, Mapping[str, Any]], profile: Profile) -> Any:
    """Build a model that was trained here, or comes with scalemt, as its card says."""
    kind: ModelKind = "specialist" if registry is SPECIALISTS else "generalist"
    name, shelves = spec.partition(":")[0], (TrainedModels(), packaged_refiners())
    shelf = next((known for known in shelves if name in known.names(kind)), None)
    if shelf is None:
        trained = [other for known in shelves for other in known.names(kind)]
        raise UnknownNameError(registry.kind, name, [*registry.names(), *tables, *trained])
    card, folder = shelf.resolve(spec)
    factory = registry.load(card.backend)
    parameters = _parameters(factory)
    return _call(factory, _filled(card.options_in(folder), parameters, profile, spec), parameters, spec)


def _parameters(factory: Any) -> list[inspect.Parameter]:
    """Return the parameters that can be given by name; a plug-in may take `**options` beside them."""
    found = inspect.signature(factory).parameters.values()
    return [item for item in found if item.kind is not inspect.Parameter.VAR_POSITIONAL]


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


def _filled(
    options: dict[str, Any], parameters: list[inspect.Parameter], profile: Profile, spec: str
) -> dict[str, Any]:
    """Put decoding options into one `DraftOptions`, and hand down threads and seed of the profile."""
    names = {parameter.name for parameter in parameters}
    if "threads" in names:
        options.setdefault("threads", profile.core_count())
    if "options" in names:
        keys = {item.name for item in fields(DraftOptions)}
        chosen = {key: options.pop(key) for key in list(options) if key in keys}
        options["options"] = _draft_options({"seed": profile.seed} | chosen, spec)
    return options


def _draft_options(chosen: dict[str, Any], spec: str) -> DraftOptions:
    try:
        return TypeAdapter(DraftOptions).validate_python(chosen)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{spec}: {fault['loc'][0]} is {fault['input']!r}: {fault['msg']}.") from None


def _call(factory: Any, options: dict[str, Any], parameters: list[inspect.Parameter], spec: str) -> Any:
    named = [item for item in parameters if item.kind is not inspect.Parameter.VAR_KEYWORD]
    names = {parameter.name for parameter in named}
    for key in options:
        if key not in names and len(named) == len(parameters):
            decoding = {item.name for item in fields(DraftOptions)} if "options" in names else set()
            known = ", ".join(sorted(names - {"options"} | decoding)) or "it takes none"
            raise ConfigurationError(f"{spec} has no option {key!r}. Valid choices: {known}.")
    for parameter in named:
        if parameter.default is inspect.Parameter.empty and parameter.name not in options:
            example = "openai:http://127.0.0.1:8000/v1#MODEL" if spec.startswith("openai") else f"{spec}:VALUE"
            raise ConfigurationError(f"{spec} lacks {parameter.name}. Write it as {example}, or in a table.")
    return factory(**_of_their_types(factory, options, spec))


def _of_their_types(factory: Any, options: dict[str, Any], spec: str) -> dict[str, Any]:
    """Check options against the annotations of the constructor, as far as pydantic knows the types."""
    try:
        hints = get_type_hints(factory.__init__)
    except (AttributeError, NameError, TypeError):
        # A plug-in may be a plain function, or name types that exist only for its type checker.
        return options
    return {key: _of_its_type(key, value, hints.get(key, Any), spec) for key, value in options.items()}


def _of_its_type(key: str, value: Any, kind: Any, spec: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except PydanticUserError:
        return value
    except ValidationError as error:
        wanted = error.errors(include_url=False)[0]["msg"]
        raise ConfigurationError(f"{spec}: {key} is {value!r}: {wanted}.") from None
