"""Translate a Parquet data set of 100,000 chat records in a job: throughput, memory, and what must stay as it is.

    python benchmarks/chat_records.py [--records 100000] [--processes 2] [--keep FOLDER] [--json OUT]

The records are made of real packaged text: of each function and class with a docstring in the standard library
and in the installed packages, a question with a code block of its first lines, and an answer with its first
paragraph and a line of JSON that says where it stands. `scalemt job run --method draft` translates
`messages[*].content` end to end: reading, drafting (Bergamot en-pt), ledger, writing; a second process joins by
`scalemt job resume` when all is read. The other side is the specialist alone, in as many processes: the same
different segments, cut into sentences before the clock starts, 512 segments a call, nothing read and nothing
written. Every process drafts with one thread. Both sides are timed by the clock and by the seconds of CPU that
they took; a job of a tenth of the records shows whether memory grows.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from claims import Claim, at_least, at_most, finish
from scalemt.text.splitting import split_sentences

SCALEMT = Path(sys.executable).with_name("scalemt")
MOST = 1500  # characters
FENCE = re.compile(r"```.*?```", re.DOTALL)
RAW = """
import json, sys, time
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.types import Pair
batches = json.load(open(sys.argv[1]))
specialist = BergamotSpecialist(threads=int(sys.argv[2]))
for batch in batches:
    specialist.draft(batch, Pair("en", "pt"))
