"""Compare the peak memory of translating a long file with that of a short one: input and output are streamed.

    python benchmarks/memory.py --data ../shared/data [--long 100000] [--short 1000] [--json OUT]

Each side is `scalemt translate --method draft -i FILE -o OUT` in a process of its own, English to Portuguese
with the packaged Bergamot model, and what is compared is the largest resident set (`ru_maxrss`). A file of one
line tells what the models take. The lines are runs of five words out of the FLORES devtest, so that 100,000 of
them are done in minutes. `--method refine` measures the whole road with its cache, on as many lines as you have
patience for.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

from claims import at_most, finish, parser

WORDS = 5


def main() -> None:
    arguments = parse_arguments()
    words = (arguments.data / "flores200" / "devtest" / "eng_Latn.txt").read_text("utf-8").split()
    with tempfile.TemporaryDirectory() as folder:
        found = [
            measure(count, words, Path(folder), arguments.method) for count in (1, arguments.short, arguments.long)
        ]
    one, short, long = (row["peak_mb"] for row in found)
    ratios = {"whole": long / short, "apart_from_the_models": (long - one) / max(1.0, short - one)}
    print("| lines | peak memory, MB | seconds |\n|---|---|---|")
    for row in found:
        print(f"| {row['lines']:,.0f} | {row['peak_mb']:.0f} | {row['seconds']:.1f} |")
    what = f"peak memory of `draft`, {arguments.long:,} lines / {arguments.short:,} lines"
    claims = [at_most(what, [ratios["whole"]], 1.2)]
    print(f"\ngrowth over one line: {long - one:.0f} MB against {short - one:.0f} MB")
    finish(arguments.json, claims, {"words_a_line": WORDS, "runs": found, "ratios": ratios})


def parse_arguments() -> argparse.Namespace:
    options = parser(__doc__, rounds=1)
    options.add_argument("--long", type=int, default=100_000)
    options.add_argument("--short", type=int, default=1_000)
    options.add_argument("--method", default="draft")
    return options.parse_args()


def measure(count: int, words: list[str], folder: Path, method: str) -> dict[str, float]:
    """Translate `count` lines in a process of its own."""
    source, target = folder / "source.txt", folder / "target.txt"
    endless = itertools.cycle(words)
    with source.open("w", encoding="utf-8") as file:
        file.writelines(" ".join(itertools.islice(endless, WORDS)) + "\n" for _ in range(count))
    scalemt = str(Path(sys.executable).with_name("scalemt"))
    command = [
        scalemt, "translate", "--from", "en", "--to", "pt", "--method", method,
        "--no-cache", "--threads", "1", "-i", str(source), "-o", str(target),
    ]  # fmt: skip
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}.")
    written = target.read_text("utf-8").count("\n")
    if written != count:
        raise SystemExit(f"{written} lines were written for {count}.")
    return {"lines": count, "peak_mb": usage.ru_maxrss / 1024, "seconds": time.perf_counter() - began}


if __name__ == "__main__":
    main()
