"""`scalemt bench routing` and `--method route`, run as a user does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evaluation.bench.bench_parts import BACKENDS, better
from scalemt.cli import cli
from scalemt.generalists import GENERALISTS
from scalemt.generalists.fake import FakeGeneralist

SOURCES = ["the house is blue", "the door is old", "the house is red", "the door is green"] * 8
REFERENCES = ["a casa é azul", "a porta é velha", "a casa é vermelha", "a porta é verde"] * 8
GRAPH = """
[workers.plain]
method = "draft"
cost = 0
neighbours = ["better"]

[workers.better]
description = "Hard."
method = "refine"

[workers.far]
method = "draft"
pairs = [["gl", "en"]]
"""
SMALL = ("--src", "s.en", "--ref", "s.pt", "--from", "en", "--to", "pt")
PARTS = ("--specialist", "dictionary", "--generalist", "improver", "--shots", "0", "--option", "graph=graph.toml")


def chooser() -> FakeGeneralist:
    """For `--generalist chooser`: also says who is to translate."""
    return FakeGeneralist(lambda prompt: "<better>" if "<better>" in prompt.content else better(prompt))


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Invoke a command in this process, in a folder with a small test set."""
    (tmp_path / "s.en").write_text("\n".join(SOURCES) + "\n", "utf-8")
    (tmp_path / "s.pt").write_text("\n".join(REFERENCES) + "\n", "utf-8")
    (tmp_path / "graph.toml").write_text(GRAPH, "utf-8")
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for (registry, name), place in BACKENDS.items():
        monkeypatch.setitem(registry._builtin, name, place)
    monkeypatch.setitem(GENERALISTS._builtin, "chooser", f"{__name__}:chooser")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    return invoke


def test_a_router_is_fitted_compared_stored_and_used(call: Any, tmp_path: Path) -> None:
    bench = ("bench", "routing", *SMALL, *PARTS, "--gate", "checks", "-o", "out")
    done = call(*bench, "--json")
    assert done.exit_code == 0, done.output
    content = json.loads(done.stdout)
    assert content == json.loads((tmp_path / "out" / "routing.json").read_text("utf-8"))
    (study,) = content["studies"]
    ways = {way["name"]: way for way in study["ways"]}
    assert list(ways) == [
        "plain",
        "better",
        "best single, of the other folds",
        "random",
        "by rules",
        "learned, on held-out folds",
        "oracle",
    ]
    assert ways["better"]["score"] == ways["oracle"]["score"] == pytest.approx(100.0)
    assert ways["plain"]["score"] < ways["random"]["score"] < 100
    assert ways["oracle"]["regret"] == 0
    assert ways["better"]["calls"] == len(SOURCES)
    assert ways["learned, on held-out folds"]["score"] == pytest.approx(100.0)
    assert any("far is left out: it is for other languages" in note for note in content["notes"])
    stored = tmp_path / "config" / "routers" / "default" / "en-pt.json"
    assert stored.read_bytes() == (tmp_path / "out" / "router.en-pt.json").read_bytes()
    again = call(*bench, "--markdown")
    assert again.exit_code == 0
    assert "| oracle |" in again.stdout
    used = call("translate", "-i", "s.en", "--from", "en", "--to", "pt", "--method", "route", *PARTS,
                "--option", "router=learned", "--json")  # fmt: skip
    assert used.exit_code == 0, used.output
    rows = [json.loads(line) for line in used.stdout.splitlines()]
    assert {row["steps"][0]["router"] for row in rows} == {"learned"}
    assert all(len(row["steps"]) == 1 for row in rows), "each worker was measured by itself"


def test_the_router_by_token_is_run_beside(call: Any) -> None:
    done = call(
        "bench",
        "routing",
        *SMALL,
        *PARTS,
        "--generalist",
        "chooser",
        "--token",
        "--limit",
        "20",
        "-o",
        "out",
        "--json",
    )
    assert done.exit_code == 0, done.output
    ways = {way["name"]: way for way in json.loads(done.stdout)["studies"][0]["ways"]}
    assert ways["by token"]["shares"] == {"better": 1.0}
    assert ways["by token"]["calls"] == 40, "each is asked for its worker, and by its worker"


def test_what_cannot_be_compared(call: Any, tmp_path: Path) -> None:
    alone = GRAPH.replace('neighbours = ["better"]', "").replace('"refine"', '"terminology"')
    (tmp_path / "alone.toml").write_text(alone, "utf-8")
    done = call("bench", "routing", *SMALL, *PARTS, "--option", "graph=alone.toml", "-o", "out")
    assert "Only plain is there for en->pt" in str(done.exception)
    done = call("bench", "routing", *SMALL, *PARTS, "-o", "out", "--limit", "5")
    assert "there are 5 and 2" in str(done.exception)
    done = call("bench", "routing", *SMALL, *PARTS, "-o", "out", "--report", "r.html")
    assert done.exit_code == 2


def test_a_learned_router_is_one_of_its_graph(call: Any, tmp_path: Path) -> None:
    call("bench", "routing", *SMALL, *PARTS, "-o", "out")
    (tmp_path / "graph.toml").write_text(GRAPH.replace("Hard.", "Very hard."), "utf-8")
    used = call("translate", "blue", "--from", "en", "--to", "pt", "--method", "route", *PARTS,
                "--option", "router=learned")  # fmt: skip
    assert "was fitted for the graph graph[" in str(used.exception)
