"""Translation characteristics of SCALE, NLLB and GPT-4: USW, NM and perplexity of the authors' own outputs.

    python benchmarks/characteristics.py --data ../shared/data

`--data` is a folder with `flores200/` and `scale-authors/outputs/`. Three tables: the characteristics of one
direction with significance against NLLB; USW and NM of that direction under other settings of the aligner (words
as they stand, more text to train on); and USW and NM of all eight directions of the paper. Section 5.1 of the
paper finds NM of NLLB above GPT-4 above SCALE; each row says whether it agrees. Prints Markdown; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalemt.evaluation.alignment import AlignmentCache
from scalemt.evaluation.alignment.fast_align import FastAlign
from scalemt.evaluation.characteristics import NonMonotonicity, UnalignedSourceWords
from scalemt.evaluation.fluency import Perplexity
from scalemt.evaluation.metrics import Metric
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.evaluation.tables import markdown
from scalemt.languages import parse_pair
from scalemt.lines import read_lines
from scalemt.version import __version__

SYSTEMS = {"NLLB": "nllb-200-3.3B", "GPT-4": "gpt-4", "SCALE": "scale"}
DIRECTIONS = tuple(
    f"{code}-eng_Latn"
    for code in "asm_Beng hye_Armn amh_Ethi xho_Latn uig_Arab khm_Khmr npi_Deva snd_Arab".split()
)


@dataclass(frozen=True)
class Part:
    """One direction: its test set and the three systems."""

    test_set: TestSet
    systems: list[System]


def read(direction: str, data: Path, lines: int | None) -> Part:
    """Read the first lines of a direction."""
    source, target = direction.split("-")
    texts = data / "flores200" / "devtest"
    test_set = TestSet(
        direction,
        tuple(read_lines(texts / f"{source}.txt")[:lines]),
        (tuple(read_lines(texts / f"{target}.txt")[:lines]),),
        parse_pair(source, target),
    )
    systems = []
    for name, folder in SYSTEMS.items():
        path = data / "scale-authors" / "outputs" / "refinement" / folder / f"{source}2{target}.output"
        systems.append(System(name, tuple(map(Output, read_lines(path)[:lines])), str(path)))
    return Part(test_set, systems)


def literalness(part: Part, aligner: FastAlign) -> dict[str, Any]:
    """Return USW and NM of the references and of each system, under one fitted aligner."""
    cache = AlignmentCache(aligner, part.test_set.pair)
    cache.fit(part.test_set, part.systems)
    reference = System("reference", tuple(map(Output, part.test_set.references[0])))
    row: dict[str, Any] = {"signature": cache.signature}
    for metric in (UnalignedSourceWords(alignments=cache), NonMonotonicity(alignments=cache)):
        row[metric.name] = {
            system.name: round(float(metric.score(measured.statistics.sum(axis=0)[None])[0]), 3)
            for system in (*part.systems, reference)
            for measured in [metric.measure(system, part.test_set)]
        }
    row["agrees"] = row["nm"]["NLLB"] > row["nm"]["GPT-4"] > row["nm"]["SCALE"]
    return row


def settings(direction: str, data: Path) -> dict[str, FastAlign]:
    """Return the aligners that are compared, by what is different about them."""
    source, target = direction.split("-")
    pair = parse_pair(source, target)
    more = ",".join(str(data / "flores200" / "dev" / f"{code}.txt") for code in (source, target))
    return {
        "bare words (default)": FastAlign(),
        "raw words": FastAlign(normalise=False),
        "bare words, trained on dev too": FastAlign(more, pair=pair),
        "raw words, trained on dev too": FastAlign(more, pair=pair, normalise=False),
    }


def full(part: Part, threads: int, model: str) -> tuple[dict[str, Any], str]:
    """Return the characteristics of all systems, tested against NLLB, as JSON values and as a table."""
    cache = AlignmentCache(FastAlign(), part.test_set.pair)
    metrics: list[Metric] = [UnalignedSourceWords(alignments=cache), NonMonotonicity(alignments=cache)]
    if model != "none":
        metrics.append(Perplexity(model, threads=threads))
    started = time.perf_counter()
    found = evaluate(part.test_set, part.systems, metrics, baseline="NLLB")
    cells = {
        system: {
            name: {
                "score": cell.score,
                "low": cell.low,
                "high": cell.high,
                "p_values": dict(cell.p_values),
                "verdict": cell.verdict,
            }
            for name, cell in row.items()
        }
        for system, row in found.cells.items()
    }
    signatures = {info.name: info.signature for info in found.metrics}
    seconds = round(time.perf_counter() - started, 1)
    return {"cells": cells, "signatures": signatures, "seconds": seconds}, markdown([found])


def show(title: str, rows: dict[str, dict[str, Any]]) -> str:
    """Return USW and NM of every row as a Markdown table."""
    names = [*SYSTEMS, "reference"]
    head = [title, *(f"USW {name}" for name in names), *(f"NM {name}" for name in names), "NM as in the paper"]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for label, row in rows.items():
        numbers = [f"{row[metric][name]:.2f}" for metric in ("usw", "nm") for name in names]
        lines.append(" | ".join([label, *numbers, "yes" if row["agrees"] else "no"]))
    return "".join(f"| {line} |\n" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with flores200/ and scale-authors/")
    parser.add_argument("--direction", default="xho_Latn-eng_Latn", help="that of the first two tables")
    parser.add_argument("--lines", type=int, help="only the first lines of each test set")
    parser.add_argument("--model", default="llamacpp", help="generalist for the perplexity; none: leave it out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/characteristics.json"))
    options = parser.parse_args(arguments)
    part = read(options.direction, options.data, options.lines)
    by_setting = {
        name: literalness(part, aligner) for name, aligner in settings(options.direction, options.data).items()
    }
    print(show(f"{options.direction}, fast_align on", by_setting), flush=True)
    by_direction = {
        direction: literalness(read(direction, options.data, options.lines), FastAlign())
        for direction in DIRECTIONS
    }
    print(show("direction", by_direction), flush=True)
    characteristics, table = full(part, options.threads, options.model)
    print(table)
    result = {
        "scalemt": __version__,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "direction": options.direction,
        "lines": len(part.test_set),
        "threads": options.threads,
        "characteristics": characteristics,
        "settings": by_setting,
        "directions": by_direction,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
