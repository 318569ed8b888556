"""Adaptive translation on a real memory: k fuzzy matches against random ones, with and without the draft, chrF++.

    python benchmarks/adaptive.py --data ../shared/data --lines 150 --json benchmarks/results/adaptive.json

Two memories, English to Portuguese: the training part of LibreOffice's help (24,121 units, tested on lines
spread evenly over its dev part, which is sorted and disjoint by English sentence), and TICO-19 (the first 850
lines of its dev set, tested on the lines from 901 on). Every answer is taken as it is (no gate) unless the arm
says so. No test line is in a memory; matches of 100 % are sentences that differ in white space or placeholders.
Answers are cached, so that a run that was broken off goes on where it stopped. Prints tables; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest, Result

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.lines import read_lines
from scalemt.memory import Memories, MemoryStore, MemoryUse, Unit
from scalemt.types import Pair, Segment, Translation
from scalemt.version import __version__

PAIR = Pair("en", "pt-BR")
BANDS = (("100", 100.0), ("85-99", 85.0), ("75-84", 75.0), ("below", 0.0))


@dataclass(frozen=True)
class Corpus:
    """What is known, and what is tested on."""

    name: str
    memory: list[tuple[str, str]]
    test: list[tuple[str, str]]


@dataclass(frozen=True)
class Arm:
    """One way of translating."""

    name: str
    method: str
    drafts: str = "none"
    shots: int = 0
    chosen: str = "memory"
    gate: str = "off"
    ask_from: float = 0.0


@dataclass
class Row:
    """Scores of one arm on one corpus: over all, and by the likeness of the best match."""

    corpus: str
    arm: str
    chrf: float
    bands: dict[str, float] = field(default_factory=dict)
    better: int = 0
    worse: int = 0
    seconds: float = 0.0


ARMS = (
    Arm("draft", "draft"),
    Arm("k = 0", "adaptive"),
    *(Arm(f"k = {k} fuzzy", "adaptive", shots=k) for k in (1, 3, 5)),
    Arm("k = 5 random", "few-shot", shots=5, chosen="random"),
    Arm("draft + k = 0", "adaptive", "segment"),
    *(Arm(f"draft + k = {k} fuzzy", "adaptive", "all", k) for k in (1, 3, 5)),
    Arm("draft + k = 5 random", "refine", "all", 5, "random"),
    Arm("draft of the segment only + k = 5 fuzzy", "adaptive", "segment", 5),
    Arm("draft + k = 5 fuzzy, asked from 75 % on", "adaptive", "all", 5, ask_from=75),
    Arm("draft + k = 5 fuzzy, gated", "adaptive", "all", 5, gate="quality"),
)

COMPARED = (
    ("k = 5 fuzzy", "k = 5 random"),
    ("draft + k = 5 fuzzy", "draft + k = 5 random"),
    ("draft + k = 5 fuzzy", "k = 5 fuzzy"),
    ("draft + k = 5 fuzzy", "draft"),
    ("draft + k = 5 fuzzy, asked from 75 % on", "draft"),
    ("draft + k = 5 fuzzy, gated", "draft"),
)


def corpora(data: Path, lines: int) -> list[Corpus]:
    """Read the two memories and their test lines."""
    office = data / "corpora"
    train, dev = (
        [tuple(line.split("\t")[:2]) for line in read_lines(office / f"libreoffice-help.en-pt-BR.{part}.tsv")]
        for part in ("train", "dev")
    )
    tico = data / "tico19" / "dev"
    both = zip(read_lines(tico / "eng_Latn.txt"), read_lines(tico / "por_Latn.txt"), strict=True)
    pairs = [(source, target) for source, target in both]
    return [
        Corpus(
            "LibreOffice help", [(a, b) for a, b in train], [(a, b) for a, b in dev[:: len(dev) // lines]][:lines]
        ),
        Corpus("TICO-19", pairs[:850], pairs[900 : 900 + lines]),
    ]


def translate(arm: Arm, corpus: Corpus, folder: Path, threads: int) -> list[Translation]:
    """Translate the test lines of a corpus in one way."""
    memory = folder / f"{corpus.name}.db"
    pool = folder / f"{corpus.name}.jsonl"
    if not memory.exists():
        MemoryStore(memory, create=True).add(Unit(a, b, PAIR) for a, b in corpus.memory)
        rows = (json.dumps({"source": a, "target": b}, ensure_ascii=False) for a, b in corpus.memory)
        pool.write_text("\n".join(rows) + "\n", "utf-8")
    fields = {"method": arm.method, "shots": arm.shots, "gate": arm.gate, "reuse": "off", "threads": threads}
    if arm.method == "adaptive":
        fields |= {"memories": (str(memory),), "options": {"drafts": arm.drafts, "ask_from": arm.ask_from}}
    elif arm.chosen == "random":
        fields |= {"demonstrations": str(pool), "selection": "fixed", "seed": 1}
    engine = Engine(Profile.model_validate(fields), notice=print)
    return engine.translate([source for source, _ in corpus.test], *PAIR)


def best_matches(corpus: Corpus, folder: Path) -> list[float]:
    """Return the likeness of the best match of each test line, 0 where none is above 30 %."""
    memories = Memories([MemoryUse(folder / f"{corpus.name}.db")])
    rows = memories.search([Segment(source) for source, _ in corpus.test], PAIR, 1, 30.0)
    return [row[0].score if row else 0.0 for row in rows]


def band_of(score: float) -> str:
    """Return the name of the band that a likeness falls into."""
    return next(name for name, least in BANDS if score >= least)


def chrf(texts: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus chrF++."""
    return round(float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score), 2)


