"""What a job costs beside its models: a million segments, and a specialist that takes no time.

    python benchmarks/ledger.py [--segments 1000000] [--json OUT]

The data set is JSON Lines of different sentences; the specialist answers at once with a sentence of its own, so
that what is measured is reading, leasing, the engine's own work (cutting, protecting, checking), the ledger and
writing. The job runs in a process of its own, with one core at work; a second process asks for its status all the
while.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from claims import Claim, at_most, finish, spread
from scalemt.config import Configuration, Profile
from scalemt.formats import FormatOptions
from scalemt.jobs.leases import Leases, Result
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.reading import begin, read
from scalemt.jobs.runner import Runner
from scalemt.jobs.schema import FILE_NAME
from scalemt.jobs.settings import Settings
from scalemt.jobs.status import status_of
from scalemt.specialists import SPECIALISTS, BaseSpecialist
from scalemt.types import Draft, Pair, Translation, Word

MOST_COMMITTED = 200_000
DONE = ("A frase ficou pronta sem demora.", "draft", Pair("en", "pt"))
DRAFT = Draft(DONE[0], tuple(Word(word, 0.9) for word in DONE[0].split()), -1.0, "instant", "pt")
THINGS = ("valve", "cover", "engine", "printer", "contract", "garden", "report", "window", "letter", "bridge")


class Instant(BaseSpecialist):
    """Answers at once."""

    name = "instant"

    @property
    def signature(self) -> str:
        """Its name."""
        return "instant[benchmark]"

    def pairs(self) -> list[Pair]:
        """English to Portuguese."""
        return [Pair("en", "pt")]

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        return [
            [Draft(f"A frase {text.split()[2]} ficou pronta sem demora.", engine=self.name)] * n for text in texts
        ]


class Phases:
    """Writes down when each phase of a run began."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def phase(self, name: str, total: int | None, done: int = 0) -> None:
        """Write it down."""
        self.began[name] = time.perf_counter()

    def tick(self, count: int) -> None:
        """Count nothing."""

    def written(self) -> None:
        """Look at nothing."""

    def note(self, text: str) -> None:
        """Print it."""
        print(text, file=sys.stderr)


def main() -> None:
    arguments = options()
    SPECIALISTS._builtin["instant"] = f"{__name__}:Instant"
    with tempfile.TemporaryDirectory(dir=arguments.folder) as made:
        folder = Path(made)
        source = folder / "set.jsonl"
        write(source, arguments.segments)
        asked: list[float] = []
        reading, child = os.pipe()
        process = os.fork()
        if process == 0:
            os.write(child, json.dumps(run(source, folder / "job")).encode())
            os._exit(0)
        os.close(child)
        looks(process, folder / "job", asked)
        found = json.loads(os.read(reading, 1 << 16))
        found["commits_a_second"] = commits(source, folder / "second")
        found["ledger_mb"] = round((folder / "job" / FILE_NAME).stat().st_size / 1e6, 1)
        found["lines"] = sum(1 for _ in (folder / "job" / source.name).open("rb"))
    finish(arguments.json, claims(found, asked, arguments.segments), found | {"segments": arguments.segments})


def options() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    made.add_argument("--segments", type=int, default=1_000_000)
    made.add_argument("--folder", type=Path, help="where the files stand meanwhile")
    made.add_argument("--json", type=Path, help="where to write the result")
    return made.parse_args()


def write(path: Path, number: int) -> None:
    with path.open("w", encoding="utf-8") as out:
        for one in range(number):
            text = f"The {THINGS[one % 10]} number{one} was checked again before the meeting of the second week."
            out.write(json.dumps({"id": one, "text": text}) + "\n")


def run(source: Path, folder: Path) -> dict[str, Any]:
    """Run the job, and return seconds and memory."""
    import resource

    profile = Profile(method="draft", specialists=("instant",), threads=1)
    settings = Settings.of(profile, Configuration(), "en", "pt", None, FormatOptions(fields=("text",)))
    phases = Phases()
    ending = Runner(begin(folder, settings, {source.name: source}), watch=phases).run()
    end = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    marks = [*phases.began.values(), end]
    seconds = {name: round(marks[at + 1] - marks[at], 2) for at, name in enumerate(phases.began)}
    return {"state": ending.state, "seconds": seconds, "peak_mb": round(usage.ru_maxrss / 1024, 1)}


def commits(source: Path, folder: Path) -> float:
    """Return how many segments a second one process can lease and write down, as the driver of a cluster does."""
    profile = Profile(method="draft", specialists=("instant",), threads=1)
    settings = Settings.of(profile, Configuration(), "en", "pt", None, FormatOptions(fields=("text",)))
    ledger = begin(folder, settings, {source.name: source})
    read(ledger, lambda _: None, lambda: False)
    leases = Leases(ledger, 3)
    total = 0
    began = time.perf_counter()
    while (chunk := leases.next()) and total < MOST_COMMITTED:
        made = [Translation(row.segment, *DONE, (DRAFT,)) for row in chunk.rows]
        leases.commit(chunk, [Result(row, "done", one) for row, one in zip(chunk.rows, made, strict=True)], "s")
        total += len(made)
    return round(total / (time.perf_counter() - began))


def looks(process: int, folder: Path, asked: list[float]) -> None:
    """Ask for the status of the job until the process ends."""
    while not (folder / FILE_NAME).exists():
        time.sleep(0.05)
    time.sleep(0.5)
    for _ in until_ended(process):
        began = time.perf_counter()
        ledger = Ledger.open(folder)
        status_of(ledger)
        ledger.close()
        asked.append((time.perf_counter() - began) * 1000)


def until_ended(process: int) -> Iterator[None]:
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        yield
        time.sleep(0.5)


def claims(found: dict[str, Any], asked: list[float], segments: int) -> list[Claim]:
    seconds = found["seconds"]
    print("| phase | seconds | segments/s |\n|---|---|---|")
    for name, took in seconds.items():
        print(f"| {name} | {took:,.1f} | {segments / max(took, 1e-9):,.0f} |")
    sizes = f"ledger {found['ledger_mb']:,.0f} MB, peak memory {found['peak_mb']:,.0f} MB"
    print(f"\n{sizes}, status {spread(asked, 1)} ms")
    print(f"one process leases and writes down {found['commits_a_second']:,} segments/s")
    found["status_ms"] = [round(value, 2) for value in asked]
    return [
        at_most("milliseconds a segment, all phases", [1000 * sum(seconds.values()) / segments], 2),
        at_most("milliseconds that a status takes meanwhile", asked, 50),
        Claim("lines in the output", [found["lines"]], f"{segments}", found["lines"] == segments),
    ]


if __name__ == "__main__":
    main()
