"""Translate the same job on this machine and on a Ray cluster at equal cores, and once with a node killed midway.

    python benchmarks/ray_jobs.py [--segments 6144] [--rounds 1] [--seed 1] [--cpus 4] [--json OUT]

The cluster is two nodes on loopback, each of four logical CPUs. Bergamot drafts en->pt sentences found on this
machine (`draft`, so that nothing waits for a server). Equal cores: two local processes of one thread, which share
the job's ledger, against two engines of one thread on Ray; chunks are of 128 segments on both sides, for with 512,
as drafts have them otherwise, so short a run is a handful of chunks. Start-up is told apart from the steady state:
until the first segments are written down, and from then to the last; what is behind it is writing the file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the cluster and the sentences are those of tests/jobs

from claims import Claim, at_least, at_most, finish  # noqa: E402
from jobs.ray_cluster import QUICKLY, RayCluster, running_cluster  # noqa: E402
from jobs.runs import Held, Place, ended, is_begun, until  # noqa: E402
from jobs.sentences import sentences  # noqa: E402

SOURCE = "source.txt"
BATCH = "128"  # segments
OPTIONS = ("--from", "en", "--to", "pt", "--method", "draft", "--specialist", "bergamot", "--json")


@dataclass(frozen=True)
class Timed:
    """One run: seconds in all and until the first segments were written down, and segments a second from there."""

    side: str
    seconds: float
    first: float
    rate: float


@dataclass(frozen=True)
class Bench:
    """Where runs take place."""

    place: Place
    cluster: RayCluster
    segments: int

    def timed(self, side: str, number: int, *more: str, beside: Callable[[str], None] | None = None) -> Timed:
        """Run the job once; `beside` is called with its folder in a thread."""
        job = f"{side.replace(' ', '-')}-{number}"
        began, moment = time.time(), time.monotonic()
        process = self.place.start("run", SOURCE, "-o", job, *OPTIONS, *more)
        thread = Thread(target=beside or (lambda _: None), args=(job,))
        thread.start()
        seen = self._watch(job, process)
        done = ended(process, 900)
        seconds = time.monotonic() - moment
        thread.join()
        if done.returncode:
            raise SystemExit(f"{side} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        first, count = seen[0]
        # Where the process beside it has written the file, that is seconds later than the last segment.
        wrote = [event["time"] for event in map(json.loads, done.stdout.splitlines()) if _writes(event)]
        last = wrote[0] - began if wrote else seconds
        return Timed(side, seconds, first - moment, (self.segments - count) / (last - (first - moment)))

    def _watch(self, job: str, process: subprocess.Popen[str]) -> list[tuple[float, int]]:
        """Return when the first segments were written down, and how many."""
        seen: list[tuple[float, int]] = []

        def some() -> bool:
            count = self.done(job)
            if count:
                seen.append((time.monotonic(), count))
            time.sleep(0.1)
            return bool(count)

        until(some, process, 300)
        return seen

    def done(self, job: str) -> int:
        """Return how many segments of a job are done."""
        folder = self.place.folder / job
        return Held.of(folder).states.get("done", 0) if is_begun(folder) else 0

    def output(self, side: str, number: int) -> bytes:
        """Return what a run has written."""
        return (self.place.folder / f"{side.replace(' ', '-')}-{number}" / SOURCE).read_bytes()

    def join_in(self, job: str) -> None:
        """Work on a job with a second process, as soon as there is something to work on."""
        until(lambda: self.reading_is_over(job), None, 60)
        ended(self.place.start("resume", job, "--json"), 900)

    def reading_is_over(self, job: str) -> bool:
        """Whether all segments of a job are known."""
        folder = self.place.folder / job
        return is_begun(folder) and len(Held.of(folder).texts) == self.segments

    def kill_a_node(self, job: str) -> None:
        """Kill the second node when half of a job is done."""

        def half() -> bool:
            time.sleep(0.1)
            return self.done(job) >= self.segments // 2

        until(half, None, 600)
        victim = self.cluster.nodes[1]
        if not self.cluster.pids("MapWorker", victim):
            raise SystemExit("There is no engine on the node that is to be killed.")
        self.cluster.kill(victim)


def _writes(event: dict[str, Any]) -> bool:
    return event["event"] == "phase" and event.get("phase") == "writing"


def measure(bench: Bench, rounds: int) -> list[Timed]:
    """Run all sides, in turns; the node dies last."""
    on = ("--on", bench.cluster.address, "--actors", "2")
    found = []
    for number in range(rounds):
        found.append(bench.timed("local", number, beside=bench.join_in))
        found.append(bench.timed("ray", number, *on))
    found.append(bench.timed("ray, a node killed", 0, *on, beside=bench.kill_a_node))
    return found


def table(found: Sequence[Timed]) -> None:
    print("| side | seconds | until the first segments | segments/s from then on |")
    print("|---|---|---|---|")
    for item in found:
        print(f"| {item.side} | {item.seconds:.1f} | {item.first:.1f} | {item.rate:.1f} |")


def claims(bench: Bench, found: Sequence[Timed]) -> list[Claim]:
    """Say what a job on Ray promises."""
    local = [item for item in found if item.side == "local"]
    ray = [item for item in found if item.side == "ray"]
    wanted = bench.output("local", 0)
    same = [bench.output(item.side, 0) == wanted for item in found if item.side != "local"]
    steady = [one.rate / other.rate for one, other in zip(local, ray, strict=True)]
    start = [other.first - one.first for one, other in zip(local, ray, strict=True)]
    return [
        at_least(f"output of {bench.segments:,} segments as that of a local run, a node killed or not", same, 1),
        at_most("steady state: time on Ray / in two local processes, 2 x 1 thread each", steady, 1.1),
        at_most("start-up: seconds until the first segments on Ray beyond the local ones", start, 20),
    ]


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--segments", type=int, default=6144)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpus", type=int, default=4, help="logical CPUs of each node")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "ray_jobs.json")
    return parser.parse_args()


def main() -> None:
    arguments = options()
    texts = sentences(arguments.segments, arguments.seed)
    with tempfile.TemporaryDirectory() as folder, running_cluster(nodes=2, cpus=arguments.cpus) as cluster:
        (Path(folder) / SOURCE).write_text("".join(f"{text}\n" for text in texts), "utf-8")
        place = Place.at(Path(folder), SCALEMT_BATCH=BATCH, RAY_AUTH_MODE=QUICKLY["RAY_AUTH_MODE"])
        bench = Bench(place, cluster, arguments.segments)
        found = measure(bench, arguments.rounds)
        made = claims(bench, found)
    table(found)
    overhead = statistics.median(made[1].values) - 1
    print(f"\nOverhead of Ray in the steady state: {overhead:+.1%}.")
    result = {"segments": arguments.segments, "seed": arguments.seed, "runs": [asdict(item) for item in found]}
    finish(arguments.json, made, result)
    sys.exit(0 if all(claim.met for claim in made) else 1)


if __name__ == "__main__":
    main()
