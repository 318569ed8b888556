"""Time a second run over the same file against the first, as real processes: `scalemt translate -i FILE -o FILE`.

    python benchmarks/cache.py [--lines 60] [--rounds 5] [--data ../shared/data] [--json OUT]

The first run of each method begins with an empty cache, a second one finds all that the first has asked. The draft
alone is run in pairs, one a round; refining, whose first run takes minutes, is run once and then again each round,
and its ratios are those of that one run. Every output is compared with the first, and every call is counted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims import at_least, at_most, finish, flores, parser

DRAFT = ("--method", "draft")
REFINE = ("--method", "refine", "--gate", "quality")


@dataclass(frozen=True)
class Done:
    """One run: its seconds from start to end of the process, what came out, and what the generalist was asked."""

    seconds: float
    texts: list[str]
    calls: int
    cached: int


class Runner:
    """Runs the command over one file, each time in a process of its own."""

    def __init__(self, folder: Path, lines: list[str]) -> None:
        self._folder = folder
        self._source = folder / "source.txt"
        self._source.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def run(self, options: tuple[str, ...], cache: str) -> Done:
        """Translate the file with the cache of that name."""
        target = self._folder / "target.jsonl"
        scalemt = str(Path(sys.executable).with_name("scalemt"))
        files = ("-i", str(self._source), "-o", str(target), "--json")
        command = [scalemt, "translate", *files, "--from", "en", "--to", "pt", *options]
        own = {"SCALEMT_CACHE_DIR": str(self._folder / cache), "SCALEMT_CONFIG_DIR": str(self._folder / "config")}
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **own})
        seconds = time.perf_counter() - began
        rows = [json.loads(row) for row in target.read_text("utf-8").split("\n") if row]
        usages = [row["usage"] for row in rows]
        return Done(
            seconds,
            [row["translation"] for row in rows],
            sum(usage["calls"] for usage in usages),
            sum(usage["cached"] for usage in usages),
        )


def pairs(runner: Runner, rounds: int) -> list[tuple[Done, Done]]:
    """Run the draft twice a round, each round with a cache of its own."""
    return [(runner.run(DRAFT, f"draft{turn}"), runner.run(DRAFT, f"draft{turn}")) for turn in range(rounds)]


def against_one(runner: Runner, rounds: int) -> list[tuple[Done, Done]]:
    """Refine once, and then again each round."""
    first = runner.run(REFINE, "refine")
    return [(first, runner.run(REFINE, "refine")) for _ in range(rounds)]


def table(measured: dict[str, list[tuple[Done, Done]]]) -> None:
    """Print medians and ranges."""
    print("| method | first run, s | second run, s | calls of the LLM, first / second | same text |")
    print("|---|---|---|---|---|")
    for name, rows in measured.items():
        same = all(second.texts == first.texts for first, second in rows)
        calls = f"{rows[0][0].calls} / {max(second.calls for _, second in rows)}"
        columns = ([first.seconds for first, _ in rows], [second.seconds for _, second in rows])
        shown = [f"{statistics.median(c):.2f} ({min(c):.2f} to {max(c):.2f})" for c in columns]
        print(f"| {name} | {shown[0]} | {shown[1]} | {calls} | {'yes' if same else 'NO'} |")


def main() -> None:
    arguments = parser(__doc__, rounds=5, lines=60).parse_args()
    lines = flores(arguments.data, "eng_Latn", arguments.lines)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(Path(folder), lines)
        measured = {
            "draft (bergamot)": pairs(runner, arguments.rounds),
            "refine (bergamot, Gemma 3 270M)": against_one(runner, arguments.rounds),
        }
    table(measured)
    draft, refine = ([first.seconds / second.seconds for first, second in rows] for rows in measured.values())
    seconds = [second for _, second in measured["refine (bergamot, Gemma 3 270M)"]]
    claims = [
        at_least(f"first run over {len(lines)} lines against a second one, refine", refine, 20),
        at_most("calls of the LLM in a second run", [float(done.calls) for done in seconds], 0),
    ]
    result: dict[str, Any] = {
        "lines": len(lines),
        "draft_ratios": draft,
        "seconds": {name: [[a.seconds, b.seconds] for a, b in rows] for name, rows in measured.items()},
        "same": all(b.texts == a.texts for rows in measured.values() for a, b in rows),
    }
    finish(arguments.json, claims, result)


if __name__ == "__main__":
    main()
