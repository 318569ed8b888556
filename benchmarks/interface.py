"""Placeholders and tags of 500 real interface strings through refinement, against a naive pass-through.

    python benchmarks/interface.py --po FILE.po [--po …] --to pt-BR [--lines 500] [--json FILE]

The strings are those of PO files that hold a protected span, in one line, spread evenly. "protected" is the
default profile with every answer taken as it comes (gate off), so that what the generalist does to spans is seen;
"gated" is the default profile as it is; "as it is" gives all backends the bare text (--no-protect) and looks, in
their answers, for what must be there. For each the table says in how many segments the answer held all spans at
once or after asking again or projecting, in how many the draft stood in, and how many failed out loud. "lost
silently" must be 0 for all that is protected.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scalemt.engine import Engine
from scalemt.formats import FormatOptions, format_for
from scalemt.text.masking import located
from scalemt.text.protection import protect
from scalemt.text.spans import fault
from scalemt.types import Segment, Translation

COLUMNS = ("at once", "put right", "draft instead", "failed out loud", "lost silently")


def strings(paths: Sequence[Path], count: int) -> list[Segment]:
    """Return different strings with protected spans, spread evenly over the files."""
    found: dict[str, Segment] = {}
    for path in paths:
        for segment in format_for(path).read(path, FormatOptions(overwrite=True)):
            whole = protect(segment)
            if whole.spans and "\n" not in whole.text and any(letter.isalpha() for letter in whole.text):
                found.setdefault(whole.text, replace(segment, note=""))
    every = list(found.values())
    step = max(1.0, len(every) / count)
    return [every[int(number * step)] for number in range(min(count, len(every)))]


def outcome(segment: Segment, item: Translation) -> str:
    """Return what became of the spans of one string."""
    whole = protect(segment)
    if item.error:
        return "failed out loud"
    there = located(whole, item.text)
    if fault(whole.text, whole.spans, item.text, there.spans) and _lost(whole, item):
        return "lost silently"
    steps = {decision.outcome for decision in item.decisions if decision.step == "spans"}
    refined = next((candidate for candidate in item.candidates if candidate.origin == "refine"), None)
    broken = refined and any(check.name == "spans" and not check.passed for check in refined.checks)
    if broken:
        return "draft instead"
    return "put right" if steps else "at once"


def _lost(whole: Segment, item: Translation) -> bool:
    """Whether the multiset of what spans hold is not all there, wherever it stands."""
    due = Counter(whole.text[span.start : span.end] for span in whole.spans)
    return any(item.text.count(held) < number for held, number in due.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--po", type=Path, action="append", required=True)
    parser.add_argument("--from", dest="source", default="en")
    parser.add_argument("--to", dest="target", default="pt-BR")
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    chosen = strings(arguments.po, arguments.lines)
    sides: dict[str, dict[str, Any]] = {
        "draft": {"method": "draft"},
        "refine, as it is": {"gate": "off", "protect": False},
        "refine, protected": {"gate": "off"},
        "refine, protected and gated": {},
    }
    rows = []
    print(
        f"{len(chosen)} strings\n\n| side | {' | '.join(COLUMNS)} | s |\n|{'---|' * (len(COLUMNS) + 2)}",
        flush=True,
    )
    for name, fields in sides.items():
        engine = Engine.from_profile("default", **fields)
        began = time.perf_counter()
        done = engine.translate(chosen, arguments.source, arguments.target)
        seconds = time.perf_counter() - began
        counted = Counter(outcome(segment, item) for segment, item in zip(chosen, done, strict=True))
        shares = [100 * counted[column] / len(chosen) for column in COLUMNS]
        signature = done[0].signature if done else ""
        rows.append(
            {"side": name, "signature": signature, "seconds": seconds} | dict(zip(COLUMNS, shares, strict=True))
        )
        print(f"| {name} | {' | '.join(f'{share:.1f} %' for share in shares)} | {seconds:.0f} |", flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps({"strings": len(chosen), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
