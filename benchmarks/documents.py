"""Whole documents end to end: how long, how much was protected, repaired and lost, and what other tools say.

    python benchmarks/documents.py manual/*.html app.po --to pt --json benchmarks/results/documents.json

Files are translated with the method draft unless --method says otherwise. Each result is read again: it must have
as many segments as its source, with the same multiset of protected spans in each. `msgfmt --check` judges PO
files. A page is counted as 300 words.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scalemt.documents import Document
from scalemt.engine import Engine
from scalemt.formats import FormatOptions
from scalemt.text.protection import protect
from scalemt.text.spans import literal, prose
from scalemt.types import Segment, Translation

WORDS_A_PAGE = 300
READ = re.compile(r"\s(?:alt|title|placeholder|aria-label)\s*=\s*(?:\"[^\"]*\"|'[^']*')")


@dataclass
class Result:
    """What came of the files of one format."""

    format: str
    files: int = 0
    segments: int = 0
    words: int = 0
    spans: int = 0
    mended: int = 0
    failed: int = 0
    seconds: float = 0.0
    changed: int = 0
    judged: str = ""
    failures: list[str] = field(default_factory=list)

    def add(self, item: Translation) -> None:
        """Count one translation."""
        self.segments += 1
        self.words += len(prose(item.segment.text, item.segment.spans).split())
        self.spans += len(item.spans)
        self.mended += any(decision.step == "spans" for decision in item.decisions) and not item.error
        if item.error:
            self.failed += 1
            self.failures.append(f"{item.segment.id}: {item.error}"[:200])


def held(segments: Iterable[Segment]) -> list[Counter[str]]:
    """Return what the spans of each segment hold, without attributes of tags that are texts themselves."""
    return [
        Counter(READ.sub("", literal(whole.text, span)) for span in whole.spans)
        for whole in (protect(item) for item in segments)
    ]


def translate(path: Path, engine: Engine, pair: tuple[str, str], result: Result, folder: Path) -> None:
    """Translate one file, and look at what came out."""
    document = Document(path, *pair)
    out = folder / path.name
    began = time.perf_counter()
    with out.open("wb") as file:
        document.translate(engine, file, watch=result.add)
    result.seconds += time.perf_counter() - began
    result.files += 1
    again = Document(out, options=FormatOptions(overwrite=True))
    if document.format.bilingual:
        if shutil.which("msgfmt") and document.format.name == "po":
            judge(out, result)
        return
    before, after = held(document.segments()), held(again.segments())
    if len(before) != len(after):
        result.changed += abs(len(before) - len(after))
        result.failures.append(f"{path.name}: {len(before)} segments became {len(after)}")
        return
    different = [index for index, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    result.changed += len(different)
    result.failures += [f"{path.name}, segment {index + 1}: {before[index] - after[index]}" for index in different]


def judge(out: Path, result: Result) -> None:
    """Ask msgfmt about a PO file, machine translations (fuzzy) included."""
    command = ["msgfmt", "--check", "--use-fuzzy", "-o", "/dev/null", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result.judged = "passes" if done.returncode == 0 else "fails"
    if done.returncode:
        result.failures += done.stderr.splitlines()[:20]


def table(results: Iterable[Result]) -> str:
    """Return the results as a Markdown table."""
    rows = [
        "| format | files | pages | segments | words | spans | mended | failed | other spans | msgfmt | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {r.format} | {r.files} | {r.words // WORDS_A_PAGE} | {r.segments:,} | {r.words:,} | {r.spans:,} | "
        f"{r.mended} | {r.failed} | {r.changed} | {r.judged or '-'} | {r.seconds:.1f} |"
        for r in results
    ]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--from", dest="source", default="en")
    parser.add_argument("--to", dest="target", default="pt")
    parser.add_argument("--method", default="draft")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    engine = Engine.from_profile("default", method=arguments.method, cache=False)
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in arguments.files:
            name = Document(path).format.name
            result = results.setdefault(name, Result(name))
            translate(path, engine, (arguments.source, arguments.target), result, Path(folder))
    print(table(results.values()))
    for result in results.values():
        for failure in result.failures[:20]:
            print(f"- {failure}")
    if arguments.json:
        signature = engine.plan(arguments.source, arguments.target).signature
        rows = [asdict(result) | {"failures": len(result.failures)} for result in results.values()]
        arguments.json.write_text(json.dumps({"signature": signature, "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
