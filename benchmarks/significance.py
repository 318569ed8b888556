"""Paired significance tests, ours beside sacreBLEU's, on the SCALE authors' outputs for Xhosa to English.

    python benchmarks/significance.py --data ../shared/data

`--data` is a folder with `flores200/devtest/` and `scale-authors/outputs/`. Six systems are compared with a
seventh by 1,000 bootstrap samples and 10,000 randomisation trials, for BLEU, chrF, chrF++ and TER. Both sides are
timed from texts to p-values; "testing" is that without extracting the statistics of references and outputs, which
is the same work on both sides. sacreBLEU draws its random numbers anew for each metric and system; here they are
drawn once, in the time of the first metric. Prints tables, says whether the p-values agree, and writes JSON. Exit
code 1 when they do not.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sacrebleu
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.significance import PairedTest

from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.significance import paired_bootstrap, paired_randomisation
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.lines import read_lines
from scalemt.version import __version__

FILE = "xho_Latn2eng_Latn.output"
SYSTEMS = {
    "GPT-4": "refinement/gpt-4",
    "SCALE": "refinement/scale",
    "NLLB-3.3B": "refinement/nllb-200-3.3B",
    "NLLB-1.3B": "updating/nllb-200-1.3B",
    "NLLB-600M": "updating/nllb-200-distilled-600M",
    "M2M-100": "refinement/m2m100",
    "GPT-3.5": "refinement/gpt-3.5-turbo",
}
SCORERS: dict[str, Callable[[], Any]] = {
    "BLEU": BLEU,
    "chrF": CHRF,
    "chrF++": lambda: CHRF(word_order=2),
    "TER": TER,
}
TESTS = {"bootstrap": ("bs", 1000, paired_bootstrap), "randomisation": ("ar", 10_000, paired_randomisation)}


@dataclass
class Row:
    """One metric and one test: seconds in all and without the statistics, and p-values by system."""

    metric: str
    test: str
    ours: float
    ours_testing: float
    theirs: float
    theirs_testing: float
    p_ours: dict[str, float]
    p_theirs: dict[str, float]

    @property
    def agrees(self) -> bool:
        """Whether the p-values of both are equal, not just close."""
        return self.p_ours == self.p_theirs


def read(data: Path, baseline: str) -> tuple[list[System], TestSet]:
    """Return the systems, the baseline first, and the test set."""
    folder = data / "scale-authors" / "outputs"
    systems = [
        System(name, tuple(map(Output, read_lines(folder / SYSTEMS[name] / FILE))))
        for name in sorted(SYSTEMS, key=lambda name: name != baseline)
    ]
    references = tuple(read_lines(data / "flores200" / "devtest" / "eng_Latn.txt"))
    return systems, TestSet("FLORES-200 devtest", references=(references,))


def ours(
    metric_name: str, test: str, systems: list[System], test_set: TestSet
) -> tuple[float, float, dict[str, float]]:
    _, count, function = TESTS[test]
    start = time.perf_counter()
    metric = build_metric(metric_name.lower())
    measured = [metric.measure(system, test_set) for system in systems]
    middle = time.perf_counter()
    found = {
        system.name: function(metric, measured[0], item, count, 12345)
        for system, item in zip(systems[1:], measured[1:], strict=True)
    }
    end = time.perf_counter()
    return end - start, end - middle, found


def theirs(
    metric_name: str, test: str, systems: list[System], test_set: TestSet
) -> tuple[float, float, dict[str, float]]:
    kind, count, _ = TESTS[test]
    references = [list(texts) for texts in test_set.references]
    start = time.perf_counter()
    # As sacreBLEU's own command line: references are prepared once, when the scorer is made.
    scorer = SCORERS[metric_name]()
    scorer._ref_cache = scorer._cache_references(references)
    extracting = [time.perf_counter() - start]
    extract = scorer._extract_corpus_statistics

    def timed(*arguments: Any) -> Any:
        begun = time.perf_counter()
        statistics = extract(*arguments)
        extracting.append(time.perf_counter() - begun)
        return statistics

    scorer._extract_corpus_statistics = timed
    named: list[tuple[str, Sequence[str]]] = [(system.name, system.texts) for system in systems]
    _, scores = PairedTest(named, {metric_name: scorer}, None, test_type=kind, n_samples=count)()
    seconds = time.perf_counter() - start
    results = next(values for name, values in scores.items() if name != "System")
    found = zip([system.name for system in systems], results, strict=True)
    p_values = {name: float(item.p_value) for name, item in found if not isinstance(item, str) and item.p_value}
    return seconds, seconds - sum(extracting), p_values


def run(data: Path, baseline: str) -> list[Row]:
    systems, test_set = read(data, baseline)
    rows = []
    for metric in SCORERS:
        for test in TESTS:
            mine = ours(metric, test, systems, test_set)
            other = theirs(metric, test, systems, test_set)
            rows.append(Row(metric, test, mine[0], mine[1], other[0], other[1], mine[2], other[2]))
            show(rows[-1])
    return rows


def show(row: Row) -> None:
    faster = row.theirs_testing / row.ours_testing
    print(
        f"| {row.metric} | {row.test} | {row.theirs:.1f} | {row.ours:.1f} | {row.theirs_testing:.2f} "
        f"| {row.ours_testing:.2f} | {faster:.0f}x | {'yes' if row.agrees else 'NO'} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--baseline", choices=SYSTEMS, default="GPT-4")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "significance.json")
    arguments = parser.parse_args()
    print("| metric | test | sacreBLEU, s | scalemt, s | testing: sacreBLEU | scalemt | faster | same p |")
    print("|---|---|---|---|---|---|---|---|")
    rows = run(arguments.data, arguments.baseline)
    print_p_values(rows, arguments.baseline)
    result = {
        "direction": "xho_Latn-eng_Latn",
        "segments": 1012,
        "baseline": arguments.baseline,
        "sacrebleu": sacrebleu.__version__,
        "scalemt": __version__,
        "python": platform.python_version(),
        "agree": all(row.agrees for row in rows),
        "rows": [asdict(row) for row in rows],
    }
    arguments.output.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print(f"\nAll p-values agree: {'yes' if result['agree'] else 'NO'}")
    sys.exit(0 if result["agree"] else 1)


def print_p_values(rows: list[Row], baseline: str) -> None:
    names = list(rows[0].p_ours)
    print(f"\n| p against {baseline} | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for row in rows:
        print(f"| {row.metric}, {row.test} | " + " | ".join(f"{row.p_ours[name]:.4f}" for name in names) + " |")


if __name__ == "__main__":
    main()
