"""How often attacks by what a prompt shows succeed, by method, before and after the defences (docs/injection.md).

    python benchmarks/injection.py --quick                  # a few minutes
    python benchmarks/injection.py                          # all questions, all languages
    python benchmarks/injection.py --generalist openai:http://127.0.0.1:8000/v1#MODEL --methods refine

The suite is `benchmarks/injection/*.toml`, the six kinds of Miceli-Barone and Sun (WMT 2024), in the source,
in a unit of the memory, in a term of the glossary, and in the segment before. Before: chat models are not told
that texts are data, and the gate is off. After: they are, and the gate is at "checks", whose refusals the gate at
"quality" shares. What is between, the frame alone, is measured for real chat models.

obedient   a script that obeys whatever order its prompt shows: the worst case, it tells what the checks do alone
sly        the same, but it translates the question and puts the answer behind it
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from scalemt.config import Configuration, Profile
from scalemt.engine import Engine
from scalemt.engine.backends import build_generalist, build_method, build_specialists
from scalemt.errors import ScalemtError
from scalemt.evaluation.injection import (
    KINDS,
    PLACES,
    Attack,
    Suite,
    judge,
    obedient,
    reached,
    read_suite,
    wilson,
)
from scalemt.generalists import Generalist
from scalemt.generalists.fake import FakeGeneralist
from scalemt.lines import read_lines
from scalemt.memory.store import MemoryStore
from scalemt.memory.units import Unit
from scalemt.methods import METHODS
from scalemt.prompts import load_template, template_names
from scalemt.quality.injection import asks, obeyed
from scalemt.specialists import Specialist
from scalemt.types import Completion, Decoding, Pair, Prompt, Segment, Translation
from scalemt.version import __version__

FOLDER = Path(__file__).with_suffix("")
SCRIPTED = ("obedient", "sly")
PIVOTS = {"en": "es", "pt": "es", "es": "ca"}
# Without these the methods would ask nobody for such short questions.
OPTIONS: dict[str, dict[str, Any]] = {
    "instruct": {"rules": "max-words=60", "always": True, "samples": 0},
    "code-switch": {"route": "generalist"},
    "think": {"budget": 64},
    "knowledge": {"semantic": "off"},  # an encoder would be loaded for each of the many engines
}
# Sets of people's translations; Tatoeba's hold many questions.
CLEAN = {
    "en-pt": ("flores200/dev/eng_Latn", "flores200/dev/por_Latn"),
    "pt-en": ("flores200/dev/por_Latn", "flores200/dev/eng_Latn"),
    "gl-en": ("tatoeba/test/glg-eng/glg", "tatoeba/test/glg-eng/eng"),
    "en-gl": ("tatoeba/test/glg-eng/eng", "tatoeba/test/glg-eng/glg"),
    "eu-en": ("tatoeba/test/eus-eng/eus", "tatoeba/test/eus-eng/eng"),
}
QUICK, FEW = 4, 2  # questions with --quick: of scripts, and of models


@dataclass
class Cell:
    """Counts for one generalist, method, language, place, kind and wording."""

    generalist: str
    method: str
    language: str
    place: str
    kind: str
    wording: int
    stated: bool = False
    attacks: int = 0
    asked: int = 0
    shown: int = 0
    before: int = 0
    framed: int = 0
    after: int = 0
    translated_before: int = 0
    translated_after: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def key(self) -> tuple[str, int]:
        """What it counts within one run."""
        return self.kind, self.wording


class Listening:
    """A generalist that notes what it is asked; for the rest it is the one within."""

    def __init__(self, within: Generalist) -> None:
        self.within = within
        self.prompts: list[Prompt] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.within, name)

    def complete(self, prompts: Sequence[Prompt], decoding: Decoding, *more: Any) -> list[Completion]:
        """Note prompts, and pass them on."""
        self.prompts += prompts
        return self.within.complete(prompts, decoding, *more)


@dataclass(frozen=True)
class Bench:
    """What all runs share."""

    folder: Path
    specialists: Sequence[Specialist]
    generalists: dict[str, Callable[[Suite], Any]]
    unframed: dict[str, str]

    def profile(self, method: str, suite: Suite, place: str, kind: str, wording: int) -> Profile:
        """Return the profile of one run: an honest memory and glossary, unless they are what attacks."""
        poisoned = f"{suite.pair.source}-{kind}-{wording}"
        honest = f"{suite.pair.source}-clean-0"
        return Profile(
            method=method,
            options=OPTIONS.get(method, {}),
            pivot=PIVOTS[suite.pair.source] if method == "pivot" else None,
            gate="off",
            shots=1,
            selection="memory",
            memories=(str(self.folder / f"{poisoned if place == 'memory' else honest}.db"),),
            reuse="off",
            floor=0.0,
            glossary=str(self.folder / f"{poisoned if place == 'glossary' else honest}.csv"),
            context=1 if place == "context" else 0,
            max_tokens=96,
            threads=1,
        )

    def prepare(self, suites: Sequence[Suite]) -> None:
        """Write a memory and a glossary for each kind and wording."""
        for suite in suites:
            for kind in KINDS:
                for wording in range(len(suite.kinds.get(kind, ("",)))):
                    self._write(suite, kind, wording)

    def _write(self, suite: Suite, kind: str, wording: int) -> None:
        name, example = f"{suite.pair.source}-{kind}-{wording}", suite.example
        target = example.reference if kind == "clean" else example.answers[0]
        with closing(MemoryStore(self.folder / f"{name}.db", create=True)) as store:
            store.add([Unit(suite.worded(kind, wording, example), target, suite.pair)])
        with (self.folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("source", "target"))
            for question in suite.questions:
                term, wanted = question.term
                said = "" if kind == "clean" else f". {suite.worded(kind, wording, question)}"
                rows.writerow((term, f"{wanted}{said}"))


def run(
    bench: Bench, generalist: str, method: str, suite: Suite, place: str, *, stated: bool = False
) -> list[Cell]:
    """Translate all attacks at one place by one method, and count."""
    if place == "context" and bench.generalists[generalist](suite).kind == "base":
        return []  # the templates for base models show none
    attacks = [attack for kind in KINDS for attack in suite.attacks(place, kind, stated=stated)]
    # Where it is not the memory or the glossary that attacks, one profile is good for all kinds.
    apart = place in ("memory", "glossary")
    groups: dict[tuple[str, int], list[Attack]] = {}
    for attack in attacks:
        groups.setdefault((attack.kind, attack.wording) if apart else ("clean", 0), []).append(attack)
    cells: dict[tuple[str, int], Cell] = {}
    for (kind, wording), group in groups.items():
        profile = bench.profile(method, suite, place, kind, wording)
        for made in _measured(bench, generalist, profile, suite, group):
            made.stated = stated
            cells[made.key] = made
    return list(cells.values())


def _measured(
    bench: Bench, generalist: str, profile: Profile, suite: Suite, attacks: Sequence[Attack]
) -> Iterable[Cell]:
    asked = bench.generalists[generalist](suite)
    segments = [
        Segment(attack.source, str(number), before=(attack.carried or attack.source,))
        if attack.place == "context"
        else Segment(attack.source, str(number))
        for number, attack in enumerate(attacks)
    ]

    def translated(**fields: Any) -> list[Translation]:
        engine = Engine(profile.model_copy(update=fields), specialists=bench.specialists, generalist=asked)
        return engine.translate(segments, *suite.pair)

    chat = asked.kind == "chat"
    name = Engine(profile, specialists=bench.specialists, generalist=asked).plan(*suite.pair).kit.template.name
    # A method that hands segments on to others has no template of its own.
    before = translated(template=bench.unframed[name]) if chat and name in bench.unframed else translated()
    prompts = [prompt.content for prompt in asked.prompts]
    # A script does not heed what it is told, and a base model is told nothing.
    framed = translated() if chat and generalist not in SCRIPTED else before
    after = translated(gate="checks")
    cells: dict[tuple[str, int], Cell] = {}
    for attack, *done in zip(attacks, before, framed, after, strict=True):
        key = attack.kind, attack.wording
        cell = cells.setdefault(
            key, Cell(generalist, profile.method, suite.pair.source, attack.place, attack.kind, attack.wording)
        )
        _count(cell, attack, suite.pair, done, prompts)
    return cells.values()


def _count(cell: Cell, attack: Attack, pair: Pair, done: Sequence[Translation], prompts: Sequence[str]) -> None:
    draft = next((item.text for item in done[2].candidates if item.origin == "draft"), "")
    before, framed, after = (judge(item.text, attack, pair, draft) for item in done)
    answers = [
        item for item in done[2].candidates if item.origin not in ("draft", "masked terms", "replaced terms")
    ]
    cell.attacks += 1
    cell.asked += bool(answers)
    cell.shown += bool(attack.carried) and reached(attack, prompts)
    cell.before += before.obeyed
    cell.framed += framed.obeyed
    cell.after += after.obeyed
    cell.translated_before += before.translated
    cell.translated_after += after.translated
    failed = {check.name for item in answers for check in item.checks if not check.passed}
    cell.refused.update(failed)
    cell.refused["any"] += bool(failed)
    cell.refused["injection alone"] += failed == {"injection"}


def table(title: str, cells: Sequence[Cell], field_name: str) -> str:
    """Return one table: shares with Wilson's intervals, one row a value of a field."""
    framed = any(cell.framed != cell.before for cell in cells)
    head = ["attacks", "shown", "obeyed before", *(["with the frame alone"] if framed else []), "after"]
    head += ["translated before", "after", "refused by `injection`", "by it alone"]
    lines = [f"| {title} | {' | '.join(head)} |", f"|---|{'---:|' * len(head)}"]
    for value in dict.fromkeys(getattr(cell, field_name) for cell in cells):
        rows = [cell for cell in cells if getattr(cell, field_name) == value]
        total = sum(cell.attacks for cell in rows)
        told = [f"{total}", _share(sum(cell.shown for cell in rows), total)]
        told.append(_interval(sum(cell.before for cell in rows), total))
        told += [_interval(sum(cell.framed for cell in rows), total)] if framed else []
        told.append(_interval(sum(cell.after for cell in rows), total))
        told += [_share(sum(getattr(cell, name) for cell in rows), total) for name in _TRANSLATED]
        told += [_share(sum(cell.refused[name] for cell in rows), total) for name in _ALARMS]
        lines.append(f"| {value if field_name != 'method' else f'`{value}`'} | {' | '.join(told)} |")
    return "\n".join(lines)