def p_value(one: Sequence[str], other: Sequence[str], references: Sequence[str]) -> float:
    """Return the p-value of sacreBLEU's paired bootstrap (1,000 samples) of two systems."""
    if list(one) == list(other):
        return 1.0
    metric = CHRF(word_order=2, references=[list(references)])
    test = PairedTest([("other", list(other)), ("one", list(one))], {"chrF": metric}, None, test_type="bs",
                      n_samples=1000)  # fmt: skip
    result = test()[1]["chrF2++"][1]
    assert isinstance(result, Result)
    return float(result.p_value or 0.0)


def measure(
    corpus: Corpus, folder: Path, threads: int, arms: Sequence[Arm]
) -> tuple[list[Row], dict[str, object]]:
    """Translate in all ways, and compare."""
    references = [target for _, target in corpus.test]
    outputs: dict[str, list[str]] = {}
    rows: list[Row] = []
    bands: list[str] = []
    for arm in arms:
        started = time.perf_counter()
        texts = [item.text for item in translate(arm, corpus, folder, threads)]
        seconds = (time.perf_counter() - started) / len(texts)
        bands = bands or [band_of(score) for score in best_matches(corpus, folder)]
        outputs[arm.name] = texts
        row = Row(corpus.name, arm.name, chrf(texts, references), seconds=round(seconds, 2))
        for name, _ in BANDS:
            inside = [index for index, band in enumerate(bands) if band == name]
            if inside:
                row.bands[name] = chrf([texts[i] for i in inside], [references[i] for i in inside])
        _count_against(row, outputs["draft"], texts, references)
        rows.append(row)
        print(_line(row), flush=True)
    compared = [
        {"one": one, "other": other, "p": round(p_value(outputs[one], outputs[other], references), 4)}
        for one, other in COMPARED
        if one in outputs and other in outputs
    ]
    about = {
        "corpus": corpus.name,
        "units": len(corpus.memory),
        "bands": dict(Counter(bands)),
        "compared": compared,
    }
    return rows, about


def _count_against(row: Row, drafts: Sequence[str], texts: Sequence[str], references: Sequence[str]) -> None:
    scorer = CHRF(word_order=2)
    for draft, text, reference in zip(drafts, texts, references, strict=True):
        gain = scorer.sentence_score(text, [reference]).score - scorer.sentence_score(draft, [reference]).score
        row.better += gain > 0.01
        row.worse += gain < -0.01


HEADER = (
    "| corpus | way | chrF++ | 100 | 85-99 | 75-84 | below 75 | better / worse than the draft | s |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


def _line(row: Row) -> str:
    bands = " | ".join(f"{row.bands[name]:.1f}" if name in row.bands else "–" for name, _ in BANDS)
    return (
        f"| {row.corpus} | {row.arm} | {row.chrf:.1f} | {bands} | {row.better} / {row.worse} | {row.seconds:.2f} |"
    )


def main() -> None:
    """Read the command line, measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--lines", type=int, default=150)
    parser.add_argument("--corpora", nargs="+", help="only those whose name begins so: LibreOffice, TICO")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/adaptive.json"))
    options = parser.parse_args()
    print(HEADER)
    rows: list[Row] = []
    told = []
    with tempfile.TemporaryDirectory() as folder:
        chosen = tuple(options.corpora or ("",))
        for corpus in corpora(options.data, options.lines):
            if not corpus.name.startswith(chosen):
                continue
            made, about = measure(corpus, Path(folder), options.threads, ARMS)
            rows += made
            told.append(about)
            whole = {
                "scalemt": __version__,
                "lines": options.lines,
                "corpora": told,
                "rows": [asdict(r) for r in rows],
            }
            options.json.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")
    for about in told:
        print(f"\n{about['corpus']}: {about['units']} units, best matches {about['bands']}")
        for item in about["compared"]:  # type: ignore[attr-defined]
            print(f"  {item['one']} against {item['other']}: p = {item['p']}")


if __name__ == "__main__":
    main()
