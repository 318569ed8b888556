"""What is new since the version before: confirmed units of memories, and files; filtered, a share held out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scalemt.data import Cleaning, clean, read
from scalemt.data.filters import FILTERS
from scalemt.data.reading import Source
from scalemt.errors import InputError
from scalemt.lines import write_whole
from scalemt.memory import MemoryStore, Unit
from scalemt.memory.exchange import write_units
from scalemt.memory.store import stamp
from scalemt.training.pairs import in_direction
from scalemt.training.tables import Texts
from scalemt.types import Pair

_CHAIN = ("length", "encoding", "ratio", "letters", "tags", "duplicates")
_LEAST_HELD = 10  # fewer lines tell nothing


@dataclass(frozen=True, slots=True)
class News:
    """New pairs.

    Args:
        train: the file of those that are trained on.
        held: the file of those that are measured on, None where too few are new.
        pairs, held_pairs: how many there are in each.
        memories: up to where memories were read, as records keep it.
        told: counts for card and report: what was found where, what the filters took.
    """

    train: Path
    held: Path | None
    pairs: int
    held_pairs: int
    memories: Mapping[str, Mapping[str, Any]]
    told: Mapping[str, Any]


def gather(
    memories: Sequence[str],
    files: Sequence[Texts],
    pair: Pair,
    folder: Path,
    *,
    since: Mapping[str, Mapping[str, Any]],
    held_out: float,
    least: int,
) -> News:
    """Gather what is new into files.

    Args:
        memories: paths of translation memories.
        files: of new pairs, all of them.
        pair: the direction; units of the other way round are swapped.
        folder: where the files are written.
        since: up to where memories were read before, by their uuid.
        held_out: share that is held out, by a hash of the source, so that equal sources stay together.
        least: with fewer pairs there is nothing to learn from.

    Raises:
        InputError: too little is new; the message says what was found where, and what the filters took.
    """
    kept = folder / "news.json"
    if kept.exists():  # an update that goes on learns what it began to learn
        return _known(json.loads(kept.read_text("utf-8")), folder)
    folder.mkdir(parents=True, exist_ok=True)
    read_to = dict(since)
    sources, told = [], dict[str, Any]()
    for number, path in enumerate(memories):
        units = folder / f"memory-{number + 1}.jsonl"
        with closing(MemoryStore(path)) as store:
            mark = {"path": str(Path(path).absolute()), "newest": store.newest_id(), "time": stamp()}
            found = write_units(_since(store, pair, since.get(store.uuid, {})), units)
            read_to[store.uuid] = mark
        told[Path(path).name] = found
        if found:
            sources.append(Source((str(units),), name=Path(path).name))
    for item in files:
        shown = item.as_source(pair)
        sources.append(shown)
        told[shown.shown] = "all of it"
    cleaned, dropped = _cleaned(sources, folder, told)
    train, held = _split(cleaned, pair, held_out)
    if len(train) < least:
        raise InputError(
            f"Only {len(train)} new pairs are left to learn from, fewer than least = {least}. Found: "
            f"{_listed(told)}. The filters dropped {_listed(dropped) or 'nothing'}; {len(held)} are held out."
        )
    write_units(train, folder / "train.jsonl")
    if held:
        write_units(held, folder / "held.jsonl")
    counts = {"found": told, "filters dropped": dropped, "trained on": len(train), "held out": len(held)}
    made = {"memories": read_to, "told": counts}
    write_whole(kept, json.dumps(made, ensure_ascii=False))
    return _known(made, folder)


def _known(made: Mapping[str, Any], folder: Path) -> News:
    told = made["told"]
    held = folder / "held.jsonl" if told["held out"] else None
    return News(folder / "train.jsonl", held, told["trained on"], told["held out"], made["memories"], told)


def _since(store: MemoryStore, pair: Pair, mark: Mapping[str, Any]) -> list[Unit]:
    """Return the units that are new, or were confirmed again, since a mark; of one source the last one."""
    newest, time = int(mark.get("newest", 0)), str(mark.get("time", ""))
    found = [
        unit
        for kept, swapped in store.fitting(pair)
        for number, unit in store.sides(kept, 0, swapped=swapped)
        if number > newest or (time and unit.changed > time)
    ]
    found.sort(key=lambda unit: (unit.changed, unit.id))
    return list({" ".join(unit.source.split()): unit for unit in found}.values())


def _cleaned(sources: list[Source], folder: Path, told: Mapping[str, Any]) -> tuple[list[Unit], dict[str, int]]:
    if not sources:
        if not told:
            raise InputError(
                "There is nothing to learn from: name a memory (--memory) or files of new pairs (--new)."
            )
        return [], {}
    steps = tuple(FILTERS[name]() for name in _CHAIN)
    output = folder / "new.jsonl"
    try:
        card = clean(Cleaning(tuple(sources), steps), output, workers=1, fresh=True)
    except InputError as fault:
        raise InputError(f"Nothing new is left to learn from. {fault}") from None
    dropped = {step.name: step.dropped for step in card.steps if step.dropped}
    return list(read(Source((str(output),)), Counter(), keep_places=True)), dropped


def _split(units: Sequence[Unit], pair: Pair, share: float) -> tuple[list[Unit], list[Unit]]:
    fitting = [replace(unit, id=0) for unit in in_direction(units, pair)]
    held = [unit for unit in fitting if _hashed(unit.source) < share]
    if len(held) < _LEAST_HELD:
        return fitting, []
    return [unit for unit in fitting if _hashed(unit.source) >= share], held


def _hashed(text: str) -> float:
    """A number from 0 to 1 that a text always has."""
    key = " ".join(text.casefold().split())
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "replace")).digest()[:6], "big") / 2**48


def _listed(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{value} ({name})" for name, value in counts.items())
