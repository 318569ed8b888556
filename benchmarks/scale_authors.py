"""The SCALE authors' outputs scored by scalemt, with sacrebleu beside it, against the printed tables.

    python benchmarks/scale_authors.py --data ../shared/data

Scores the four suites in benchmarks/suites (refinement, pivoting, updating, multi-path) on FLORES-200 devtest,
runs the `sacrebleu` command on every file, and compares both with the figures of the fact sheet (`papers/scale.md`
6.2 to 6.5, where present) digit by digit. The three multi-path files with lines too many are shown to be refused,
then paired up by likeness to the references. Prints Markdown; writes JSON; exits 1 when a digit differs.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from scalemt.errors import InputError
from scalemt.evaluation.drift import align_lines
from scalemt.evaluation.inputs import build_test_set, read_column, read_system
from scalemt.evaluation.metrics import MetricContext, build_metric
from scalemt.evaluation.results import Evaluation
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.suite import load_suite, read_suite
from scalemt.evaluation.tables import markdown, number
from scalemt.lines import read_lines

SUITES = Path(__file__).parent / "suites"
PAIR = "xho_Latn-eng_Latn"


@dataclass(frozen=True)
class Agreement:
    """One printed figure: as scalemt has it, as the sacrebleu command has it, as the fact sheet prints it."""

    suite: str
    direction: str
    system: str
    metric: str
    scalemt: str
    sacrebleu: str
    printed: str | None

    @property
    def holds(self) -> bool:
        """Whether all that are known are the same digits."""
        return self.scalemt == self.sacrebleu and self.printed in (None, self.scalemt)


def mend_multi_path(data: Path, folder: Path) -> None:
    """Write the multi-path outputs, sources and references with ids, after showing that odd files are refused."""
    references = read_column(data / "flores200/devtest/eng_Latn.txt", "reference")
    test_set = build_test_set("eng_Latn", None, [references])
    for number_of_paths in range(1, 6):
        path = data / f"scale-authors/outputs/multi-path-sampling/path_number_{number_of_paths}.output"
        try:
            read_system(path.stem, path, test_set)
        except InputError as refused:
            print(f"refused: {refused}\n")
        lines = read_lines(path)
        places = align_lines(lines, references.texts)
        rows = [
            {"id": key, "translation": "" if place is None else lines[place]}
            for key, place in zip(test_set.ids, places, strict=True)
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / path.stem).with_suffix(".jsonl").write_text(text, "utf-8")
    for side in PAIR.split("-"):
        (folder / f"{side}.txt").write_bytes((data / f"flores200/devtest/{side}.txt").read_bytes())


def score(suite_file: Path, root: Path) -> list[Evaluation]:
    """Evaluate every direction of a suite."""
    suite = load_suite(suite_file)
    found = []
    for part in read_suite(suite, root):
        metrics = [build_metric(name, MetricContext(pair=part.test_set.pair)) for name in suite.metrics]
        found.append(evaluate(part.test_set, part.systems, metrics, baseline=suite.baseline))
    return found


def sacrebleu(reference: Path, texts: list[str]) -> dict[str, str]:
    """Return chrF++ and BLEU to one digit, as the sacrebleu command prints them."""
    command = [sys.executable, "-m", "sacrebleu", str(reference), "-m", "bleu", "chrf", "--chrf-word-order", "2"]
    text = "".join(line + "\n" for line in texts)
    done = subprocess.run([*command, "-w", "1"], input=text.encode(), capture_output=True, check=True)
    names = {"BLEU": "BLEU", "chrF2++": "chrF++"}
    return {names[item["name"]]: f"{item['score']:.1f}" for item in json.loads(done.stdout)}


def printed_figures(sheet: Path) -> dict[tuple[str, str, str, str], str]:
    """Return the figures of the fact sheet by suite, direction, system and metric, if it is there."""
    if not sheet.exists():
        return {}
    text = sheet.read_text("utf-8")
    return {**_refinement(text), **_pivoting(text), **_updating(text), **_multi_path(text)}


def _section(text: str, title: str) -> str:
    match = re.search(rf"^### {re.escape(title)}.*?(?=^### )", text, re.MULTILINE | re.DOTALL)
    return match[0] if match else ""


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.split("\n"):
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def _refinement(text: str) -> dict[tuple[str, str, str, str], str]:
    found = {}
    for metric, heading in (("chrF++", "**chrF++**"), ("BLEU", "**BLEU13a**")):
        table = _section(text, "6.2").partition(heading)[2].partition("\n\n")[2].partition("\n\n")[0]
        header, *rows = list(_rows(table))
        for name, *values in rows:
            for language, value in zip(header[1:-1], values, strict=False):
                found["scale_refinement", f"{language}-eng_Latn", name, metric] = value
    return found


def _pivoting(text: str) -> dict[tuple[str, str, str, str], str]:
    header, *rows = list(_rows(_section(text, "6.3").replace("| | ", "| x | ")))
    found = {}
    for name, *values in rows:
        metric, _, system = name.partition(" ")
        if metric in ("chrF++", "BLEU13a"):
            for language, value in zip(header[1:], values, strict=False):
                key = ("scale_pivoting", language, {"GPT-4": "gpt-4", "SCALE": "scale"}[system])
                found[*key, metric.removesuffix("13a")] = value
    return found


def _updating(text: str) -> dict[tuple[str, str, str, str], str]:
    names = {
        "M2M100": "m2m100",
        "NLLB-600M distilled": "nllb-600M",
        "NLLB-1.3B": "nllb-1.3B",
        "NLLB-3.3B": "nllb-3.3B",
    }
    found = {}
    for row in _rows(_section(text, "6.4")):
        if row[0] in names:
            for metric, cell in (("chrF++", row[4]), ("BLEU", row[5])):
                alone, _, refined = cell.partition(" → ")
                found["scale_updating", PAIR, names[row[0]], metric] = alone
                found["scale_updating", PAIR, f"scale + {names[row[0]]}", metric] = refined
    return found


def _multi_path(text: str) -> dict[tuple[str, str, str, str], str]:
    found = {}
    for name, *values in _rows(_section(text, "6.5")):
        if name in ("chrF++", "BLEU13a"):
            for paths, value in enumerate(values, 1):
                found["scale_multi_path", PAIR, f"m{paths}", name.removesuffix("13a")] = value
    return found


def compare(name: str, evaluations: list[Evaluation], root: Path, printed: dict[tuple[str, str, str, str], str],
            ) -> Iterator[Agreement]:  # fmt: skip
    """Yield each figure of a suite beside sacrebleu's and the printed one."""
    suite = load_suite(SUITES / f"{name}.toml")
    for evaluation in evaluations:
        direction = evaluation.test_set.name
        target = direction.split("-")[1]
        reference = root / suite.references[0].replace("{target}", target)
        for system in evaluation.systems:
            beside = sacrebleu(reference, system.texts)
            for info in evaluation.metrics:
                # The pivoting table names its columns by the language alone.
                keys = [(name, place, system.name, info.name) for place in (direction, target.split("_")[0])]
                figure = next((printed[key] for key in keys if key in printed), None)
                ours = number(evaluation.cell(system.name, info.name).score)
                yield Agreement(name, direction, system.name, info.name, ours, beside[info.name], figure)


