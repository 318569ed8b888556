"""Compare drafting through the engine with the same specialist called directly: throughput of the whole path.

    python benchmarks/drafting.py --data ../shared/data [--lines 200] [--rounds 7] [--json OUT]

Ours is `Engine.stream` with the method `draft` and the cache off: windows, checks, decisions, signatures. The
other side calls the specialist itself: bergamot and CTranslate2 by one `draft` call over all lines, which sorts
them by length and fills its batches; Apertium by our long-running pipe called directly, and by its own command
`apertium -f none` with the whole text in one pipe (its start is in its time, as nobody has it without).
CTranslate2 runs a Marian transformer of the size of OPUS-MT (6 + 6 layers, 512 wide, 8 heads, 32,000 pieces)
with random weights, whose drafts end at a limit of tokens. All sides run in this process in turn, in an order
that changes every round, with 1 thread.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims import at_least, finish, flores, parser
from random_marian import make_model
from scalemt import languages
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.specialists import DraftOptions, Specialist
from scalemt.specialists.apertium import ApertiumSpecialist
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.ctranslate2 import CTranslate2Specialist
from scalemt.types import Pair


@dataclass(frozen=True)
class Contest:
    """One specialist: what runs it through the engine, and what runs it without."""

    name: str
    sources: list[str]
    sides: dict[str, Callable[[], object]]


def main() -> None:
    arguments = parser(__doc__, rounds=7, lines=200).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        contests = [bergamot(arguments), apertium(arguments), ctranslate2(arguments, Path(folder))]
        found = [measure(contest, arguments.rounds) for contest in contests]
    show(found)
    claims = [
        at_least(f"throughput of `draft`, engine / {item['name']} called directly", item["ratios"]["direct"], 0.95)
        for item in found
    ]
    finish(arguments.json, claims, {"threads": 1, "rounds": arguments.rounds, "contests": found})


def read(arguments: argparse.Namespace, code: str) -> list[str]:
    return flores(arguments.data, code, arguments.lines)


def engine(specialist: Specialist, pair: Pair, sources: Sequence[str]) -> Callable[[], object]:
    built = Engine(Profile(method="draft", cache=False), specialists=[specialist])
    return lambda: list(built.stream(sources, *pair))


def bergamot(arguments: argparse.Namespace) -> Contest:
    specialist, pair = BergamotSpecialist(threads=1), Pair("en", "pt")
    sources = read(arguments, "eng_Latn")
    return Contest(
        "bergamot en-pt",
        sources,
        {"engine": engine(specialist, pair, sources), "direct": lambda: specialist.draft(sources, pair)},
    )


def apertium(arguments: argparse.Namespace) -> Contest:
    specialist, pair = ApertiumSpecialist(), languages.parse_pair("spa_Latn", "cat_Latn")
    sources = read(arguments, "spa_Latn")
    text = "\n".join(sources)

    def command() -> object:
        return subprocess.run(
            ["apertium", "-f", "none", specialist.mode_for(pair) or ""],
            input=text, capture_output=True, text=True, check=True,
        )  # fmt: skip

    return Contest(
        "apertium es-ca",
        sources,
        {
            "engine": engine(specialist, pair, sources),
            "direct": lambda: specialist.draft(sources, pair),
            "command": command,
        },
    )


def ctranslate2(arguments: argparse.Namespace, folder: Path) -> Contest:
    sources, pair = read(arguments, "eng_Latn")[: max(1, arguments.lines // 4)], Pair("en", "pt")
    model = make_model(folder, read(arguments, "eng_Latn"))
    specialist = CTranslate2Specialist(model, pairs=["en-pt"], threads=1, options=DraftOptions(max_ratio=1.0))
    return Contest(
        "ctranslate2, size of OPUS-MT",
        sources,
        {"engine": engine(specialist, pair, sources), "direct": lambda: specialist.draft(sources, pair)},
    )


def measure(contest: Contest, rounds: int) -> dict[str, Any]:
    """Time every side once a round, after one round to warm up, in an order that changes."""
    names = list(contest.sides)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.perf_counter()
            contest.sides[name]()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    others = [name for name in names if name != "engine"]
    ratios = {
        other: [theirs / ours for theirs, ours in zip(seconds[other], seconds["engine"], strict=True)]
        for other in others
    }
    return {"name": contest.name, "lines": len(contest.sources), "seconds": seconds, "ratios": ratios}


def show(found: Sequence[dict[str, Any]]) -> None:
    print("| specialist | lines | engine, lines/s | against | lines/s | engine / theirs, median (range) |")
    print("|---|---|---|---|---|---|")
    for item in found:
        lines, seconds = item["lines"], item["seconds"]
        ours = lines / statistics.median(seconds["engine"])
        for other, ratios in item["ratios"].items():
            theirs = lines / statistics.median(seconds[other])
            spread = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"| {item['name']} | {lines} | {ours:.0f} | {other} | {theirs:.0f} | {spread} |")


if __name__ == "__main__":
    main()
