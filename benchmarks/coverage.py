"""Omissions and additions put into human references: what finds them, and what is told of references as they are.

    python benchmarks/coverage.py --data ../shared/data --json benchmarks/results/coverage.json

FLORES-200 dev; the threshold of the checks was chosen on lines 1 to 400, so lines 401 to 997 are measured. Each
reference is worsened twice: a clause (between commas, dashes, brackets), or some words in a row, is dropped; a
clause of another line is added. Drafts are those of the specialists. Detectors:

omission, addition  the checks of the gate (`scalemt.quality.coverage`), against the draft
coverage, support   the evidence of that name, by translating back, where a reverse specialist is
length              characters over those of the draft, and nothing else
links               share of letters without a link, by fast_align fitted on the very texts, without a draft
words               share of letters of source words whose translation by themselves is nowhere in the text

AUC is the chance that a worsened reference is told from one as it is; "recall" is that of the check, or at 1 %
false alarms. References whose draft was worsened, and that are as they should be, must not be refused either.
A second table has the false alarms of both checks on short strings, other domains and other directions.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from scalemt.evaluation.alignment import build_aligner
from scalemt.lines import read_lines
from scalemt.quality.coverage import (
    LEAST,
    addition,
    by_back_translation,
    by_links,
    left_out,
    omission,
    put_in,
    weight,
)
from scalemt.specialists import Specialist
from scalemt.specialists.apertium import ApertiumSpecialist
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.drafting import Drafting, by_sentences
from scalemt.text.alignment import alike, bare_word
from scalemt.types import Pair, Segment
from scalemt.version import __version__

ELSEWHERE = {
    "en-pt": ("corpora/libreoffice-help.en-pt-BR.dev.tsv", "corpora/debian-descriptions.en-pt-BR.dev.tsv"),
    "en-es": ("corpora/libreoffice-help.en-es.dev.tsv",),
    "en-ca": ("corpora/libreoffice-help.en-ca.dev.tsv",),
    "en-gl": ("corpora/libreoffice-help.en-gl.dev.tsv",),
}
DIRECTIONS = ("en-pt", "pt-en", "eu-en", "es-ca")
FILES = {"en": "eng_Latn", "pt": "por_Latn", "es": "spa_Latn", "ca": "cat_Latn", "eu": "eus_Latn"}
_CLAUSES = re.compile(r"(?<=[,;:–—])\s+|\s+(?=[(])|(?<=[)])\s+")
_FALSE_ALARMS = 0.01


def dropped(text: str, dice: random.Random) -> tuple[str, float] | None:
    """Return a text without one of its clauses, and the share of its words that went; None for a short one."""
    words, parts = text.split(), _CLAUSES.split(text)
    fitting = [place for place, part in enumerate(parts) if 3 <= len(part.split()) <= 0.6 * len(words)]
    if fitting and dice.random() < 0.7:
        place = dice.choice(fitting)
        left = " ".join(parts[:place] + parts[place + 1 :]).strip(" ,;:–—")
        made = left if left.endswith((".", "!", "?", '"', "”")) else f"{left}."
    else:
        count = min(dice.randint(3, 8), int(0.6 * len(words)))
        if count < 3:
            return None
        start = dice.randrange(len(words) - count + 1)
        made = " ".join(words[:start] + words[start + count :])
    return made, 1 - len(made.split()) / len(words)


def added(text: str, others: Sequence[str], dice: random.Random) -> tuple[str, float] | None:
    """Return a text with a clause of another one, and its share of the words."""
    for _ in range(20):
        clauses = [part for part in _CLAUSES.split(dice.choice(others)) if 3 <= len(part.split()) <= 12]
        if clauses:
            own, clause = _CLAUSES.split(text), dice.choice(clauses).strip(" .")
            place = dice.randrange(1, len(own) + 1)
            own.insert(place, clause + ("," if place < len(own) else "."))
            return " ".join(own), len(clause.split()) / len(text.split())
    return None


@dataclass(frozen=True)
class Line:
    """One line: source, draft and reference, the worsened reference, the worsened draft, and by how much."""

    source: str
    draft: str
    reference: str
    worse: str
    worse_draft: str
    share: float


@dataclass(frozen=True)
class Row:
    """What one detector found in one direction."""

    direction: str
    detector: str
    worsened: str
    lines: int
    auc: float
    recall: float
    precision: float
    false_alarms: float
    after_worse_drafts: float | None = None
    recall_by_share: dict[str, float] = field(default_factory=dict)

    def line(self) -> str:
        """The row of the table."""
        worse = "" if self.after_worse_drafts is None else f"{100 * self.after_worse_drafts:.1f} %"
        by_share = " / ".join(f"{value:.2f}" for value in self.recall_by_share.values())
        return (
            f"| {self.direction} | {self.worsened} | {self.detector} | {self.auc:.3f} | {self.recall:.2f} "
            f"| {by_share} | {self.precision:.2f} | {100 * self.false_alarms:.1f} % | {worse} |"
        )


HEADER = (
    "| direction | worsened by | detector | AUC | recall | under 15 % / to 30 % / above | precision "
    "| false alarms | after worse drafts |\n|---|---|---|---:|---:|---|---:|---:|---:|"
)

Detector = Callable[[Line, str], float]
"""Tells how much a text looks worsened, as the translation of a line."""


def row(
    direction: str, worsened: str, name: str, lines: Sequence[Line], score: Detector, least: float | None
) -> Row:
    """Score all texts; without a threshold of its own a detector is given the one for 1 % false alarms."""
    bad = np.array([score(line, line.worse) for line in lines])
    good = np.array([score(line, line.reference) for line in lines])
    bound = float(np.quantile(good, 1 - _FALSE_ALARMS, method="higher")) if least is None else least
    auc = (bad[:, None] > good).mean() + 0.5 * (bad[:, None] == good).mean()
    hits, false = float((bad > bound).mean()), float((good > bound).mean())
    shares = np.array([line.share for line in lines])
    bands = {"<15%": shares < 0.15, "15-30%": (shares >= 0.15) & (shares < 0.3), ">=30%": shares >= 0.3}
    worse: float | None = None
    if least is not None:
        spoiled = [Line(x.source, x.worse_draft, x.reference, "", "", 0.0) for x in lines]
        worse = float(np.mean([score(line, line.reference) > bound for line in spoiled]))
    return Row(
        direction,
        name,
        worsened,
        len(lines),
        round(float(auc), 3),
        round(hits, 3),
        round(hits / (hits + false), 3) if hits else 0.0,
        round(false, 4),
        None if worse is None else round(worse, 4),
        {band: round(float((bad[held] > bound).mean()), 2) for band, held in bands.items() if held.any()},
    )


def covering(pair: Pair) -> Specialist | None:
    """Return what drafts a pair."""
    specialists: list[Specialist] = [BergamotSpecialist(), ApertiumSpecialist()]
    return next((item for item in specialists if item.supports(pair)), None)


def translate(specialist: Specialist, texts: Sequence[str], pair: Pair) -> list[str]:
    """Draft texts sentence by sentence, as a run does."""
    drafting = Drafting(specialist, pair, by_sentences(pair.source, "srx"))
    return [drafts[0].text for drafts in drafting.draft([Segment(text) for text in texts])]


def elsewhere(path: Path, direction: str) -> dict[str, object]:
    """Return the false alarms of both checks on the references of a file."""
    pair = Pair(*direction.split("-"))
    specialist = covering(pair)
    assert specialist is not None
    rows = [tuple(line.split("\t")[:2]) for line in read_lines(path)]
    drafts = translate(specialist, [source for source, _ in rows], pair)
    both = zip(rows, drafts, strict=True)
    found = [(omission(one, other, draft), addition(one, other, draft)) for (one, other), draft in both]
    shares = [round(sum(bool(item[side]) for item in found) / len(rows), 4) for side in (0, 1)]
    return {
        "direction": direction,
        "text": path.name,
        "lines": len(rows),
        "omission": shares[0],
        "addition": shares[1],
    }


class Direction:
    """The specialists and texts of one direction."""

    def __init__(self, direction: str, data: Path, first: int, last: int) -> None:
        self.name = direction
        self.pair = Pair(*direction.split("-"))
        forward = covering(self.pair)
        assert forward is not None
        self.forward = forward
        self.backward = covering(self.pair.reversed)
        whole = [read_lines(data / "flores200/dev" / f"{FILES[tag]}.txt") for tag in self.pair]
        self.sources, self.references = (texts[first - 1 : last] for texts in whole)
        self.others = whole[1][:first] or whole[1][last:]
        self.drafts = translate(self.forward, self.sources, self.pair)

    def lines(self, worsened: str) -> list[Line]:
        """Worsen all references, and the drafts the other way: they lack what the reference has, or hold more."""
        dice = random.Random(f"{self.name}|{worsened}")
        made = []
        for source, draft, reference in zip(self.sources, self.drafts, self.references, strict=True):
            if worsened == "omission":
                worse, spoiled = dropped(reference, dice), added(draft, self.drafts, dice)
            else:
                worse, spoiled = added(reference, self.others, dice), dropped(draft, dice)
            if worse and spoiled:
                made.append(Line(source, draft, reference, worse[0], spoiled[0], worse[1]))
        return made

    def rows(self, worsened: str) -> list[Row]:
        """Measure all detectors of one kind of fault."""
        lines = self.lines(worsened)
        omits = worsened == "omission"
        sign = -1 if omits else 1
        check = left_out if omits else put_in
        detectors: list[tuple[str, Detector, float | None]] = [
            (worsened, lambda line, text: check(line.source, text, line.draft).size, LEAST),
            ("length", lambda line, text: sign * len(text) / len(line.draft), None),
            (f"links ({'source' if omits else 'target'})", self._links(lines, omits), None),
        ]
        if omits:
            detectors.append(("words", self._words(lines), None))
        if self.backward:
            detectors.append(("coverage" if omits else "support", self._back(lines, omits), None))
        return [row(self.name, worsened, name, lines, score, least) for name, score, least in detectors]

    def _back(self, lines: Sequence[Line], omits: bool) -> Detector:
        assert self.backward is not None
        texts = list(dict.fromkeys(text for line in lines for text in (line.reference, line.worse)))
        back = dict(zip(texts, translate(self.backward, texts, self.pair.reversed), strict=True))

        def score(line: Line, text: str) -> float:
            coverage, support = by_back_translation(line.source, back[text])
            return 1 - (coverage if omits else support).share

        return score

    def _links(self, lines: Sequence[Line], omits: bool) -> Detector:
        aligner = build_aligner("fast-align")
        texts = [text for line in lines for text in (line.reference, line.worse)]
        sources = [line.source.split() for line in lines for _ in range(2)]
        aligner.fit([line.split() for line in self.sources], [line.split() for line in self.references])
        found = aligner.align(sources, [text.split() for text in texts])
        links = {(" ".join(source), text): link for source, text, link in zip(sources, texts, found, strict=True)}

        def score(line: Line, text: str) -> float:
            mine = links[" ".join(line.source.split()), text]
            if omits:
                return 1 - by_links(line.source.split(), {one for one, _ in mine}).share
            return 1 - by_links(text.split(), {other for _, other in mine}).share

        return score

    def _words(self, lines: Sequence[Line]) -> Detector:
        words = sorted({word for line in lines for word in line.source.split() if weight(word)})
        alone = [re.sub(r"^\W+|\W+$", "", word) for word in words]
        made = [drafts[0].text for drafts in self.forward.draft(alone, self.pair)]
        lexicon = {
            word: [bare_word(part) for part in (*text.split(), word) if weight(part)]
            for word, text in zip(words, made, strict=True)
        }

        def score(line: Line, text: str) -> float:
            there = [bare_word(word) for word in text.split()]
            source = line.source.split()
            found = {
                place
                for place, word in enumerate(source)
                if any(alike(part, other) for part in lexicon.get(word, ()) for other in there)
            }
            return 1 - by_links(source, found).share

        return score


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--first", type=int, default=401)
    parser.add_argument("--last", type=int, default=997)
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS, choices=DIRECTIONS)
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/coverage.json"))
    options = parser.parse_args()
    print(HEADER)
    rows: list[Row] = []
    for name in options.directions:
        direction = Direction(name, options.data, options.first, options.last)
        for worsened in ("omission", "addition"):
            for item in direction.rows(worsened):
                rows.append(item)
                print(item.line(), flush=True)
    print("\n| direction | text | lines | omission | addition |\n|---|---|---:|---:|---:|")
    others = [elsewhere(options.data / name, pair) for pair, names in ELSEWHERE.items() for name in names]
    for other in others:
        print("| " + " | ".join(map(str, other.values())) + " |")
    measured = {"lines": [options.first, options.last], "rows": [asdict(item) for item in rows]}
    whole = {"scalemt": __version__, **measured, "elsewhere": others}
    options.json.write_text(json.dumps(whole, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