"""


@dataclass(frozen=True)
class Run:
    """What a process took: seconds by the clock and of CPU, and its peak memory in MB."""

    seconds: float
    cpu: float
    peak: float


def main() -> None:
    arguments = options()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        large, small = folder / "chat.parquet", folder / "tenth.parquet"
        if not large.exists():
            write(large, islice(records(), arguments.records))
        write(small, read(large, arguments.records // 10))
        for name in ("tenth", "whole"):
            shutil.rmtree(folder / name, ignore_errors=True)
        tenth = job(small, folder / "tenth", arguments.processes)
        whole = job(large, folder / "whole", arguments.processes)
        texts, failed = different(folder / "whole")
        alone = raw(texts, folder, arguments.processes)
        spoilt, total = spoiled(large, folder / "whole" / large.name)
    show(total, texts, {"a tenth of the records": tenth, "all records": whole, "specialist alone": alone})
    claims = [
        at_least("throughput of the job / specialist alone, by the clock", [alone.seconds / whole.seconds], 0.85),
        at_least("the same by seconds of CPU", [alone.cpu / whole.cpu], 0.85),
        at_most("peak memory, all records / a tenth of them", [whole.peak / tenth.peak], 1.3),
        Claim("records whose code, JSON, roles or ids changed", [spoilt], "none", spoilt == 0),
    ]
    runs = {"tenth": vars(tenth), "whole": vars(whole), "alone": vars(alone)}
    print(f"\n{failed} of {len(texts):,} segments failed: code in them was lost, and they keep their source.")
    told = {"records": total, "segments": len(texts), "failed": failed, "processes": arguments.processes}
    finish(arguments.json, claims, told | runs)


def options() -> argparse.Namespace:
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    made.add_argument("--records", type=int, default=100_000)
    made.add_argument("--processes", type=int, default=2)
    made.add_argument("--keep", type=Path, help="a folder for data and jobs, used again when it holds them")
    made.add_argument("--json", type=Path, help="where to write the result")
    return made.parse_args()


def records() -> Iterator[dict[str, Any]]:
    """Yield chat records of all documented functions and classes that are installed."""
    standard = Path(sysconfig.get_path("stdlib"))
    packages = Path(sysconfig.get_path("purelib"))
    number = 0
    for root in (standard, packages):
        for path in sorted(root.rglob("*.py")):
            if root == standard and "site-packages" in path.parts:
                continue
            for record in of_file(path, root):
                number += 1
                yield {"id": number, "source": path.relative_to(root).as_posix(), "messages": record}


def of_file(path: Path, root: Path) -> Iterator[list[dict[str, str]]]:
    try:
        with warnings.catch_warnings(action="ignore"):
            text = path.read_text("utf-8")
            tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    lines = text.splitlines()
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        said = ast.get_docstring(node)
        if said and said.strip().isascii():
            yield chat(node, said, lines, path.relative_to(root).as_posix())


def chat(node: Any, said: str, lines: list[str], file: str) -> list[dict[str, str]]:
    code = "\n".join(lines[node.lineno - 1 : node.lineno + 5])
    first = " ".join(said.split("\n\n", maxsplit=1)[0].split())
    where = json.dumps({"file": file, "line": node.lineno, "name": node.name, "kind": type(node).__name__})
    return [
        {"role": "user", "content": f"What does this do?\n\n```python\n{code.replace('```', '')}\n```"},
        {"role": "assistant", "content": f"{first}\n\nHere is where you can find it:\n\n{where}"},
    ]


def write(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    schema = pa.schema([("id", pa.int64()), ("source", pa.string()), ("messages", pa.list_(message))])
    with pq.ParquetWriter(path, schema) as out:
        while some := list(islice(rows, 10_000)):
            out.write_table(pa.Table.from_pylist(some, schema))


def read(path: Path, most: int) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    rows = (row for batch in pq.ParquetFile(path).iter_batches(1000) for row in batch.to_pylist())
    return islice(rows, most)


def job(path: Path, folder: Path, processes: int) -> Run:
    """Run the job from the command line, as anybody would; others join when all is read."""
    command = [
        str(SCALEMT), "job", "run", str(path), "-o", str(folder), "--from", "en", "--to", "pt",
        "--method", "draft", "--specialist", "bergamot", "--fields", "messages[*].content", "--threads", "1",
    ]  # fmt: skip
    began = time.perf_counter()
    running = [subprocess.Popen(command)]
    while processes > 1 and not is_read(folder) and running[0].poll() is None:
        time.sleep(0.2)
    running += [subprocess.Popen([str(SCALEMT), "job", "resume", str(folder)]) for _ in range(processes - 1)]
    return timed(running, began)


def is_read(folder: Path) -> bool:
    ledger = folder / "scalemt-job.db"
    if not ledger.exists():
        return False
    with closing(sqlite3.connect(ledger, timeout=60)) as file:
        return bool(file.execute("SELECT 1 FROM chunks LIMIT 1").fetchone())


def raw(texts: list[str], folder: Path, processes: int) -> Run:
    batches = [list(sentences(texts[start : start + 512])) for start in range(0, len(texts), 512)]
    for number in range(processes):
        (folder / f"texts{number}.json").write_text(json.dumps(batches[number::processes]), "utf-8")
    began = time.perf_counter()
    listed = [str(folder / f"texts{number}.json") for number in range(processes)]
    return timed([subprocess.Popen([sys.executable, "-c", RAW, one, "1"]) for one in listed], began)


def sentences(texts: list[str]) -> Iterator[str]:
    """Yield the sentences of texts: what a specialist is asked for, whoever asks."""
    for text in texts:
        for sentence, _ in split_sentences(text, "en"):
            # No engine gives a specialist more at once than it was trained on.
            yield from (sentence[start : start + MOST] for start in range(0, len(sentence), MOST))


def timed(running: list[subprocess.Popen[bytes]], began: float) -> Run:
    """Wait for processes; their CPU is added up, of their memory the largest is told."""
    cpu = peak = 0.0
    for process in running:
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status) not in (0, 1):  # 1: some segments failed, and keep their source
            sys.exit(f"{process.args!r} ended with {os.waitstatus_to_exitcode(status)}")
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss / 1024)
    return Run(round(time.perf_counter() - began, 2), round(cpu, 2), round(peak, 1))


def different(folder: Path) -> tuple[list[str], int]:
    """Return the different segments of a job, in their order, and how many of them failed."""
    with sqlite3.connect(folder / "scalemt-job.db") as ledger:
        rows = ledger.execute("SELECT json_extract(segment, '$[0]') FROM segments ORDER BY id").fetchall()
        failed = ledger.execute("SELECT COUNT(*) FROM segments WHERE state = 'failed'").fetchone()[0]
        return [row[0] for row in rows], failed


def spoiled(source: Path, target: Path) -> tuple[int, int]:
    """Return how many records changed in what is no prose, or are missing, and how many there are."""
    import pyarrow.parquet as pq

    total = pq.ParquetFile(source).metadata.num_rows
    pairs = zip(read(source, total), read(target, total), strict=False)
    same = sum(kept(one) == kept(other) for one, other in pairs)
    return total - same, total


def kept(record: dict[str, Any]) -> list[Any]:
    asked, answered = record["messages"]
    return [
        record["id"],
        record["source"],
        [message["role"] for message in record["messages"]],
        FENCE.findall(asked["content"]),
        json.loads(answered["content"].splitlines()[-1]),
        answered["content"].splitlines()[-1],
    ]


def show(records_: int, texts: list[str], runs: dict[str, Run]) -> None:
    print(f"{records_:,} records, {len(texts):,} different segments of {sum(map(len, texts)):,} characters\n")
    print("| run | seconds | seconds of CPU | peak memory, MB |\n|---|---|---|---|")
    for name, run in runs.items():
        print(f"| {name} | {run.seconds:,.0f} | {run.cpu:,.0f} | {run.peak:,.0f} |")


if __name__ == "__main__":
    main()
