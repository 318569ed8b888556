"""What a trained refiner is worth (MT-Ladder, EMNLP 2024): draft, refinement untrained and trained, controls.

    python benchmarks/refiner.py --data ../shared/data --lines 100 \
        --direction en-es:apertium --direction eu-en:apertium \
        --refiner "easy to hard=refiner-en-es" --refiner "mixed order=refiner-en-es-mixed" \
        --control "no drafts=refiner-en-es-nodraft"

Each direction is drafted by the specialist behind the colon, on lines of LibreOffice's help that nothing was
trained on (dev) and on lines of FLORES-200 dev. Rows:

draft                the specialist alone
untrained            the packaged Gemma 3 270M with the refiner's own prompt, no demonstrations
untrained, 5 shots   the same as it is used without a refiner: five demonstrations with drafts
LABEL                a refiner by its registered name, every answer taken
LABEL, gated         the same answers behind the quality gate as it is without a calibration
LABEL, calibrated    behind the gate that `scalemt calibrate` fitted on 60 other lines of the help, for both sets
LABEL (--ungated)    another refiner, every answer taken, and nothing else of it
LABEL (--control)    a model that was trained without drafts, and is shown none
as it comes          the default, where a refiner comes with scalemt: that one, behind its own gate

A refiner is asked in the directions of its card. Each row keeps its lines in a file of --rows, one a line, and
goes on there when it is run again. Differences to the draft are paired: 95 % of 1000 bootstrap samples.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from scalemt.config import load_configuration
from scalemt.engine import Engine
from scalemt.engine.calibrating import DevelopmentSet, calibrate
from scalemt.lines import read_lines
from scalemt.quality.calibration import calibration_path
from scalemt.refiners import packaged_refiners
from scalemt.trained import TrainedModels
from scalemt.types import Pair
from scalemt.version import __version__

FLORES = {
    "en": "eng_Latn",
    "es": "spa_Latn",
    "eu": "eus_Latn",
    "ca": "cat_Latn",
    "gl": "glg_Latn",
    "pt": "por_Latn",
}
CALIBRATED = 60  # lines that a gate is fitted on; none of them is measured
BATCH = 20  # lines that are kept together: so many are lost by a kill
HEADER = (
    "| direction | drafts by | lines of | system | chrF++ | over the draft (95 %) | BLEU | changed | s a line |\n"
    "|---|---|---|---|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class System:
    """One row of a direction and a set: how lines are translated."""

    label: str
    overrides: dict[str, Any]
    calibrated: bool = False


@dataclass(frozen=True)
class Row:
    """What came of one system on one set."""

    direction: str
    drafter: str
    test: str
    system: str
    lines: int
    chrf: float
    delta: float
    low: float
    high: float
    bleu: float
    kept: float
    seconds: float
    signature: str

    def line(self) -> str:
        """The row of the table."""
        over = "" if self.system == "draft" else f"{self.delta:+.1f} ({self.low:+.1f} to {self.high:+.1f})"
        return (
            f"| {self.direction} | {self.drafter} | {self.test} | {self.system} | {self.chrf:.1f} | {over} "
            f"| {self.bleu:.1f} | {100 * self.kept:.0f} % | {self.seconds:.2f} |"
        )


def chrf(texts: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus chrF++."""
    return float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score)


def differences(texts: Sequence[str], drafts: Sequence[str], references: Sequence[str]) -> tuple[float, float]:
    """Return the bounds of 95 % of the differences in chrF++, over samples of the same lines."""
    dice, found = random.Random(12345), []
    metric = CHRF(word_order=2)
    statistics = [
        [metric._extract_corpus_statistics([text], [[due]])[0] for text, due in zip(rows, references, strict=True)]
        for rows in (texts, drafts)
    ]
    for _ in range(1000):
        drawn = [dice.randrange(len(texts)) for _ in texts]
        scores = [
            metric._compute_score_from_stats(
                [sum(column) for column in zip(*(rows[at] for at in drawn), strict=True)]
            )
            for rows in statistics
        ]
        found.append(float(scores[0].score) - float(scores[1].score))
    found.sort()
    return found[25], found[974]


def lines_of(test: str, pair: Pair, data: Path, count: int, skip: int = 0) -> tuple[list[str], list[str]]:
    """Return sources and references of a test set, drawn once for all; `skip` passes over so many."""
    if test == "FLORES":
        files = [data / "flores200/dev" / f"{FLORES[tag.split('-')[0]]}.txt" for tag in pair]
        rows = list(zip(*map(read_lines, files), strict=True))
    else:
        foreign = pair.target if pair.source == "en" else pair.source
        path = data / "corpora" / f"libreoffice-help.en-{foreign}.dev.tsv"
        rows = [tuple(line.split("\t")) for line in read_lines(path)]
        rows = [(a, b) if pair.source == "en" else (b, a) for a, b in rows if 3 <= len(a.split()) <= 40]
    if skip:
        taken = set(random.Random(7).sample(rows, min(skip, len(rows))))
        rows = [row for row in rows if row not in taken]
    drawn = random.Random(7).sample(rows, min(count, len(rows)))
    return [row[0] for row in drawn], [row[1] for row in drawn]


def trained(named: Sequence[str], shelf: TrainedModels, pair: Pair) -> Iterator[tuple[str, str]]:
    """Yield label and name of those that were trained for a direction, of LABEL=NAME."""
    for item in named:
        label, _, name = item.partition("=")
        if str(pair) in shelf.resolve(name)[0].pairs:
            yield label, name