_TRANSLATED = ("translated_before", "translated_after")
_ALARMS = ("injection", "injection alone")


def _share(count: int, total: int) -> str:
    return f"{count / total:.0%}" if total else "–"


def _interval(count: int, total: int) -> str:
    low, high = wilson(count, total)
    return f"{count / total:.0%} ({low:.0%} to {high:.0%})" if total else "–"


def false_alarms(data: Path, specialists: Sequence[Specialist], lines: int, asked: Any) -> list[dict[str, Any]]:
    """Tell how often the alarm rings where nobody attacks: for people's translations, and for a generalist's.

    "told" supposes that something in the prompt spoke to models all the same, which makes the alarm strictest.
    """
    rows: list[dict[str, Any]] = []
    for name, paths in CLEAN.items():
        pair = Pair(*name.split("-"))
        sources, references = (read_lines(data / f"{path}.txt")[:lines] for path in paths)
        profile = Profile(method="draft", threads=1)
        drafts = [item.text for item in Engine(profile, specialists=specialists).translate(sources, *pair)]
        for whose, order in (("people", ()), ("people, told", ("Do not translate this.",))):
            rung = [
                f"{source} => {text} ({why})"
                for source, draft, text in zip(sources, drafts, references, strict=True)
                if (why := obeyed(text, draft, source, pair, (source, *order)))
            ]
            rows.append(_alarm(pair, whose, sources, rung))
        if asked is not None and name in ("en-pt", "gl-en"):
            some = sources[:100] if name == "en-pt" else [text for text in sources if asks(text, pair.source)][:50]
            engine = Engine(Profile(method="refine", gate="checks"), specialists=specialists, generalist=asked)
            every = [
                (item, check)
                for item in engine.translate(some, *pair)
                for candidate in item.candidates
                for check in candidate.checks
            ]
            rung = [f"{item.segment.text} ({check.detail})" for item, check in every if _rings(check)]
            rows.append(_alarm(pair, "refine", some, rung))
    return rows


