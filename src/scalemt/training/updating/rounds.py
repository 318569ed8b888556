"""One update: gather what is new, train, compare, decide, remember."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scalemt.data.workfiles import held
from scalemt.errors import UnknownNameError, UsageError
from scalemt.folders import data_dir
from scalemt.languages import parse_pair
from scalemt.lines import write_whole
from scalemt.trained import ModelCard, TrainedModels
from scalemt.training.naming import check_specialist_name
from scalemt.training.pairs import Pairs, read_pairs
from scalemt.training.tables import Corpus, Texts
from scalemt.training.updating.comparing import NEW, OLD, Compared, Outputs, compare_versions
from scalemt.training.updating.configuration import Update
from scalemt.training.updating.deciding import checks
from scalemt.training.updating.kinds import Order, trainer_of
from scalemt.training.updating.news import News, gather
from scalemt.training.updating.records import Record, Records
from scalemt.training.updating.reporting import report
from scalemt.training.watching import Silent, Watcher
from scalemt.types import Pair

PACKAGED = "bergamot"
"""The specialist that a first version is made from: it is built in, and no model that was trained here."""

_TRAINED = "trained"  # file of the work folder: the version that was made


@dataclass(frozen=True, slots=True)
class Updated:
    """A finished update: what is remembered, the card of the new version, where the report lies."""

    record: Record
    card: ModelCard
    report: Path


@dataclass(frozen=True, slots=True)
class _Before:
    """The version before: what `--specialist` and the trainer call it, what runs it, what it was made with."""

    spec: str
    parent: str
    backend: str
    pair: Pair
    corpora: tuple[Corpus, ...] = ()
    dev: Texts | None = None
    general: Texts | None = None
    memories: Mapping[str, Mapping[str, Any]] | None = None
    licence: str = ""


def update(
    wanted: Update,
    *,
    shelf: TrainedModels | None = None,
    records: Records | None = None,
    work: str | Path | None = None,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Updated:
    """Train a new version of a specialist, compare it with the one before, and promote it if it is not worse.

    Killed at any moment, the same call goes on where it was. A version that is refused is kept all the same, but
    the name means another one; the first version of a name, which no other one stands behind, is deleted then.

    Args:
        wanted: of what, from what.
        shelf: where models are registered.
        records: where updates are remembered.
        work: folder of the unfinished update; None is `training/NAME.update` in the data folder.
        fresh: begin anew.
        watcher: is told how it goes.

    Raises:
        UsageError: a name, a file or a setting cannot be used, `work` holds other files, another process works in
            it, or too little is new; nothing was made.
        PausedError: it cannot go on now; what was done is kept.
    """
    shelf, records, watcher = shelf or TrainedModels(), records or Records(), watcher or Silent()
    check_specialist_name(wanted.name)
    folder = Path(work) if work else data_dir() / "training" / f"{wanted.name}.update"
    with held(folder, fresh=fresh):
        made = _updated(wanted, shelf, records, folder, watcher)
        shutil.rmtree(folder)
    return made


def _updated(wanted: Update, shelf: TrainedModels, records: Records, folder: Path, watcher: Watcher) -> Updated:
    """Update in a folder that is held."""
    before = _before(wanted, shelf, records)
    outputs = Outputs(folder / "outputs", before.pair, wanted.scale)
    outputs.check(before.spec)
    watcher.phase("Gathering what is new")
    news = gather(
        wanted.memories, wanted.new, before.pair, folder / "news",
        since=before.memories or {}, held_out=wanted.held_out, least=wanted.least,
    )  # fmt: skip
    tests, dev = _tests(wanted, before, news)
    card, training = _trained(wanted, before, news, dev, shelf, folder, watcher)
    began = time.monotonic()
    specs = {OLD: before.spec, NEW: card.shown}
    compared = []
    for name, test in tests.items():
        watcher.phase(f"Comparing {before.spec} and {card.shown} on {name} ({len(test)} lines)")
        lines = wanted.scale.lines if wanted.scale.use and name == "dev" else 0
        compared.append(
            compare_versions(outputs, specs, name, test, before.pair, alpha=wanted.promotion.alpha, scale=lines)
        )
    made = _record(wanted, before, news, card, compared, records, training + time.monotonic() - began)
    records.put(made, report(made, card, compared), news.train)
    _settle(made, shelf)
    return Updated(made, card, records.report(made.name, made.version))


def roll_back(spec: str, shelf: TrainedModels | None = None) -> ModelCard:
    """Have a name mean an older version again: `NAME:VERSION`; `NAME` alone is the one before the current one.

    Raises:
        UnknownNameError: there is none of that name, or not that version.
        UsageError: there is no older version.
    """
    shelf = shelf or TrainedModels()
    card, _ = shelf.resolve(spec)
    version = card.version
    if ":" not in spec:
        older = [number for number in shelf.versions(card.name) if number < version]
        if not older:
            raise UsageError(f"{card.shown} is the oldest version of {card.name}: there is none to go back to.")
        parent = card.parent.partition(":")
        named = int(parent[2]) if parent[0] == card.name and parent[2].isdecimal() else 0
        version = named if named in older else older[-1]
    shelf.promote(card.name, version)
    return shelf.card(card.name, version)


def _before(wanted: Update, shelf: TrainedModels, records: Records) -> _Before:
    given = parse_pair(wanted.source, wanted.target) if wanted.source and wanted.target else None
    spec = wanted.name
    if wanted.name not in shelf.names():
        spec = wanted.base
        if spec != PACKAGED and spec.partition(":")[0] not in shelf.names():
            raise UnknownNameError("trained model", spec, [*shelf.names(), PACKAGED])
        if given is None and spec == PACKAGED:
            raise UsageError(
                f"{wanted.name} has no version yet: say the direction of the first one, with --from and --to, or "
                "from and to in the configuration."
            )
    if given is not None and spec == PACKAGED:
        return _Before(PACKAGED, "", PACKAGED, given)
    card, folder = shelf.resolve(spec)
    pair = given or parse_pair(*card.pairs[0].split("->"))
    corpora, dev, general = trainer_of(card.backend, card.shown).corpora_of(card, folder)
    found = _Before(card.shown, card.shown, card.backend, pair, corpora, dev, general, {}, card.licence)
    kept = records.get(card.name, card.version)
    if kept is None:
        return found
    return replace(
        found,
        corpora=tuple(Corpus.model_validate(item) for item in kept.corpora),
        dev=Texts.model_validate(kept.dev) if kept.dev else None,
        general=Texts.model_validate(kept.general) if kept.general else None,
        memories=kept.memories,
    )


def _tests(wanted: Update, before: _Before, news: News) -> tuple[dict[str, Pairs], Texts]:
    """Return the test sets by name, and what the trainer looks at."""
    pair, seed = before.pair, wanted.seed
    dev, general = wanted.dev or before.dev, wanted.general or before.general
    held = Texts(files=(str(news.held),), name="held out") if news.held else None
    if dev is None and held is None:
        raise UsageError(
            f"There is nothing to decide by: {news.held_pairs + news.pairs} new pairs are too few to hold some "
            "out. Name pairs of the domain with --dev, or as [dev] in the configuration."
        )
    deciding = dev or held or Texts(files=("",))
    chosen = {"dev": deciding, "held out": held if dev else None, "general": general}
    tests = {
        name: read_pairs(item.as_source(pair), pair, lines=item.lines, seed=seed)
        for name, item in chosen.items()
        if item is not None
    }
    return tests, deciding


def _trained(
    wanted: Update, before: _Before, news: News, dev: Texts, shelf: TrainedModels, folder: Path, watcher: Watcher,
) -> tuple[ModelCard, float]:  # fmt: skip
    """Return the card of the new version, which an earlier call may have made, and the seconds that it took."""
    mark, began = folder / _TRAINED, time.monotonic()
    if mark.exists():
        told = json.loads(mark.read_text("utf-8"))
        if told["version"] in shelf.versions(wanted.name):
            card = shelf.card(wanted.name, told["version"])
            watcher.note(f"{card.shown} was trained before the interruption.")
            return card, float(told["seconds"])
    order = Order(
        wanted.name, before.parent, before.pair, _mixture(wanted, before, news), dev, wanted.training, wanted.seed,
        wanted.licence or before.licence, wanted.notes, folder / "training",
    )  # fmt: skip
    card = trainer_of(before.backend, before.spec).train(order, shelf=shelf, watcher=watcher)
    seconds = time.monotonic() - began
    write_whole(mark, json.dumps({"version": card.version, "seconds": seconds}))
    return card, seconds


def _mixture(wanted: Update, before: _Before, news: News) -> tuple[Corpus, ...]:
    """Return the new pairs and the older ones, by their shares of what is drawn."""
    older = wanted.corpora or before.corpora
    fresh = Corpus(files=(str(news.train),), name="new pairs", weight=wanted.share if older else 1.0)
    total = sum(corpus.weight for corpus in older)
    rest = max(1.0 - wanted.share, 1e-9)
    return (fresh, *(item.model_copy(update={"weight": item.weight / total * rest}) for item in older))


def _record(
    wanted: Update, before: _Before, news: News, card: ModelCard, compared: list[Compared], records: Records,
    seconds: float,
) -> Record:  # fmt: skip
    asked = checks(compared, wanted.promotion)
    # What was new is part of what the next update mixes in, in a file that outlives the work folder.
    kept, name = str(records.pairs(card.name, card.version).absolute()), f"new in {card.shown}"
    new, *older = _mixture(wanted, before, news)
    new = new.model_copy(update={"files": (kept,), "name": name})
    general = wanted.general or before.general
    lasting = wanted.dev or before.dev
    return Record(
        name=card.name,
        version=card.version,
        parent=before.spec,
        pair=str(before.pair),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        memories=news.memories,
        corpora=tuple(item.model_dump() for item in (new, *older)),
        dev=lasting.model_dump() if lasting else None,
        general=general.model_dump() if general else None,
        data=news.told,
        scores={item.test: item.scores() for item in compared},
        checks=tuple(item.as_json() for item in asked),
        promoted=all(item.passed for item in asked),
        seconds=round(seconds, 1),
    )


def _settle(record: Record, shelf: TrainedModels) -> None:
    if record.promoted:
        shelf.promote(record.name, record.version)
    elif shelf.versions(record.name) == [record.version]:
        shelf.remove(record.name, record.version)
