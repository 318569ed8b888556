"""Draft, few-shot, refine and gated refine side by side on a test set, chrF++ with paired significance.

    python benchmarks/scale_quality.py --data ../shared/data/flores200 --lines 100 --calibrate 100

`--data` is a folder with `dev/` and `devtest/` holding one `<code>.txt` a language. Each direction is first
calibrated on the first lines of `dev` (unless `--calibrate 0`), then measured on the first lines of
`devtest`. Nothing of the test set is shown to any model except as source. Prints a table; writes JSON, in which
directions measured before stay.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from scalemt.cli.output import as_json
from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.calibrating import DevelopmentSet, calibrate
from scalemt.languages import parse_pair
from scalemt.lines import read_lines
from scalemt.quality.calibration import calibration_path, load_calibration
from scalemt.types import Translation
from scalemt.version import __version__

DIRECTIONS = (
    "por_Latn-eng_Latn",
    "eng_Latn-por_Latn",
    "eus_Latn-eng_Latn",
    "glg_Latn-eng_Latn",
    "spa_Latn-cat_Latn",
)

HEADER = (
    "| direction | draft | few-shot (k = 5) | refine, no gate | gated | gated - draft "
    "| taken | better / worse | s, draft / all |",
    "|---|---|---|---|---|---|---|---|---|",
)


@dataclass
class Row:
    """One direction: scores in chrF++, shares and regressions of segments, seconds a segment."""

    direction: str
    lines: int
    draft: float
    few_shot: float
    refine: float
    gated: float
    gain: float
    p_value: float
    kept: dict[str, float]
    better: int
    worse: int
    seconds: dict[str, float]
    signature: str
    metric: str
    calibration: dict[str, object]


@dataclass(frozen=True)
class Settings:
    """What the command line asked for."""

    data: Path
    lines: int
    calibrate: int
    shots: tuple[int, ...]
    outputs: Path


def measure(direction: str, settings: Settings) -> Row:
    """Calibrate on dev, then translate and score the first lines of devtest."""
    source, target = direction.split("-")
    texts = read_lines(settings.data / "devtest" / f"{source}.txt")[: settings.lines]
    references = read_lines(settings.data / "devtest" / f"{target}.txt")[: settings.lines]
    calibration = _calibrate(source, target, settings) if settings.calibrate else {}
    # One run gives all columns: the few-shot answer is asked for as a third candidate, and the gate, as
    # calibration made it, weighs it only where that paid on dev. So the seconds are those of all of them.
    gated, gated_seconds = _run(Profile(method="refine", third="few-shot", shots=5), texts, direction)
    _keep(gated, settings.outputs / f"{direction}.jsonl")
    _, draft_seconds = _run(Profile(method="draft"), texts, direction)
    return _row(direction, references, gated, {"draft": draft_seconds, "all": gated_seconds}, calibration)


def _calibrate(source: str, target: str, settings: Settings) -> dict[str, object]:
    pair = parse_pair(source, target)
    path = calibration_path(Path(os.environ["SCALEMT_CONFIG_DIR"]), "default", pair)
    if known := load_calibration(path):
        return asdict(known)
    count = settings.calibrate
    development = DevelopmentSet(
        read_lines(settings.data / "dev" / f"{source}.txt")[:count],
        read_lines(settings.data / "dev" / f"{target}.txt")[:count],
        pair,
    )
    chosen = calibrate(development, Profile(cache=False), Configuration(), shots=settings.shots, notice=print)
    chosen.save(path)
    return asdict(chosen)


def _keep(done: Sequence[Translation], path: Path) -> None:
    """Write every translation with candidates, evidence and decisions, for looking closer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(as_json(item), ensure_ascii=False) + "\n" for item in done), "utf-8")


def _run(profile: Profile, texts: Sequence[str], direction: str) -> tuple[list[Translation], float]:
    started = time.perf_counter()
    source, target = direction.split("-")
    uncached = profile.model_copy(update={"cache": False})
    done = Engine(uncached, notice=print).translate(texts, source, target)
    return done, round((time.perf_counter() - started) / len(texts), 3)


