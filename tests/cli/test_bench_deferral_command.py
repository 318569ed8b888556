"""`scalemt bench deferral`, `scalemt translate --budget`, the curve of `scalemt calibrate`, run as a user does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evaluation.bench.bench_parts import BACKENDS
from scalemt.cli import cli

SOURCES = ["the house is blue", "the door is old", "the house is red", "the door is green"] * 6
REFERENCES = ["a casa é azul", "a porta é velha", "a casa é vermelha", "a porta é verde"] * 6
SMALL = ("--src", "s.en", "--ref", "s.pt", "--from", "en", "--to", "pt")
PARTS = ("--specialist", "dictionary", "--generalist", "improver", "--shots", "0")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Invoke a command in this process, in a folder with a small test set."""
    (tmp_path / "s.en").write_text("\n".join(SOURCES) + "\n", "utf-8")
    (tmp_path / "s.pt").write_text("\n".join(REFERENCES) + "\n", "utf-8")
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for (registry, name), place in BACKENDS.items():
        monkeypatch.setitem(registry._builtin, name, place)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    return invoke


def test_the_bench_writes_json_a_figure_and_a_page(call: Any, tmp_path: Path) -> None:
    done = call(
        "bench", "deferral", *SMALL, *PARTS, "--gate", "checks", "-o", "out", "--report", "r.html", "--json"
    )
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert content == json.loads((tmp_path / "out" / "deferral.json").read_text("utf-8"))
    gated, ungated = content["curves"]
    assert (gated["gate"], ungated["gate"]) == ("checks", "off")
    assert gated["points"][-1]["expected"] == pytest.approx(100.0)
    assert (tmp_path / "out" / "deferral--s.en-pt.svg").read_text("utf-8").startswith("<svg")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "Quality by budget" in page
    assert "made worse, random" in page
    assert "all asked, no gate" in page


def test_the_bench_prints_a_table_a_gate(call: Any) -> None:
    done = call("bench", "deferral", *SMALL, *PARTS, "--gate", "off", "-o", "out", "--markdown")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("| budget |") == 1
    assert "| 40% |" in done.stdout
    assert "every answer taken: at budget 0.4" in done.stdout


def test_a_profile_without_generalist_is_refused(call: Any) -> None:
    done = call("bench", "deferral", *SMALL, *PARTS, "-o", "out", "--profile", "fast")
    assert done.exit_code != 0
    assert "nothing to defer" in f"{done.output}{done.exception}"


def test_translate_asks_within_the_budget_and_says_so(call: Any) -> None:
    done = call("translate", "-i", "s.en", "--from", "en", "--to", "pt", *PARTS, "--gate", "off",
                "--method", "refine", "--budget", "0.25", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    outcomes = [item["outcome"] for row in rows for item in row["decisions"] if item["step"] == "deferral"]
    assert outcomes.count("asked") == 6
    assert len(outcomes) == 24
    assert "The generalist was asked for 6 of 24 segments; the others keep their draft." in done.stderr
    assert "|budget:0.25" in rows[0]["signature"]


def test_a_dry_run_prints_only_what_would_be_sent(call: Any) -> None:
    done = call("translate", "-i", "s.en", "--from", "en", "--to", "pt", *PARTS, "--method", "refine",
                "--budget", "0.25", "--dry-run")  # fmt: skip
    assert len(done.stdout.splitlines()) == 6


@pytest.mark.parametrize("budget", ["-0.1", "1.5", "half", "nan"])
def test_a_budget_is_a_share(call: Any, budget: str) -> None:
    done = call("translate", "the house", "--from", "en", "--to", "pt", *PARTS, "--budget", budget)
    assert done.exit_code != 0
    assert "budget" in f"{done.output}{done.exception}"


def test_explain_tells_who_was_asked(call: Any) -> None:
    done = call("translate", "the door", "--from", "en", "--to", "pt", *PARTS, "--method", "refine",
                "--budget", "0.5", "--explain")  # fmt: skip
    assert "deferral  draft: doubt" in done.stdout


def test_calibrate_prints_the_curve_and_stores_it(call: Any, tmp_path: Path) -> None:
    done = call("calibrate", *SMALL, *PARTS)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.split()[:2] == ["budget", "asked"])
    assert [line.split()[0] for line in lines[start + 1 : start + 12]] == [f"{step * 10}%" for step in range(11)]
    (stored,) = (tmp_path / "config" / "calibration" / "default").iterdir()
    content = json.loads(stored.read_text("utf-8"))
    assert sorted(content["deferral"]) == ["checks", "off", "quality"]
    assert len(content["curve"]) == 11
