"""Code-switched text: tags, index, and what each way of translating it is worth.

python benchmarks/code_switch.py [--generalist] [--limit N] [--out FILE]

The sentences are this project's own: `benchmarks/code_switch/mixed.tsv` (66, with references in both of their
languages) and `hinglish.tsv` (10, for tags). Each mixed sentence is translated into each of its two languages: by
the specialist as it is applied to any text ("whole"), around what is in the target language ("around"), stretch
by stretch ("stretches"), by the gate out of these three ("best"), and, with --generalist, by the embedded one
without a draft, and with the gate between the two ("both"). The other way, monolingual references are put into
mixed text at several degrees. Scores are chrF++ of sacreBLEU over all sentences of a direction, and over the odd
and the even ones, so that a choice of way can be seen to hold.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import Profile
from scalemt.engine import Engine
from scalemt.quality.mixing import Mixture, mixture
from scalemt.types import Translation

DATA = Path(__file__).with_suffix("")
RESULTS = Path(__file__).parent / "results" / "code_switch.json"
DEGREES = (10, 20, 30, 50)
_MARK = re.compile(r"[\[\]{}]")


@dataclass(frozen=True)
class Sentence:
    """One sentence with the language of each of its words, and its references by language."""

    id: str
    first: str
    second: str
    text: str
    tags: tuple[str, ...]
    references: dict[str, str]

    @property
    def index(self) -> float:
        """The code-mixing index by the tags."""
        own = [tag for tag in self.tags if tag]
        return 100 * (1 - max(own.count(tag) for tag in set(own)) / len(own)) if own else 0.0


def sentences(name: str) -> list[Sentence]:
    """Read a file of marked sentences."""
    rows = (DATA / name).read_text("utf-8").splitlines()
    return [_sentence(row.split("\t")) for row in rows if not row.startswith("#")]


def _sentence(row: Sequence[str]) -> Sentence:
    name, first, second, marked = row[:4]
    spots: list[tuple[int, str]] = []
    tag, plain = first, ""
    for piece in re.split(r"([\[\]{}])", marked):
        if _MARK.fullmatch(piece):
            tag = {"[": second, "{": ""}.get(piece, first)
        else:
            plain += piece
            spots.append((len(plain), tag))
    words = mixture(plain, (first, second)).words
    tags = tuple(
        "" if any(sign.isdigit() for sign in word.text) else next(tag for end, tag in spots if word.start < end)
        for word in words
    )
    return Sentence(name, first, second, plain, tags, dict(zip((first, second), row[4:6], strict=False)))


def tagging(items: Sequence[Sentence], turned: bool = False) -> dict[str, float]:
    """Return how well words are tagged: accuracy, errors of the index, switch points found and right."""
    right = total = hits = found = due = 0
    error = 0.0
    for item in items:
        among = (item.second, item.first) if turned else (item.first, item.second)
        made: Mixture = mixture(item.text, among)
        right += sum(word.language == tag for word, tag in zip(made.words, item.tags, strict=True))
        total += len(item.tags)
        error += abs(made.index - item.index)
        mine, gold = set(made.switches), set(_switches(made, item.tags))
        hits, found, due = hits + len(mine & gold), found + len(mine), due + len(gold)
    return {
        "sentences": len(items),
        "words": total,
        "accuracy": round(100 * right / total, 1),
        "index error": round(error / len(items), 1),
        "switch precision": round(100 * hits / max(1, found), 1),
        "switch recall": round(100 * hits / max(1, due), 1),
    }


def _switches(made: Mixture, tags: Sequence[str]) -> list[int]:
    own = [(word.start, tag) for word, tag in zip(made.words, tags, strict=True) if tag]
    return [own[at][0] for at in range(1, len(own)) if own[at][1] != own[at - 1][1]]


def translated(
    texts: Sequence[str], source: str, target: str, options: dict[str, Any], **fields: Any
) -> tuple[list[Translation], float]:
    """Translate texts anew, and return the seconds that it took."""
    # What the generalist has said for one arm is not asked again for the next: the prompts are the same.
    engine = Engine(Profile(method="code-switch", options=options, cache="shots" in fields, **fields))
    began = time.perf_counter()
    made = list(engine.translate(list(texts), source, target))
    return made, round(time.perf_counter() - began, 1)


def scored(made: Sequence[str], references: Sequence[str]) -> float:
    """Return chrF++ of a corpus."""
    return round(float(CHRF(word_order=2).corpus_score(list(made), [list(references)]).score), 1)


def to_one(items: Sequence[Sentence], source: str, target: str, generalist: bool) -> dict[str, Any]:
    """Compare the ways into one language."""
    ways: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "source as it is": ({}, {}),
        "whole": ({"way": "whole", "route": "specialist"}, {}),
        "around": ({"way": "around", "route": "specialist"}, {}),
        "stretches": ({"way": "stretches", "route": "specialist"}, {}),
        "best": ({"way": "best", "route": "specialist"}, {}),
    }
    if generalist:
        ways["generalist"] = ({"route": "generalist"}, {"shots": 3, "gate": "off"})
        ways["both"] = ({"route": "both"}, {"shots": 3})
    references = [item.references[target] for item in items]
    table: dict[str, Any] = {}
    for name, (options, fields) in ways.items():
        texts, seconds, calls, kept = [item.text for item in items], 0.0, 0, 0
        if options:
            made, seconds = translated(texts, source, target, options, **fields)
            texts = [item.text for item in made]
            calls = sum(item.usage.calls + item.usage.cached for item in made)
            kept = sum(any(c.outcome == "changed" for c in item.decisions) for item in made)
        halves = [scored(texts[at::2], references[at::2]) for at in (0, 1)]
        left = [mixture(text, (target, source)).index for text in texts]
        table[name] = {
            "chrF++": scored(texts, references),
            "odd, even": halves,
            "index left": round(sum(left) / len(left), 1),
            "kept words changed in": kept,
            "calls": calls,
            "seconds": seconds,
        }
        print(f"  {name:16} {table[name]}", flush=True)
    return table


def to_mixed(items: Sequence[Sentence], source: str, target: str) -> dict[str, Any]:
    """Put references into mixed text, and measure how near the wanted degree is reached."""
    texts = [item.references[source] for item in items]
    table: dict[str, Any] = {}
    for degree in DEGREES:
        options = {"degree": degree, "route": "specialist"}
        made, seconds = translated(texts, source, target, options)
        chosen = [float(_share(item)) for item in made]
        tagged = [100 * mixture(item.text, (target, source)).shares.get(source, 0.0) for item in made]
        lost = sum(any(c.outcome == "changed" for c in item.decisions) for item in made)
        plain = scored([item.text for item in made], [item.references[target] for item in items])
        table[str(degree)] = {
            "chosen": round(sum(chosen) / len(chosen), 1),
            "share by tags": round(sum(tagged) / len(tagged), 1),
            "embedded words lost in": lost,
            "chrF++ to one language": plain,
            "seconds": seconds,
        }
        print(f"  degree {degree}: {table[str(degree)]}", flush=True)
    return table


def _share(item: Translation) -> str:
    why = next((step.reason for step in item.decisions if step.outcome == "embedded"), ", 0 %")
    found = re.search(r", (\d+) %", why)
    return found[1] if found else "0"


def translating(groups: Mapping[tuple[str, str], Sequence[Sentence]], generalist: bool) -> dict[str, Any]:
    """Translate each group into both of its languages, and from the second into a mixture with the first."""
    results: dict[str, Any] = {"to one": {}, "to mixed": {}}
    for (first, second), group in groups.items():
        for source, target in ((first, second), (second, first)):
            print(f"{first}+{second} to {target}")
            results["to one"][f"{first}+{second} to {target}"] = to_one(group, source, target, generalist)
        print(f"{second} to {first} with {second}")
        results["to mixed"][f"{second} to {first} with {second}"] = to_mixed(group, second, first)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generalist", action="store_true")
    parser.add_argument("--tags", action="store_true", help="measure tags only")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    every = sentences("mixed.tsv")
    pairs = list(dict.fromkeys((item.first, item.second) for item in every))
    groups = {pair: [i for i in every if (i.first, i.second) == pair][: options.limit] for pair in pairs}
    tags = {f"{a}+{b}": tagging(group) for (a, b), group in groups.items()} | {
        "hi+en": tagging(sentences("hinglish.tsv"))
    }
    for name, row in tags.items():
        print(name, row)
    if options.tags:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SCALEMT_CACHE_DIR": f"{folder}/cache", "SCALEMT_CONFIG_DIR": f"{folder}/config"}
        results = {"tags": tags, **translating(groups, options.generalist)}
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
