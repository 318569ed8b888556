"""A desk for tests of jobs: a file, a server, and `scalemt job` in this process or in one of its own."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.billing_server import REVISED, BillingServer, digest
from jobs.job_parts import BACKENDS, sentences, translated
from jobs.runs import LEDGER, Held, Place
from scalemt.cli import main

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
KEY = "s3cret-key"
OPTIONS = ("--from", "en", "--to", "pt", "--shots", "0", "--gate", "checks")
SOURCE, OUT = "source.txt", "out"


def settled(source: str) -> str:
    """What a job makes of a source: the draft, or the revision that the server answers for half of them."""
    return translated(source) + (REVISED if int(digest(source), 16) % 4 > 1 else "")


@dataclass
class Desk:
    """Where one test works.

    Args:
        place: its folder and the environment of processes.
        server: the generalist.
        run: `scalemt job …` in this process.
    """

    place: Place
    server: BillingServer
    run: Run

    @property
    def folder(self) -> Path:
        """Where inputs and jobs are."""
        return self.place.folder

    def write(self, *texts: str, name: str = SOURCE, count: int = 0) -> list[str]:
        """Write a file of lines: known sentences, so many, and texts behind them."""
        lines = [*sentences(count), *texts]
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
        return lines

    def configure(self, *, batch: int = 32, **options: Any) -> None:
        """Write the table of the generalist `billing`; options are those of `OpenAIGeneralist`."""
        table = {"type": "openai", "url": self.server.url, "model": "m", "retries": 2, "concurrency": 4} | options
        rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
        text = f"[profiles.default]\nbatch = {batch}\n\n[generalists.billing]\n{rows}"
        (self.folder / "scalemt.toml").write_text(text, "utf-8")

    def go(self, *more: str, **others: str) -> Done:
        """Run the job of the file in this process; see `arguments`."""
        return self.run(*self.arguments(*more, **others))

    def arguments(
        self,
        *more: str,
        source: str = SOURCE,
        out: str = OUT,
        specialist: str = "phrasebook",
        generalist: str = "billing",
    ) -> tuple[str, ...]:
        """What `go` gives to the command."""
        backends = ("--specialist", specialist, "--generalist", generalist)
        return ("run", source, "-o", out, *backends, *OPTIONS, *more)

    def output(self, out: str = OUT, source: str = SOURCE) -> list[str]:
        """Return the lines of the output."""
        return (self.folder / out / source).read_text("utf-8").split("\n")[:-1]

    def has_output(self, out: str = OUT, source: str = SOURCE) -> bool:
        """Whether the output is there."""
        return (self.folder / out / source).exists()

    def held(self, out: str = OUT) -> Held:
        """Return what the ledger holds."""
        return Held.of(self.folder / out)

    def column(self, name: str, out: str = OUT) -> Mapping[str, str]:
        """Return a column of the ledger's segments, by their source."""
        with closing(sqlite3.connect(f"file:{self.folder / out / LEDGER}?mode=ro", uri=True)) as file:
            rows = file.execute(f"SELECT segment, {name} FROM segments").fetchall()
        return {json.loads(segment)[0]: str(value or "") for segment, value in rows}

    def status(self, out: str = OUT) -> dict[str, Any]:
        """Return what `status --json` prints."""
        done = self.run("status", out, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def in_process(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs `scalemt job` in this process, in a folder, with the small backends plugged in."""
    monkeypatch.chdir(folder)
    for (registry, name), where in BACKENDS.items():
        monkeypatch.setitem(registry._builtin, name, where)

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["scalemt", "job", *arguments])
        handlers = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
        with pytest.raises(SystemExit) as stop:
            main()
        for number, handler in handlers:
            signal.signal(number, handler)
        shown = capsys.readouterr()
        return Done(arguments, int(stop.value.code or 0), shown.out, shown.err)

    return call


def assert_whole(desk: Desk, texts: list[str]) -> None:
    """The output is what a run without faults gives, and nobody is asked more than that takes."""
    assert desk.output() == [settled(text) for text in texts]
    status = desk.status()
    assert (status["state"], status["segments"], status["done"]) == ("done", len(texts), len(texts))
    assert (status["failed"], status["waiting"]) == (0, 0)
    assert not desk.server.billing.repeated()


def assert_paused(desk: Desk, code: int, told: str, *words: str) -> None:
    """The job stopped, says why and how to go on, and has written nothing that is half done."""
    assert code == 3, told
    for word in (*words, f"scalemt job resume {OUT}"):
        assert word in told
    assert "Traceback" not in told
    assert KEY not in told
    assert not desk.has_output()
    status = desk.status()
    assert status["state"] == "paused"
    assert status["reason"]
    assert "" not in desk.column("text").values() or status["waiting"]
