"""A suite: many test sets and systems scored by one command, described by a TOML file.

::

    name = "Refinement into English"
    directions = ["asm_Beng-eng_Latn", "xho_Latn-eng_Latn"]
    source = "flores200/devtest/{source}.txt"
    references = ["flores200/devtest/{target}.txt"]
    baseline = "gpt-4"
    metrics = ["chrf++", "bleu"]

    [systems]
    gpt-4 = "outputs/gpt-4/{source}2{target}.output"
    scale = "outputs/scale/{source}2{target}.output"

`{source}` and `{target}` stand for the two sides of a direction, as they are written there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scalemt import languages
from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.inputs import build_test_set, read_column, read_labels, read_system
from scalemt.evaluation.systems import System, TestSet


class Suite(BaseModel):
    """The content of a suite file; paths are relative to its folder, or to the root that the caller names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    directions: tuple[str, ...] = Field(min_length=1)
    source: str = ""
    references: tuple[str, ...] = ()
    metadata: str = ""
    baseline: str = ""
    metrics: tuple[str, ...] = ()
    align_by_id: bool = False
    systems: dict[str, str] = Field(min_length=1)

    @field_validator("directions")
    @classmethod
    def _two_sides(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            if item.count("-") != 1:
                raise ValueError(f"{item!r} is no direction; expected two codes with a hyphen: xho_Latn-eng_Latn")
            if value.count(item) > 1:
                raise ValueError(f"{item!r} stands there more than once")
        return value

    @field_validator("systems")
    @classmethod
    def _named(cls, value: dict[str, str]) -> dict[str, str]:
        if "" in value:
            raise ValueError("a system has no name")
        return value


@dataclass(frozen=True)
class Part:
    """One direction of a suite: its test set, its systems, and the systems that have no file for it."""

    test_set: TestSet
    systems: tuple[System, ...]
    missing: tuple[str, ...]


def load_suite(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        ConfigurationError: unreadable, not TOML, or a field missing, unknown or of a wrong kind.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return Suite.model_validate(table)
    except OSError as fault:
        raise ConfigurationError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ConfigurationError(f"{path} is not TOML: {fault}.") from None
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"{path}, field {field}: {first['msg']}.") from None


def read_suite(suite: Suite, root: Path) -> Iterator[Part]:
    """Yield the parts of a suite in the order of its directions.

    Raises:
        InputError: a file of a test set is missing or does not pair up, or a system has no file at all.
        UnknownLanguageError: a side of a direction is no language code.
    """
    for name, pattern in suite.systems.items():
        if not any((root / _filled(pattern, direction)).exists() for direction in suite.directions):
            raise InputError(
                f"The system {name} has no file for any direction; the first would be "
                f"{root / _filled(pattern, suite.directions[0])}."
            )
    for direction in suite.directions:
        yield _part(suite, root, direction)


def _part(suite: Suite, root: Path, direction: str) -> Part:
    source, _, target = direction.partition("-")
    sources = read_column(root / _filled(suite.source, direction), "source") if suite.source else None
    references = [read_column(root / _filled(item, direction), "reference") for item in suite.references]
    labels = read_labels(root / _filled(suite.metadata, direction)) if suite.metadata else ()
    pair = languages.parse_pair(source, target)
    test_set = build_test_set(direction, sources, references, pair, labels)
    paths = {name: root / _filled(pattern, direction) for name, pattern in suite.systems.items()}
    systems = tuple(
        read_system(name, path, test_set, by_id=suite.align_by_id) for name, path in paths.items() if path.exists()
    )
    return Part(test_set, systems, tuple(name for name, path in paths.items() if not path.exists()))


def _filled(pattern: str, direction: str) -> str:
    source, _, target = direction.partition("-")
    return pattern.replace("{source}", source).replace("{target}", target)
