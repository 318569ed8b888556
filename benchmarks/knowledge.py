"""Knowledge cards on a small text and a few questions of our own: which selectors help, and what wrong cards do.

    python benchmarks/knowledge.py --json benchmarks/results/knowledge.json [--generalist openai:URL#MODEL]

`benchmarks/knowledge/` holds sentences about a ward with translations and the terms in them, a handbook and a list
of terms of the ward (the right cards), and the same of a harbour (the wrong ones). Of translations: share of terms
that stand in the translation (by lemmas), chrF++, how many drafts were changed, calls; with the gate off and with
the gate `quality`. Of questions: how many answers hold the words that the handbook has for it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from scalemt.config import Profile, load_configuration
from scalemt.engine import Engine
from scalemt.engine.questions import Asker
from scalemt.glossary import TermFinder, load_glossary, verify
from scalemt.methods.knowledge.integrating import Settings
from scalemt.methods.knowledge.reading import read_card
from scalemt.types import Pair, Translation

DATA = Path(__file__).with_suffix("")
PAIR = Pair("en", "pt")
ALL = "relevance,brevity,factuality"
_BOTH_GATES = ("all three", "all three, and a model card", "wrong cards, all three")


def _cards(name: str, *more: str) -> str:
    return ";".join([f"book=folder:{DATA / name}", f"words[en,pt]=glossary:{DATA / name}.csv", *more])


@dataclass(frozen=True)
class Row:
    """What one way of translating came to."""

    way: str
    gate: str
    terms: float
    chrf: float
    changed: int
    calls: int
    tokens: int
    seconds: float

    def line(self) -> str:
        """The row of the table."""
        return (
            f"| {self.way} | {self.gate} | {self.terms:.0f} % | {self.chrf:.1f} | {self.changed} | {self.calls} | "
            f"{self.tokens} | {self.seconds:.2f} |"
        )


def translation_arms() -> list[tuple[str, str, dict[str, Any]]]:
    """Name, method and options of each way of translating."""
    right, model = _cards("ward"), _cards("ward", "model (hospitals)=llamacpp")
    return [
        ("draft", "draft", {}),
        ("post-edit without background", "knowledge", {"cards": f"none=folder:{DATA}/none"}),
        ("handbook and terms, no selector", "knowledge", {"cards": right, "selectors": "none"}),
        ("relevance alone", "knowledge", {"cards": right, "selectors": "relevance"}),
        ("brevity alone", "knowledge", {"cards": right, "selectors": "brevity"}),
        ("factuality alone", "knowledge", {"cards": right, "selectors": "factuality"}),
        ("all three", "knowledge", {"cards": right, "selectors": ALL}),
        ("all three, and a model card", "knowledge", {"cards": model, "selectors": ALL}),
        ("wrong cards, no selector", "knowledge", {"cards": _cards("sea"), "selectors": "none"}),
        ("wrong cards, all three", "knowledge", {"cards": _cards("sea"), "selectors": ALL}),
    ]  # fmt: skip


def translations(generalist: str, limit: int, gates: Sequence[str]) -> list[Row]:
    """Translate the sentences in each way."""
    rows = [line.split("\t") for line in (DATA / "ward.tsv").read_text("utf-8").splitlines()][:limit]
    finder = TermFinder(load_glossary(DATA / "ward.csv", PAIR), PAIR)
    found = []
    for way, method, options in translation_arms():
        for gate in gates if way in _BOTH_GATES else gates[:1]:
            profile = Profile.model_validate(
                {"method": method, "generalist": generalist, "gate": gate, "options": options, "cache": False}
            )
            begun = time.perf_counter()
            done = Engine(profile).translate([row[0] for row in rows], "en", "pt")
            seconds = (time.perf_counter() - begun) / len(rows)
            found.append(_row(way, gate, done, [row[1] for row in rows], finder, seconds))
            print(found[-1].line(), flush=True)
    return found


def _row(
    way: str, gate: str, done: Sequence[Translation], references: list[str], finder: TermFinder, seconds: float
) -> Row:
    uses = [use for item in done for use in verify(finder.find(item.segment.text), item.text, PAIR)]
    applied = sum(use.state in ("applied", "inflected") for use in uses)
    chrf = CHRF(word_order=2).corpus_score([item.text for item in done], [references]).score
    changed = sum(bool(item.draft) and item.text != item.draft.text for item in done if item.draft)
    usage = [item.usage for item in done]
    return Row(
        way,
        gate,
        100 * applied / max(1, len(uses)),
        chrf,
        changed,
        sum(one.calls for one in usage),
        sum(one.prompt_tokens + one.completion_tokens for one in usage),
        seconds,
    )


def questions(generalist: str, limit: int) -> list[dict[str, Any]]:
    """Ask the questions in each way."""
    rows = [line.split("\t") for line in (DATA / "questions.tsv").read_text("utf-8").splitlines()][:limit]
    book, sea = f"book (a ward)=folder:{DATA / 'ward'}", f"book (a ward)=folder:{DATA / 'sea'}"
    model = "model (hospitals)=own"
    arms: list[tuple[str, list[str], Settings]] = [
        ("nobody", [], Settings()),
        ("handbook", [book], Settings()),
        ("handbook, no selector", [book], Settings(selectors="none")),
        ("handbook and model", [book, model], Settings()),
        ("handbook and model, any evidence", [book, model], Settings(evidence="any")),
        ("model", [model], Settings()),
        ("model, evidence required", [model], Settings(evidence="required")),
        ("wrong handbook", [sea], Settings()),
        ("handbook and model, automatic", [book, model], Settings(mode="automatic")),
        ("handbook and model, explicit", [book, model], Settings(mode="explicit")),
    ]  # fmt: skip
    found = []
    for way, cards, settings in arms:
        profile = Profile(generalist=generalist, cache=False)
        asker = Asker(profile, [read_card(card) for card in cards], settings, load_configuration())
        begun = time.perf_counter()
        replies = asker.ask([row[0] for row in rows])
        right = sum(row[1].casefold() in reply.text.casefold() for row, reply in zip(rows, replies, strict=True))
        shown = sum(bool(reply.trace.kept) for reply in replies)
        calls = sum(reply.usage.calls for reply in replies)
        seconds = round((time.perf_counter() - begun) / len(rows), 2)
        found.append(
            dict(cards=way, right=right, of=len(rows), shown=shown, calls=calls, seconds=seconds)  # noqa: C408
        )
        print(f"| {way} | {right} of {len(rows)} | {shown} | {calls} | {seconds:.2f} |", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generalist", default="llamacpp")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--gates", default="off,quality")
    parser.add_argument("--only", choices=("translations", "questions"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    known = options.json.read_text("utf-8") if options.json and options.json.is_file() else "{}"
    told: dict[str, Any] = {**json.loads(known), "generalist": options.generalist}
    if options.only != "questions":
        print("| way | gate | terms | chrF++ | changed | calls | tokens | s a segment |")
        print("|---|---|---|---|---|---|---|---|")
        told["translations"] = [
            asdict(row) for row in translations(options.generalist, options.limit, options.gates.split(","))
        ]
    if options.only != "translations":
        print("\n| cards | right | with background | calls | s a question |\n|---|---|---|---|---|")
        told["questions"] = questions(options.generalist, options.limit)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
