"""Models that were trained here: by name and version, each with a card that says what it is made of.

    data_dir()/models/NAME/
        current                 the number of the version that NAME alone means
        1/  2/  …               a version: its files, card.json, and README.md, the card for people

A version is written into a folder of its own beside them and renamed into place when it is whole; nothing is ever
changed in it afterwards. So a version can be gone back to, and two processes cannot mix theirs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from scalemt.errors import ModelError, UnknownNameError, UsageError
from scalemt.folders import data_dir

ModelKind = Literal["specialist", "generalist"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CARD = "card.json"
_README = "README.md"
_CURRENT = "current"
_UNFINISHED = ".adding-"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a trained model is, and what it was made of.

    Args:
        name, version: as it is called; versions count from 1. `adding` fills both in.
        kind: "specialist" or "generalist".
        backend: the kind of backend that runs it, a name of the registry.
        options: options of that backend.
        paths: the keys of `options` that are paths relative to the version's folder.
        pairs: directions it was trained for, as "en->eu".
        made: when, ISO 8601, UTC; `adding` fills it in.
        parent: what it was made from: "NAME:VERSION" of a model here, a folder or a package; "" from nothing.
        data: what it was trained on: files, hashes, counts, the data card's summary.
        settings: how it was trained.
        scores: what was measured, by test set; higher levels are free.
        licence: under which it may be used, as far as data and parent decide.
        notes: what else a user should know.
        drafters: of a refiner, the specialists whose drafts it was trained on, by direction.
    """

    kind: ModelKind
    backend: str
    options: Mapping[str, Any] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    parent: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    notes: str = ""
    drafters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    name: str = ""
    version: int = 0
    made: str = ""

    @property
    def shown(self) -> str:
        """The exact name, `NAME:VERSION`."""
        return f"{self.name}:{self.version}"

    def options_in(self, folder: Path) -> dict[str, Any]:
        """Return the options with paths made absolute."""
        return {key: str(folder / value) if key in self.paths else value for key, value in self.options.items()}


@dataclass(slots=True)
class Place:
    """The folder that a new version is put into; `card` must be set before the block ends."""

    folder: Path
    version: int
    card: ModelCard | None = None