def systems(options: argparse.Namespace, pair: Pair, drafter: str) -> Iterator[System]:
    """Yield the systems of a direction."""
    untrained = {"generalist": options.untrained, "gate": "off"}
    yield System("draft", {"method": "draft"})
    yield System("untrained", {**untrained, "template": "refiner", "shots": 0})
    yield System("untrained, 5 shots", {**untrained, "shots": 5})
    shelf = TrainedModels()
    for label, name in trained(options.refiner, shelf, pair):
        yield System(label, {"generalist": name, "gate": "off"})
        yield System(f"{label}, gated", {"generalist": name, "gate": "quality"})
        yield System(f"{label}, calibrated", {"generalist": name, "gate": "quality"}, calibrated=True)
    for label, name in trained(options.ungated, shelf, pair):
        yield System(label, {"generalist": name, "gate": "off"})
    for label, name in trained(options.control, shelf, pair):
        yield System(label, {"generalist": name, "gate": "off", "method": "few-shot"})
    packaged = packaged_refiners()
    if any(drafter in packaged.card(name).drafters.get(str(pair), ()) for name in packaged.names()):
        yield System("as it comes", {"gate": "quality"})


def measured(
    system: System, drafter: str, pair: Pair, sources: Sequence[str], file: Path, options: argparse.Namespace
) -> list[Any]:
    """Return one record a line, those that are there already included."""
    known = [json.loads(line) for line in read_lines(file)] if file.exists() else []
    known = known[: len(sources)]
    if [item["source"] for item in known] != list(sources[: len(known)]):
        raise SystemExit(f"{file} holds other lines: name another folder with --rows, or delete it.")
    if len(known) == len(sources):
        return known
    configuration = load_configuration()
    fields = {"method": "refine", "specialists": (drafter,), "threads": options.threads, **system.overrides}
    profile = configuration.profile(None, **fields)
    calibrations = options.rows / "calibrations" / (f"{drafter}.{system.label}" if system.calibrated else "none")
    os.environ["SCALEMT_CONFIG_DIR"] = str(calibrations)
    path = calibration_path(calibrations, profile.name, pair)
    if system.calibrated and not path.exists():
        lines = lines_of("dev", pair, options.data, CALIBRATED, skip=options.lines)
        calibrate(DevelopmentSet(*lines, pair), profile, configuration, shots=(0,)).save(path)
    engine = Engine(profile, configuration)
    file.parent.mkdir(parents=True, exist_ok=True)
    for start in range(len(known), len(sources), BATCH):
        began = time.perf_counter()
        made = engine.translate(sources[start : start + BATCH], *pair)
        seconds = (time.perf_counter() - began) / len(made)
        fresh = [
            {
                "source": item.segment.text,
                "draft": item.draft.text if item.draft else "",
                "text": item.text,
                "decision": next((d.outcome for d in reversed(item.decisions) if d.step == "gate"), ""),
                "error": str(item.error or ""),
                "seconds": seconds,
                "signature": item.signature,
            }
            for item in made
        ]
        with file.open("a", encoding="utf-8") as opened:
            opened.write("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in fresh))
        known += fresh
    return known


def row_of(
    system: System, place: tuple[str, str, str], made: Sequence[Any], drafts: Sequence[str], due: Sequence[str]
) -> Row:
    """Score a row; where an answer was refused, the draft stands in its place."""
    texts = [item["text"] or draft for item, draft in zip(made, drafts, strict=True)]
    score = chrf(texts, due)
    low, high = differences(texts, drafts, due)
    return Row(
        *place,
        system=system.label,
        lines=len(texts),
        chrf=round(score, 2),
        delta=round(score - chrf(drafts, due), 2),
        low=round(low, 2),
        high=round(high, 2),
        bleu=round(float(BLEU().corpus_score(texts, [list(due)]).score), 2),
        kept=round(sum(text != draft for text, draft in zip(texts, drafts, strict=True)) / len(texts), 3),
        seconds=round(sum(item["seconds"] for item in made) / len(made), 3),
        signature=made[0]["signature"],
    )


def main() -> None:
    """Read the command line, measure what is not there yet, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--direction", action="append", required=True, metavar="SRC-TGT:SPECIALIST")
    parser.add_argument("--refiner", action="append", default=[], metavar="LABEL=NAME")
    parser.add_argument("--ungated", action="append", default=[], metavar="LABEL=NAME")
    parser.add_argument("--control", action="append", default=[], metavar="LABEL=NAME")
    parser.add_argument("--untrained", default="llamacpp")
    parser.add_argument("--tests", nargs="+", default=["dev", "FLORES"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=Path, default=Path("benchmarks/results/local/refiner"))
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/refiner.json"))
    options = parser.parse_args()
    print(HEADER, flush=True)
    rows: list[Row] = []
    for direction in options.direction:
        tags, _, drafter = direction.partition(":")
        pair = Pair(*tags.split("-"))
        for test in options.tests:
            sources, due = lines_of(test, pair, options.data, options.lines)
            drafts: list[str] = []
            for system in systems(options, pair, drafter):
                name = f"{tags}.{drafter}.{test}.{system.label}".replace(" ", "-").replace("/", "_")
                made = measured(system, drafter, pair, sources, options.rows / f"{name}.jsonl", options)
                drafts = drafts or [item["text"] for item in made]
                rows.append(row_of(system, (str(pair), drafter, test), made, drafts, due))
                print(rows[-1].line(), flush=True)
    whole = {"scalemt": __version__, "lines": options.lines, "rows": [asdict(row) for row in rows]}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(whole, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
