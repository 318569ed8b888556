"""What is pinned when a job begins: languages, profile, backends, and how its files are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from scalemt import languages
from scalemt.config import Configuration, Profile, load_configuration
from scalemt.engine.backends import asks_generalist, build_method
from scalemt.engine.knowledge import Knowledge
from scalemt.errors import UsageError
from scalemt.formats import FormatOptions
from scalemt.jobs.rows import key_of
from scalemt.methods import METHODS
from scalemt.types import Segment

Tables = Mapping[str, Mapping[str, Any]]

_LARGE_CHUNK = 512  # segments; a specialist alone is fastest on many, sorted by length
# Options of backends that change how long a request may take, how often it is sent and what it costs, but not what
# comes of it: the configuration may say otherwise at any time.
_OPERATIONAL = frozenset(
    "timeout retries concurrency api_key_env price_prompt price_completion max_tokens_budget max_cost".split()
)
_MOST_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class Settings:
    """All that decides what a job gives. It stands in the ledger, and a later run cannot change it.

    Args:
        source, target: canonical language tags.
        profile: what translates. Drafts and answers stand in the ledger, so the cache is only used when asked for.
        configuration: the tables of backends that the profile may name.
        format_name: of all files; None tells it by their suffixes.
        options: how files are read and written.
        apart: equal texts behind different ones are different segments, as a memory tells them apart.
        folder: where relative paths of the profile begin.
    """

    source: str
    target: str
    profile: Profile
    configuration: Configuration
    format_name: str | None = None
    options: FormatOptions = field(default_factory=FormatOptions)
    apart: bool = False
    folder: str = ""

    @classmethod
    def of(
        cls,
        profile: Profile,
        configuration: Configuration,
        source: str,
        target: str,
        format_name: str | None = None,
        options: FormatOptions | None = None,
    ) -> Settings:
        """Pin what holds now.

        Raises:
            UnknownLanguageError: a code that nobody knows.
            UnknownNameError: no method of that name.
        """
        pair = languages.parse_pair(source, target)
        if "cache" not in profile.explicit:
            profile = Profile.model_validate({**_set(profile), "cache": False})
        METHODS.load(profile.method)
        how = replace(options or FormatOptions(), source=pair.source, target=pair.target)
        apart = Knowledge(profile, lambda _: None).tells_context()
        return cls(pair.source, pair.target, profile, configuration, format_name, how, apart, os.getcwd())

    @property
    def chunk(self) -> int:
        """Segments that are translated together, always the same: a job cut off in between comes out the same."""
        if "batch" in self.profile.explicit or self.asks:
            return self.profile.batch
        return _LARGE_CHUNK

    @property
    def asks(self) -> bool:
        """Whether the method puts prompts to a generalist."""
        return asks_generalist(self.profile)

    @property
    def helpers(self) -> tuple[str, ...]:
        """The generalists that the method asks beside that of the profile."""
        try:
            named = build_method(self.profile.method, self.profile.options).helpers
        except UsageError:
            return ()  # whoever translates by it is told
        return tuple(spec for spec in named if spec != self.profile.generalist)

    @property
    def context(self) -> int:
        """How many segments before each one come with it."""
        return max(self.profile.context, 1 if self.profile.memories else 0)

    def key(self, segment: Segment) -> bytes:
        """Return what tells a segment from others."""
        return key_of(segment, context=self.profile.context > 0, apart=self.apart)

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads back."""
        return {
            "source": self.source,
            "target": self.target,
            "profile": _set(self.profile),
            "specialists": _used(self.configuration.specialists, self.profile.specialists),
            "generalists": _used(self.configuration.generalists, (self.profile.generalist, *self.helpers)),
            "format": self.format_name,
            "options": asdict(self.options),
            "apart": self.apart,
            "folder": self.folder,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Settings:
        """Return the settings that a ledger holds, with time-outs, keys and prices as they are configured now."""
        options = {**value["options"], "fields": tuple(value["options"]["fields"])}
        today = load_configuration(Path(value["folder"]))
        return cls(
            value["source"],
            value["target"],
            Profile.model_validate(value["profile"]),
            Configuration(
                specialists=_renewed(value["specialists"], today.specialists),
                generalists=_renewed(value["generalists"], today.generalists),
            ),
            value["format"],
            FormatOptions(**options),
            value["apart"],
            value["folder"],
        )

    def differences(self, other: Settings) -> list[str]:
        """Say in what these settings differ from others: a sentence a field, none where all is the same."""
        mine, theirs = self.as_json(), other.as_json()
        told = []
        for part in ("source", "target", "format"):
            told += _differing({part: mine[part]}, {part: theirs[part]})
        for part, left_out in (("profile", {"threads"}), ("options", {"source", "target"})):
            told += _differing(mine[part], theirs[part], left_out)
        for part in ("specialists", "generalists"):
            told += _differing(_decisive(mine[part]), _decisive(theirs[part]))
        return told


def _set(profile: Profile) -> dict[str, Any]:
    """Return the fields that somebody set, so that calibration still leaves those alone."""
    return profile.model_dump(mode="json", include=profile.explicit)


def _used(tables: Tables, specs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the tables that a profile names."""
    names = {spec.partition(":")[0] for spec in specs}
    return {name: dict(table) for name, table in tables.items() if name in names}


def _renewed(pinned: Tables, today: Tables) -> dict[str, dict[str, Any]]:
    """Return pinned tables with what does not change a translation as it is configured now."""
    return {
        name: {**table, **{key: value for key, value in today.get(name, {}).items() if key in _OPERATIONAL}}
        for name, table in pinned.items()
    }


def _decisive(tables: Tables) -> dict[str, dict[str, Any]]:
    """Return tables without what does not change a translation."""
    return {
        name: {key: value for key, value in table.items() if key not in _OPERATIONAL}
        for name, table in tables.items()
    }


def _differing(mine: Mapping[str, Any], theirs: Mapping[str, Any], left_out: Collection[str] = ()) -> list[str]:
    found = [name for name in {**mine, **theirs} if name not in left_out]
    names = [name for name in found if mine.get(name) != theirs.get(name)]
    return [f"{name} was {_shown(mine.get(name))} and is now {_shown(theirs.get(name))}" for name in names]


def _shown(value: object) -> str:
    shown = "not set" if value is None else repr(value)
    return shown if len(shown) <= _MOST_SHOWN else shown[: _MOST_SHOWN - 1] + "…"
