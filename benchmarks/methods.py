"""All methods on one sheet: quality, calls, tokens and seconds, by `scalemt bench`.

    python benchmarks/methods.py --data ../shared/data -o FOLDER --json benchmarks/results/methods.json
    python benchmarks/methods.py --generalist openai:http://127.0.0.1:8000/v1#MODEL -o OTHER --json OTHER.json

The first 100 lines of FLORES-200 dev, English to Portuguese (drafts of Bergamot) and Galician to English (drafts
of Apertium), five demonstrations. Every method is measured with the gate off, which shows what answers are worth,
and with the gate `quality`, which shows what a user gets. The memory of `adaptive` is the training part of
LibreOffice's help, the glossary of `terminology`, `dictionary` and `agents` a list of everyday words
(benchmarks/methods/), the rules of `instruct` a limit of length; memory and glossary are
also the cards of `knowledge`; the workers of `route` are those that are built in. `code-switch` is for mixed text:
here it shows what it does to text that is not.

Goes on where it stopped; `--only` takes some of the methods. Writes a table and the JSON of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scalemt.lines import read_lines
from scalemt.memory import MemoryStore, Unit
from scalemt.types import Pair

TERMS = Path(__file__).with_suffix("")
FILES = {"en": "eng_Latn", "pt": "por_Latn", "gl": "glg_Latn"}
HELP = {"en-pt": ("en-pt-BR", Pair("en", "pt")), "gl-en": ("en-gl", Pair("en", "gl"))}
METHODS: dict[str, dict[str, Any]] = {
    "few-shot": {},
    "refine": {},
    "pivot": {"pivot": "es"},
    "multi-path": {"paths": 3},
    "adaptive": {"memories": "memory"},
    "terminology": {"glossary": "terms"},
    "dictionary": {"glossary": "terms"},
    "agents": {"glossary": "terms", "options": {"sources": "glossary"}},
    "think": {},
    "ladder": {},
    "parallel": {},
    "instruct": {"options": {"rules": "max-ratio=1.05"}},
    "code-switch": {},
    "knowledge": {"memories": "memory", "glossary": "terms"},
    "route": {},
}


def remembered(data: Path, direction: str, folder: Path) -> Path:
    """Make the memory of a direction, unless it is there."""
    path = folder / f"{direction}.db"
    name, pair = HELP[direction]
    if not path.exists():
        rows = read_lines(data / f"corpora/libreoffice-help.{name}.train.tsv")
        units = (row.split("\t") for row in rows)
        MemoryStore(path, create=True).add(Unit(one, other, pair) for one, other in units)
    return path


def plan(data: Path, direction: str, folder: Path, only: list[str], gates: list[str]) -> Path:
    """Write the plan of a direction for `scalemt bench`."""
    source, target = direction.split("-")
    dev = data.resolve() / "flores200/dev"
    lines = ["[[sets]]", f'name = "{direction}"', f'from = "{source}"', f'to = "{target}"']
    lines += [f'src = "{dev}/{FILES[source]}.txt"', f'ref = "{dev}/{FILES[target]}.txt"']
    lines += ["[[systems]]", 'name = "draft"', 'method = "draft"']
    places = {"memory": str(remembered(data, direction, folder)), "terms": str(TERMS / f"terms.{direction}.csv")}
    for gate in gates:
        for method in only:
            lines += ["[[systems]]", f'name = "{method}, gate {gate}"', f'method = "{method}"', f'gate = "{gate}"']
            lines += [f"{key} = {written(value, places)}" for key, value in METHODS[method].items()]
    path = folder / f"{direction}.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def written(value: Any, places: Mapping[str, str]) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {written(item, places)}" for key, item in value.items()) + " }"
    return json.dumps(places.get(value, value) if isinstance(value, str) else value)


def row(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the sheet tells of a system."""
    kept = {"system": found["arm"], "state": found["state"], "reason": found["reason"]}
    if found["state"] != "done":
        return kept
    scores = {name: round(score["score"], 1) for name, score in found["scores"].items()}
    count = found["segments"]
    verdicts = {f"{name} verdict": score.get("verdict") for name, score in found["scores"].items()}
    return kept | scores | verdicts | {
        "worse": found["worse"],
        "better": found["better"],
        "calls": round(found["calls"] / count, 2),
        "tokens_in": round(found["prompt_tokens"] / count),
        "tokens_out": round(found["completion_tokens"] / count),
        "seconds": round(found["seconds"]["total"] / count, 2),
        "failed": found["failed"],
        "decisions": found["decisions"],
    }  # fmt: skip


def sheet(direction: str, rows: list[dict[str, Any]]) -> None:
    """Print a table."""
    print(f"\n| {direction} | chrF++ | BLEU | worse / better than the draft | calls | tokens in | out | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for item in rows:
        if item["state"] != "done":
            print(f"| {item['system']} | {item['state']}: {item['reason']} | | | | | | |")
            continue
        compared = "" if item["worse"] is None else f"{item['worse']} / {item['better']}"
        cells = (item["chrF++"], item["BLEU"], compared, item["calls"], item["tokens_in"], item["tokens_out"])
        print(f"| {item['system']} | {' | '.join(map(str, cells))} | {item['seconds']:.2f} |")


def main() -> None:
    """Read the command line, run, print, write."""
    made = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    made.add_argument("--data", type=Path, default=Path("../shared/data"))
    made.add_argument(
        "-o", "--output", type=Path, required=True, help="folder of ledgers; goes on where it stopped"
    )
    made.add_argument("--lines", type=int, default=100)
    made.add_argument("--only", nargs="+", default=list(METHODS), choices=list(METHODS))
    made.add_argument("--directions", nargs="+", default=list(HELP), choices=list(HELP))
    made.add_argument("--gates", nargs="+", default=["off", "quality"])
    made.add_argument("--generalist", default="llamacpp")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--json", type=Path)
    options = made.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    whole: dict[str, Any] = {"lines": options.lines, "generalist": options.generalist, "sheets": {}}
    for direction in options.directions:
        path = plan(options.data, direction, options.output, options.only, options.gates)
        results = options.output / direction
        command = [
            sys.executable,
            "-c",
            "from scalemt.cli import main; main()",
            "bench",
            str(path),
            "-o",
            str(results),
        ]
        command += ["--limit", str(options.lines), "--threads", str(options.threads)]
        command += ["--generalist", options.generalist]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if not (results / "bench.json").exists():
            sys.exit(done.returncode)
        found = json.loads((results / "bench.json").read_text("utf-8"))
        rows = [row(item) for item in found["rows"]]
        whole |= {"machine": found["machine"], "scalemt": found["scalemt"]}
        whole["sheets"][direction] = rows
        sheet(direction, rows)
        if options.json:
            options.json.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
