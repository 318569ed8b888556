"""What is benched: arms (named configurations of the engine) and test sets, from flags or a TOML plan."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scalemt import languages
from scalemt.config import Configuration, Profile
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.evaluation.bench.corruption import Corruption
from scalemt.evaluation.inputs import build_test_set, read_column
from scalemt.evaluation.systems import TestSet
from scalemt.methods import METHODS

PIVOT = "en"
"""Through which the method pivot drafts where nobody names a language: most specialists are made around it."""


@dataclass(frozen=True)
class Arm:
    """One configuration that is measured: a profile, and for robustness what is done to its drafts."""

    name: str
    profile: Profile
    corruption: Corruption | None = None


@dataclass(frozen=True)
class Choice:
    """What the command line chose besides the profiles: where they come from, and the fields it overrides."""

    configuration: Configuration
    profile: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def arm(self, name: str) -> Arm:
        """Return the arm of a profile of that name, or else of the method of that name over the chosen profile.

        A method other than pivot goes the direct road even where a pivot is set: that is what it is compared with.

        Raises:
            UnknownNameError: neither a profile nor a method.
        """
        if name in self.configuration.profiles:
            return Arm(name, _with_method(self.configuration.profile(name, **self.overrides)))
        if name not in METHODS.names():
            raise UnknownNameError("profile or method", name, {*self.configuration.profiles, *METHODS.names()})
        fields = {**self.overrides, "method": name}
        return Arm(name, _by_method(self.configuration.profile(self.profile, **fields)))

    def variant(self, name: str, fields: Mapping[str, Any]) -> Arm:
        """Return an arm with fields of its own, which win over the command line; "profile" names its base.

        Raises:
            UnknownNameError: no such base, or no such method.
            ConfigurationError: a field is unknown or has a value it cannot have.
        """
        own = dict(fields)
        base = own.pop("profile", self.profile)
        if not isinstance(base, str | None):
            raise ConfigurationError(f"The system {name}: profile is {base!r}; expected the name of a profile.")
        if "name" in own:
            raise ConfigurationError(f"The system {name} has a second name, {own['name']!r}. Take it out.")
        try:
            profile = _with_method(self.configuration.profile(base, **{**self.overrides, **own}))
        except ConfigurationError as fault:
            raise ConfigurationError(f"The system {name}: {fault}") from None
        return Arm(name, _by_method(profile) if "method" in own and "pivot" not in own else profile)


def _with_method(profile: Profile) -> Profile:
    """Refuse a method that does not exist here: no pair and no model could make it applicable."""
    if profile.method not in METHODS.names():
        raise UnknownNameError("method", profile.method, METHODS.names())
    return profile


def _by_method(profile: Profile) -> Profile:
    if profile.method == "pivot":
        return profile if profile.pivot else with_fields(profile, pivot=PIVOT)
    return with_fields(profile, pivot=None) if profile.pivot else profile


def with_fields(profile: Profile, **fields: Any) -> Profile:
    """Return a profile with some fields set, or with None left to their default; the others stay as they were.

    Raises:
        ConfigurationError: a value that the field cannot have.
    """
    kept = profile.model_dump(include=profile.explicit) | fields
    try:
        return Profile(
            **{"name": profile.name, **{key: value for key, value in kept.items() if value is not None}}
        )
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{fault['loc'][0]} is {fault['input']!r}: {fault['msg']}.") from None


def parse_variant(text: str) -> tuple[str, dict[str, str]]:
    """Return name and fields of `NAME:FIELD=VALUE,FIELD=VALUE`; a part without "=" belongs to the value before it.

    Raises:
        ConfigurationError: not of that form.
    """
    name, colon, rest = text.partition(":")
    fields: dict[str, str] = {}
    last = ""
    for part in rest.split(","):
        key, equals, value = part.partition("=")
        if equals:
            last = key.strip().replace("-", "_")
            fields[last] = value.strip()
        elif last:
            fields[last] += f",{part.strip()}"
    if not colon or not name.strip() or not fields:
        raise ConfigurationError(
            f"The variant {text!r} is not of the form NAME:FIELD=VALUE,FIELD=VALUE, "
            "such as ungated:method=refine,gate=off."
        )
    return name.strip(), fields


def read_set(name: str, source: str | Path, references: Sequence[str | Path], pair: tuple[str, str]) -> TestSet:
    """Read one test set.

    Args:
        name: for tables and files; "" names it after the source file and the pair.

    Raises:
        InputError: a file cannot be read, is empty, or the counts differ.
        UnknownLanguageError: a code that nobody knows.
    """
    direction = languages.parse_pair(*pair)
    columns = [read_column(path, "reference") for path in references]
    name = name or f"{Path(source).stem}.{direction.source}-{direction.target}"
    return build_test_set(name, read_column(source, "source"), columns, direction)


def first(test_set: TestSet, limit: int | None) -> TestSet:
    """Return the first `limit` segments of a test set; all of them for None."""
    if limit is None or limit >= len(test_set):
        return test_set
    return TestSet(
        test_set.name,
        test_set.sources[:limit],
        tuple(texts[:limit] for texts in test_set.references),
        test_set.pair,
        test_set.ids[:limit],
        test_set.domains[:limit],
    )


class SetTable(BaseModel):
    """One `[[sets]]` table of a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    src: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    name: str = ""
    ref: tuple[str, ...] = ()

    @field_validator("ref", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class BenchPlan(BaseModel):
    """A plan file: `[[sets]]` as `SetTable` has them, `[[systems]]` of name, profile and fields of a profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: tuple[SetTable, ...] = ()
    systems: tuple[dict[str, Any], ...] = ()


def read_plan(path: str | Path, choice: Choice) -> tuple[list[TestSet], list[Arm]]:
    """Return the test sets and arms of a plan file; its paths are relative to its own folder.

    A system without fields is the profile or the method of its name.

    Raises:
        ConfigurationError: unreadable, not TOML, or a field missing, unknown or of a wrong kind.
        InputError: a test set cannot be read.
    """
    path = Path(path)
    plan = _parsed(path)
    sets = [
        read_set(
            item.name, path.parent / item.src, [path.parent / ref for ref in item.ref], (item.source, item.target)
        )
        for item in plan.sets
    ]
    return sets, [_system(dict(table), path, choice) for table in plan.systems]


def _parsed(path: Path) -> BenchPlan:
    try:
        return BenchPlan.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as fault:
        raise ConfigurationError(f"{path} cannot be read: {fault.strerror or fault}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"{path} is not TOML: {fault}.") from None
    except ValidationError as fault:
        raise ConfigurationError(f"{path}{_told(fault.errors(include_url=False)[0])}") from None


def _told(problem: Mapping[str, Any]) -> str:
    """Return what is wrong with a plan, and where, as the rest of a sentence that begins with its path."""
    table, *inside = problem["loc"]
    if problem["type"] == "extra_forbidden" and not inside:
        return f" has an unknown table or field {table!r}. Valid choices: {', '.join(BenchPlan.model_fields)}."
    if len(inside) < 2:
        return f": {table} is {problem['input']!r}; expected [[{table}]] tables."
    place = f", [[{table}]] number {inside[0] + 1}"
    if problem["type"] == "extra_forbidden":
        choices = ", ".join(item.alias or name for name, item in SetTable.model_fields.items())
        return f"{place}: unknown field {inside[1]!r}. Valid choices: {choices}."
    if problem["type"] == "missing":
        return f"{place} lacks {inside[1]}."
    return f"{place}: {inside[1]} is {problem['input']!r}: {problem['msg']}."


def _system(table: dict[str, Any], path: Path, choice: Choice) -> Arm:
    name = table.pop("name", None)
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{path}: a [[systems]] table lacks name. Each needs one, for tables and files.")
    for key in ("demonstrations", "template"):
        value = table.get(key)
        if isinstance(value, str) and (path.parent / value).is_file():
            table[key] = str(path.parent / value)
    return choice.variant(name, table) if table else choice.arm(name)


def require_distinct(kind: str, names: Sequence[str]) -> None:
    """Raise ConfigurationError where two of a kind have one name: their results would be taken for each other."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigurationError(f"Two {kind} are named {twice[0]!r}. Give each a name of its own.")
