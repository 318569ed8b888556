"""What deferral is worth: quality by budget, chosen by expected gain, at random, and by an oracle.

    python benchmarks/deferral.py --data ../shared/data                          # about a minute: recorded outputs
    python benchmarks/deferral.py --data ../shared/data --parts gemma,authors    # about 25 minutes on two cores

`authors`: the drafts (NLLB-200, M2M100) and refinements (GPT-4) that the SCALE authors published for FLORES-200
devtest, eight directions into English and three weaker specialists for Xhosa. Deferral is fitted on one half of
the lines and chooses on the other, and the other way round; no model is called. Every answer is taken.

`gemma`: eus->eng (Apertium) and por->eng (Bergamot) refined by the packaged Gemma 3 270M. Deferral and gate are
fitted on the first lines of `dev` and choose on the first lines of `devtest`, in the engine's windows. The answers
stand in a ledger under benchmarks/results/local/deferral: interrupted, the same command goes on.

With `--directions glg_Latn-eng_Latn` it does the same for Galician, where the gate keeps some answers.

Prints Markdown, writes JSON, in which what was measured before stays. Nothing is timed, so the cache has no say.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from scalemt.config import Configuration, Profile
from scalemt.drafts import draft_from_json
from scalemt.engine.calibrating_deferral import chrf_sides, text_of
from scalemt.evaluation.bench.arms import Arm, read_set
from scalemt.evaluation.bench.backends import Backends
from scalemt.evaluation.bench.deferral import ungated_answer
from scalemt.evaluation.bench.progress import Log
from scalemt.evaluation.bench.running import Bench, Task
from scalemt.languages import parse_pair
from scalemt.lines import read_lines
from scalemt.quality.deferral import DeferralModel, Drafted, free_features
from scalemt.quality.deferral_fitting import BUDGETS, Point, Sides, curve, fit_deferral, in_windows
from scalemt.quality.evidence import Case, chrf
from scalemt.quality.fitting import Fit, examples, fit
from scalemt.quality.gate import Gate
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.types import Candidate, Check, Draft, Pair, Segment, Translation
from scalemt.version import __version__

AT = 0.4
WINDOW = 32
GEMMA = ("eus_Latn-eng_Latn", "por_Latn-eng_Latn")
UPDATING = ("m2m100", "nllb-200-distilled-600M", "nllb-200-1.3B")

Rows = Sequence[dict[str, float]]


@dataclass(frozen=True)
class Result:
    """One curve, and what it says at the budget of 0.4.

    `ratio` is the loss against budget 1 over that of random choice, None where random choice loses nothing;
    `least` the smallest budget at which deferral is as good as asking everybody.
    """

    part: str
    name: str
    gate: str
    chooser: str
    segments: int
    draft: float
    full: float
    loss: float
    loss_random: float
    ratio: float | None
    least: float
    worse_full: float
    points: list[Point]

    def at(self, budget: float = AT) -> Point:
        """Return the point of a budget."""
        return next(point for point in self.points if math.isclose(point.budget, budget))


def result(part: str, name: str, gate: str, chooser: str, sides: Sides, choose: Callable[[float], Sequence[bool]],
           ) -> Result:  # fmt: skip
    """Draw a curve and look at it."""
    points = curve(sides, choose)
    full = points[-1].expected
    at = next(point for point in points if math.isclose(point.budget, AT))
    loss, loss_random = full - at.expected, full - at.random
    return Result(
        part, name, gate, chooser, len(sides.gains), points[0].expected, full, loss, loss_random,
        loss / loss_random if loss_random > 1e-9 else None,
        next(point.budget for point in points if point.expected >= full - 1e-9), points[-1].worse, points,
    )  # fmt: skip


def authors(data: Path) -> Iterator[Result]:
    """Yield the curves of the authors' outputs."""
    outputs = data / "scale-authors/outputs"
    for file in sorted((outputs / "refinement/scale").iterdir()):
        draft = outputs / "refinement/nllb-200-3.3B" / file.name
        yield from crossed(data, file.stem.split("2")[0], "NLLB-3.3B", draft, file)
    for name in UPDATING:
        folder = outputs / "updating"
        answer = folder / "scale" / name / "xho_Latn2eng_Latn.output"
        yield from crossed(data, "xho_Latn", name, folder / name / answer.name, answer)


def crossed(data: Path, code: str, specialist: str, draft_file: Path, answer_file: Path) -> Iterator[Result]:
    """Yield curves in which each half of the lines is chosen from by what the other half taught."""
    sources = read_lines(data / f"flores200/devtest/{code}.txt")
    references = read_lines(data / "flores200/devtest/eng_Latn.txt")
    drafts, answers = read_lines(draft_file), read_lines(answer_file)
    pair = parse_pair(code, "eng_Latn")
    rows = [
        free_features(Drafted(source, [Draft(text)], text, pair))
        for source, text in zip(sources, drafts, strict=True)
    ]
    sides = chrf_sides(drafts, answers, references)
    halves = [range(0, len(rows), 2), range(1, len(rows), 2)]
    models = [
        fit_deferral([rows[i] for i in half], [float(sides.gains[i]) for i in half]).model for half in halves
    ]
    name = f"{code} ({specialist}, GPT-4)"
    yield result("authors", name, "off", "calibrated", sides, _swapped(halves, models, rows))
    yield result("authors", name, "off", "rule", sides, in_windows(None, rows, WINDOW))


