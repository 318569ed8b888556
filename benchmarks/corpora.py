"""What the default chain of `scalemt data clean` finds of damage that was planted in a corpus, and what it takes.

    python benchmarks/corpora.py CORPUS.tsv --from en --to es --foreign OTHER.tsv --test DEV.tsv [--json OUT]

CORPUS is a table of pairs, OTHER one with another target language. Of `--lines` pairs that are long enough (six
words and more) `--each` are damaged in each of the ways below, drawn by a seed; what is told is how many of these
are gone at the end and by which step, and how many of the pairs that nobody touched.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalemt.data import Source, clean, default_chain
from scalemt.data.card import StepCount
from scalemt.data.filters import Item
from scalemt.languages import parse
from scalemt.version import __version__

Row = tuple[str, str]


def table(path: Path) -> list[Row]:
    """Return the pairs of a table of two columns."""
    rows = [line.split("\t") for line in path.read_text("utf-8").split("\n")]
    return [(row[0], row[1]) for row in rows if len(row) == 2]


def damages(draws: random.Random, rows: list[Row], foreign: list[Row], test: list[Row]) -> dict[str, Any]:
    """Return what is done to a pair, by name."""

    def numbered(row: Row) -> Row:
        digit = re.search(r"\d", row[1])
        left, right = (row[0], row[1]) if digit else (f"{row[0]} (240 pt)", f"{row[1]} (340 pt)")
        if digit:
            right = right.replace(digit[0], str((int(digit[0]) + 3) % 10), 1)
        return left, right

    def edited(row: Row) -> Row:
        words = row[0].split()
        words[draws.randrange(len(words))] += "s"
        return " ".join(words), row[1]

    made: dict[str, Callable[[Row], Row]] = {
        "target of another source": lambda row: (row[0], draws.choice(rows)[1]),
        "not translated": lambda row: (row[0], row[0]),
        "another language": lambda row: (row[0], draws.choice(foreign)[1]),
        "second half missing": lambda row: (row[0], " ".join(row[1].split()[: len(row[1].split()) // 2])),
        "a number changed": numbered,
        "a tag lost": lambda row: (f"<b>{row[0]}</b>", f"<b>{row[1]}"),
        "read in a wrong encoding": lambda row: (row[0], f"{row[1]} «ñ»".encode().decode("cp1252", "replace")),
        "a test segment, a word edited": lambda row: edited(draws.choice(test)),
        "a pair before it, a letter added": lambda row: edited(draws.choice(rows[:500])),
    }
    return made


def main() -> None:
    """Print the table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", dest="target", required=True)
    parser.add_argument("--foreign", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=6000)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    draws = random.Random(given.seed)
    rows, foreign, test = (
        [row for row in table(path) if len(row[0].split()) >= 6]
        for path in (given.corpus, given.foreign, given.test)
    )
    draws.shuffle(rows)
    rows = rows[: given.lines]
    kinds = damages(draws, rows, foreign, test)
    places = draws.sample(range(500, len(rows)), given.each * len(kinds))
    planted = {place: name for number, place in enumerate(places) for name in [list(kinds)[number // given.each]]}
    spoiled = [kinds[planted[place]](row) if place in planted else row for place, row in enumerate(rows)]
    result = measured(given, spoiled, planted)
    show(result, given.each)
    if given.json:
        given.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")


def measured(given: argparse.Namespace, rows: list[Row], planted: dict[int, str]) -> dict[str, Any]:
    """Clean the rows, and return what went of each kind, by the step that took it."""
    took: defaultdict[str, Counter[str]] = defaultdict(Counter)
    drop = StepCount.drop

    def noted(self: StepCount, item: Item, reason: str, place: str) -> None:
        took[planted.get(int(place.rpartition("#")[2]) - 1, "untouched")][self.name] += 1
        drop(self, item, reason, place)

    StepCount.drop = noted  # type: ignore[method-assign]  # the card keeps a few examples, and here all count
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spoiled.tsv")
        path.write_text("".join(f"{left}\t{right}\n" for left, right in rows), "utf-8")
        chain = default_chain([str(given.test)], parse(given.source), parse(given.target))
        source = Source((str(path),), parse(given.source), parse(given.target))
        card = clean(replace(chain, sources=(source,)), Path(folder, "out.tsv"), workers=given.workers)
    return {
        "scalemt": __version__,
        "corpus": given.corpus.name,
        "pairs": len(rows),
        "planted": dict(Counter(planted.values())),
        "took": {name: dict(found) for name, found in took.items()},
        "fitted": {step.name: step.fitted for step in card.steps if step.fitted},
        "left_out": card.left_out,
        "cpu_seconds": {step.name: round(step.seconds, 2) for step in card.steps},
        "seconds": round(card.seconds, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def show(result: dict[str, Any], each: int) -> None:
    """Print a line a kind."""
    print("| planted | gone | by |\n|---|---:|---|")
    untouched = result["pairs"] - sum(result["planted"].values())
    for name, count in [*result["planted"].items(), ("untouched", untouched)]:
        found = Counter(result["took"].get(name, {}))
        steps = ", ".join(f"{step} {number}" for step, number in found.most_common(5))
        print(f"| {name} | {found.total() / count:.1%} of {count:,} | {steps} |")
    print(json.dumps({key: result[key] for key in ("fitted", "cpu_seconds", "seconds", "peak_mb")}, indent=1))


if __name__ == "__main__":
    main()
