"""Updating (SCALE, section 6.4): better specialists under one frozen generalist, alone and inside SCALE.

    python benchmarks/updating.py --data ../shared/data --from eu --to en --baseline apertium \
        --specialist 10=libreoffice-help-eus-eng-10 --specialist 30=libreoffice-help-eus-eng-30 \
        --specialist 100=libreoffice-help-eus-eng --figure docs/updating-eus-eng.svg

Specialists are named as scalemt names them, each behind the share of the corpus (in percent) that it was trained
on; a baseline has none. All are measured on lines of LibreOffice's help that nothing was trained on (dev), alone
and inside SCALE with the same generalist, demonstrations and gate, on the same lines; and alone on FLORES-200,
which tells what the domain costs. Prints a table, writes JSON and a figure. Outputs are kept, so that what was
translated is not translated again. Differences inside SCALE are tested by paired bootstrap.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scalemt.data.reading import Source
from scalemt.evaluation.metrics.building import build_metric
from scalemt.evaluation.report.curves import Line, line_plot
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.languages import parse_pair
from scalemt.lines import read_lines
from scalemt.trained import TrainedModels
from scalemt.training.judging import scored
from scalemt.training.pairs import Pairs, read_pairs
from scalemt.training.updating.comparing import Outputs, first
from scalemt.training.updating.configuration import Scale
from scalemt.types import Pair
from scalemt.version import __version__

FLORES = {
    "en": "eng_Latn",
    "eu": "eus_Latn",
    "es": "spa_Latn",
    "ca": "cat_Latn",
    "gl": "glg_Latn",
    "pt": "por_Latn",
}
HEADER = (
    "| specialist | of the corpus | pairs | dev, chrF++ | BLEU | on SCALE's lines | in SCALE | gain | p | ungated "
    "| FLORES-200, chrF++ | BLEU |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Row:
    """One specialist: scores alone and inside SCALE."""

    specialist: str
    percent: float | None
    pairs: int | None
    dev: dict[str, float]
    same_lines: float
    scale: float
    gain: float
    p_value: float
    ungated: float | None
    flores: dict[str, float]

    def cells(self) -> list[str]:
        """The row of the table."""
        ungated = "" if self.ungated is None else f"{self.ungated:.2f}"
        return [
            self.specialist,
            "" if self.percent is None else f"{self.percent:g} %",
            "" if self.pairs is None else f"{self.pairs:,}",
            f"{self.dev['chrf++']:.2f}",
            f"{self.dev['bleu']:.2f}",
            f"{self.same_lines:.2f}",
            f"{self.scale:.2f}",
            f"{self.gain:+.2f}",
            f"{self.p_value:.3f}",
            ungated,
            f"{self.flores['chrf++']:.2f}" if self.flores else "",
            f"{self.flores['bleu']:.2f}" if self.flores else "",
        ]


def dev_of(options: argparse.Namespace, pair: Pair) -> Pairs:
    """Read dev of the corpus, whichever way round it lies."""
    names = [f"{options.corpus}.{one}-{other}.dev.tsv" for one, other in (pair, pair.reversed)]
    folder = options.data / "corpora"
    found = next((name for name in names if (folder / name).exists()), names[0])
    left, right = found.removesuffix(".dev.tsv").rpartition(".")[2].split("-", 1)
    return read_pairs(Source((str(folder / found),), left, right), pair)


def flores_of(options: argparse.Namespace, pair: Pair) -> Pairs:
    """Read the first lines of FLORES-200 dev."""
    files = [options.data / "flores200" / "dev" / f"{FLORES[tag]}.txt" for tag in pair]
    sides = [tuple(read_lines(file)[: options.flores]) for file in files]
    return Pairs("FLORES-200 dev", sides[0], sides[1], digest=f"flores:{pair}:{options.flores}")


def compared(pair: Pair, test: Pairs, drafts: Sequence[str], scale: Sequence[str]) -> tuple[float, float, float]:
    """Return chrF++ of drafts and of SCALE, and the p-value of their difference."""
    systems = [System(name, tuple(map(Output, texts))) for name, texts in (("draft", drafts), ("scale", scale))]
    test_set = TestSet(test.name, test.sources, (test.targets,), pair)
    metric = build_metric("chrf++")
    found: Any = evaluate(test_set, systems, [metric], baseline="draft").cells
    cells = [next(iter(found[name].values())) for name in ("draft", "scale")]
    # Where nothing differs, sacreBLEU's p-value is its smallest.
    p_value = cells[1].p_values["bootstrap"] if cells[1].differing else 1.0
    return cells[0].score, cells[1].score, p_value


def measure(options: argparse.Namespace, pair: Pair, percent: float | None, spec: str) -> Row:
    """Measure one specialist on all test sets."""
    dev, flores = dev_of(options, pair), flores_of(options, pair)
    some = first(dev, options.lines)
    gated = Outputs(options.kept, pair, Scale(generalist=options.generalist, shots=options.shots))
    alone = scored(gated.alone(spec, dev), dev, pair).scores
    drafts, made = gated.alone(spec, some), gated.scale(spec, some)
    before, after, p_value = compared(pair, some, drafts, made)
    ungated = None
    if options.ungated:
        free = Outputs(options.kept, pair, Scale(generalist=options.generalist, shots=options.shots, gate="off"))
        ungated = scored(free.scale(spec, some), some, pair).deciding
    general = scored(gated.alone(spec, flores), flores, pair).scores if options.flores else {}
    row = Row(spec, percent, pairs_of(spec), alone, before, after, after - before, p_value, ungated, general)
    print("| " + " | ".join(row.cells()) + " |", flush=True)
    return row


def pairs_of(spec: str) -> int | None:
    """Return how many pairs a model that was trained here was trained on."""
    shelf = TrainedModels()
    if spec.partition(":")[0] not in shelf.names("specialist"):
        return None
    data = shelf.resolve(spec)[0].data
    return sum(int(table["pairs"]) for name, table in data.items() if name.startswith("corpus"))


def findings(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what the paper's plot shows, as far as it holds here."""
    trained = sorted((row for row in rows if row.percent is not None), key=lambda row: row.percent or 0)
    alone, scale = [row.dev["chrf++"] for row in trained], [row.scale for row in trained]
    return {
        "alone rises with data": alone == sorted(alone),
        "SCALE rises with data": scale == sorted(scale),
        "least gain of SCALE over its specialist": round(min(row.gain for row in rows), 2),
        "SCALE nowhere below its specialist": all(row.gain >= 0 for row in rows),
    }


