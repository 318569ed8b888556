"""Put the tables of `benchmarks/results/*.json` between their markers in README.md.

python benchmarks/readme.py [--check] [--bench FOLDER]

With `--check` nothing is written; the exit code is 1 when README.md is not up to date. `--bench` first takes over
the results of a `scalemt bench -o FOLDER`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from claims import HEADER as CLAIMS_HEADER
from claims import Claim
from scale_quality import HEADER, Row, show
from scalemt.evaluation.results import MARKS

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "benchmarks/results/bench.json"

SPEED = (
    "startup",
    "drafting",
    "speculation",
    "speculation_short",
    "speculation_10_shots",
    "speculation_exact",
    "overhead",
    "server_slots",
    "cache",
    "memory",
    "memory_short",
)
"""Results of the scripts that `make bench` runs, and three that take long by themselves."""

BENCH_HEADER = (
    "| pair | profile | chrF++ | BLEU | worse / better than the draft | kept | asked the LLM | tokens in / out "
    "| s a segment, p50 / p95 |",
    "|---|---|---:|---:|---:|---|---:|---:|---:|",
)


def scale_quality() -> str:
    """Return the Markdown table of the quality benchmark."""
    result = json.loads((ROOT / "benchmarks/results/scale_quality.json").read_text("utf-8"))
    rows = [show(Row(**row)) for row in result["rows"]]
    note = f"`{result['metric']}`, scalemt {result['scalemt']}, {result['machine']}."
    return "\n".join([*HEADER, *rows, "", note])


def bench() -> str:
    """Return the Markdown table of profiles side by side."""
    result = json.loads(BENCH.read_text("utf-8"))
    pairs = {item["name"]: item["pair"] for item in result["sets"]}
    rows = [_profile(row, pairs[row["test_set"]]) for row in result["rows"]]
    first = result["sets"][0]
    signatures = ", ".join(f"`{item['signature']}`" for item in first["metrics"])
    note = f"{signatures}; {first['segments']} segments a pair, scalemt {result['scalemt']}, {result['machine']}."
    return "\n".join([*BENCH_HEADER, *rows, "", note])


def _profile(row: dict[str, Any], pair: str) -> str:
    if row["state"] != "done":
        return f"| {pair} | {row['arm']} | {row['state']} | | | {row['reason']} | | | |"
    scores = " | ".join(_score(row["scores"][name]) for name in ("chrF++", "BLEU"))
    changed = "–" if row["worse"] is None else f"{row['worse']} / {row['better']}"
    kept = ", ".join(f"{name} {share:.0%}" for name, share in row["decisions"].items()) or "–"
    tokens = f"{row['prompt_tokens']:,} / {row['completion_tokens']:,}" if row["calls"] else "–"
    seconds = f"{row['seconds']['p50']:.2f} / {row['seconds']['p95']:.2f}"
    return (
        f"| {pair} | {row['arm']} | {scores} | {changed} | {kept} | {row['called']:.0%} | {tokens} | {seconds} |"
    )


def _score(cell: dict[str, Any]) -> str:
    half = (cell["high"] - cell["low"]) / 2
    return f"{cell['score']:.1f} ± {half:.1f} {MARKS[cell['verdict']]}".rstrip()


def speed() -> str:
    """Return the Markdown table of what `make bench` claims, in the order of `SPEED`."""
    paths = [ROOT / f"benchmarks/results/{name}.json" for name in SPEED]
    results = [json.loads(path.read_text("utf-8")) for path in paths if path.exists()]
    claims = [Claim(**claim) for result in results for claim in result["claims"]]
    return "\n".join([*CLAIMS_HEADER, *(claim.row() for claim in claims)])


def filled(text: str) -> str:
    """Return the README with every table replaced by the newest results."""
    for name, table in {"bench": bench(), "scale_quality": scale_quality(), "speed": speed()}.items():
        opening, ending = f"<!-- table: {name} -->\n", "<!-- end of table -->"
        before, found, rest = text.partition(opening)
        if not found:
            raise SystemExit(f"README.md has no line {opening.strip()!r} to put the table behind.")
        text = f"{before}{opening}{table}\n{ending}{rest.partition(ending)[2]}"
    return text


def main() -> int:
    """Write README.md, or with `--check` only compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when README.md is out of date")
    parser.add_argument("--bench", type=Path, metavar="FOLDER", help="take over the results of scalemt bench")
    options = parser.parse_args()
    if options.bench:
        shutil.copyfile(options.bench / "bench.json", BENCH)
    path = ROOT / "README.md"
    before = path.read_text("utf-8")
    after = filled(before)
    if options.check:
        return int(before != after)
    path.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
