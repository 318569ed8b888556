"""`scalemt train thot` and `scalemt glossary extract --memory`, with a real model and real alignment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli
from scalemt.memory import MemoryStore, Unit
from scalemt.specialists.thot import ThotSpecialist
from specialists.thot.thot_memory import EN_ES, memory

pytest.importorskip("thot")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    MemoryStore(tmp_path / "m.db", create=True).add(Unit(a, b, EN_ES) for a, b in memory())
    return tmp_path / "m.db"


@pytest.mark.slow
def test_a_model_is_trained_on_a_memory_and_learns_what_is_added_to_it(path: Path, tmp_path: Path) -> None:
    folder, run = tmp_path / "model", CliRunner()
    arguments = ["train", "thot", "--memory", str(path), "--from", "en", "--to", "es"]
    arguments += ["-o", str(folder), "--json"]
    done = run.invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["pair"], told["pairs"]) == ("en->es", len(set(memory())))
    translate = ["translate", "The zebra sings.", "--from", "en", "--to", "es", "--method", "draft"]
    translate += ["--reuse", "off", "--specialist", f"thot:{folder}", "--memory", str(path)]  # fmt: skip
    before = run.invoke(cli, translate)
    added = run.invoke(cli, ["memory", "add", str(path), "The zebra sings.", "La cebra canta.",
                             "--from", "en", "--to", "es"])  # fmt: skip
    assert (before.exit_code, added.exit_code) == (0, 0), before.output + added.output
    after = run.invoke(cli, translate)
    assert "cebra" not in before.stdout
    assert "cebra" in after.stdout
    assert ThotSpecialist(folder).learnt_count >= 1


def test_there_must_be_something_to_train_on(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["train", "thot", "--from", "en", "--to", "es", "-o", str(tmp_path / "m")])
    assert "nothing to train on" in str(done.exception)


@pytest.mark.slow
def test_terms_are_extracted_from_a_memory(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "terms.csv"
    arguments = [
        "glossary",
        "extract",
        "--memory",
        str(path),
        "--from",
        "en",
        "--to",
        "es",
        "-o",
        str(out),
        "--json",
    ]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows
    assert {"source", "target"} <= rows[0].keys()
    assert out.read_text("utf-8").startswith("en,es,status")
    both = CliRunner().invoke(cli, [*arguments[:2], str(out), *arguments[2:]])
    assert both.exit_code == 2
