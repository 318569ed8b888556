"""A corpus put through a chain of filters: streamed, on several cores, and gone on with after a kill.

The chain is cut into phases, each of which reads what the one before left. A phase ends with a filter that
compares (duplicates, near-duplicates), so that what such a filter has kept is just what stands in the file of its
phase, and can be learnt from it again; a filter that is fitted is a phase alone, for it sees a sample first.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Protocol

from scalemt.data.card import DataCard, StepCount, count_texts, write_card
from scalemt.data.configuration import Cleaning
from scalemt.data.filters import Filter, FittedFilter, Item, Memory, Scorer, StatefulFilter, settings
from scalemt.data.judging import CHUNK, Judged, judge
from scalemt.data.reading import read
from scalemt.data.workfiles import PairsWriter, WorkFolder
from scalemt.errors import InputError, PausedError, UsageError
from scalemt.fingerprint import file_digest
from scalemt.memory.units import Unit
from scalemt.types import Pair
from scalemt.version import __version__

_SAVE_EVERY = 1.0  # seconds between two states: what a kill costs at most


class Watcher(Protocol):
    """Is told what goes on."""

    def phase(self, name: str, total: int | None) -> None:
        """A phase begins, over so many pairs (None: unknown)."""

    def move(self, pairs: int, bytes_read: int) -> None:
        """So many pairs of the phase are done in all, and so many bytes of inputs read."""

    def note(self, text: str) -> None:
        """Something that is worth a line."""


class Silent:
    """A watcher that says nothing."""

    def phase(self, name: str, total: int | None) -> None:
        """See `Watcher`."""

    def move(self, pairs: int, bytes_read: int) -> None:
        """See `Watcher`."""

    def note(self, text: str) -> None:
        """See `Watcher`."""


def clean(
    cleaning: Cleaning,
    output: str | Path,
    *,
    workers: int = 2,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> DataCard:
    """Clean a corpus, write it with its card beside it, and return the card.

    Killed at any moment, the same call goes on where it was, and what it makes is the same.

    Args:
        cleaning: sources and chain.
        output: TSV, CSV, TMX or JSON Lines, by its suffix.
        workers: processes for the filters that look at one pair alone.
        fresh: begin anew where something unfinished lies.
        watcher: is told how far it is.

    Raises:
        UsageError, InputError: wrong configuration, files that cannot be read, nothing left at the end (the
            message says which step took what).
        PausedError: the disk is full, or a process was ended; what was done is kept.
    """
    from scalemt.memory.exchange import format_of

    format_of(output, writing=True)
    cleaning.check()
    if Path(output).resolve() in {Path(file).resolve() for source in cleaning.sources for file in source.files}:
        raise UsageError(f"{output} is an input too, and would be written over. Name another file for the result.")
    folder = WorkFolder(output, _identity(cleaning))
    with folder.held(fresh=fresh):
        try:
            return _Run(cleaning, folder, workers, watcher or Silent()).run(Path(output))
        except OSError as fault:
            raise PausedError(
                f"{fault.filename or folder.path}: {fault.strerror or fault}. What was done is kept in "
                f"{folder.path}: make room, and run the same command again."
            ) from None


def _identity(cleaning: Cleaning) -> str:
    """Return a hash of all that decides the result: texts, chain, seed, version."""
    inputs = [[asdict(source), [file_digest(Path(file)) for file in source.files]] for source in cleaning.sources]
    steps = [settings(step) for step in cleaning.steps]
    tests = [file_digest(Path(test)) for step in steps for test in step.get("tests", ())]
    told = [inputs, steps, tests, cleaning.seed, __version__]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def phases(steps: Sequence[Filter]) -> list[tuple[int, ...]]:
    """Return the numbers of the steps of each phase; see the module."""
    made: list[tuple[int, ...]] = []
    open_: list[int] = []
    for number, step in enumerate(steps):
        if isinstance(step, FittedFilter):
            made += [tuple(open_)] if open_ else []
            made.append((number,))
            open_ = []
            continue
        open_.append(number)
        if isinstance(step, StatefulFilter):
            made.append(tuple(open_))
            open_ = []
    # The pairs of a chain without any step go through a phase too.
    return [*made, tuple(open_)] if open_ or not made else made


class _Run:
    """One run through the phases, new or gone on with."""

    def __init__(self, cleaning: Cleaning, folder: WorkFolder, workers: int, watcher: Watcher) -> None:
        self._cleaning = cleaning
        self._folder = folder
        self._workers = workers
        self._watcher = watcher
        self._phases = phases(cleaning.steps)
        told = folder.state()
        self._phase = told["phase"] if told else 0
        self._position = told["position"] if told else 0
        self._offset = told["offset"] if told else 0
        self._before = told["card"]["seconds"] if told else 0.0
        self._card = DataCard.from_json(told["card"]) if told else self._new_card()
        self._began = self._saved = time.monotonic()
        self._bytes = 0
        if told:
            self._card.interrupted += 1
            done = f"phase {self._phase + 1} of {len(self._phases)}, {self._position:,} pairs into it"
            watcher.note(f"Going on with unfinished work: {done}.")

    def _new_card(self) -> DataCard:
        steps = [StepCount(step.model_dump()["filter"], settings(step)) for step in self._cleaning.steps]
        return DataCard([], steps, self._cleaning.left_out, {}, self._cleaning.seed, made=self._cleaning.made)

    def run(self, output: Path) -> DataCard:
        while self._phase < len(self._phases):
            self._one_phase(self._phases[self._phase])
            self._phase, self._position, self._offset = self._phase + 1, 0, 0
            self._save()
            self._folder.forget(self._phase - 2)
        return self._finish(output)

    def _save(self) -> None:
        self._card.seconds = self._before + time.monotonic() - self._began
        self._saved = time.monotonic()
        told = {"phase": self._phase, "position": self._position, "offset": self._offset}
        self._folder.tell({**told, "card": self._card.as_json()})

    # One phase

    def _one_phase(self, numbers: tuple[int, ...]) -> None:
        steps = [self._cleaning.steps[number] for number in numbers]
        counts = [self._card.steps[number] for number in numbers]
        name = ", ".join(count.name for count in counts) or "reading"
        self._watcher.phase(name, self._left() if self._phase else None)
        with self._folder.writing(self._phase, self._offset) as out:
            if steps and isinstance(steps[0], FittedFilter):
                self._fitted_phase(steps[0], counts[0], out)
            else:
                self._judged_phase(steps, counts, out)
            self._offset = out.settled()

    def _left(self) -> int:
        return self._card.steps[self._phases[self._phase - 1][-1]].kept if self._cleaning.steps else 0

    def _units(self) -> Iterator[Unit]:
        """Yield what the phase has still to do; inputs are read from their beginning, for their counts."""
        if self._phase:
            yield from self._folder.units(self._phase - 1, skip=self._position)
            return
        left = self._position
        for unit in self._read():
            if left:
                left -= 1
            else:
                yield unit

    def _read(self) -> Iterator[Unit]:
        self._card.inputs = []
        for source in self._cleaning.sources:
            skipped: Counter[str] = Counter()
            digests = ",".join(file_digest(Path(file)) for file in source.files)
            told: dict[str, Any] = {
                "name": source.shown,
                "files": list(source.files),
                "sha256": digests,
                "read": 0,
            }
            self._card.inputs.append(told | {"skipped": {}})
            for unit in read(source, skipped, self._advance):
                self._card.inputs[-1]["read"] += 1
                yield unit
            self._card.inputs[-1]["skipped"] = dict(skipped)

    def _advance(self, count: int) -> None:
        self._bytes += count

    def _judged_phase(self, steps: Sequence[Filter], counts: Sequence[StepCount], out: PairsWriter) -> None:
        last = steps[-1] if steps else None
        memory = last.state() if isinstance(last, StatefulFilter) else None
        alone = steps[:-1] if memory else steps
        if memory and self._offset:
            for unit in self._folder.units(self._phase):
                memory.learn(_item(unit))
        for judged in judge(self._units(), alone, self._workers):
            self._take(judged, counts, memory, out)
            self._advance_by(len(judged.units), out)

    def _take(self, judged: Judged, counts: Sequence[StepCount], memory: Memory | None, out: PairsWriter) -> None:
        for number, seconds in enumerate(judged.seconds):
            counts[number].seconds += seconds
        for unit, (place, reason) in zip(judged.units, judged.verdicts, strict=True):
            why = reason
            for count in counts[: place + 1]:
                count.seen += 1
            if memory and not why:
                began = time.process_time()
                why = memory.judge(_item(unit))
                counts[-1].seconds += time.process_time() - began
            if why:
                counts[place].drop(_item(unit), why, unit.origin)
            else:
                out.write(unit)

    def _advance_by(self, pairs: int, out: PairsWriter) -> None:
        self._position += pairs
        self._watcher.move(self._position, self._bytes)
        if time.monotonic() - self._saved >= _SAVE_EVERY:
            self._offset = out.settled()
            self._save()

    def _fitted_phase(self, step: FittedFilter, count: StepCount, out: PairsWriter) -> None:
        began = time.process_time()
        scorers = self._scorers(step, count)
        count.seconds += time.process_time() - began
        for units in _chunked(self._units()):
            began = time.process_time()
            reasons = _reasons(units, scorers)
            count.seconds += time.process_time() - began
            count.seen += len(units)
            for unit, reason in zip(units, reasons, strict=True):
                if reason:
                    count.drop(_item(unit), reason, unit.origin)
                else:
                    out.write(unit)
            self._advance_by(len(units), out)

    def _scorers(self, step: FittedFilter, count: StepCount) -> dict[Pair, tuple[Scorer, float]]:
        """Return, for each pair of languages of which the filter can say something, scorer and threshold."""
        made = {}
        wanted = max(step.sample, getattr(step, "train", 0))
        before = self._folder.units(self._phase - 1) if self._phase else self._read()
        samples = _samples(map(_item, before), wanted, self._cleaning.seed)
        for pair, sample in samples.items():
            if why := step.why_not(pair):
                count.fitted[str(pair)] = {"left_out": why}
                continue
            scorer = step.fitted(pair, sample, self._cleaning.seed, self._watcher.note)
            told: dict[str, Any] = {"threshold": step.threshold}
            if step.threshold is None:
                found = scorer.tuned(sample[: step.sample], self._cleaning.seed, step.noise)
                if found is None:
                    count.fitted[str(pair)] = {"left_out": f"too few pairs for a threshold ({len(sample):,})"}
                    continue
                told = {
                    "threshold": found.value,
                    "kept": found.kept,
                    "rejected": found.rejected,
                    "sample": found.sample,
                }
            count.fitted[str(pair)] = {**told, "signature": scorer.signature}
            made[pair] = (scorer, float(told["threshold"]))
        return made

    # The end

    def _finish(self, output: Path) -> DataCard:
        from scalemt.memory.exchange import write_units

        last = len(self._phases) - 1
        pairs: Counter[str] = Counter()
        sizes = [0, 0, 0, 0]
        sources = set()
        for unit in self._folder.units(last):
            count_texts(pairs, sizes, _item(unit))
            sources.add(unit.pair.source)
        self._card.output = {"file": output.name, "pairs": sum(pairs.values()), "by_pair": dict(pairs)}
        if pairs:
            write_units(
                self._folder.units(last), output, source_language=sources.pop() if len(sources) == 1 else ""
            )
            self._card.output["sha256"] = file_digest(output)
        names = "source_characters target_characters source_words target_words".split()
        self._card.output |= dict(zip(names, sizes, strict=True))
        self._card.seconds = self._before + time.monotonic() - self._began
        _, shown = write_card(self._card, output)
        self._folder.remove()
        if not pairs:
            raise InputError(_nothing(self._card, shown))
        return self._card


def _item(unit: Unit) -> Item:
    return Item(unit.source, unit.target, unit.pair)


def _chunked(units: Iterable[Unit]) -> Iterator[list[Unit]]:
    chunk: list[Unit] = []
    for unit in units:
        chunk.append(unit)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _reasons(units: Sequence[Unit], scorers: dict[Pair, tuple[Scorer, float]]) -> list[str]:
    """Return why each unit is dropped, "" where it stays or nothing can be said."""
    reasons = [""] * len(units)
    places: defaultdict[Pair, list[int]] = defaultdict(list)
    for place, unit in enumerate(units):
        places[unit.pair].append(place)
    for pair, held in places.items():
        if pair not in scorers:
            continue
        scorer, threshold = scorers[pair]
        found = scorer.scores([_item(units[place]) for place in held])
        for place, score in zip(held, found, strict=True):
            if score is not None and score < threshold:
                reasons[place] = f"scores {score:.3f}, below {threshold:.3f}"
    return reasons


def _samples(items: Iterable[Item], wanted: int, seed: int) -> dict[Pair, list[Item]]:
    """Return a sample of each pair of languages, each item as likely as any other (Vitter's algorithm R)."""
    draws = Random(seed)  # noqa: S311  # nothing secret: the same draw every time is wanted
    kept: dict[Pair, list[Item]] = {}
    seen: Counter[Pair] = Counter()
    for item in items:
        held = kept.setdefault(item.pair, [])
        seen[item.pair] += 1
        if len(held) < wanted:
            held.append(item)
        elif (place := draws.randrange(seen[item.pair])) < wanted:
            held[place] = item
    for held in kept.values():
        draws.shuffle(held)
    return kept


def _nothing(card: DataCard, shown: Path) -> str:
    read_ = sum(item["read"] for item in card.inputs)
    if not read_:
        passed = Counter[str]()
        for item in card.inputs:
            passed.update(item["skipped"])
        why = "; ".join(f"{count:,} {reason}" for reason, count in passed.most_common()) or "they are empty"
        return f"The inputs hold no pairs: {why}. Name other files, or other languages with --from and --to."
    took = "; ".join(f"{step.name} took {step.dropped:,}" for step in card.steps if step.dropped)
    biggest = card.biggest()
    example = f", such as: {biggest.examples[0]['reason']}" if biggest and biggest.examples else ""
    return (
        f"No pair is left of {read_:,}: {took}{example}. Loosen that step in a configuration, or look at {shown} "
        "for what it dropped; wrong languages (--from, --to) drop everything too."
    )
