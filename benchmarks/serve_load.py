"""Load on a server: throughput against the engine in process, latency, overload, memory.

    python benchmarks/serve_load.py --data ../shared/data [--rounds 5] [--seconds 20] [--soak 600] [--json OUT]

The load comes from `wrk` (Debian: apt-get install wrk) with serve_load.lua, in one thread over loopback: it costs
a hundredth of what it asks for. It shares the cores with the server, as nothing else should: run it on a quiet
machine.

Sentences are the devtest of FLORES-200 in English, drafted into Portuguese by Bergamot; caches are off on both
sides, limits of callers lifted, limits of the server as they are. The server has a worker a core. Ours is
`/v1/translate` and LibreTranslate's `/translate`: 32 clients with 1 and with 32 sentences a request, and 128 with
1, since batches are made of what waits. Counted is what the workers translated while the clients asked. The other
side is the engine without a server: as many processes as there are workers, each with `Engine.batches` over its
share in batches of 32, the engine's own size, with one thread, as workers have. Both sides run in turn; a round is
all of them. Beside the clock stands the time of the processors, which what else runs at the time spoils less.

Overload: ten times as many requests a second as were served come at a steady pace. Told are the share that is
refused, the time of those that are not (from the log of the server, in which each request has its own), and how
long after the end a single request takes no longer than before. Memory is sampled through ten minutes of load of
all kinds; what is told is how it grew from the second minute to the last.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from claims import at_least, at_most, finish, flores, parser

SCRIPT = Path(__file__).with_suffix(".lua")
CLIENTS = {1: (32, 128), 32: (32,)}  # by sentences in a request
WARM = 3.0  # seconds of load before anything is measured
PORTUGUESE = {"source": "en", "target": "pt"}
SURFACES = {"/v1/translate": "text", "/translate": "q"}
OVERLOAD = 10
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Side:
    """One thing that is measured.

    Args:
        name: in tables.
        path: of the surface, "" for the engine in process.
        each: sentences in a request.
    """

    name: str
    path: str = ""
    each: int = 1
    clients: int = 32


@dataclass
class Server:
    """A server that is running, and its processes."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    folder: Path
    memory: list[dict[str, float]] = field(default_factory=list)

    @property
    def processes(self) -> dict[str, int]:
        """The process of the front, and those of the workers."""
        pid = self.process.pid
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {"front": pid, **{f"worker {place}": int(one) for place, one in enumerate(told)}}

    def spent(self) -> dict[str, float]:
        """Return the seconds of processors that each has used."""
        return {name: cpu_of(pid) for name, pid in self.processes.items()}

    def translated(self) -> float:
        """Return how many sentences it has translated."""
        lines = httpx.get(f"{self.url}/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("scalemt_segments_total{"))

    def resident(self) -> dict[str, float]:
        """Return the MiB of memory that each holds."""
        return {name: resident_of(pid) for name, pid in self.processes.items()}


def cpu_of(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / TICKS


def resident_of(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def running(workers: int) -> Iterator[Server]:
    """Run a server with the cache off and no limits of callers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lifted = ("per_minute", "characters_per_minute", "concurrent")
        command = [sys.executable, "-c", "from scalemt.cli import main; main()", "serve", "--profile", "fast"]
        command += ["--specialist", "bergamot", "--port", "0", "--state", name, "--workers", str(workers)]
        command += [part for limit in lifted for part in ("--limit", f"{limit}=0")]
        log = folder / "log"
        with log.open("wb") as errors:
            process = subprocess.Popen(command, stderr=errors, env={**os.environ, "SCALEMT_CACHE": "false"})
        try:
            server = Server(address_in(log), process, log, folder)
            until(lambda: httpx.get(f"{server.url}/ready").status_code == 200)
            yield server
        finally:
            process.terminate()
            process.wait(30)


def address_in(log: Path) -> str:
    def found() -> str:
        lines = [line for line in log.read_text().splitlines() if '"serving' in line]
        return lines[0].partition(" at ")[2].partition(" ")[0] if lines else ""

    until(lambda: bool(found()))
    url = found()
    until(lambda: answers(url))
    return url


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def until(happened: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise SystemExit("The server did not come up.")
        time.sleep(0.05)


def bodies(folder: Path, side: Side, lines: Sequence[str]) -> Path:
    """Write the bodies of requests, one a line."""
    path = folder / f"{side.path.strip('/').replace('/', '-')}-{side.each}.jsonl"
    batches = [list(lines[at : at + side.each]) for at in range(0, len(lines) - side.each + 1, side.each)]
    texts = [batch[0] if side.each == 1 else batch for batch in batches]
    written = [json.dumps({SURFACES[side.path]: text, **PORTUGUESE}) for text in texts]
    path.write_text("\n".join(written) + "\n", "utf-8")
    return path


def loaded(
    server: Server, path: str, file: Path, seconds: float, clients: int = 32, pause: float | None = None
) -> dict[str, Any]:
    """Have clients ask for so long; return what wrk tells, and the seconds of processors."""
    before, began, count = server.spent(), os.times(), server.translated()
    command = ["wrk", "-t1", f"-c{clients}", f"-d{round(seconds)}s", "--timeout", "120s", "-s", str(SCRIPT)]
    command += [server.url + path, "--", str(file), *([f"{pause:.3f}"] if pause is not None else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # What is under way at the end is not answered any more, and was translated in part.
    after, ended, count = server.spent(), os.times(), server.translated() - count
    told: dict[str, Any] = json.loads(done.stderr.strip().splitlines()[-1])
    told["sentences"] = count
    told["cpu"] = {name: after[name] - before[name] for name in before}
    told["load generator"] = ended.children_user + ended.children_system
    told["load generator"] -= began.children_user + began.children_system
    return told


def by_server(server: Server, side: Side, file: Path, seconds: float) -> dict[str, Any]:
    """Measure one surface once."""
    told = loaded(server, side.path, file, seconds, side.clients)
    if told["refused"] or told["broken"]:
        # A refusal is sent again at once and costs time: on a machine that does something else, too.
        print(f"{side.name}: {told['refused']} refused, {told['broken']} broken.")
    sentences = told["sentences"]
    spent = sum(told["cpu"].values())
    return {
        "rate": sentences / told["seconds"],
        "cpu": 1000 * spent / sentences,
        "front": 1000 * told["cpu"]["front"] / sentences,
        "refused": told["refused"],
        "generator": told["load generator"] / (told["load generator"] + spent),
        **{name: told[name] for name in ("p50", "p95", "p99")},
    }


def by_engine(lines: Sequence[str], workers: int, seconds: float) -> dict[str, Any]:
    """Measure the engine without a server: a process a worker, all at once."""
    share = max(1, len(lines) // workers)
    command = [sys.executable, __file__, "--engine", f"{seconds:g}"]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    for place, process in enumerate(started):
        say(process, json.dumps(list(lines[place * share :][:share])))
    for process in started:
        assert process.stdout
        process.stdout.readline()  # the model is loaded
    for process in started:
        say(process, "go")
    told = [json.loads(process.communicate()[0]) for process in started]
    return {
        "rate": sum(item["sentences"] / item["seconds"] for item in told),
        "cpu": 1000 * sum(item["cpu"] for item in told) / sum(item["sentences"] for item in told),
    }


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def engine(seconds: float) -> None:
    """Be one process of the engine: read lines, load, wait for a word, draft for so long."""
    from scalemt.config import Profile
    from scalemt.engine import Engine
    from scalemt.types import Segment

    lines = [Segment(text) for text in json.loads(sys.stdin.readline())]
    made = Engine(Profile(method="draft", specialists=("bergamot",), cache=False, threads=1))
    size = made.profile.batch
    batches = itertools.cycle([lines[at : at + size] for at in range(0, len(lines) - size + 1, size)])
    list(made.batches([next(batches) for _ in range(2)], "en", "pt"))
    print("ready", flush=True)
    sys.stdin.readline()
    began, cpu, count = time.perf_counter(), time.process_time(), 0
    until_then = itertools.takewhile(lambda _: time.perf_counter() - began < seconds, batches)
    for done in made.batches(until_then, "en", "pt"):
        count += len(done)
    ended = {"sentences": count, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps(ended))


def compared(server: Server, lines: Sequence[str], arguments: argparse.Namespace) -> dict[str, list[Any]]:
    """Measure all sides, once a round."""
    sides = [
        Side(f"{path}, {each} a request, {clients} clients", path, each, clients)
        for path in SURFACES
        for each, numbers in CLIENTS.items()
        for clients in numbers
    ]
    files = {side.name: bodies(server.folder, side, lines) for side in sides}
    for side in sides:
        loaded(server, side.path, files[side.name], WARM)
    found: dict[str, list[Any]] = {"engine in process": [], **{side.name: [] for side in sides}}
    for turn in range(arguments.rounds):
        found["engine in process"].append(by_engine(lines, arguments.workers, arguments.seconds))
        for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:
            found[side.name].append(by_server(server, side, files[side.name], arguments.seconds))
    return found


def overloaded(server: Server, lines: Sequence[str], rate: float, seconds: float) -> dict[str, Any]:
    """Ask for ten times what can be done, at a steady pace, and see how the server gets over it."""
    side = Side("overload", "/v1/translate", 32)
    file = bodies(server.folder, side, lines)
    usual = statistics.median(single(server) for _ in range(20))
    clients = 150
    wanted = OVERLOAD * rate / side.each  # requests a second
    mark = server.log.stat().st_size
    told = loaded(server, side.path, file, seconds, clients, pause=1000 * clients / wanted)
    ended = time.perf_counter()
    while single(server) > 2 * usual + 0.02:
        pass
    recovery = time.perf_counter() - ended
    with server.log.open("rb") as log:
        log.seek(mark)
        lined = [json.loads(line) for line in log.read().decode().splitlines()]
    mine = [line for line in lined if line.get("route") == side.path]
    accepted = sorted(line["milliseconds"] / 1000 for line in mine if line["status"] == 200)
    refused = sorted(line["milliseconds"] / 1000 for line in mine if line["status"] == 429)
    return {
        "offered": len(mine) * side.each / told["seconds"] / rate,
        "served": told["sentences"] / told["seconds"] / rate,
        "refused": len(refused) / max(1, len(mine)),
        "broken": told["broken"],
        "accepted": percentiles(accepted),
        "refusals": percentiles(refused),
        "recovery": recovery,
        "front": told["cpu"]["front"] / told["seconds"],
    }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {f"p{share}": values[min(len(values) - 1, len(values) * share // 100)] for share in (50, 95, 99)}


def single(server: Server) -> float:
    """Return the seconds of one short request, refused or not."""
    began = time.perf_counter()
    body = {"text": "The house by the sea is old.", **PORTUGUESE}
    status = httpx.post(f"{server.url}/v1/translate", json=body, timeout=120).status_code
    return time.perf_counter() - began if status == 200 else float("inf")


def soaked(server: Server, lines: Sequence[str], seconds: float) -> dict[str, Any]:
    """Load the server in all ways for so long, and watch its memory."""
    sides = [Side("", path, each) for path in SURFACES for each in CLIENTS]
    files = [bodies(server.folder, side, lines) for side in sides]
    samples: list[dict[str, float]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1):
            samples.append(server.resident())

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.monotonic()
    for side, file in itertools.cycle(zip(sides, files, strict=True)):
        left = seconds - (time.monotonic() - began)
        if left < 1:
            break
        loaded(server, side.path, file, max(1, min(left, 15)))
    over.set()
    watching.join()
    minute = max(1, len(samples) // 10)
    told = {}
    for name in samples[0]:
        early = statistics.median(sample[name] for sample in samples[minute : 2 * minute])
        late = statistics.median(sample[name] for sample in samples[-minute:])
        told[name] = {"early": early, "late": late, "most": max(sample[name] for sample in samples)}
    return {"seconds": seconds, "processes": told, "samples": samples[:: max(1, len(samples) // 60)]}


def show(found: dict[str, list[Any]]) -> None:
    print("| side | sentences/s | CPU ms a sentence | of it front | p50, ms | p95, ms | p99, ms |")
    print("|---|---|---|---|---|---|---|")
    for name, rounds in found.items():
        cells = [
            statistics.median(item[key] for item in rounds) if key in rounds[0] else None
            for key in ("rate", "cpu", "front", "p50", "p95", "p99")
        ]
        digits = (1, 2, 2, 0, 0, 0)
        written = [
            "" if cell is None else f"{cell:.{places}f}" for cell, places in zip(cells, digits, strict=True)
        ]
        print(f"| {name} | {' | '.join(written)} |")


def main() -> None:
    made = parser(__doc__, rounds=5, lines=1_000)
    made.add_argument("--seconds", type=float, default=20, help="of each measurement")
    made.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    made.add_argument("--overload", type=float, default=30, help="seconds of overload")
    made.add_argument("--soak", type=float, default=600, help="seconds of load while memory is watched")
    made.add_argument("--engine", type=float, help=argparse.SUPPRESS)
    arguments = made.parse_args()
    if arguments.engine:
        engine(arguments.engine)
        return
    lines = flores(arguments.data, "eng_Latn", arguments.lines)
    busy = os.getloadavg()[0]
    with running(arguments.workers) as server:
        found = compared(server, lines, arguments)
        show(found)
        rate = statistics.median(item["rate"] for item in found["/v1/translate, 32 a request, 32 clients"])
        overload = overloaded(server, lines, rate, arguments.overload)
        print("\noverload:", json.dumps(overload, indent=1))
        memory = soaked(server, lines, arguments.soak)
        print("\nmemory:", json.dumps(memory["processes"], indent=1))
    finish(
        arguments.json,
        claims(found, overload, memory),
        {
            "load_before": busy,
            "workers": arguments.workers,
            "rounds": arguments.rounds,
            "sides": found,
            "overload": overload,
            "memory": memory,
        },
    )


def claims(found: dict[str, list[Any]], overload: dict[str, Any], memory: dict[str, Any]) -> list[Any]:
    reference = found["engine in process"]
    made = []
    for name, rounds in found.items():
        if name == "engine in process":
            continue
        pairs = list(zip(rounds, reference, strict=True))
        rates = [ours["rate"] / theirs["rate"] for ours, theirs in pairs]
        made.append(at_least(f"throughput of {name} / engine in process", rates, 0.9))
        costs = [theirs["cpu"] / ours["cpu"] for ours, theirs in pairs]
        made.append(at_least(f"CPU of a sentence, engine in process / {name}", costs, 0.9))
    made.append(at_least("of ten times too many requests, the share refused", [overload["refused"]], 0.5))
    made.append(at_least("throughput while overloaded / before", [overload["served"]], 0.8))
    made.append(at_most("seconds until all is as before", [overload["recovery"]], 30))
    for name, told in memory["processes"].items():
        growth = told["late"] / told["early"]
        made.append(at_most(f"memory of the {name} in the last minute of ten / in the second", [growth], 1.1))
    return made


if __name__ == "__main__":
    main()