def _row(
    direction: str,
    references: Sequence[str],
    gated: Sequence[Translation],
    seconds: dict[str, float],
    calibration: dict[str, object],
) -> Row:
    columns = {
        "draft": [_candidate(item, "draft") for item in gated],
        "few_shot": [_candidate(item, "few-shot") for item in gated],
        "refine": [_candidate(item, gated[0].method) for item in gated],
        "gated": [item.text.strip() for item in gated],
    }
    metric = CHRF(word_order=2)
    scores = {name: metric.corpus_score(texts, [references]).score for name, texts in columns.items()}
    kept = Counter(_origin(item) for item in gated)
    changes = [
        metric.sentence_score(after, [line]).score - metric.sentence_score(before, [line]).score
        for before, after, line in zip(columns["draft"], columns["gated"], references, strict=True)
    ]
    return Row(
        direction=direction,
        lines=len(references),
        **{name: round(score, 2) for name, score in scores.items()},
        gain=round(scores["gated"] - scores["draft"], 2),
        p_value=_p_value(columns["draft"], columns["gated"], references),
        kept={origin: round(count / len(gated), 3) for origin, count in kept.most_common()},
        better=sum(change > 0 for change in changes),
        worse=sum(change < 0 for change in changes),
        seconds=seconds,
        signature=gated[0].signature,
        metric=str(metric.get_signature()),
        calibration=calibration,
    )


def _candidate(item: Translation, origin: str) -> str:
    return next((candidate.text.strip() for candidate in item.candidates if candidate.origin == origin), "")


def _origin(item: Translation) -> str:
    """Return which candidate the gate took; the same text as the draft counts as the draft."""
    taken = (candidate.origin for candidate in item.candidates if candidate.text.strip() == item.text.strip())
    return next(taken, "failed")


def _p_value(before: Sequence[str], after: Sequence[str], references: Sequence[str]) -> float:
    """Paired approximate randomisation as sacreBLEU does it."""
    if list(before) == list(after):
        return 1.0
    systems: list[tuple[str, Sequence[str]]] = [("draft", list(before)), ("gated", list(after))]
    metric = {"chrF++": CHRF(word_order=2, references=[list(references)])}
    test = PairedTest(systems, metric, None, test_type="ar", n_samples=10_000)
    (*_, results) = test()[1].values()
    return round(float(getattr(results[1], "p_value", None) or 0.0), 4)


def show(row: Row) -> str:
    """Return the row as one line of a Markdown table."""
    kept = ", ".join(f"{origin} {share:.0%}" for origin, share in row.kept.items())
    return (
        f"| {row.direction} | {row.draft:.1f} | {row.few_shot:.1f} | {row.refine:.1f} | **{row.gated:.1f}** "
        f"| {row.gain:+.2f} (p = {row.p_value:.3f}) | {kept} | {row.better} / {row.worse} "
        f"| {row.seconds['draft']:.2f} / {row.seconds['all']:.2f} |"
    )


def main() -> None:
    """Read the command line, measure every direction, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with dev/ and devtest/")
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--calibrate", type=int, default=100, help="development lines; 0: no calibration")
    parser.add_argument("--calibrations", help="folder that keeps calibrations; those it holds are not made again")
    parser.add_argument("--shots", default="5", help="numbers of shots that calibration compares")
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS)
    parser.add_argument("--outputs", type=Path, default=Path("benchmarks/results/local/scale_quality"))
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/scale_quality.json"))
    options = parser.parse_args()
    # Calibrations of this run stay out of the user's own configuration.
    os.environ["SCALEMT_CONFIG_DIR"] = options.calibrations or mkdtemp(prefix="scalemt-bench-")
    shots = tuple(map(int, options.shots.split(",")))
    settings = Settings(options.data, options.lines, options.calibrate, shots, options.outputs)
    print("\n".join(HEADER))
    for direction in options.directions:
        row = measure(direction, settings)
        print(show(row), flush=True)
        save(row, options.json)


def save(row: Row, path: Path) -> None:
    """Write the row into the results, in the place of an older one of the same direction."""
    rows = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else []
    rows = [item for item in rows if item["direction"] != row.direction] + [asdict(row)]
    result = {
        "scalemt": __version__,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "metric": row.metric,
        "rows": sorted(rows, key=lambda item: str(item["direction"])),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
