"""Hints against omissions and additions in prompts, on and off (SWIE and OVERMISS, arXiv 2308.12674).

    python benchmarks/hints.py --lines 60 --json benchmarks/results/hints.json
    python benchmarks/hints.py --generalist openai:http://127.0.0.1:8000/v1#MODEL

FLORES-200 dev. `few-shot` translates alone, `refine` from a draft; the gate is off, so that the answers themselves
are measured. "omissions" and "additions" are the shares of answers that the checks would refuse, against the
specialist's draft; chrF++ is that of all answers, and "better than without" the share of 300 bootstrap samples in
which they have more of it with hints.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.lines import read_lines
from scalemt.quality.coverage import addition, omission
from scalemt.types import Pair
from scalemt.version import __version__

DIRECTIONS = ("en-pt", "eu-en")
FILES = {"en": "eng_Latn", "pt": "por_Latn", "es": "spa_Latn", "ca": "cat_Latn", "eu": "eus_Latn"}
METHODS = ("few-shot", "refine")
HINTS = ("", "omission", "addition", "omission,addition", "found")
HEADER = (
    "| direction | method | hints | chrF++ | better than without | omissions | additions | characters | s |\n"
    "|---|---|---|---:|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Row:
    """What came of one setting."""

    direction: str
    method: str
    hints: str
    chrf: float
    better: float | None
    omissions: float
    additions: float
    characters: float
    seconds: float

    def line(self) -> str:
        """The row of the table."""
        better = "" if self.better is None else f"{self.better:.2f}"
        return (
            f"| {self.direction} | {self.method} | {self.hints or 'none'} | {self.chrf:.2f} | {better} "
            f"| {100 * self.omissions:.1f} % | {100 * self.additions:.1f} % | {self.characters:.0f} "
            f"| {self.seconds:.2f} |"
        )


def chrf(texts: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus chrF++."""
    return float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score)


def better(texts: Sequence[str], others: Sequence[str], references: Sequence[str], samples: int = 300) -> float:
    """Return the share of bootstrap samples in which texts have more chrF++ than others."""
    dice = random.Random(0)
    wins = 0
    for _ in range(samples):
        drawn = [dice.randrange(len(texts)) for _ in texts]
        mine, theirs, due = ([rows[place] for place in drawn] for rows in (texts, others, references))
        wins += chrf(mine, due) > chrf(theirs, due)
    return wins / samples


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS)
    parser.add_argument("--generalist", default="llamacpp")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/hints.json"))
    options = parser.parse_args()
    print(HEADER)
    rows: list[Row] = []
    for direction in options.directions:
        pair = Pair(*direction.split("-"))
        files = [options.data / "flores200/dev" / f"{FILES[tag]}.txt" for tag in pair]
        sources, references = (read_lines(path)[: options.lines] for path in files)
        drafts = [item.text for item in Engine(Profile(method="draft", threads=1)).translate(sources, *pair)]
        for method in METHODS:
            without: list[str] = []
            for hints in HINTS if method == "refine" else HINTS[:-1]:
                profile = Profile(
                    method=method,
                    gate="off",
                    generalist=options.generalist,
                    threads=options.threads,
                    options={"hints": hints} if hints else {},
                )
                started = time.perf_counter()
                texts = [item.text for item in Engine(profile).translate(sources, *pair)]
                seconds = time.perf_counter() - started
                faults = list(zip(sources, texts, drafts, strict=True))
                row = Row(
                    direction,
                    method,
                    hints,
                    round(chrf(texts, references), 2),
                    round(better(texts, without, references), 2) if hints else None,
                    round(sum(bool(omission(*item)) for item in faults) / len(faults), 4),
                    round(sum(bool(addition(*item)) for item in faults) / len(faults), 4),
                    round(sum(map(len, texts)) / len(texts), 1),
                    round(seconds / len(texts), 2),
                )
                without = without or texts
                rows.append(row)
                print(row.line(), flush=True)
    whole = {"scalemt": __version__, "lines": options.lines, "generalist": options.generalist}
    options.json.write_text(json.dumps(whole | {"rows": [asdict(row) for row in rows]}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
