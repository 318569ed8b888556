"""The graph of workers: who there is, what each is for, and who may go on with what another has made.

A graph is a TOML file::

    general = "draft"                        # who gets what nobody is for; by default the first

    [workers.draft]
    description = "Plain prose."             # what a model that routes is told
    method = "draft"                         # any field of a profile
    neighbours = ["refine"]                  # who may go on with its translation

    [workers.refine]
    description = "Hard sentences."
    method = "refine"
    cost = 1                                 # what it costs beside the others, in any unit

    [domains.medical]
    words = ["patient", "dos*"]              # a segment with several of them is of this domain
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalemt import languages
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.methods.route.requests import FEATURES, Request
from scalemt.types import Pair

BUILT_IN = "built-in"
_TOKEN = re.compile(r"<[a-z0-9][a-z0-9_-]*>")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_CONDITION = re.compile(r"(?P<feature>[a-z][a-z ]*?)\s*(?P<sign>>=|<=)\s*(?P<value>-?\d+(?:\.\d+)?)")
_FILES = ("demonstrations", "glossary", "template")  # fields of a profile that may name a file beside the graph


@dataclass(frozen=True)
class Condition:
    """One thing that must hold for a segment, such as ``mixed >= 20``; a feature that is not known does not."""

    feature: str
    sign: str
    value: float

    def holds(self, features: Mapping[str, float]) -> bool:
        """Return whether a segment with these features meets it."""
        known = features.get(self.feature)
        if known is None:
            return False
        return known >= self.value if self.sign == ">=" else known <= self.value

    def __str__(self) -> str:
        return f"{self.feature} {self.sign} {self.value:g}"


@dataclass(frozen=True)
class Worker:
    """One node of the graph.

    Args:
        name: of the worker.
        description: what it is for, as a model that routes reads it.
        token: what such a model answers to choose it.
        examples: texts that it is for, shown to such a model.
        fields: of the profile that it works by.
        profile: the named profile that `fields` are put onto; "" is the one that routes.
        languages: that both sides of a pair are of; none takes all.
        pairs: that it takes; none takes all.
        domains: that a segment must be of; none takes all.
        conditions: all of which must hold for a segment.
        cost: beside the others, in any unit.
        neighbours: who may go on with what it has made.
    """

    name: str
    description: str = ""
    token: str = ""
    examples: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    profile: str = ""
    languages: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    domains: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    cost: float = 1.0
    neighbours: tuple[str, ...] = ()

    def takes(self, pair: Pair) -> bool:
        """Return whether it is for a pair, territories aside."""
        sides = [languages.base(side) for side in pair]
        if self.languages and not set(sides) <= {languages.base(tag) for tag in self.languages}:
            return False
        return not self.pairs or sides in [[languages.base(side) for side in known] for known in self.pairs]

    def missing(self, request: Request) -> str:
        """Say why it is not for a segment, "" where it is."""
        if self.domains and request.domain not in self.domains:
            return f"the domain is {request.domain or 'not known'}, not {' or '.join(self.domains)}"
        broken = [str(item) for item in self.conditions if not item.holds(request.features)]
        return f"not {' and '.join(broken)}" if broken else ""

    def reasons(self, request: Request) -> list[str]:
        """Return what a worker was made for that a segment is, of one that takes it."""
        told = [f"{item} ({request.features[item.feature]:.3g})" for item in self.conditions]
        told += [f"domain {request.domain}"] if self.domains else []
        return told + ([f"made for {request.pair}"] if self.pairs or self.languages else [])


@dataclass(frozen=True)
class WorkerGraph:
    """Workers by name, who of them is the general one, and the words by which domains are told.

    Args:
        name: of the file, for messages and signatures.
        workers: in the order of the file.
        general: who gets what no other is for.
        domains: words by domain; one that ends in * stands for all words that begin so.
        digest: of all that is said here.
    """

    name: str
    workers: tuple[Worker, ...]
    general: str
    domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest: str = ""

    @property
    def signature(self) -> str:
        """The name and the start of the hash."""
        return f"{self.name}[{self.digest[:8]}]"

    @cached_property
    def by_name(self) -> Mapping[str, Worker]:
        """The workers by name."""
        return {item.name: item for item in self.workers}

    def domain(self, text: str) -> str:
        """Return the domain whose words a text holds most of, two at least; "" where that is none or two alike."""
        found = {name: _hits(text, words) for name, words in self.domains.items()}
        best = sorted(found.values(), reverse=True)[:2]
        if not best or best[0] < 2 or (len(best) > 1 and best[0] == best[1]):
            return ""
        return max(found, key=lambda name: found[name])


def _hits(text: str, words: Sequence[str]) -> int:
    held = {word.casefold() for word in re.findall(r"\w+", text)}
    stems = tuple(word[:-1].casefold() for word in words if word.endswith("*") and len(word) > 1)
    whole = {word.casefold() for word in words if not word.endswith("*")}
    return sum(word in whole or word.startswith(stems) for word in held)


class _WorkerTable(BaseModel):
    """What a `[workers.NAME]` table says beside the fields of a profile."""

    model_config = ConfigDict(extra="allow", frozen=True)

    description: str = ""
    token: str = ""
    examples: tuple[str, ...] = ()
    profile: str = ""
    languages: tuple[str, ...] = ()
    pairs: tuple[Annotated[tuple[str, ...], Field(min_length=2, max_length=2)], ...] = ()
    domains: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    cost: Annotated[float, Field(ge=0)] = 1.0
    neighbours: tuple[str, ...] = ()


class _DomainTable(BaseModel):
    """A `[domains.NAME]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    words: tuple[str, ...]


class _GraphTable(BaseModel):
    """A whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: Annotated[dict[str, _WorkerTable], Field(min_length=1)]
    general: str = ""
    domains: dict[str, _DomainTable] = {}


def load_graph(path: str = "") -> WorkerGraph:
    """Return the graph of a TOML file, or the built-in one.

    Args:
        path: of the file; "" is the built-in graph.

    Raises:
        ConfigurationError: unreadable, not TOML, of a wrong form, a circle, or a worker that routes in its turn.
        UnknownNameError: a worker names a neighbour that there is not, or `general` does.
        UnknownLanguageError: a language is none.
    """
    if not path:
        text, name, folder = (files("scalemt.methods.route") / "built_in.toml").read_text("utf-8"), BUILT_IN, None
    else:
        file = Path(path)
        try:
            text, name, folder = file.read_text("utf-8"), file.stem, file.parent
        except (OSError, UnicodeDecodeError) as fault:
            raise ConfigurationError(f"The graph {path} cannot be read: {fault}. Give a TOML file.") from None
    where = f"the graph {path or name}"
    try:
        table = _GraphTable.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise ConfigurationError(f"{where[0].upper()}{where[1:]} is not TOML: {fault}.") from None
    except ValidationError as fault:
        raise ConfigurationError(f"In {where}: {_told(fault)}") from None
    workers = tuple(_worker(name, item, folder, where) for name, item in table.workers.items())
    domains = {name: item.words for name, item in table.domains.items()}
    graph = WorkerGraph(name, workers, table.general or workers[0].name, domains, _digest(table))
    _check(graph, where)
    return graph


def _told(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        return f"{place} is missing."
    return f"{place} is {fault['input']!r}: {fault['msg']}."


def _digest(table: _GraphTable) -> str:
    return sha256(table.model_dump_json().encode()).hexdigest()


def _worker(name: str, table: _WorkerTable, folder: Path | None, where: str) -> Worker:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"In {where}: {name!r} is no name of a worker. Use a-z, 0-9, - and _.")
    token = table.token or f"<{name}>"
    if not _TOKEN.fullmatch(token):
        raise ConfigurationError(f"In {where}: the token of {name} is {token!r}; expected one such as <{name}>.")
    fields = dict(table.model_extra or {})
    for key in _FILES:
        value = fields.get(key)
        if folder and isinstance(value, str) and (folder / value).is_file():
            fields[key] = str(folder / value)
    return Worker(
        name=name,
        description=" ".join(table.description.split()),
        token=token,
        examples=table.examples,
        fields=fields,
        profile=table.profile,
        languages=tuple(languages.parse(tag) for tag in table.languages),
        pairs=tuple(languages.parse_pair(*pair) for pair in table.pairs),
        domains=table.domains,
        conditions=tuple(_condition(text, name, where) for text in table.when),
        cost=table.cost,
        neighbours=table.neighbours,
    )


def _condition(text: str, worker: str, where: str) -> Condition:
    found = _CONDITION.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(
            f"In {where}: {worker} has the condition {text!r}; expected one such as 'mixed >= 20'."
        )
    if found["feature"] not in FEATURES:
        choices = ", ".join(FEATURES)
        raise ConfigurationError(f"In {where}: {worker} asks for {found['feature']!r}. Valid choices: {choices}.")
    return Condition(found["feature"], found["sign"], float(found["value"]))


def _check(graph: WorkerGraph, where: str) -> None:
    names = [item.name for item in graph.workers]
    if graph.general not in names:
        raise UnknownNameError(f"worker of {where}", graph.general, names)
    tokens: dict[str, str] = {}
    for item in graph.workers:
        if item.fields.get("method") == "route":
            raise ConfigurationError(
                f"In {where}: the worker {item.name} routes in its turn. Put its workers into one graph instead."
            )
        if twin := tokens.get(item.token):
            raise ConfigurationError(f"In {where}: {twin} and {item.name} have one token, {item.token}.")
        tokens[item.token] = item.name
        unknown = next((name for name in item.neighbours if name not in names), None)
        if unknown is not None:
            raise UnknownNameError(f"worker of {where}", unknown, names)
        unknown = next((name for name in item.domains if name not in graph.domains), None)
        if unknown is not None:
            raise UnknownNameError(f"domain of {where}", unknown, graph.domains)
    if circle := _circle(graph):
        raise ConfigurationError(
            f"In {where} the neighbours go round in a circle: {' -> '.join(circle)}. Take one of these steps out."
        )


def _circle(graph: WorkerGraph) -> list[str]:
    """Return workers that lead back to the first of them, or none."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        found = next(
            (circle for other in graph.by_name[name].neighbours if (circle := visit(other, [*way, name]))), []
        )
        done.add(name)
        return found

    return next((circle for item in graph.workers if (circle := visit(item.name, []))), [])
