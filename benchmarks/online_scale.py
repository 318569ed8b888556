"""Online learning inside SCALE: a specialist that learns, refined by an LLM shown the matches learnt so far.

    python benchmarks/online_scale.py [--data ../shared/data] [--lines 300] [--pairs 10000] [--json OUT]

The walk of `online_learning.py` over consecutive lines, with the model trained on another kind of text, as at
the start of a job, and an empty memory. Beside thot alone, the method `adaptive` with thot as its specialist,
the embedded LLM and the quality gate: once with nothing learnt, once with `Engine.correct` after each segment,
which teaches thot and fills the memory that demonstrations come from. What the LLM said is scored too, as if
there were no gate.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from online_learning import Row, Thot, Walk, likeness, pairs_of, show, told, walk
from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.memory import MemoryStore
from scalemt.specialists import SPECIALISTS, Specialist
from scalemt.specialists.thot import ThotSpecialist, train
from scalemt.types import Pair
from scalemt.version import __version__

CORPORA = (
    "libreoffice-help.en-eu:firefox-ui.en-eu",
    "libreoffice-help.en-pt-BR:debian-descriptions.en-pt-BR",
)


class Scale:
    """The method `adaptive` around a thot model; `raw` keeps what the generalist said, whatever the gate decided.

    Args:
        model: the trained folder.
        folder: where its copy and a memory are made.
        learning: whether it is corrected after each segment.
    """

    def __init__(self, model: Path, folder: Path, *, learning: bool) -> None:
        folder.mkdir(parents=True)
        specialist = ThotSpecialist(shutil.copytree(model, folder / "model"))
        self._pair = specialist.pairs()[0]
        memory = folder / "memory.db"
        MemoryStore(memory, create=True).close()
        profile = Profile(method="adaptive", memories=(str(memory),), reuse="off", shots=3, cache=False, threads=1)
        others: list[Specialist] = [SPECIALISTS.load(name)() for name in ("bergamot", "apertium")]
        # The others translate back: evidence for the gate that is not the generalist's own.
        self._engine = Engine(profile, specialists=[specialist, *others])
        self._learning = learning
        self.name = "in SCALE, learning" if learning else "in SCALE"
        self.raw: list[str] = []
        self.kept: list[str] = []

    def translate(self, source: str) -> str:
        """Draft, refine and judge it."""
        (item,) = self._engine.translate([source], *self._pair)
        said = [candidate.text for candidate in item.candidates if candidate.origin == "adaptive"]
        self.raw.append(said[0] if said else item.text)
        self.kept.append(next((step.outcome for step in item.decisions if step.step == "gate"), "none"))
        return item.text

    def learn(self, source: str, target: str) -> None:
        """Correct it, if this one learns."""
        if self._learning:
            self._engine.correct(source, target, *self._pair)


def walks_of(model: Path, folder: Path, rows: Sequence[Row]) -> tuple[list[Walk], dict[str, Any]]:
    """Walk with all arms, and tell how often the gate kept what."""
    walks = [walk(Thot(model, folder / f"thot-{learning}", learning=learning), rows) for learning in (False, True)]
    kept = {}
    for learning in (False, True):
        arm = Scale(model, folder / f"scale-{learning}", learning=learning)
        done = walk(arm, rows)
        raw = Walk(f"{arm.name}, no gate", arm.raw, done.draft_seconds, done.learn_seconds)
        walks += [done, raw]
        kept[arm.name] = {outcome: arm.kept.count(outcome) for outcome in sorted(set(arm.kept))}
        print(f"{arm.name}: the gate kept {kept[arm.name]}", flush=True)
    return walks, kept


def measure(corpus: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train on one kind of text, and walk through another."""
    walked, _, trained_on = corpus.partition(":")
    data: Path = options.data / "corpora"
    trained = pairs_of(data / f"{trained_on}.train.tsv")
    trained = random.Random(options.seed).sample(trained, min(options.pairs, len(trained)))
    rows = pairs_of(data / f"{walked}.dev.tsv")[: options.lines]
    model = folder / "model"
    train(trained, Pair("en", walked.partition(".en-")[2]), model, seed=options.seed)
    print(f"\n## {walked} after {len(trained)} pairs of {trained_on}", flush=True)
    walks, kept = walks_of(model, folder, rows)
    result = told(rows, walks, likeness(rows, trained))
    show("consecutive", result)
    return {**result, "kept": kept}


def main() -> None:
    """Read the command line, measure, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder that holds corpora")
    parser.add_argument("--corpora", nargs="+", default=CORPORA, help="WALKED:TRAINED_ON")
    parser.add_argument("--lines", type=int, default=300, help="of dev.tsv")
    parser.add_argument("--pairs", type=int, default=10_000, help="of train.tsv")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/online_scale.json"))
    options = parser.parse_args()
    result: dict[str, Any] = {"scalemt": __version__, "lines": options.lines, "corpora": {}}
    for corpus in options.corpora:
        with tempfile.TemporaryDirectory() as folder:
            result["corpora"][corpus] = measure(corpus, options, Path(folder))
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