class TrainedModels:
    """The models that were trained here.

    Args:
        folder: where they lie; None is `models` in the data folder.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder_of_all = data_dir() / "models" if folder is None else Path(folder)

    def names(self, kind: ModelKind | None = None) -> list[str]:
        """Return the names, sorted; of one kind, or all."""
        found = (path.name for path in _folders(self.folder_of_all) if self.versions(path.name))
        return sorted(name for name in found if kind is None or self._is(name, kind))

    def _is(self, name: str, kind: ModelKind) -> bool:
        try:
            return self.card(name).kind == kind
        except ModelError:
            return True  # who asks for it by name is told what is wrong with its card

    def versions(self, name: str) -> list[int]:
        """Return the numbers of all versions of a name, the oldest first; none where there is no such name."""
        if not _NAME.fullmatch(name):
            return []
        here = self.folder_of_all / name
        return sorted(
            int(path.name) for path in _folders(here) if path.name.isdecimal() and (path / _CARD).exists()
        )

    def current(self, name: str) -> int:
        """Return the version that the name alone means: the one promoted last, or, that removed, the newest.

        Raises:
            UnknownNameError: there is none of that name.
        """
        versions = self.versions(name)
        if not versions:
            raise UnknownNameError("trained model", name, self.names())
        try:
            promoted = int((self.folder_of_all / name / _CURRENT).read_text("utf-8"))
        except (OSError, ValueError):
            return versions[-1]
        return promoted if promoted in versions else versions[-1]

    def folder(self, name: str, version: int | None = None) -> Path:
        """Return the folder of a version, by default the current one.

        Raises:
            UnknownNameError: there is none of that name, or not that version.
        """
        number = self.current(name) if version is None else version
        if number not in self.versions(name):
            known = [f"{name}:{other}" for other in self.versions(name)] or self.names()
            raise UnknownNameError("trained model", f"{name}:{number}", known)
        return self.folder_of_all / name / str(number)

    def card(self, name: str, version: int | None = None) -> ModelCard:
        """Return the card of a version, by default of the current one.

        Raises:
            UnknownNameError: there is none of that name, or not that version.
            ModelError: the card cannot be read.
        """
        return _read_card(self.folder(name, version) / _CARD)

    def resolve(self, spec: str) -> tuple[ModelCard, Path]:
        """Return card and folder of what `NAME` or `NAME:VERSION` means.

        Raises:
            UnknownNameError: there is none of that name, or not that version.
            UsageError: the version is no number.
            ModelError: the card cannot be read.
        """
        name, _, version = spec.partition(":")
        if version and not version.isdecimal():
            raise UsageError(f"{spec}: behind the colon stands the number of a version, such as {name}:1.")
        number = int(version) if version else None
        return self.card(name, number), self.folder(name, number)

    @contextmanager
    def adding(self, name: str) -> Iterator[Place]:
        """Give a folder to fill, and make a version of it at the end of the block; after an error nothing stays.

        The first version of a name is promoted, later ones wait for `promote`.

        Raises:
            UsageError: the name cannot be one, the folder cannot be written, or `card` was not set.
        """
        check_name(name)
        here = self.folder_of_all / name
        try:
            here.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(dir=here, prefix=_UNFINISHED))
        except OSError as fault:
            raise UsageError(f"{here} cannot be written: {fault.strerror}.") from fault
        try:
            place = Place(unfinished, (self.versions(name) or [0])[-1] + 1)
            yield place
            if place.card is None:
                raise UsageError(f"The new version of {name} has no card.")
            self._settle(name, place, place.card)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def promote(self, name: str, version: int) -> None:
        """Make a version the one that the name alone means.

        Raises:
            UnknownNameError: there is none of that name, or not that version.
        """
        here = self.folder(name, version).parent
        partial = here / f"{_CURRENT}.{os.getpid()}.partial"
        partial.write_text(f"{version}\n", "utf-8")
        partial.replace(here / _CURRENT)

    def remove(self, name: str, version: int) -> None:
        """Delete a version; the name goes with its last one.

        Raises:
            UnknownNameError: there is none of that name, or not that version.
        """
        folder = self.folder(name, version)
        shutil.rmtree(folder)
        if not self.versions(name):
            shutil.rmtree(folder.parent)

    def _settle(self, name: str, place: Place, card: ModelCard) -> None:
        """Rename the filled folder to the next free number; another process may have taken the one foreseen."""
        version = place.version
        while True:
            made = card.made or datetime.now(UTC).isoformat(timespec="seconds")
            done = replace(card, name=name, version=version, made=made)
            (place.folder / _CARD).write_text(
                json.dumps(asdict(done), ensure_ascii=False, indent=2) + "\n", "utf-8"
            )
            (place.folder / _README).write_text(as_markdown(done), "utf-8")
            place.folder.chmod(0o755)  # mkdtemp makes it for its owner alone
            try:
                place.folder.rename(self.folder_of_all / name / str(version))
            except OSError as fault:
                if not (self.folder_of_all / name / str(version)).exists():
                    raise UsageError(f"{name}:{version} cannot be put into place: {fault.strerror}.") from fault
                version += 1
                continue
            place.version, place.card = version, done
            if len(self.versions(name)) == 1:
                self.promote(name, version)
            return


def check_name(name: str) -> None:
    """Raise UsageError if a model cannot be called so."""
    if not _NAME.fullmatch(name) or name in {_CURRENT}:
        raise UsageError(
            f"{name!r} cannot be the name of a model. Take letters, digits, '.', '_' and '-', "
            "and begin with a letter or digit."
        )


def as_markdown(card: ModelCard) -> str:
    """Return the card as Markdown: what it is, how it is used, scores, data, settings."""
    flag = f"--{card.kind} {card.name}"
    lines = [
        f"# {card.shown}",
        "",
        f"A {card.kind} for {', '.join(card.pairs) or 'any pair'}, run by `{card.backend}`. Use it with `{flag}`, "
        f"or this very version with `{flag}:{card.version}`.",
        "",
        f"- made: {card.made}",
        f"- made from: {card.parent or 'nothing: trained from scratch'}",
        f"- licence: {card.licence or 'not told; that of its data and of what it was made from'}",
    ]
    for title in ("scores", "data", "settings"):
        table = getattr(card, title)
        if table:
            lines += ["", f"## {title.capitalize()}", "", *_bullets(table, 0)]
    if card.notes:
        lines += ["", "## Notes", "", card.notes]
    return "\n".join(lines) + "\n"


def _bullets(table: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield f"{'  ' * depth}- {key}:"
            yield from _bullets(value, depth + 1)
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            yield f"{'  ' * depth}- {key}: {shown}"


def _folders(here: Path) -> list[Path]:
    try:
        return [path for path in here.iterdir() if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []


def _read_card(path: Path) -> ModelCard:
    try:
        found = json.loads(path.read_text("utf-8"))
        known = {item.name for item in fields(ModelCard)}
        card = ModelCard(**{key: value for key, value in found.items() if key in known})
        drafters = {pair: tuple(names) for pair, names in card.drafters.items()}
        return replace(card, paths=tuple(card.paths), pairs=tuple(card.pairs), drafters=drafters)
    except (OSError, ValueError, TypeError, AttributeError) as fault:
        raise ModelError(
            f"The card {path} of a trained model cannot be read: {fault}. Remove that version's folder, "
            "or put the file back."
        ) from fault
