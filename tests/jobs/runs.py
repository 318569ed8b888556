"""`scalemt job` as processes of their own, and what a ledger holds: for tests and benchmarks of jobs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
LEDGER = "scalemt-job.db"
PLAIN = (
    # A job in the background of a script ignores Ctrl-C, and hands that down to its children.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from scalemt.cli import main; main()"
)
WITH_PARTS = PLAIN.replace(
    "from scalemt.cli", "from jobs import job_parts; job_parts.register(); from scalemt.cli"
)
"""The same with the small backends of `jobs.job_parts`, found by name as plug-ins are."""


@dataclass(frozen=True)
class Place:
    """Where jobs run: a folder with the input files, and an environment that keeps out that of the user."""

    folder: Path
    environment: Mapping[str, str]
    code: str = PLAIN
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @classmethod
    def at(cls, folder: Path, code: str = PLAIN, **more: str) -> Place:
        """Return a place with folders of its own for cache and configuration, and one thread for models."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SCALEMT_", "OPENAI_"))}
        own = {
            "PYTHONPATH": str(TESTS),
            "SCALEMT_CONFIG_DIR": str(folder / "config"),
            "SCALEMT_CACHE_DIR": str(folder / "cache"),
            "SCALEMT_THREADS": "1",
        }
        return cls(folder, {**kept, **own, **more}, code)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `scalemt job …` as the head of a process group of its own."""
        process = subprocess.Popen(
            [sys.executable, "-c", self.code, "job", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def clear(self) -> None:
        """Kill what is still running: a test that failed leaves processes behind."""
        for process in self.started:
            if process.poll() is None:
                kill(process)
            for pipe in (process.stdout, process.stderr):
                if pipe:
                    pipe.close()

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `scalemt job …` to its end."""
        return ended(self.start(*arguments), timeout)

    def status(self, job: str) -> dict[str, Any]:
        """Return what `scalemt job status --json` prints."""
        done = self.run("status", job, "--json")
        if done.returncode:
            raise AssertionError(f"status ended with {done.returncode}: {done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def ended(process: subprocess.Popen[str], timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Wait for the end of a process; one that takes too long is killed, and what it said is told."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(process)
        out, err = process.communicate()
        raise AssertionError(f"no end after {timeout:g} s: {process.args!r}\n{out}\n{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the whole group of a process, as a crash of the machine would, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(happened: Callable[[], bool], process: subprocess.Popen[str] | None = None, seconds: float = 60) -> bool:
    """Wait until something has happened; return False when the process ended before it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if happened():
            return True
        if process is not None and process.poll() is not None:
            return happened()
        time.sleep(0.001)
    raise AssertionError(f"it did not happen within {seconds:g} s")


@dataclass(frozen=True)
class Held:
    """What the ledger of a job holds: its segments by state, and how many are there more than once."""

    states: Mapping[str, int]
    doubled: int
    texts: Sequence[str]

    @classmethod
    def of(cls, job: Path) -> Held:
        """Read the ledger of a folder, beside whoever works on it."""
        with closing(sqlite3.connect(f"file:{job / LEDGER}?mode=ro", uri=True)) as file:
            states = dict(file.execute("SELECT state, COUNT(*) FROM segments GROUP BY state").fetchall())
            rows = [json.loads(row[0])[0] for row in file.execute("SELECT segment FROM segments ORDER BY id")]
        return cls(states, len(rows) - len(set(rows)), rows)


def is_begun(job: Path) -> bool:
    """Whether the ledger of a folder tells what is to be done; killed before that, a job is begun anew."""
    if not (job / LEDGER).exists():
        return False
    with closing(sqlite3.connect(f"file:{job / LEDGER}?mode=ro", uri=True)) as file:
        return bool(file.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'job'").fetchone()[0])
