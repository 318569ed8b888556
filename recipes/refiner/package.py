"""Put a refiner that was trained here among those that come with scalemt, with a gate fitted on its answers.

    python recipes/refiner/package.py refiner-en-es gemma-3-270m-apertium-en-es \
        --pair en-es --drafter apertium --dev help.tsv --dev news.tsv --lines 60 --notes notes.md

What the card says of sentences (samples of dev) is left out: no corpus comes with scalemt.

The gate weighs drafts against answers, and is fitted on lines that no test set holds, so many of each file
(source TAB target). The folder is src/scalemt/refiners; the engine finds what lies there by its card.
"""

from __future__ import annotations

import argparse
import random
import shutil
from dataclasses import replace
from pathlib import Path

from scalemt.config import load_configuration
from scalemt.engine.calibrating import DevelopmentSet, calibrate
from scalemt.languages import parse_pair
from scalemt.lines import read_lines
from scalemt.refiners import CALIBRATION, packaged_refiners
from scalemt.trained import TrainedModels
from scalemt.types import Pair

MOST_WORDS = 40


def lines_of(files: list[Path], count: int, skip: int) -> tuple[list[str], list[str]]:
    """Return sources and targets; `skip` passes over the lines that benchmarks/refiner.py measures of a file."""
    chosen: list[list[str]] = []
    for file in files:
        rows = [line.split("\t") for line in read_lines(file)]
        rows = [row for row in rows if 3 <= len(row[0].split()) <= MOST_WORDS]
        measured = {tuple(row) for row in random.Random(7).sample(rows, min(skip, len(rows)))}
        rows = [row for row in rows if tuple(row) not in measured]
        chosen += random.Random(7).sample(rows, min(count, len(rows)))
    return [row[0] for row in chosen], [row[1] for row in chosen]


def packed(
    name: str, new: str, pair: Pair, drafter: str, development: DevelopmentSet | None, notes: str, target: Path
) -> Path:
    """Copy a trained refiner under a new name, and fit its gate; return the folder."""
    card, folder = TrainedModels().resolve(name)
    shelf = TrainedModels(target)
    for version in shelf.versions(new):
        shelf.remove(new, version)
    with shelf.adding(new) as place:
        for key in card.paths:
            shutil.copy(folder / card.options[key], place.folder)
        shutil.copy(folder / "configuration.toml", place.folder)
        drafters = card.drafters or {str(pair): (drafter,)}
        place.card = replace(card, drafters=drafters, notes=notes)
        if development:
            wanted = {"method": "refine", "gate": "quality", "specialists": (drafter,), "generalist": name}
            configuration = load_configuration()
            profile = configuration.profile(None, **wanted)
            found = calibrate(development, profile, configuration, shots=(0,), thirds=("none",))
            found.save(place.folder / CALIBRATION)
            print(f"{found.method}, threshold {found.threshold:.3f}: {found.scores}")
    return shelf.folder(new)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the trained model")
    parser.add_argument("new", help="the name under which it comes")
    parser.add_argument("--pair", required=True, metavar="SRC-TGT")
    parser.add_argument("--drafter", required=True)
    parser.add_argument("--dev", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--lines", type=int, default=60, help="of each file")
    parser.add_argument("--skip", type=int, default=100, help="lines of each file that are measured elsewhere")
    parser.add_argument("--notes", type=Path, help="Markdown: what else the card says")
    parser.add_argument("--to", type=Path, default=packaged_refiners().folder_of_all)
    options = parser.parse_args()
    pair = parse_pair(*options.pair.split("-"))
    lines = lines_of(options.dev, options.lines, options.skip)
    development = DevelopmentSet(*lines, pair) if options.dev else None
    notes = options.notes.read_text("utf-8") if options.notes else ""
    print(packed(options.name, options.new, pair, options.drafter, development, notes, options.to))


if __name__ == "__main__":
    main()
