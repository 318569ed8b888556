"""Terms trained into a specialist, step by step (Moslem et al., WMT 2023, arXiv 2310.14451), on TICO-19.

    python benchmarks/terminology_training.py --data ../shared/data --work /tmp/terms \
        --json benchmarks/results/terminology_training.json

Step 1: the packaged English-Portuguese specialist alone. Step 2: sentences around the terms of TICO-19's list are
made (`recipes/terminology/terms.toml`), filtered, and the specialist is fine-tuned on them and on general text
(`fine-tuning.toml`). Step 3: it translates. Step 4: what still misses a term is edited (`terminology`), by the
specialist around a mask and by the generalist. For comparison, step 4 without the training.

The test is TICO-19's dev set, of which no sentence is in a prompt, a memory or what is trained on: the chain drops
what is 90 % like one of them, and the card says so. The list itself is a glossary, as a user would give it. A term
counts as used where it stands as it is or in another form (`scalemt.glossary.verify`). What --work holds is gone
on with. Intervals: 1,000 bootstrap samples, p-values of paired tests against the packaged specialist.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from scalemt.config import Profile
from scalemt.data import read_card
from scalemt.data.synthesis import read_synthesis, synthesise
from scalemt.engine import Engine
from scalemt.evaluation.metrics import RatioMetric, build_metric
from scalemt.evaluation.metrics.base import Progress
from scalemt.evaluation.run import evaluate
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.glossary import TermFinder, load_glossary, missed, verify
from scalemt.lines import read_lines
from scalemt.memory.exchange import read_units, write_units
from scalemt.memory.units import Unit, digest
from scalemt.training.bergamot import Texts, fine_tune, read_fine_tuning
from scalemt.types import Pair, Translation
from scalemt.version import __version__

RECIPES = Path(__file__).resolve().parents[1] / "recipes" / "terminology"
PAIR = Pair("en", "pt")
LIST = "tico19/terminologies/f_en-pt_XX.csv"
DEV_SHARE = 0.06  # of the synthetic pairs, which decide which weights are kept


class TermUsage(RatioMetric):
    """Percent of the occurrences of terms in the sources whose translation is as wanted, inflected or not."""

    name = "terms used"
    needs: ClassVar[frozenset[str]] = frozenset({"sources"})
    signature = "glossary.verify"

    def __init__(self, glossary: Path) -> None:
        self._finder = TermFinder(load_glossary(glossary, PAIR), PAIR)

    def _ratios(self, system: System, test_set: TestSet, progress: Progress) -> list[tuple[float, float]]:
        made = []
        for source, output in zip(test_set.sources, system.outputs, strict=True):
            uses = verify(self._finder.find(source), output.text, PAIR)
            made.append((float(len(uses) - len(missed(uses))), float(len(uses))))
            progress(1)
        return made


@dataclass(frozen=True)
class Row:
    """One step: scores with their intervals, p-values of paired bootstrap against the first row, cost."""

    step: str
    terms: float
    terms_low: float
    terms_high: float
    terms_p: float | None
    chrf: float
    chrf_low: float
    chrf_high: float
    chrf_p: float | None
    calls: int
    seconds: float

    def line(self) -> str:
        """The row of the table."""
        return (
            f"| {self.step} | {self.terms:.1f} % ({self.terms_low:.1f}–{self.terms_high:.1f}) | "
            f"{self.chrf:.2f} ({self.chrf_low:.2f}–{self.chrf_high:.2f}) | {_shown(self.terms_p)} / "
            f"{_shown(self.chrf_p)} | {self.calls} | {self.seconds:.0f} |"
        )


HEADER = "| step | terms used | chrF++ | p (terms / chrF++) | calls | s |\n|---|---:|---:|---:|---:|---:|"


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def made_pairs(data: Path, work: Path, each: int) -> tuple[Path, Path, dict[str, Any]]:
    """Step 2, first half: return train and dev of the synthetic pairs, and what their card says."""
    told = read_synthesis(RECIPES / "terms.toml", folder=data)
    if each:
        told = replace(told, kind=told.kind.model_copy(update={"each": each}))
    out = work / "terms.tsv"
    if not out.exists():
        synthesise(told, out, workers=1, fresh=True)
    units = list(read_units(out))
    held = {unit for unit in _sources(units) if digest(unit) < DEV_SHARE * 2**63}
    train, dev = work / "terms.train.tsv", work / "terms.dev.tsv"
    write_units([unit for unit in units if unit.source not in held], train)
    write_units([unit for unit in units if unit.source in held], dev)
    return train, dev, read_card(out).as_json()


def _sources(units: Iterable[Unit]) -> list[str]:
    return [unit.source for unit in units]


def trained(data: Path, work: Path, train: Path, dev: Path, steps: int, threads: int) -> dict[str, Any]:
    """Step 2, second half: return the card of the fine-tuned specialist, which is registered below `work`."""
    kept = work / "trained.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        return found
    changes = [
        f"training.threads={threads}",
        f"corpora.0.files=['{train}']",
        *([f"training.steps={steps}"] * bool(steps)),
    ]
    settings = read_fine_tuning(RECIPES / "fine-tuning.toml", folder=data, changes=changes)
    settings = settings.model_copy(update={"dev": Texts(files=(str(dev),), name="synthetic, held out")})
    began = time.monotonic()
    made = fine_tune(settings, work / "training", promote=True)
    told = {"before": made.before, "after": made.after, "folder": str(made.folder),
            "seconds": round(time.monotonic() - began), "options": dict(made.card.options),
            "data": dict(made.card.data)}  # fmt: skip
    kept.write_text(json.dumps(told, indent=1), "utf-8")
    return told


def translated(
    work: Path,
    name: str,
    specialist: str,
    glossary: Path,
    sources: Sequence[str],
    threads: int,
    method: dict[str, Any],
) -> dict[str, Any]:
    """Translate, or read what was translated before."""
    kept = work / f"output-{name}.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text("utf-8"))
        if len(found["texts"]) == len(sources):
            return found
    profile = Profile(specialists=(specialist,), glossary=str(glossary), threads=threads, **method)
    began = time.monotonic()
    done: list[Translation] = Engine(profile, notice=print).translate(sources, *PAIR)
    told = {"texts": [item.text for item in done], "seconds": time.monotonic() - began,
            "calls": sum(item.usage.calls + item.usage.cached for item in done)}  # fmt: skip
    kept.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    return told


DRAFT: dict[str, Any] = {"method": "draft"}
EDITS: dict[str, dict[str, Any]] = {
    by: {"method": "terminology", "options": {"by": by}} for by in ("specialist", "generalist", "both")
}


def rows(
    outputs: dict[str, dict[str, Any]], sources: Sequence[str], references: Sequence[str], glossary: Path
) -> list[Row]:
    """Score all steps on the same draws."""
    systems = [System(name, tuple(map(Output, told["texts"]))) for name, told in outputs.items()]
    test_set = TestSet("tico19-dev", tuple(sources), (tuple(references),), PAIR)
    metrics = [TermUsage(glossary), build_metric("chrf++")]
    found = evaluate(test_set, systems, metrics, baseline=systems[0].name)
    made = []
    for name, cells in found.cells.items():
        terms, chrf = cells["terms used"], cells[metrics[1].name]
        told = outputs[name]
        made.append(
            Row(
                name,
                round(terms.score, 2), round(terms.low, 2), round(terms.high, 2), terms.p_values.get("bootstrap"),
                round(chrf.score, 2), round(chrf.low, 2), round(chrf.high, 2), chrf.p_values.get("bootstrap"),
                told["calls"], round(told["seconds"], 1),
            )
        )  # fmt: skip
    return made


def agreed(sources: Sequence[str], references: Sequence[str], glossary: Path) -> list[int]:
    """Return the lines that hold terms, all of which the reference translates as the list has them."""
    finder = TermFinder(load_glossary(glossary, PAIR), PAIR)
    kept = []
    for at, (source, reference) in enumerate(zip(sources, references, strict=True)):
        found = finder.find(source)
        if found and not missed(verify(found, reference, PAIR)):
            kept.append(at)
    return kept


def main() -> None:
    """Read the command line, go through the steps, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/scalemt-terminology"))
    parser.add_argument("--lines", type=int, default=0, help="of TICO-19 dev; 0 is all")
    parser.add_argument("--each", type=int, default=0, help="sentences a term; 0 is the recipe's")
    parser.add_argument("--steps", type=int, default=0, help="of fine-tuning; 0 is the recipe's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--edits", nargs="+", default=("specialist", "both"), choices=EDITS)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/terminology_training.json"))
    options = parser.parse_args()
    data, work = options.data.resolve(), options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    os.environ["SCALEMT_DATA_DIR"] = str(work / "models")
    glossary = data / LIST
    texts = [read_lines(data / "tico19/dev" / f"{name}.txt") for name in ("eng_Latn", "por_Latn")]
    sources, references = (lines[: options.lines or None] for lines in texts)
    args = (glossary, sources, options.threads)
    train, dev, card = made_pairs(data, work, options.each)
    model = trained(data, work, train, dev, options.steps, options.threads)
    outputs = {"1 packaged specialist": translated(work, "generic", "bergamot", *args, DRAFT)}
    outputs["3 trained on synthetic pairs"] = translated(work, "trained", "terms-pt", *args, DRAFT)
    for by in options.edits:
        outputs[f"4 trained, missing terms by {by}"] = translated(
            work, f"edited-{by}", "terms-pt", *args, EDITS[by]
        )
    by = options.edits[0]
    outputs[f"(1 + 4, untrained, by {by})"] = translated(work, f"generic-{by}", "bergamot", *args, EDITS[by])
    outputs["(reference)"] = {"texts": list(references), "calls": 0, "seconds": 0.0}
    found = rows(outputs, sources, references, glossary)
    # Where the reference uses all terms as the list has them, chrF++ does not count a wanted term as a fault.
    agreeing = agreed(sources, references, glossary)
    picked = {name: {**told, "texts": [told["texts"][at] for at in agreeing]} for name, told in outputs.items()}
    subset = rows(picked, [sources[at] for at in agreeing], [references[at] for at in agreeing], glossary)
    titles = (f"All {len(sources)} lines", f"{len(agreeing)} lines that agree")
    for title, table in zip(titles, (found, subset), strict=True):
        print("\n".join([f"\n{title}\n", HEADER, *(item.line() for item in table)]))
    whole = {"scalemt": __version__, "lines": len(sources), "agreeing": len(agreeing), "synthesis": card,
             "training": model, "rows": [asdict(item) for item in found],
             "rows_agreeing": [asdict(item) for item in subset]}  # fmt: skip
    options.json.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
