"""Load a real server, and compare what it translates with the engine called in process.

    python benchmarks/serve_load.py --data ../shared/data [--lines 400] [--seconds 20] [--minutes 10] [--json OUT]

The load generator is wrk (Debian's package of that name: apt-get install wrk), one thread, on loopback; it shares
the cores with the server. All sides draft the same lines of FLORES-200 devtest, English to Portuguese, by
Bergamot, with nothing cached. The engine in process translates them as one stream. Beside the wall clock stand the
CPU seconds of all processes of a side for each sentence, which depend less on what else the machine does.

Throughput: 32 clients, 1 and 32 sentences a request, at `/v1/translate` and LibreTranslate's `/translate`, in
turns with the engine. Overload: 320 clients that send 32 sentences each and begin anew at once, whatever they are
told; a client with manners asks for one sentence every half second meanwhile, and until the server is as quick as
before. Memory: of all processes of the server, while 32 clients keep it busy for so many minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx

from claims import Claim, at_least, at_most, finish, flores, parser

_SURFACES = {"native": "/v1/translate", "libretranslate": "/translate"}
_LIMITS = ("characters=0", "texts=0", "per_minute=0", "characters_per_minute=0", "concurrent=0")
_TICK = os.sysconf("SC_CLK_TCK")
_REPORT = """
done = function(summary, latency)
  io.write(string.format(
    '\\nRESULT {"requests": %d, "micros": %d, "refused": %d, "broken": %d, "p50": %f, "p95": %f, "p99": %f}\\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Loaded:
    """What one run of wrk came to; latencies in milliseconds, CPU in seconds of the server's processes."""

    surface: str
    sentences: int
    clients: int
    requests: int
    refused: int
    broken: int
    seconds: float
    p50: float
    p95: float
    p99: float
    cpu: float
    front_cpu: float

    @property
    def rate(self) -> float:
        """Sentences a second."""
        return (self.requests - self.refused) * self.sentences / self.seconds

    @property
    def cpu_each(self) -> float:
        """CPU seconds a sentence, of all processes."""
        return self.cpu / max(1, (self.requests - self.refused) * self.sentences)


@dataclass
class Server:
    """A server that is running."""

    url: str
    process: subprocess.Popen[bytes]

    def pids(self) -> list[int]:
        """The front, and its workers."""
        front = self.process.pid
        tasks = Path(f"/proc/{front}/task").glob("*/children")
        return [front, *(int(pid) for task in tasks for pid in task.read_text().split())]

    def cpu(self) -> list[float]:
        """CPU seconds of each process so far."""
        return [_cpu(pid) for pid in self.pids()]

    def memory(self) -> list[float]:
        """MB of each process."""
        return [_memory(pid) for pid in self.pids()]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def server(workers: int, folder: Path) -> Iterator[Server]:
    """Run `scalemt serve` as it comes, but for limits of callers and the cache."""
    limits = [part for limit in _LIMITS for part in ("--limit", limit)]
    log = folder / "serve.log"
    command = [
        *(
            str(Path(sys.executable).with_name("scalemt")),
            "serve",
            "--port",
            "0",
            "--profile",
            "fast",
            "--no-cache",
        ),
        *("--workers", str(workers), "--state", str(folder / "state"), "--log-level", "info", *limits),
    ]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stderr=errors)
    try:
        url = _address(log)
        while httpx.get(f"{url}/ready").status_code != 200:
            time.sleep(0.1)
        yield Server(url, process)
    finally:
        process.terminate()
        process.wait(30)


def _address(log: Path) -> str:
    while True:
        found = re.search(r"http://[\d.]+:\d+", log.read_text())
        if found:
            return found[0]
        time.sleep(0.05)


def bodies(surface: str, sentences: int, lines: Sequence[str]) -> list[str]:
    """Return the bodies of requests, each with so many sentences."""
    groups = [list(lines[at : at + sentences]) for at in range(0, len(lines), sentences)]
    groups = [group for group in groups if len(group) == sentences]
    if surface == "native":
        return [json.dumps({"text": group, "source": "en", "target": "pt"}) for group in groups]
    return [json.dumps({"q": group, "source": "en", "target": "pt"}) for group in groups]


def load(
    running: Server, surface: str, sentences: int, lines: Sequence[str], clients: int, seconds: float
) -> Loaded:
    """Have wrk keep so many clients busy."""
    made = ",\n".join(f"[=====[{body}]=====]" for body in bodies(surface, sentences, lines))
    script = (
        f"local bodies = {{{made}}}\nlocal at = 0\n"
        'local heads = {["Content-Type"] = "application/json"}\n'
        "request = function()\n  at = at % #bodies + 1\n"
        f'  return wrk.format("POST", "{_SURFACES[surface]}", heads, bodies[at])\nend\n{_REPORT}'
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        before = running.cpu()
        command = [
            "wrk",
            "-t1",
            f"-c{clients}",
            f"-d{seconds:g}s",
            "--timeout",
            "120s",
            "--latency",
            "-s",
            file.name,
        ]
        told = subprocess.run([*command, running.url], capture_output=True, text=True, check=True).stdout
        spent = [after - first for after, first in zip(running.cpu(), before, strict=True)]
    found = json.loads(told.partition("RESULT ")[2].splitlines()[0])
    return Loaded(
        surface,
        sentences,
        clients,
        requests=found["requests"],
        refused=found["refused"],
        broken=found["broken"],
        seconds=found["micros"] / 1e6,
        p50=found["p50"],
        p95=found["p95"],
        p99=found["p99"],
        cpu=sum(spent),
        front_cpu=spent[0],
    )


_ENGINE = """
import json, sys, time, resource
from scalemt.config import Profile
from scalemt.engine import Engine
engine = Engine(Profile(method="draft", cache=False, threads=int(sys.argv[1])))
lines = json.load(sys.stdin)
list(engine.stream(lines[:64], "en", "pt"))
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
began, spent, done = time.perf_counter(), cpu(), 0
while time.perf_counter() - began < float(sys.argv[2]):
    done += len(list(engine.stream(lines, "en", "pt")))
print(json.dumps({"done": done, "seconds": time.perf_counter() - began, "cpu": cpu() - spent}))
"""


def in_process(lines: Sequence[str], threads: int, seconds: float, processes: int = 1) -> tuple[float, float]:
    """Return sentences a second and CPU seconds a sentence of the engine itself, in so many processes."""
    command = [sys.executable, "-c", _ENGINE, str(threads), str(seconds)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdin
        process.stdin.write(json.dumps(list(lines)))
        process.stdin.close()
    found = [json.loads(process.stdout.read()) for process in started if process.stdout]
    for process in started:
        process.wait()
    rate = sum(item["done"] / item["seconds"] for item in found)
    return rate, sum(item["cpu"] for item in found) / sum(item["done"] for item in found)


def compare(lines: Sequence[str], workers: int, options: argparse.Namespace) -> tuple[list[Claim], dict[str, Any]]:
    """Measure the server and the engine in turns."""
    shapes = [(surface, sentences) for surface in _SURFACES for sentences in (1, 32)]
    ratios: dict[tuple[str, int], list[float]] = {shape: [] for shape in shapes}
    costs: dict[tuple[str, int], list[float]] = {shape: [] for shape in shapes}
    runs: list[Loaded] = []
    bare: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name, server(workers, Path(name)) as running:
        load(running, "native", 32, lines, 8, 3)
        for _ in range(options.rounds):
            for surface, sentences in shapes:
                # Right before each run: what else the machine does changes with the minutes.
                rate, cost = in_process(lines, 1, options.seconds / 2, workers)
                bare.append((rate, cost))
                found = load(running, surface, sentences, lines, 32, options.seconds)
                runs.append(found)
                ratios[surface, sentences].append(found.rate / rate)
                costs[surface, sentences].append(found.cpu_each / cost)
                print(_line(found, rate, cost), flush=True)
    claims = []
    for (surface, sentences), values in ratios.items():
        what = f"{workers} workers, {_SURFACES[surface]}, {sentences} sentences a request"
        claims.append(at_least(f"throughput of the server / of engines in process: {what}", values, 0.9))
        found_costs = costs[surface, sentences]
        claims.append(at_most(f"CPU a sentence, server / engine in process: {what}", found_costs, 1 / 0.9))
        tails = [run.p95 / 1000 for run in runs if (run.surface, run.sentences) == (surface, sentences)]
        claims.append(at_most(f"p95 in seconds at 32 clients: {what}", tails, 1.0 if sentences == 1 else 30.0))
    return claims, {"workers": workers, "runs": [asdict(run) for run in runs], "engine": bare}


def _line(found: Loaded, rate: float, cost: float) -> str:
    return (
        f"{found.surface:15} {found.sentences:3} a request: {found.rate:7.1f}/s against {rate:7.1f}/s in process; "
        f"CPU {1000 * found.cpu_each:5.2f} against {1000 * cost:5.2f} ms; "
        f"front {found.front_cpu / found.seconds:4.0%}; "
        f"p50 {found.p50:6.0f} p95 {found.p95:6.0f} p99 {found.p99:6.0f} ms; broken {found.broken}"
    )


class Prober:
    """A client with manners: one sentence every half second, and no sooner than it is told."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = Event()
        self.seen: list[tuple[float, int, float]] = []
        self._thread = Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        with httpx.Client(timeout=120) as client:
            while not self._stop.is_set():
                began = time.perf_counter()
                body = {"text": "The house is blue.", "source": "en", "target": "pt"}
                answer = client.post(f"{self._url}/v1/translate", json=body)
                self.seen.append((began, answer.status_code, time.perf_counter() - began))
                self._stop.wait(min(5.0, float(answer.headers.get("Retry-After", 0.5))))

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()
        self._thread.join()


def overload(
    lines: Sequence[str], workers: int, options: argparse.Namespace
) -> tuple[list[Claim], dict[str, Any]]:
    """Send ten times as much as the server can do, and see how soon it is well again."""
    with tempfile.TemporaryDirectory() as name, server(workers, Path(name)) as running:
        normal = load(running, "native", 32, lines, 32, options.seconds)
        prober = Prober(running.url)
        time.sleep(5)
        calm = statistics.median(seconds for _, _, seconds in prober.seen)
        flood = load(running, "native", 32, lines, 320, options.seconds)
        ended = time.perf_counter()
        time.sleep(15)
        prober.close()
        peak = running.memory()
    after = [
        (began + seconds - ended, status, seconds)
        for began, status, seconds in prober.seen
        if began + seconds > ended
    ]
    slow = [at for at, status, seconds in after if status != 200 or seconds > max(0.5, 5 * calm)]
    recovery = max(slow, default=0.0)
    during = [
        (status, seconds)
        for began, status, seconds in prober.seen
        if began < ended - 1 and began > ended - options.seconds
    ]
    print(
        f"overload: {flood.refused:,} of {flood.requests:,} refused; {flood.rate:.1f}/s done, "
        f"{normal.rate:.1f}/s before; well again after {recovery:.1f} s; broken {flood.broken}; "
        f"a sentence meanwhile: {during}"
    )
    claims = [
        at_least("sentences done a second under 10x overload / before it", [flood.rate / normal.rate], 0.8),
        at_most("seconds until a server is as quick as before an overload", [recovery], 10),
    ]
    told = {
        "normal": asdict(normal),
        "flood": asdict(flood),
        "recovery": recovery,
        "calm": calm,
        "during": during,
        "mb": peak,
    }
    return claims, told


def endure(lines: Sequence[str], workers: int, options: argparse.Namespace) -> tuple[list[Claim], dict[str, Any]]:
    """Keep the server busy, and watch its memory."""
    samples: list[tuple[float, list[float]]] = []
    stop = Event()
    with tempfile.TemporaryDirectory() as name, server(workers, Path(name)) as running:

        def sample() -> None:
            began = time.perf_counter()
            while not stop.wait(10):
                samples.append((time.perf_counter() - began, running.memory()))

        watching = Thread(target=sample)
        watching.start()
        found = load(running, "native", 1, lines, 32, 60 * options.minutes)
        stop.set()
        watching.join()
    totals = [sum(megabytes) for _, megabytes in samples]
    quarter = max(1, len(totals) // 4)
    early, late = statistics.mean(totals[quarter : 2 * quarter]), statistics.mean(totals[-quarter:])
    print(
        f"memory over {options.minutes:g} min, {found.requests:,} requests: "
        f"{early:.0f} MB early, {late:.0f} MB late"
    )
    claims = [
        at_most(
            f"memory of the server after {options.minutes:g} min of load / after a quarter of it",
            [late / early],
            1.05,
        )
    ]
    return claims, {"samples": samples, "load": asdict(found)}


def main() -> None:
    made = parser(__doc__, rounds=3, lines=400)
    made.add_argument("--seconds", type=float, default=20.0, help="of each run")
    made.add_argument(
        "--minutes", type=float, default=10.0, help="of the run that watches memory; 0 leaves it out"
    )
    made.add_argument("--workers", type=int, default=1, help="of the server, and processes of the engine")
    options = made.parse_args()
    lines = flores(options.data, "eng_Latn", options.lines)
    claims, told = compare(lines, options.workers, options)
    more, flood = overload(lines, options.workers, options)
    claims += more
    lasting: dict[str, Any] = {}
    if options.minutes:
        more, lasting = endure(lines, options.workers, options)
        claims += more
    finish(
        options.json, claims, {"throughput": told, "overload": flood, "memory": lasting, "load": os.getloadavg()}
    )


if __name__ == "__main__":
    main()
