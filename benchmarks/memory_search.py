"""A memory of a million units: import rate, sizes, latency of searches, and agreement with an exhaustive search.

    python benchmarks/memory_search.py --data ../shared/data --units 1000000 --queries 500

The memory is made of real sentences: all English sources of the training parts of `corpora` (with their
targets), and, up to the wanted number, recombinations: the first words of one real sentence followed by the last
words of another, cut at the same share of its length, with a target put together likewise. Queries are real
sentences of the dev parts, which are disjoint from the training parts. Each is compared with all units by
`rapidfuzz.fuzz.ratio`; a search agrees where its best score is the best score there is, counted over the queries
whose best is 75 % or more. Beside it, in the same run, translate-toolkit's own matcher
(`translate.search.match`, Levenshtein over all units; install it with pip, it is no dependency) over a smaller
memory, since it compares one by one. Prints a table; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scalemt.lines import read_lines
from scalemt.memory import Memories, MemoryStore, MemoryUse, Unit
from scalemt.memory.index import index_size
from scalemt.memory.units import skeleton
from scalemt.types import Pair, Segment
from scalemt.version import __version__

PAIR = Pair("en", "und")
Row = tuple[str, str]


def real(data: Path, part: str) -> list[Row]:
    """Return the different English sentences of a part of all corpora, with a target each."""
    found: dict[str, str] = {}
    for path in sorted((data / "corpora").glob(f"*.{part}.tsv")):
        for line in read_lines(path):
            source, target = line.split("\t")[:2]
            found.setdefault(source, target)
    return list(found.items())


def recombined(rows: Sequence[Row], count: int, seed: int) -> Iterator[Row]:
    """Yield all rows and recombinations of them, all sources different, in an order that is drawn."""
    drawn = random.Random(seed)
    made = dict(rows)
    long = [row for row in rows if len(row[0].split()) > 2 and len(row[1].split()) > 2]
    while len(made) < count:
        first, second = drawn.choice(long), drawn.choice(long)
        share = drawn.random()
        source, target = (_joined(one, other, share) for one, other in zip(first, second, strict=True))
        made.setdefault(source, target)
    items = list(made.items())
    drawn.shuffle(items)
    yield from items


def _joined(one: str, other: str, share: float) -> str:
    head, tail = one.split(), other.split()
    first = max(1, min(len(head) - 1, round(share * len(head))))
    return " ".join([*head[:first], *tail[max(1, min(len(tail) - 1, round(share * len(tail)))) :]])


def exhaustive(queries: Sequence[str], sources: Sequence[str]) -> Any:
    """Return the best ratio of each query over all sources, 0 below 75."""
    from rapidfuzz import fuzz, process

    best = []
    for start in range(0, len(queries), 10):
        scores = process.cdist(
            queries[start : start + 10], sources, scorer=fuzz.ratio, score_cutoff=75, dtype=np.float32
        )
        best += scores.max(axis=1).tolist()
    return np.array(best)


def latency(memories: Memories, queries: Sequence[str], rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each search, one query at a time, and the best score of each query."""
    seconds: list[float] = []
    best: list[float] = []
    for number in range(rounds):
        for query in queries:
            began = time.perf_counter()
            row = memories.search([Segment(query)], PAIR, 5, 50.0)[0]
            seconds.append(time.perf_counter() - began)
            if not number:
                best.append(row[0].score if row else 0.0)
    return seconds, best


def toolkit(rows: Sequence[Row], queries: Sequence[str]) -> dict[str, float] | None:
    """Time translate-toolkit's matcher over a small memory; None where it is not installed."""
    try:
        from translate.search.match import matcher
        from translate.storage.po import pofile
    except ImportError:
        return None
    store = pofile()
    for source, target in rows:
        store.addsourceunit(source).target = target
    began = time.perf_counter()
    made = matcher(store, max_candidates=5, min_similarity=75, max_length=1000)
    built = time.perf_counter() - began
    seconds = []
    for query in queries:
        began = time.perf_counter()
        made.matches(query)
        seconds.append(time.perf_counter() - began)
    return {"units": len(rows), "build": built, **percentiles(seconds)}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and the largest in milliseconds."""
    values = np.array(seconds) * 1000
    return {
        "p50_ms": round(float(np.percentile(values, 50)), 2),
        "p95_ms": round(float(np.percentile(values, 95)), 2),
        "max_ms": round(float(values.max()), 2),
    }


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Build the memory, search it, and compare."""
    rows = list(recombined(real(options.data, "train"), options.units, 1))
    dev = [source for source, _ in real(options.data, "dev")]
    queries = random.Random(2).sample(dev, min(options.queries, len(dev)))
    path = folder / "million.db"
    store = MemoryStore(path, create=True)
    began = time.perf_counter()
    store.add(Unit(source, target, PAIR) for source, target in rows)
    added = time.perf_counter() - began
    memories = Memories([MemoryUse(path)])
    began = time.perf_counter()
    memories.search([Segment("warm up")], PAIR)
    indexed = time.perf_counter() - began
    fresh = Memories([MemoryUse(path)])
    began = time.perf_counter()
    fresh.search([Segment(queries[0])], PAIR)
    opened = time.perf_counter() - began
    latency(fresh, queries[:50], 1)
    seconds, best = latency(fresh, queries, options.rounds)
    began = time.perf_counter()
    truth = exhaustive([skeleton(Unit(query, "x", PAIR).segment) for query in queries],
                       [skeleton(Unit(source, "x", PAIR).segment) for source, _ in rows])  # fmt: skip
    slow = (time.perf_counter() - began) / len(queries)
    above = truth >= 75
    agreed = np.array(best)[above] >= truth[above] - 0.01
    memories.correct("A sentence that nobody has written before.", "Uma frase nova.", PAIR)
    began = time.perf_counter()
    found = fresh.search([Segment("A sentence that nobody has written before!")], PAIR)[0][0].unit.target
    return {
        "units": len(rows),
        "real": len(real(options.data, "train")),
        "added_per_second": round(len(rows) / added),
        "indexed_per_second": round(len(rows) / indexed),
        "import_seconds": round(added + indexed, 1),
        "file_mb": round(store.size_on_disk() / 1e6, 1),
        "index_mb": round(index_size(path) / 1e6, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "first_search_ms": round(opened * 1000, 1),
        "queries": len(queries),
        "rounds": options.rounds,
        **percentiles(seconds),
        "above_75": int(above.sum()),
        "agreement": round(float(agreed.mean()), 4),
        "exhaustive_ms": round(slow * 1000, 1),
        "correction_found": found == "Uma frase nova.",
        "correction_search_ms": round((time.perf_counter() - began) * 1000, 1),
        "toolkit": toolkit(rows[: options.toolkit_units], queries[: options.toolkit_queries]),
    }


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--toolkit-units", type=int, default=20_000)
    parser.add_argument("--toolkit-queries", type=int, default=20)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/memory_search.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, Path(folder))
    options.json.write_text(json.dumps({"scalemt": __version__, **result}, indent=2) + "\n", "utf-8")
    print("| what | measured |\n|---|---:|")
    for name, value in result.items():
        print(f"| {name.replace('_', ' ')} | {value} |")


if __name__ == "__main__":
    main()
