"""Kill a job without warning at random moments, resume it each time, and compare it with one left in peace."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Literal

from jobs.billing_server import BillingServer, Call
from jobs.runs import LEDGER, Held, Place, ended, is_begun, kill, until

Phase = Literal["starting", "translating", "ending", "writing"]
PHASES: tuple[Phase, ...] = ("starting", "translating", "ending", "writing")

SHARES: dict[Phase, float] = {"starting": 0.24, "translating": 0.58, "ending": 0.1, "writing": 0.08}
"""Of the kills. Left to the clock alone, hardly one would meet the short moments at both ends of a job."""

WRITING = 20e-6
"""Seconds a segment in which kills fall behind the first byte of the output."""

GRACE = 0.05
"""Seconds: an answer that was given so shortly before a kill may not have reached the ledger."""

OLD = 2.0
"""Seconds: an answer that was given so long before a kill stands in the ledger, however busy the machine is."""

OPTIONS = ("--from", "en", "--to", "pt", "--method", "refine", "--gate", "checks", "--shots", "2", "--no-cache")
"""No cache: the ledger alone must keep what was paid for."""


@dataclass(frozen=True)
class Moment:
    """When a run is killed.

    Args:
        phase: how it is told.
        at: seconds after the start, after the last answer ("ending"), or after the first byte of the output
            ("writing"); for "translating", the number of billed sources.
        least: sources that this run has billed at least, so that one that begins late does some work.
        jitter: seconds that it lives on after that.
    """

    phase: Phase
    at: float
    least: int = 0
    jitter: float = 0.0


@dataclass(frozen=True)
class Kill:
    """One kill: when, what was billed by then, and which sources were in flight, their answers lost at worst.

    `over` is when all that the dead process had sent was received and answered. `under_way` is how many of these
    were not answered at the kill; `late` tells that the process had ended by itself, with success.
    """

    phase: Phase
    late: bool
    moment: float
    over: float
    seconds: float
    billed: int
    in_flight: tuple[str, ...]
    under_way: int
    command: str


@dataclass(frozen=True)
class Peace:
    """The run that nobody disturbed: its output, its calls, and how long its parts took.

    `startup` is the time until the first call is received, `tail` that from the last answer to the end, `export`
    that of writing the files once more.
    """

    output: bytes
    billed: int
    seconds: float
    startup: float
    tail: float
    export: float


@dataclass
class Comparison:
    """What came of it; `faults` are sentences, none where all is as it should be.

    `ages` tells of each call that was paid twice how many seconds before a kill it was answered first: 0 where it
    was under way, infinite where it was answered and asked again with no kill in between.
    """

    segments: int
    peace: Peace
    kills: list[Kill]
    billed: int
    ages: list[float]
    seconds: float
    faults: list[str] = field(default_factory=list)

    @property
    def allowed(self) -> int:
        """Calls that may be paid twice: those in flight at the kills."""
        return sum(len(item.in_flight) for item in self.kills)


@dataclass(frozen=True)
class Trial:
    """A file, a server that bills its translation, and a place where jobs run."""

    place: Place
    source: str
    server: BillingServer
    segments: int

    def begin(self, job: str) -> subprocess.Popen[str]:
        """Start the job."""
        return self.place.start("run", self.source, "-o", job, "--generalist", self.server.spec, *OPTIONS)

    def in_peace(self, job: str) -> Peace:
        """Run the job to its end."""
        began = time.monotonic()
        done = ended(self.begin(job), 3600)
        end = time.monotonic()
        if done.returncode:
            raise AssertionError(f"the job ended with {done.returncode}:\n{done.stderr}")
        calls = self.server.billing.billed()
        first = min(call.received for call in calls)
        last = max(call.answered or 0.0 for call in calls)
        output = (self.place.folder / job / self.source).read_bytes()
        again = time.monotonic()
        self.place.run("export", job)
        export = time.monotonic() - again
        return Peace(output, len(calls), end - began, first - began, end - last, export)

    def killed(self, job: str, moments: Sequence[Moment]) -> list[Kill]:
        """Run the job, killed at each moment and resumed, and at last to its end."""
        kills = []
        for moment in moments:
            name, process = self._go_on(job)
            began = time.monotonic()
            self._wait(job, process, moment, began)
            late = process.poll() is not None
            if process.returncode:
                raise AssertionError(f"job {name} ended with {process.returncode}:\n{ended(process).stderr}")
            now = time.monotonic()
            kill(process)
            ended(process)
            kills.append(self._count(moment.phase, now, now - began, name, late=late))
        # Written once more at the end: a writing that was killed leaves a file behind, and the next takes it away.
        for command in ("resume", "export"):
            done = self.place.run(command, job, timeout=3600)
            if done.returncode:
                raise AssertionError(f"job {command} ended with {done.returncode}:\n{done.stderr}")
        return kills

    def _go_on(self, job: str) -> tuple[str, subprocess.Popen[str]]:
        """Begin the job where it has no ledger yet, resume it, or write its files anew where it is done."""
        folder = self.place.folder / job
        if not is_begun(folder):
            return "run", self.begin(job)
        if (folder / self.source).exists():
            return "export", self.place.start("export", job)
        return "resume", self.place.start("resume", job)

    def _wait(self, job: str, process: subprocess.Popen[str], moment: Moment, began: float) -> None:
        """Wait for the moment, or for the end of the process."""
        if moment.phase == "starting":
            _pause(process, began + moment.at)
            return
        billing = self.server.billing
        if moment.phase == "writing":
            partial = self.place.folder / job / f"{self.source}.partial"
            until(partial.exists, process, 3600)
        else:
            due = max(int(moment.at), billing.different + moment.least) if moment.phase == "translating" else inf
            until(lambda: billing.different >= min(due, self.segments), process, 3600)
        _pause(process, time.monotonic() + (moment.jitter if moment.phase == "translating" else moment.at))

    def _count(self, phase: Phase, moment: float, seconds: float, command: str, *, late: bool) -> Kill:
        """Count what was in flight: answered so late before the kill that it may be lost, or still under way."""
        time.sleep(GRACE)  # what the dead process has sent may not have been received yet
        self.server.settle()
        calls = [call for call in self.server.billing.since(moment - GRACE) if call.billed]
        before = len(self.server.billing.billed()) - len(calls)
        under_way = sum(call.answered is None or call.answered > moment for call in calls)
        return Kill(
            phase,
            late,
            moment,
            time.monotonic(),
            seconds,
            before,
            tuple(call.source for call in calls),
            under_way,
            command,
        )


def _pause(process: subprocess.Popen[str], end: float) -> None:
    until(lambda: time.monotonic() >= end, process, 600)


def moments(count: int, trial: Trial, peace: Peace, seed: int) -> list[Moment]:
    """Draw the moments: spread over the start-up, over all of translating, and over the end, in that order.

    Start-ups are killed in between too: those of a job that is half done read another ledger.
    """
    draw = random.Random(seed)
    numbers = {phase: max(1, round(count * SHARES[phase])) for phase in PHASES if phase != "translating"}
    translating = max(0, count - sum(numbers.values()))
    starts = [Moment("starting", draw.uniform(0.0, peace.startup)) for _ in range(numbers["starting"])]
    points = sorted(draw.uniform(0, trial.segments) for _ in range(translating))
    middle = [
        Moment("translating", point, draw.randint(1, 8), draw.uniform(0, 2 * trial.server.latency))
        for point in points
    ]
    longest = peace.startup + peace.tail
    ends = [
        Moment("ending", draw.uniform(0.0, longest if index else peace.tail)) for index in range(numbers["ending"])
    ]
    written = [Moment("writing", draw.uniform(0.0, WRITING * trial.segments)) for _ in range(numbers["writing"])]
    # The first ones meet a job without a ledger, with half of one, and with one that is being read.
    first, rest = starts[: max(1, len(starts) // 3)], starts[max(1, len(starts) // 3) :]
    for start in rest:
        middle.insert(draw.randint(0, len(middle)), start)
    return [*first, *middle, *ends, *written]


def compare(trial: Trial, kills: int, seed: int) -> Comparison:
    """Run a job in peace and another one killed so often, and say in what they differ."""
    peace = trial.in_peace("peace")
    billing = trial.server.billing
    peaceful = len(billing.billed())
    billing.forget()
    began = time.monotonic()
    found = trial.killed("killed", moments(kills, trial, peace, seed))
    seconds = time.monotonic() - began
    trial.server.settle()
    ages = ages_of(billing.billed(), [(item.moment, item.over) for item in found])
    result = Comparison(trial.segments, peace, found, len(billing.billed()), ages, seconds)
    result.faults = [*_output_faults(trial, peace), *_ledger_faults(trial), *_billing_faults(result, peaceful)]
    return result


def ages_of(calls: Sequence[Call], kills: Sequence[tuple[float, float]]) -> list[float]:
    """Return how old answers were at the kill that lost them: one for each call of which another one is billed.

    Args:
        calls: all that are billed, in the order in which they were received.
        kills: when each was, and when the last call of the dead process was answered: some are received late.
    """
    by_source: dict[str, list[Call]] = {}
    for call in calls:
        by_source.setdefault(call.source, []).append(call)
    ages = []
    for same in by_source.values():
        for first, second in pairwise(same):
            between = [at for at, over in kills if first.received <= over and at <= second.received]
            ages.append(max(0.0, between[0] - (first.answered or inf)) if between else inf)
    return ages


def _output_faults(trial: Trial, peace: Peace) -> list[str]:
    folder = trial.place.folder / "killed"
    output = (folder / trial.source).read_bytes()
    faults = []
    if output != peace.output:
        pairs = zip(peace.output.split(b"\n"), output.split(b"\n"), strict=False)
        wrong = [(number, *pair) for number, pair in enumerate(pairs, 1) if pair[0] != pair[1]]
        faults.append(f"{len(wrong)} lines of the output differ, the first: {wrong[:1]}")
    strays = {path.name for path in folder.iterdir()} - {trial.source} - set(_ledger_files())
    if strays:
        faults.append(f"files are left behind: {', '.join(sorted(strays))}")
    return faults


def _ledger_files() -> list[str]:
    return [LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm"]


def _ledger_faults(trial: Trial) -> list[str]:
    held = Held.of(trial.place.folder / "killed")
    lines = (trial.place.folder / trial.source).read_text("utf-8").split("\n")
    faults = []
    if held.doubled:
        faults.append(f"{held.doubled} segments stand in the ledger twice")
    if missing := set(filter(None, lines)) - set(held.texts):
        faults.append(f"{len(missing)} segments are missing in the ledger, one is {min(missing)!r}")
    if held.states != {"done": trial.segments}:
        faults.append(f"the ledger ends with {dict(held.states)}, expected {trial.segments} done")
    status = trial.place.status("killed")
    if (status["state"], status["done"], status["waiting"]) != ("done", trial.segments, 0):
        faults.append(f"status says {status}")
    return faults


def _billing_faults(result: Comparison, peaceful: int) -> list[str]:
    faults = []
    if peaceful != result.segments:
        faults.append(f"in peace, {peaceful} calls were billed for {result.segments} segments")
    doubles = result.billed - peaceful
    if doubles > result.allowed:
        faults.append(f"{doubles} calls were paid twice, and {result.allowed} were in flight at the kills")
    if old := [age for age in result.ages if age > OLD]:
        faults.append(f"{len(old)} answers were lost though they were given long before a kill ({max(old):.1f} s)")
    return faults


def make_trial(folder: Path, server: BillingServer, texts: Sequence[str]) -> Trial:
    """Write the texts into a file, a line each, and return the trial of its translation."""
    (folder / "source.txt").write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return Trial(Place.at(folder), "source.txt", server, len(texts))
