"""Online learning by simulated post-editing: draft a segment, score it, learn its reference, go on.

    python benchmarks/online_learning.py [--data ../shared/data] [--lines 300] [--pairs 10000] [--json OUT]

A thot model is trained on a sample of train.tsv and walks through dev.tsv twice: as it was trained, and learning
the reference of each segment after it was scored. The model is one of the same manual, where ten thousand pairs
have taught most of what there is to learn, or one of another kind of text, as at the start of a job. The corpora
are sorted, so that consecutive lines are alike; a second walk goes over as many lines drawn at random from the
whole of dev.tsv. What could be known by likeness alone is counted: segments whose source is nearly one of the
training data, or nearly one that was walked over before; and the scores of the others are told by themselves. One
more way to translate is one more `Translator` in the list that `arms` returns.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rapidfuzz import fuzz, process

from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.significance import compare, describe
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.fingerprint import library_version
from scalemt.lines import read_lines
from scalemt.specialists.thot import ThotSpecialist, train
from scalemt.types import Pair
from scalemt.version import __version__

# what is walked through, and what the model was trained on: the same manual, and something else
CORPORA = (
    "libreoffice-help.en-eu",
    "libreoffice-help.en-pt-BR",
    "libreoffice-help.en-eu:firefox-ui.en-eu",
    "libreoffice-help.en-pt-BR:debian-descriptions.en-pt-BR",
)
WINDOW = 50
ALIKE = 90.0  # likeness of two sources (rapidfuzz, in per cent) from which on they count as nearly the same

Row = tuple[str, str]


class Translator(Protocol):
    """What walks: it translates a segment, and is then told the translation that a person would sign."""

    name: str

    def translate(self, source: str) -> str:
        """Translate the next segment."""
        ...

    def learn(self, source: str, target: str) -> None:
        """Take in the reference of the segment that was just translated."""
        ...


class Thot:
    """A thot model alone; each has a copy of the trained folder for itself.

    Args:
        model: the trained folder.
        copy: where its copy is made.
        learning: whether it learns.
    """

    def __init__(self, model: Path, copy: Path, *, learning: bool) -> None:
        self._specialist = ThotSpecialist(shutil.copytree(model, copy))
        self._pair = self._specialist.pairs()[0]
        self._learning = learning
        self.name = "thot, learning" if learning else "thot"
        self.translate("Loaded before the clock runs.")

    def translate(self, source: str) -> str:
        """Draft it."""
        return self._specialist.draft([source], self._pair)[0][0].text

    def learn(self, source: str, target: str) -> None:
        """Learn it, if this one does."""
        if self._learning:
            self._specialist.learn_all([(source, target)], self._pair)


def arms(model: Path, folder: Path) -> list[Translator]:
    """Return what is compared, the baseline first. A third arm (the same drafts inside SCALE) is put in here."""
    return [
        Thot(model, folder / "frozen", learning=False),
        Thot(model, folder / "learning", learning=True),
    ]


@dataclass
class Walk:
    """One translator on one list of segments: what it said, and how long it took for each."""

    name: str
    texts: list[str] = field(default_factory=list)
    draft_seconds: list[float] = field(default_factory=list)
    learn_seconds: list[float] = field(default_factory=list)


def walk(translator: Translator, rows: Sequence[Row]) -> Walk:
    """Translate and then learn each segment, in order."""
    done = Walk(translator.name)
    for source, target in rows:
        began = time.perf_counter()
        done.texts.append(translator.translate(source))
        drafted = time.perf_counter()
        translator.learn(source, target)
        done.draft_seconds.append(drafted - began)
        done.learn_seconds.append(time.perf_counter() - drafted)
    return done


def likeness(rows: Sequence[Row], trained: Sequence[Row]) -> dict[str, list[float]]:
    """Return for each source how like it is to the nearest of the training data, and to the nearest before it."""
    sources = [source.lower() for source, _ in rows]
    known = process.cdist(sources, [source.lower() for source, _ in trained], scorer=fuzz.ratio).max(axis=1)
    among = process.cdist(sources, sources, scorer=fuzz.ratio)
    before = [float(among[place, :place].max()) if place else 0.0 for place in range(len(sources))]
    return {"train": [round(float(value), 1) for value in known], "before": [round(value, 1) for value in before]}


def told(rows: Sequence[Row], walks: Sequence[Walk], alike: dict[str, list[float]]) -> dict[str, Any]:
    """Return scores of all walks: whole, in windows, of those with and without a near duplicate before them."""
    places = list(range(len(rows)))
    old = [place for place in places if alike["before"][place] >= ALIKE]
    known = [place for place in places if max(alike["before"][place], alike["train"][place]) >= ALIKE]
    new = sorted(set(places) - set(known))
    windows = [places[start : start + WINDOW] for start in range(0, len(places), WINDOW)]
    return {
        "segments": len(rows),
        "near_duplicate_before": len(old),
        "near_duplicate_in_train": sum(value >= ALIKE for value in alike["train"]),
        "all": scores(rows, walks, places),
        "without_near_duplicates": scores(rows, walks, new),
        "windows": [scores(rows, walks, window)["systems"] for window in windows],
        "seconds": {
            item.name: {
                "draft_median": round(statistics.median(item.draft_seconds), 4),
                "learn_median": round(statistics.median(item.learn_seconds), 4),
                "learn_highest": round(max(item.learn_seconds), 4),
            }
            for item in walks
        },
    }


def scores(rows: Sequence[Row], walks: Sequence[Walk], places: Sequence[int]) -> dict[str, Any]:
    """Return chrF++ of the corpus and the mean of its segments, each walk compared with the first."""
    if not places:
        return {"segments": 0, "systems": {}}
    test_set = TestSet(
        "walk",
        tuple(rows[place][0] for place in places),
        (tuple(rows[place][1] for place in places),),
    )
    metric = build_metric("chrf++")
    measured = [
        metric.measure(System(item.name, tuple(Output(item.texts[place]) for place in places)), test_set)
        for item in walks
    ]
    cells = [describe(metric, measured[0]), *(compare(metric, measured[0], other) for other in measured[1:])]
    return {
        "segments": len(places),
        "systems": {
            item.name: {
                "chrf++": round(cell.score, 2),
                "interval": [round(cell.low, 2), round(cell.high, 2)],
                "mean_of_segments": round(statistics.fmean(cell.segments), 2),
                "exact": sum(item.texts[place] == rows[place][1] for place in places),
                "difference": round(cell.delta, 2),
                "p": {name: round(value, 4) for name, value in cell.p_values.items()},
                "verdict": cell.verdict,
            }
            for item, cell in zip(walks, cells, strict=True)
        },
    }


def pairs_of(path: Path) -> list[Row]:
    """Return the pairs of a table."""
    rows = (line.split("\t") for line in read_lines(path) if line.strip())
    return [(row[0], row[1]) for row in rows]


def measure(corpus: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train on one corpus and walk through its dev set, or that of another, as it stands and shuffled."""
    data: Path = options.data / "corpora"
    corpus, _, trained_on = corpus.partition(":")
    trained_on = trained_on or corpus
    trained = pairs_of(data / f"{trained_on}.train.tsv")
    trained = random.Random(options.seed).sample(trained, min(options.pairs, len(trained)))
    dev = pairs_of(data / f"{corpus}.dev.tsv")
    model = folder / "model"
    began = time.perf_counter()
    train(trained, Pair("en", corpus.partition(".en-")[2]), model, seed=options.seed, aligner=options.aligner)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    result: dict[str, Any] = {
        "walk": corpus,
        "trained_on": trained_on,
        "aligner": options.aligner,
        "pairs": len(trained),
        "train_seconds": round(seconds, 1),
        "model_megabytes": round(size / 1e6, 1),
        "dev_source_in_train": len({row[0] for row in dev} & {row[0] for row in trained}),
    }
    what = f"{corpus} after {len(trained)} pairs of {trained_on}"
    print(f"\n## {what}: trained in {seconds:.0f} s, {size / 1e6:.0f} MB", flush=True)
    orders = {
        "consecutive": dev[: options.lines],
        "shuffled": random.Random(options.seed).sample(dev, min(options.lines, len(dev))),
    }
    for order, rows in orders.items():
        walks = [walk(arm, rows) for arm in arms(model, folder / order)]
        result[order] = told(rows, walks, likeness(rows, trained))
        show(order, result[order])
        if options.texts:
            result[order]["texts"] = {item.name: item.texts for item in walks}
    return result