def main() -> int:
    """Read the command line, score, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with flores200/ and scale-authors/")
    parser.add_argument("--sheet", type=Path, help="the fact sheet (default: papers/scale.md beside the data)")
    parser.add_argument("--suites", nargs="+", help="names of suites (default: all four)")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/scale_authors.json"))
    options = parser.parse_args()
    printed = printed_figures(options.sheet or options.data.parent / "papers/scale.md")
    mended = Path(mkdtemp(prefix="scalemt-multi-path-"))
    found: list[Agreement] = []
    names = options.suites or ["scale_refinement", "scale_pivoting", "scale_updating", "scale_multi_path"]
    for name in names:
        if name == "scale_multi_path":
            mend_multi_path(options.data, mended)
        root = mended if name == "scale_multi_path" else options.data
        evaluations = score(SUITES / f"{name}.toml", root)
        print(f"## {load_suite(SUITES / f'{name}.toml').name}\n\n{markdown(evaluations)}", flush=True)
        found += compare(name, evaluations, root, printed)
    wrong = [item for item in found if not item.holds]
    with_sheet = sum(item.printed is not None for item in found)
    print(f"{len(found)} figures, {with_sheet} of them printed in the fact sheet: {len(wrong)} differ.")
    for item in wrong:
        print(f"- {item}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps([asdict(item) for item in found], indent=1) + "\n", "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
