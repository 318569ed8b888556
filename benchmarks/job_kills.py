"""Kill a job 50 times without warning, resume it each time, and compare it with one that was left in peace.

    python benchmarks/job_kills.py [--segments 5000] [--kills 50] [--seed 1] [--json OUT]

`scalemt job run` translates sentences found on this machine: Bergamot drafts, a server that bills its answers
refines. What may be lost at a kill are the calls in flight (under way, or answered within 50 ms before it); the
output is the same, byte by byte.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the server and the killing are those of tests/jobs/test_kills.py

from claims import Claim, at_least, at_most, finish, spread  # noqa: E402
from jobs.billing_server import BillingServer  # noqa: E402
from jobs.killing import OLD, PHASES, Comparison, Kill, compare, make_trial  # noqa: E402
from jobs.sentences import sentences  # noqa: E402

LATENCY = 0.06  # seconds an answer; eight at once are then a little faster than the drafts come


def table(result: Comparison) -> None:
    """Print what the kills of each phase met."""
    print("| killed while | kills | too late | seconds after start | calls under way | in flight | gone on by |")
    print("|---|---|---|---|---|---|---|")
    for phase in PHASES:
        kills = [item for item in result.kills if item.phase == phase]
        if kills:
            print(f"| {phase} | {' | '.join(_columns(kills))} |")


def _columns(kills: list[Kill]) -> list[str]:
    commands = Counter(item.command for item in kills)
    return [
        str(len(kills)),
        str(sum(item.late for item in kills)),
        spread([item.seconds for item in kills], 2),
        spread([item.under_way for item in kills], 0),
        spread([len(item.in_flight) for item in kills], 0),
        ", ".join(f"{name} {count}" for name, count in sorted(commands.items())),
    ]


def claims(result: Comparison) -> list[Claim]:
    """Say what a job promises, and whether it was kept."""
    doubles = result.billed - result.peace.billed
    same = not any("output" in fault for fault in result.faults)
    return [
        at_least(f"output of {result.segments:,} segments the same after {len(result.kills)} kills", [same], 1),
        at_most("segments missing, doubled or unfinished in the ledger", [_ledger_faults(result)], 0),
        at_most("calls paid twice, all kills together", [doubles], result.allowed),
        at_most("age at the kill of the oldest answer that was lost, s", [max(result.ages, default=0.0)], OLD),
    ]


def _ledger_faults(result: Comparison) -> int:
    return sum("ledger" in fault or "status" in fault for fault in result.faults)


def as_json(result: Comparison, seed: int) -> dict[str, Any]:
    """Return what is written down: the runs, their kills one by one, and the spread over them."""
    flights = [len(item.in_flight) for item in result.kills]
    return {
        "segments": result.segments,
        "seed": seed,
        "peace": {
            "seconds": result.peace.seconds,
            "startup": result.peace.startup,
            "tail": result.peace.tail,
            "export": result.peace.export,
            "billed": result.peace.billed,
        },
        "killed": {"seconds": result.seconds, "billed": result.billed, "twice": len(result.ages)},
        "in_flight": {
            "sum": sum(flights), "median": statistics.median(flights), "least": min(flights), "most": max(flights),
        },
        "ages_of_lost_answers": sorted(round(age, 4) for age in result.ages),
        "faults": result.faults,
        "kills": [
            {
                "phase": item.phase, "seconds": round(item.seconds, 3), "billed": item.billed,
                "under_way": item.under_way, "in_flight": len(item.in_flight), "late": item.late,
                "command": item.command,
            }
            for item in result.kills
        ],
    }  # fmt: skip


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--segments", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=LATENCY, help="seconds that an answer takes")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "job_kills.json")
    return parser.parse_args()


def main() -> None:
    arguments = options()
    texts = sentences(arguments.segments, arguments.seed)
    with tempfile.TemporaryDirectory() as folder, BillingServer(arguments.latency).running() as server:
        result = compare(make_trial(Path(folder), server, texts), arguments.kills, arguments.seed)
    table(result)
    peace = result.peace
    print(f"\nIn peace {peace.seconds:.0f} s, killed and resumed {result.seconds:.0f} s in all.")
    for fault in result.faults:
        print(f"FAULT: {fault}")
    finish(arguments.json, claims(result), as_json(result, arguments.seed))
    sys.exit(1 if result.faults else 0)


if __name__ == "__main__":
    main()