def show(order: str, result: dict[str, Any]) -> None:
    """Print the tables of one walk."""
    before, known = result["near_duplicate_before"], result["near_duplicate_in_train"]
    print(f"\n{order} lines: {result['segments']}, {before} nearly known from before, {known} from training\n")
    names = list(result["all"]["systems"])
    print("| segments | " + " | ".join(names) + " | difference | p (bootstrap) |")
    print("|---|" + "---|" * (len(names) + 2))
    starts = [f"{start * WINDOW + 1} on" for start in range(len(result["windows"]))]
    for what, systems in (
        *zip(starts, result["windows"], strict=True),
        (f"all {result['segments']}", result["all"]["systems"]),
        (
            f"{result['without_near_duplicates']['segments']} without near duplicates",
            result["without_near_duplicates"]["systems"],
        ),
    ):
        last: Any = systems[names[-1]] if systems else {"difference": 0.0, "p": {"bootstrap": 1.0}}
        shown = " | ".join(f"{systems[name]['chrf++']:.1f}" if systems else "-" for name in names)
        print(f"| {what} | {shown} | {last['difference']:+.1f} | {last['p']['bootstrap']:.3f} |")
    for name, seconds in result["seconds"].items():
        drafted, learnt = seconds["draft_median"], seconds["learn_median"]
        print(f"{name}: {drafted:.3f} s a draft, {learnt:.3f} s to learn (medians)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder that holds corpora")
    parser.add_argument("--corpora", nargs="+", default=CORPORA, help="WALKED, or WALKED:TRAINED_ON")
    parser.add_argument("--aligner", default="hmm")
    parser.add_argument("--lines", type=int, default=300, help="of dev.tsv")
    parser.add_argument("--pairs", type=int, default=10_000, help="of train.tsv")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--texts", action="store_true", help="write the drafts into the JSON too")
    parser.add_argument("--json", type=Path, help="where to write the result")
    options = parser.parse_args()
    result: dict[str, Any] = {
        "scalemt": __version__,
        "libraries": {name: library_version(name) for name in ("sil-machine", "sil-thot", "sacrebleu")},
        "python": platform.python_version(),
        "metric": build_metric("chrf++").signature,
        "alike": ALIKE,
        "seed": options.seed,
        "corpora": {},
    }
    for corpus in options.corpora:
        with tempfile.TemporaryDirectory() as folder:
            result["corpora"][corpus] = measure(corpus, options, Path(folder))
        if options.json:
            options.json.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
