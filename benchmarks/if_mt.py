"""Translation by rules, in the manner of IF-MT (Tower+, arXiv 2506.17080): which rules are kept, and at what cost.

    python benchmarks/if_mt.py --lines 60 --json benchmarks/results/if_mt.json
    python benchmarks/if_mt.py --generalist openai:http://127.0.0.1:8000/v1#MODEL

Rules are drawn (seeded, one to three a line) for lines of FLORES-200 dev out of those that the source calls for
and that the reference keeps or can be made to keep (`scalemt.evaluation.instructed` takes any lines). Compared:

draft       the specialist, which knows of no rules
finished    its draft with what a program can do for the rules; nobody is asked
specialist  the same with sampled drafts where rules are still broken
instruct    the whole method: the generalist is asked for what is broken then, and asked again
answers     the generalist alone, told all rules, without program, samples, retries and gate

Strict: the rule is kept; loose: it is after one of a few usual additions is taken off. "Items" keep all of their
rules. chrF++ is against references that keep the rules, the product is 0 for an item that breaks one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.evaluation.instructed import Item, Score, make_items, score_items
from scalemt.lines import read_lines
from scalemt.types import Pair, Segment
from scalemt.version import __version__

DIRECTIONS = ("en-pt", "pt-en")
FILES = {
    "en": "eng_Latn",
    "pt": "por_Latn",
    "es": "spa_Latn",
    "ca": "cat_Latn",
    "eu": "eus_Latn",
    "gl": "glg_Latn",
}
WAYS: dict[str, dict[str, Any]] = {
    "finished": {"budget": 0.0, "options": {"samples": 0}},
    "specialist": {"budget": 0.0},
    "instruct": {},
    "answers": {
        "gate": "off",
        "options": {"samples": 0, "retries": 0, "repair": False, "tell": "all", "always": True},
    },
}
HEADER = (
    "| direction | way | rules, strict | loose | items, strict | loose | chrF++ | product | calls | s |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Row:
    """What came of one way in one direction."""

    direction: str
    way: str
    items: int
    score: Score
    calls: float
    seconds: float

    def line(self) -> str:
        """The row of the table."""
        score = self.score
        shares = (score.strict, score.loose, score.whole, score.loosely_whole)
        return (
            f"| {self.direction} | {self.way} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} "
            f"| {score.chrf:.2f} | {score.product:.2f} | {self.calls:.2f} | {self.seconds:.2f} |"
        )


def measured(direction: str, way: str, items: Sequence[Item], pair: Pair, generalist: str, threads: int) -> Row:
    """Translate all items in one way, and verify their rules."""
    if way == "draft":
        profile = Profile(method="draft", threads=threads)
        segments = [Segment(item.source, item.id) for item in items]
    else:
        fields = {"gate": "quality", **WAYS[way]}
        fields["options"] = {"notes": True, **fields.get("options", {})}
        profile = Profile(method="instruct", generalist=generalist, threads=threads, **fields)
        segments = [item.segment for item in items]
    started = time.perf_counter()
    done = Engine(profile).translate(segments, *pair)
    seconds = time.perf_counter() - started
    # What has failed is an empty text, which keeps nothing.
    score = score_items(items, [item.text for item in done], pair)
    calls = sum(item.usage.calls + item.usage.cached for item in done)
    return Row(direction, way, len(items), score, round(calls / len(items), 2), round(seconds / len(items), 2))


def main() -> None:
    """Read the command line, measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--most", type=int, default=3, help="rules a line")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS)
    parser.add_argument("--ways", nargs="+", default=("draft", *WAYS), choices=("draft", *WAYS))
    parser.add_argument("--generalist", default="llamacpp")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/if_mt.json"))
    options = parser.parse_args()
    print(HEADER)
    rows: list[Row] = []
    for direction in options.directions:
        pair = Pair(*direction.split("-"))
        files = [options.data / "flores200/dev" / f"{FILES[tag]}.txt" for tag in pair]
        sources, references = (read_lines(path)[: options.lines] for path in files)
        drafts = [item.text for item in Engine(Profile(method="draft", threads=1)).translate(sources, *pair)]
        items = make_items(sources, references, pair, seed=options.seed, most=options.most, drafts=drafts)
        for way in options.ways:
            rows.append(measured(direction, way, items, pair, options.generalist, options.threads))
            print(rows[-1].line(), flush=True)
    names = sorted({rule.name for row in rows for rule in row.score.rules})
    print(f"\n| rule | items | {' | '.join(options.ways)} |\n|---|---:|{'---:|' * len(options.ways)}")
    for name in names:
        cells = []
        for way in options.ways:
            found = [rule for row in rows if row.way == way for rule in row.score.rules if rule.name == name]
            cells.append(f"{100 * sum(rule.strict for rule in found) / sum(rule.items for rule in found):.0f} %")
        print(f"| `{name}` | {sum(rule.items for rule in found)} | {' | '.join(cells)} |")
    settings = {"lines": options.lines, "most": options.most, "seed": options.seed}
    whole = {"scalemt": __version__, "generalist": options.generalist, **settings}
    options.json.write_text(json.dumps(whole | {"rows": [asdict(row) for row in rows]}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