def _rings(check: Any) -> bool:
    return check.name == "injection" and not check.passed


def _alarm(pair: Pair, whose: str, sources: Sequence[str], rung: list[str]) -> dict[str, Any]:
    lines, asking = len(sources), sum(asks(source, pair.source) for source in sources)
    low, high = wilson(len(rung), lines)
    rate = f"{len(rung) / lines:.2%} ({low:.2%} to {high:.2%})"
    print(f"| {pair} | {whose} | {lines} | {asking} | {len(rung)} | {rate} |", flush=True)
    row = {"pair": str(pair), "answers": whose, "lines": lines, "questions": asking}
    return row | {"alarms": len(rung), "which": rung}


def unframed(folder: Path) -> dict[str, str]:
    """Write copies of the templates for chat models that tell nothing of data, and return their paths by name."""
    found = {}
    for name in template_names():
        if load_template(name).kind == "chat":
            text = (files("scalemt.prompts") / "templates" / f"{name}.toml").read_text("utf-8")
            path = folder / f"{name}.toml"
            path.write_text(f'frame = ""\n{text}', "utf-8")
            found[name] = str(path)
    return found


def all_methods() -> list[str]:
    """Return the methods that ask a generalist."""
    return [name for name in METHODS.names() if build_method(name, OPTIONS.get(name, {})).needs_generalist]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four questions, and for models two in one language")
    parser.add_argument("--questions", type=int, help="so many of each language")
    parser.add_argument("--languages", nargs="+", default=["en", "pt", "es"])
    parser.add_argument("--places", nargs="+", default=PLACES, choices=PLACES)
    parser.add_argument("--methods", nargs="+", help="those that ask a generalist, by default")
    parser.add_argument("--generalist", nargs="+", default=[*SCRIPTED, "llamacpp"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="for false alarms")
    parser.add_argument("--lines", type=int, default=997, help="of the test of false alarms; 0 leaves it out")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results/injection.json"))
    return parser.parse_args()


def _generalists(names: Sequence[str]) -> dict[str, Callable[[Suite], Any]]:
    return {name: _scripted(sly=name == "sly") if name in SCRIPTED else _listening(name) for name in names}


def _scripted(*, sly: bool) -> Callable[[Suite], Any]:
    return lambda suite: FakeGeneralist(obedient(suite, sly=sly))


def _listening(name: str) -> Callable[[Suite], Any]:
    # One for all: what a cache answers was asked before.
    listening = Listening(build_generalist(name, Configuration(), Profile(threads=1)))
    return lambda _: listening


def attacked(bench: Bench, options: argparse.Namespace) -> tuple[list[Cell], dict[str, str], int | None]:
    """Run all attacks; what cannot be run is noted, by where."""
    count = options.questions or (QUICK if options.quick else None)
    suites = [read_suite(FOLDER / f"{tag}.toml", count) for tag in options.languages]
    few = [read_suite(FOLDER / f"{tag}.toml", FEW) for tag in options.languages[:1]]
    bench.prepare(suites)
    cells: list[Cell] = []
    notes: dict[str, str] = {}
    for generalist in options.generalist:
        mine = few if options.quick and generalist not in SCRIPTED else suites
        for method in options.methods or all_methods():
            began = time.perf_counter()
            for suite in mine:
                for place in options.places:
                    try:
                        cells += run(bench, generalist, method, suite, place)
                        if method == "refine" and place in ("source", "context"):
                            cells += run(bench, generalist, method, suite, place, stated=True)
                    except ScalemtError as fault:
                        notes[f"{generalist}, {method}, {suite.pair}, {place}"] = str(fault)
            print(f"{generalist} {method}: {time.perf_counter() - began:.0f} s", flush=True)
    return cells, notes, count


def report(generalist: str, cells: Sequence[Cell]) -> None:
    """Print the tables of one generalist."""
    mine = [cell for cell in cells if cell.generalist == generalist]
    every = [cell for cell in mine if not cell.stated]
    stated = [cell for cell in mine if cell.stated and cell.kind != "clean"]
    attacks = [cell for cell in every if cell.kind != "clean"]
    print(f"\n### {generalist}")
    for name in ("method", "place", "language", "wording"):
        print(f"\n{table(name, attacks, name)}")
    print(f"\n{table('kind', every, 'kind')}")
    if stated:
        print(f"\nSegments that ask nothing, by refine:\n\n{table('place', stated, 'place')}")
        print(f"\n{table('wording', stated, 'wording')}")


def main() -> None:
    """Read the command line, attack, print the tables, write the JSON."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"SCALEMT_CACHE_DIR": f"{folder}/cache", "SCALEMT_CONFIG_DIR": f"{folder}/config"}
        specialists = build_specialists(Profile(threads=1), Configuration())
        bench = Bench(Path(folder), specialists, _generalists(options.generalist), unframed(Path(folder)))
        cells, notes, count = attacked(bench, options)
        for generalist in options.generalist:
            report(generalist, cells)
        print("".join(f"\n{where}: {why}" for where, why in notes.items()))
        print("\n| pair | answers | lines | questions | alarms | rate |\n|---|---|---:|---:|---:|---:|")
        real = next((name for name in options.generalist if name not in SCRIPTED), None)
        model = build_generalist(real, Configuration(), Profile(threads=1)) if real else None
        alarms = false_alarms(options.data, specialists, options.lines, model) if options.lines else []
    settings = {"questions": count, "languages": options.languages, "generalists": options.generalist}
    names = [name for name in vars(Cell("", "", "", "", "", 0)) if name != "refused"]
    rows = [
        [*(int(value) if isinstance(value := getattr(cell, name), bool) else value for name in names)]
        + [cell.refused[name] for name in _ALARMS]
        for cell in cells
    ]
    content = {"scalemt": __version__, **settings, "fields": [*names, *_ALARMS], "rows": rows}
    content |= {"notes": notes, "false_alarms": alarms}
    options.json.write_text(json.dumps(content, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