def _swapped(
    halves: Sequence[range], models: Sequence[DeferralModel], rows: Rows
) -> Callable[[float], Sequence[bool]]:
    choosers = [
        in_windows(model, [rows[i] for i in half], WINDOW)
        for half, model in zip(halves, reversed(models), strict=True)
    ]

    def choose(budget: float) -> list[bool]:
        asked = [False] * len(rows)
        for half, chooser in zip(halves, choosers, strict=True):
            for index, value in zip(half, chooser(budget), strict=True):
                asked[index] = value
        return asked

    return choose


@dataclass(frozen=True)
class Measured:
    """A translated set: what came of it, in the engine's own values, and its references."""

    done: list[Translation]
    references: tuple[str, ...]
    ungated: list[str]

    @property
    def drafts(self) -> list[str]:
        """Return the draft of each segment."""
        return [text_of(item, "draft") for item in self.done]

    @property
    def rows(self) -> list[dict[str, float]]:
        """Return the free features of each segment."""
        return [
            free_features(Drafted(item.segment.text, item.drafts, text_of(item, "draft"), item.pair))
            for item in self.done
        ]

    def sides(self, texts: Sequence[str]) -> Sides:
        """Measure drafts against texts."""
        return chrf_sides(self.drafts, texts, self.references)

    def cases(self) -> list[Case]:
        """Return what the gate judges."""
        return [Case(item.segment.text, item.pair, item.draft, item.candidates) for item in self.done]


def gemma(data: Path, directions: Sequence[str], lines: int, dev: int, folder: Path) -> Iterator[Result]:
    """Yield the curves of each direction: without a gate, with the gate before calibration, and calibrated."""
    for direction in directions:
        learning = translated(data, "dev", direction, dev, folder)
        unseen = translated(data, "devtest", direction, lines, folder)
        if direction.startswith("por"):
            print(f"\n{round_trip(learning)}\n", flush=True)
        for gate, on_dev, on_test in gates(learning, unseen):
            model = fit_deferral(learning.rows, list(map(float, learning.sides(on_dev).gains))).model
            sides = unseen.sides(on_test)
            for chooser, chosen in (("calibrated", model), ("rule", None)):
                choose = in_windows(chosen, unseen.rows, WINDOW)
                yield result("gemma", direction, gate, chooser, sides, choose)


def translated(data: Path, split: str, direction: str, lines: int, folder: Path) -> Measured:
    """Translate the first lines of a set with every segment asked, or take them from the ledger."""
    source, target = direction.split("-")
    files = [data / "flores200" / split / f"{code}.txt" for code in (source, target)]
    test_set = read_set(f"{split}.{direction}", files[0], [files[1]], (source, target))
    arm = Arm("refine", Profile(method="refine", gate="quality", threads=1, batch=16, cache=False))
    bench = Bench(folder, Backends(Configuration(), print), lines)
    (task,) = bench.prepare([arm], [test_set])
    bench.run([task], Log(print))
    if task.state != "done":
        raise SystemExit(f"{direction} is {task.state}: {task.reason}")
    return _measured(task)


def _measured(task: Task) -> Measured:
    rows = [task.rows[place] for place in range(len(task.test_set))]
    done = [
        Translation(
            Segment(row["source"], row["id"]), row["translation"], row["method"], task.pair,
            drafts=tuple(draft_from_json(item, "the ledger") for item in row["drafts"]),
            candidates=tuple(map(_candidate, row["candidates"])),
        )
        for row in rows
    ]  # fmt: skip
    return Measured(done, task.test_set.references[0], [ungated_answer(row) for row in rows])


def _candidate(item: dict[str, object]) -> Candidate:
    failed = [str(told).partition(": ") for told in item["failed"]]  # type: ignore[attr-defined]
    checks = tuple(Check(name, passed=False, detail=detail) for name, _, detail in failed)
    return Candidate(str(item["origin"]), str(item["text"]), checks, dict(item["evidence"]))  # type: ignore[call-overload]


