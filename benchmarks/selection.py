"""Which demonstrations: one fixed list a direction (several seeds) against the nearest by BM25, chrF++, no gate.

    python benchmarks/selection.py --data ../shared/data/flores200 --lines 40 --seeds 3

Measured on the first lines of `dev`, since the answer becomes a default. Prints a table; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.lines import read_lines
from scalemt.version import __version__

DIRECTIONS = ("glg_Latn-eng_Latn", "eng_Latn-por_Latn")


@dataclass(frozen=True)
class Row:
    """Scores of one way of choosing demonstrations for one direction."""

    direction: str
    selection: str
    seed: int
    few_shot: float
    refine: float
    seconds: float


def measure(direction: str, profile: Profile, sources: Sequence[str], references: Sequence[str]) -> Row:
    """Translate with every answer taken as it is, and score refinement and few-shot answers."""
    source, target = direction.split("-")
    started = time.perf_counter()
    scores = {}
    for method in ("few-shot", "refine"):
        asked = profile.model_copy(update={"method": method, "cache": False})
        done = Engine(asked, notice=print).translate(sources, source, target)
        texts = [next((c.text for c in item.candidates if c.origin == method), "") for item in done]
        scores[method] = round(CHRF(word_order=2).corpus_score(texts, [list(references)]).score, 2)
    seconds = (time.perf_counter() - started) / len(sources)
    return Row(direction, profile.selection, profile.seed, scores["few-shot"], scores["refine"], round(seconds, 2))


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with dev/")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/selection.json"))
    options = parser.parse_args()
    print("| direction | selection | seed | few-shot | refine | s/segment |\n|---|---|---|---|---|---|")
    rows = []
    for direction in options.directions:
        source, target = (
            read_lines(options.data / "dev" / f"{code}.txt")[: options.lines] for code in direction.split("-")
        )
        tried = [("fixed", seed) for seed in range(options.seeds)] + [("nearest", 0)]
        for selection, seed in tried:
            profile = Profile(gate="checks", selection=selection, seed=seed)
            row = measure(direction, profile, source, target)
            rows.append(asdict(row))
            print("| " + " | ".join(str(value) for value in asdict(row).values()) + " |", flush=True)
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps({"scalemt": __version__, "rows": rows}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
