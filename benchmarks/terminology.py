"""Term usage of the specialist alone and after `terminology`, with chrF++ beside it, on TICO-19 and its lists.

    python benchmarks/terminology.py --data ../shared/data --lines 400 --json benchmarks/results/terminology.json

The first lines of TICO-19's dev set (the tolerance of the gate was chosen on lines 401 to 700), English to
Portuguese and Spanish, and Portuguese to English with the list turned round. A term counts as used where it
stands in the translation as it is, or in another form by its lemma (`scalemt.glossary.verify`). The references
are measured too: they use the lists' terms only so far, which bounds what forcing terms can do for chrF++. The
generalist answers only for what is missed. Prints a table and the terms that stay missed; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.glossary import TermFinder, load_glossary, verify
from scalemt.lines import read_lines
from scalemt.types import Pair, TermUse, Translation
from scalemt.version import __version__

DIRECTIONS = ("en-pt", "en-es", "pt-en")
FILES = {"en": "eng_Latn", "pt": "por_Latn", "es": "spa_Latn"}
LISTS = {"en-pt": "f_en-pt_XX.csv", "en-es": "f_en-es_XX.csv", "pt-en": "f_en-pt_XX.csv"}


@dataclass(frozen=True)
class Row:
    """What one way of translating did with the terms of one direction."""

    direction: str
    way: str
    terms: int
    applied: int
    inflected: int
    missed: int
    usage: float
    chrf: float
    changed: int
    calls: int
    seconds: float
    residual: list[tuple[str, int]]

    def line(self) -> str:
        """The row of the table."""
        return (
            f"| {self.direction} | {self.way} | {self.usage:.1f} % | {self.applied} / {self.inflected} / "
            f"{self.missed} | {self.chrf:.2f} | {self.changed} | {self.calls} | {self.seconds:.2f} |"
        )


HEADER = (
    "| direction | way | terms used | applied / inflected / missed | chrF++ | segments changed | calls | s |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|"
)


def row(
    direction: str,
    way: str,
    texts: Sequence[str],
    uses: Iterable[TermUse],
    references: Sequence[str],
    drafts: Sequence[str],
    calls: int = 0,
    seconds: float = 0.0,
) -> Row:
    """Count terms and score texts."""
    every = list(uses)
    states = Counter(use.state for use in every)
    missed = Counter(f"{use.source} = {use.target}" for use in every if use.state in ("missed", "overridden"))
    used = states["applied"] + states["inflected"]
    return Row(
        direction,
        way,
        len(every),
        states["applied"],
        states["inflected"],
        len(every) - used,
        round(100 * used / max(1, len(every)), 1),
        round(float(CHRF(word_order=2).corpus_score(list(texts), [list(references)]).score), 2),
        sum(one != other for one, other in zip(texts, drafts, strict=True)),
        calls,
        round(seconds / len(texts), 3),
        missed.most_common(),
    )


def translated(profile: Profile, sources: Sequence[str], pair: Pair) -> tuple[list[Translation], float]:
    """Translate, and tell the seconds that it took."""
    started = time.perf_counter()
    done = Engine(profile, notice=print).translate(sources, *pair)
    return done, time.perf_counter() - started


def measure(direction: str, data: Path, lines: int, ways: Sequence[str], threads: int) -> list[Row]:
    """Translate one direction in all ways."""
    pair = Pair(*direction.split("-"))
    sources, references = (read_lines(data / "tico19/dev" / f"{FILES[side]}.txt")[:lines] for side in pair)
    path = data / "tico19/terminologies" / LISTS[direction]
    finder = TermFinder(load_glossary(path, pair), pair)
    plain = Profile(method="draft", glossary=str(path), threads=threads)
    done, seconds = translated(plain, sources, pair)
    drafts = [item.text for item in done]
    rows = [row(direction, "draft", drafts, _uses(done), references, drafts, seconds=seconds)]
    kept = (
        use
        for source, text in zip(sources, references, strict=True)
        for use in verify(finder.find(source), text, pair)
    )
    rows.append(row(direction, "(reference)", references, kept, references, drafts))
    for way in ways:
        profile = plain.model_copy(update={"method": "terminology", "options": {"by": way}})
        done, seconds = translated(profile, sources, pair)
        texts = [item.text for item in done]
        calls = sum(item.usage.calls + item.usage.cached for item in done)
        rows.append(
            row(direction, f"terminology, by {way}", texts, _uses(done), references, drafts, calls, seconds)
        )
    return rows


def _uses(done: Iterable[Translation]) -> list[TermUse]:
    return [use for item in done for use in item.terms]


def main() -> None:
    """Read the command line, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--lines", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--directions", nargs="+", default=DIRECTIONS, choices=DIRECTIONS)
    parser.add_argument("--ways", nargs="+", default=("specialist", "generalist", "both"))
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/terminology.json"))
    options = parser.parse_args()
    print(HEADER)
    rows: list[Row] = []
    for direction in options.directions:
        for item in measure(direction, options.data, options.lines, options.ways, options.threads):
            rows.append(item)
            print(item.line(), flush=True)
        whole = {"scalemt": __version__, "lines": options.lines, "rows": [asdict(item) for item in rows]}
        options.json.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")
    for item in rows:
        listed = "; ".join(f"{term} ({count})" for term, count in item.residual[:15])
        print(f"\n{item.direction}, {item.way}: still missed: {listed or 'none'}")


if __name__ == "__main__":
    main()