def figure(rows: Sequence[Row], pair: Pair, generalist: str) -> str:
    """Return the paper's updating plot as SVG: chrF++ against the share of the corpus."""
    trained = sorted((row for row in rows if row.percent is not None), key=lambda row: row.percent or 0)
    lines = [
        Line(
            "specialist alone",
            [(row.percent or 0, row.same_lines) for row in trained],
            "worse",
            "5 3",
            marked=True,
        ),
        Line("inside SCALE", [(row.percent or 0, row.scale) for row in trained], "better", marked=True),
    ]
    for row in rows:
        if row.percent is None:
            ends = [(trained[0].percent or 0, row.same_lines), (trained[-1].percent or 100, row.same_lines)]
            lines.append(Line(row.specialist, ends, "axis", "2 3"))
    return line_plot(
        lines,
        title=f"Updating the specialist, {pair}, under {generalist or 'the packaged generalist'}",
        x_label="percent of the training pairs",
        y_label="chrF++ on dev",
    )


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", default="libreoffice-help")
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", dest="target", required=True)
    parser.add_argument("--specialist", action="append", default=[], metavar="PERCENT=NAME")
    parser.add_argument("--baseline", action="append", default=[], metavar="NAME")
    parser.add_argument("--generalist", default="", help="default: that of the profile")
    parser.add_argument("--shots", type=int, default=None)
    parser.add_argument("--lines", type=int, default=200, help="of dev, for SCALE")
    parser.add_argument("--flores", type=int, default=200, help="lines; 0 leaves it out")
    parser.add_argument("--ungated", action="store_true", help="also every answer of the generalist")
    parser.add_argument("--kept", type=Path, default=Path("benchmarks/results/local/updating"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    pair = parse_pair(options.source, options.target)
    named: list[tuple[float | None, str]] = [(None, name) for name in options.baseline]
    named += [(float(one.partition("=")[0]), one.partition("=")[2]) for one in options.specialist]
    print(HEADER)
    rows = [measure(options, pair, percent, spec) for percent, spec in named]
    told = findings(rows)
    print(json.dumps(told))
    if options.json:
        kept = {"pair": str(pair), "lines": options.lines, "flores": options.flores, "version": __version__}
        told = kept | {"findings": told, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if options.figure:
        options.figure.write_text(figure(rows, pair, options.generalist) + "\n", "utf-8")


if __name__ == "__main__":
    main()
