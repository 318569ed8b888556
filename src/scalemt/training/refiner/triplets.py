"""Pseudo-refinement triplets: source, a specialist's draft, and the target in the place of a refined draft.

MT-Ladder (Feng et al., EMNLP 2024), section on data. Nobody has post-edited anything: what is confirmed in a
corpus is what a draft of its source should have become. Drafts are made on the road that the engine takes
(protected spans masked and restored, sentences cut), and kept line by line: a kill costs a batch of them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from scalemt.config import load_configuration
from scalemt.data.reading import Source, read
from scalemt.engine.backends import build_specialist
from scalemt.errors import InputError
from scalemt.memory.units import Unit, swap
from scalemt.specialists.road import Road, plan
from scalemt.text.protection import protect
from scalemt.training.refiner.configuration import Corpus
from scalemt.types import Pair, Segment

_BATCH = 64  # sources drafted together; so many drafts are lost by a kill

Progress = Callable[[int, int], None]
"""Is told how many triplets there are, and how many there will be."""


@dataclass(frozen=True, slots=True)
class Triplet:
    """One text to learn from.

    Args:
        pair: as "en->es".
        source, draft, target: texts of one line each, protected spans as they stand in the corpus.
        origin: FILE#NUMBER in the corpus.
        engine: the specialist that drafted.
        signature: its exact signature.
        keep: the target is the draft itself.
    """

    pair: str
    source: str
    draft: str
    target: str
    origin: str
    engine: str = ""
    signature: str = ""
    keep: bool = False

    @property
    def direction(self) -> Pair:
        """The pair."""
        return Pair(*self.pair.split("->"))


def dev_units(corpus: Corpus, seed: int) -> list[Unit]:
    """Return the lines of a corpus that are measured; drawn by the seed where there are more."""
    if not corpus.dev or not corpus.dev_lines:
        return []
    units = list(_read(corpus, corpus.dev, Counter()))
    draws = Random(f"{seed}:dev")  # noqa: S311  # nothing secret
    return draws.sample(units, corpus.dev_lines) if len(units) > corpus.dev_lines else units


def choose(corpus: Corpus, seed: int, dropped: Counter[str]) -> list[Unit]:
    """Return the lines of a corpus that are trained on, in the order of the draw.

    A larger `lines` draws the same ones first.

    Args:
        corpus: tells the file, the bounds and how many.
        seed: of the draw.
        dropped: counts what is left out, by the reason.

    Raises:
        InputError: nothing is left; the message says what took how many.
    """
    measured = {unit.source.strip() for unit in _read(corpus, corpus.dev, Counter())} if corpus.dev else set()
    least, most = corpus.words
    kept, seen = [], set[str]()
    for unit in _read(corpus, corpus.files, dropped):
        words = len(unit.source.split())
        if not least <= words <= most:
            dropped[f"not of {least} to {most} words"] += 1
        elif unit.source.strip() in measured:
            dropped["in the dev file"] += 1
        elif unit.source in seen:
            dropped["the same source again"] += 1
        else:
            seen.add(unit.source)
            kept.append(unit)
    if not kept:
        told = ", ".join(f"{count:,} {why}" for why, count in dropped.most_common()) or "it holds no pairs"
        raise InputError(
            f"Nothing of {' and '.join(corpus.files)} is left to train on for {corpus.pair}: {told}. "
            "Widen `words`, or name another file in [[corpora]]."
        )
    Random(f"{seed}:{corpus.pair}").shuffle(kept)  # noqa: S311
    return kept[: corpus.lines or None]


def _read(corpus: Corpus, files: Sequence[str], skipped: Counter[str]) -> Iterator[Unit]:
    pair = corpus.pair.reversed if corpus.swapped else corpus.pair
    source = Source(tuple(files), pair.source, pair.target)
    source.check()
    for unit in read(source, skipped):
        yield swap(unit) if corpus.swapped else unit


class TripletFile:
    """Triplets on disk, one a line; what is there is not made again.

    Args:
        path: a JSONL file. Its first line says what it was made from, and a file of another making is begun anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = Counter[str]()

    def make(self, corpora: Sequence[Corpus], seed: int, progress: Progress | None = None) -> list[Triplet]:
        """Return the triplets of all corpora, made or read.

        Raises:
            InputError: of a corpus nothing is left.
            NoRoadError: a specialist does not cover its pair.
        """
        dropped = Counter[str]()
        jobs = [job for corpus in corpora for job in _jobs(corpus, seed, dropped)]
        heading = json.dumps({"made_from": _digest(jobs)})
        made = self._known(heading, jobs)
        if not made:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(heading + "\n", "utf-8")
        roads: dict[tuple[Pair, str], Road] = {}
        with self.path.open("a", encoding="utf-8") as file:
            for start in range(len(made), len(jobs), _BATCH):
                fresh = list(_drafted(jobs[start : start + _BATCH], roads))
                file.write("".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in fresh))
                file.flush()
                made += fresh
                if progress:
                    progress(len(made), len(jobs))
        self.dropped = dropped
        return made

    def _known(self, heading: str, jobs: Sequence[_Job]) -> list[Triplet]:
        """Return the triplets that are there already; a line that a kill cut in two is taken off."""
        try:
            lines = self.path.read_text("utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return []
        if lines[0] != heading:
            return []
        whole = lines[1:-1]  # behind the last line break stands nothing, or half a line
        made = [Triplet(**json.loads(line)) for line in whole[: len(jobs)]]
        made = made[: len(made) - len(made) % _BATCH] if len(made) < len(jobs) else made
        partial = self.path.with_suffix(".partial")
        partial.write_text("".join(line + "\n" for line in [heading, *whole[: len(made)]]), "utf-8")
        partial.replace(self.path)
        return made


@dataclass(frozen=True, slots=True)
class _Job:
    unit: Unit
    pair: Pair
    specialist: str
    keep: bool


def _jobs(corpus: Corpus, seed: int, dropped: Counter[str]) -> list[_Job]:
    """Give each line to a specialist, in turn: as many of each, whatever the number of lines."""
    units = choose(corpus, seed, dropped)
    several = corpus.specialists
    return [
        _Job(unit, corpus.pair, several[index % len(several)], corpus.keep) for index, unit in enumerate(units)
    ]


def _digest(jobs: Sequence[_Job]) -> str:
    told = "\n".join(
        f"{job.pair}\t{job.specialist}\t{job.keep}\t{job.unit.source}\t{job.unit.target}" for job in jobs
    )
    return hashlib.sha256(told.encode()).hexdigest()


def _drafted(jobs: Sequence[_Job], roads: dict[tuple[Pair, str], Road]) -> Iterator[Triplet]:
    """Yield the triplets of a batch in order; each specialist is asked once."""
    made: dict[int, Triplet] = {}
    for key in dict.fromkeys((job.pair, job.specialist) for job in jobs):
        if key not in roads:
            roads[key] = road_of(*key)
        road = roads[key]
        rows = [index for index, job in enumerate(jobs) if (job.pair, job.specialist) == key]
        drafts = road.draft([protect(Segment(jobs[index].unit.source)) for index in rows])
        for index, draft in zip(rows, drafts, strict=True):
            unit = jobs[index].unit
            text = draft.standing.text if draft.standing else ""
            keep = jobs[index].keep
            made[index] = Triplet(
                str(key[0]),
                unit.source,
                text,
                text if keep else unit.target,
                unit.origin,
                key[1],
                road.signature,
                keep,
            )
    yield from (made[index] for index in range(len(jobs)))


def road_of(pair: Pair, spec: str) -> Road:
    """Return the road that one specialist, by name, takes for a pair.

    Raises:
        NoRoadError: it does not cover the pair.
    """
    configuration = load_configuration()
    return plan(pair, [build_specialist(spec, configuration, configuration.profile())])