def gates(learning: Measured, unseen: Measured) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each gate with what it makes of the answers of both sets."""
    yield "off", learning.ungated, unseen.ungated
    plain = Gate("quality")
    yield "quality, not calibrated", _judged(learning, plain), _judged(unseen, plain)
    fitted = _fitted_gate(learning)
    calibrated = Gate("quality", fitted.scales, fitted.threshold)
    # On the set that taught the gate, what it takes is told by folds that it had not seen.
    held_out = [text_of(item, origin) for item, origin in zip(learning.done, fitted.chosen, strict=True)]
    yield "quality, calibrated", held_out, _judged(unseen, calibrated)


def _fitted_gate(learning: Measured) -> Fit:
    gains = learning.sides([text_of(item, "refine") or text_of(item, "draft") for item in learning.done]).gains
    by_origin = [{"draft": 0.0, "refine": float(gain)} for gain in gains]
    return fit(examples(learning.cases(), by_origin), len(learning.done))


def _judged(measured: Measured, gate: Gate) -> list[str]:
    chosen = [gate.judge(case)[0] for case in measured.cases()]
    return [item.text if item else draft for item, draft in zip(chosen, measured.drafts, strict=True)]


def round_trip(learning: Measured) -> str:
    """Say whether the round trip of the draft, which costs another draft, would tell more of the gain."""
    pair = learning.done[0].pair
    back = BergamotSpecialist().draft(learning.drafts, Pair(pair.target, pair.source))
    likeness = [chrf(drafts[0].text, item.segment.text) for drafts, item in zip(back, learning.done, strict=True)]
    gains = list(map(float, learning.sides(learning.ungated).gains))
    without = fit_deferral(learning.rows, gains)
    rows = [row | {"roundtrip": value} for row, value in zip(learning.rows, likeness, strict=True)]
    with_it = fit_deferral(rows, gains)
    r = float(np.corrcoef(likeness, gains)[0, 1])
    return (
        f"Round trip of the draft, {pair}, {len(gains)} lines of dev: r = {r:+.2f} with the gain of an answer; "
        f"held-out lift over random {without.lift:+.2f} without it, {with_it.lift:+.2f} with it "
        f"(± {with_it.error:.2f})."
    )


HEADER = (
    "| set | gate | chosen by | draft | all asked | asked at 0.4 | at 0.4 | random | oracle "
    "| loss / random's | made worse at 0.4 (random, all) | as good as all from |",
    "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
)


def line(item: Result) -> str:
    """Return one row of the Markdown table."""
    at = item.at()
    ratio = "–" if item.ratio is None else f"{item.loss:+.2f} / {item.loss_random:+.2f} = {item.ratio:.2f}"
    return (
        f"| {item.name} | {item.gate} | {item.chooser} | {item.draft:.2f} | {item.full:.2f} | {at.asked:.0%} "
        f"| **{at.expected:.2f}** | {at.random:.2f} ± {at.deviation:.2f} | {at.oracle:.2f} | {ratio} "
        f"| {at.worse:.1%} ({at.random_worse:.1%}, {item.worse_full:.1%}) | {item.least:.2f} |"
    )


def verdict(found: Sequence[Result]) -> str:
    """Say how often the claim holds: at budget 0.4 at most a quarter of the loss of random choice."""
    told = [item for item in found if item.chooser == "calibrated"]
    losing = [item for item in told if item.ratio is not None]
    held = [item for item in losing if item.ratio is not None and item.ratio <= 0.25]
    better = [item for item in told if item.at().expected >= item.full]
    return (
        f"Calibrated deferral at budget {AT}: random choice loses against asking all on {len(losing)} of "
        f"{len(told)} curves, and on {len(held)} of these deferral loses at most a quarter of that. On "
        f"{len(better)} of {len(told)} it is at least as good as asking all."
    )


def save(found: Sequence[Result], path: Path) -> None:
    """Write the results into the file, in the place of older ones of the same name."""
    fresh = {(item.part, item.name) for item in found}
    kept = json.loads(path.read_text("utf-8"))["results"] if path.exists() else []
    rows = [row for row in kept if (row["part"], row["name"]) not in fresh] + [_rounded(item) for item in found]
    content = {
        "scalemt": __version__,
        "metric": "chrF++ (sacreBLEU), corpus",
        "budgets": BUDGETS,
        "results": sorted(rows, key=lambda row: (row["part"], row["name"], row["gate"], row["chooser"])),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _rounded(item: Result) -> dict[str, object]:
    plain = asdict(replace(item, points=[]))
    values = {key: round(value, 4) if isinstance(value, float) else value for key, value in plain.items()}
    columns = [field for field in asdict(item.points[0]) if field != "budget"]
    curves = {name: [round(getattr(point, name), 4) for point in item.points] for name in columns}
    return {**values, "points": curves}


def main() -> None:
    """Read the command line, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with flores200/ and scale-authors/")
    parser.add_argument("--parts", default="authors", help="authors, gemma, or both with a comma")
    parser.add_argument("--lines", type=int, default=200, help="lines of devtest for gemma")
    parser.add_argument("--dev", type=int, default=150, help="lines of dev for gemma")
    parser.add_argument("--directions", nargs="+", default=GEMMA, help="for gemma; glg_Latn-eng_Latn works too")
    parser.add_argument("--ledgers", type=Path, default=Path("benchmarks/results/local/deferral"))
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/deferral.json"))
    options = parser.parse_args()
    # Calibrations of the user must not steer what is measured here.
    os.environ["SCALEMT_CONFIG_DIR"] = mkdtemp(prefix="scalemt-bench-")
    for part in options.parts.split(","):
        found: list[Result] = []
        made = authors(options.data) if part == "authors" else gemma(
            options.data, options.directions, options.lines, options.dev, options.ledgers
        )  # fmt: skip
        print("\n".join(HEADER))
        for item in made:
            found.append(item)
            print(line(item), flush=True)
        print(f"\n{verdict(found)}\n")
        save(found, options.json)


if __name__ == "__main__":
    main()
