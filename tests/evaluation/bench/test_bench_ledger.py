"""The ledger: what is finished stays, a torn line does not, and one process holds a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.bench.ledger import Ledger, file_name, locked, segment_key


def row(identity: str, text: str = "é") -> dict[str, Any]:
    return {"id": identity, "translation": text, "seconds": 0.5, "usage": {}, "decisions": [], "candidates": [],
            "drafts": []}  # fmt: skip


def bad(**fields: Any) -> str:
    return json.dumps({"key": "k1", "batch": 1, **row("1"), **fields})


def test_rows_are_found_again_and_the_last_one_of_a_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    ledger = Ledger(path)
    assert ledger.find("k1") is None
    ledger.append([("k1", row("1")), ("k2", row("2"))], 2)
    ledger.append([("k1", row("1", "new"))], 1)
    again = Ledger(path)
    assert again.notes == []
    assert again.fresh == set()
    found = again.find("k1")
    assert found is not None
    assert (found["translation"], found["batch"]) == ("new", 1)
    assert path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_dropped_and_the_file_can_be_written_on(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.jsonl"
    ledger = Ledger(path)
    ledger.append([("k1", row("1")), ("k2", row("2"))], 2)
    whole = path.read_bytes().split(b"\n")[0] + b"\n"
    os.truncate(path, path.stat().st_size - cut)
    torn = Ledger(path)
    assert "not written to its end" in torn.notes[0]
    assert torn.find("k1") is not None
    assert torn.find("k2") is None
    assert path.read_bytes() == whole
    torn.append([("k2", row("2"))], 1)
    assert Ledger(path).find("k2") is not None
    assert Ledger(path).notes == []


def test_a_line_torn_within_a_character_and_a_file_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"key": "é'.encode()[:-1])
    assert len(Ledger(path).notes) == 1
    assert path.read_bytes() == b""
    assert Ledger(path).notes == []


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[1, 2]",
        '{"key": 3}',
        '{"key": "k"}',
        "\udcff",
        "[" * 100_000,
        "null",
        '{"key": "k1", "id": 1}',
        bad(usage={"calls": "x"}),
        bad(usage={"calls": 10**400}),
        bad(seconds=True),
        bad(seconds=float("nan")),
        bad(decisions=[3]),
        bad(decisions=[{"step": "gate"}]),
        bad(candidates=[{"origin": "draft", "text": None}]),
        bad(checks="x"),
        bad(drafts=[3]),
        bad(drafts=[{"text": "a", "words": 3}]),
    ],
)
def test_a_line_that_is_no_row_is_left_aside_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps({"key": "k9", "batch": 1, **row("9")}).encode()
    path.write_bytes(good + b"\n" + line.encode(errors="surrogateescape") + b"\n" + good + b"\n")
    ledger = Ledger(path)
    assert len(ledger.notes) == 1
    assert "line 2 is no row" in ledger.notes[0]
    assert ledger.find("k9") is not None


def test_many_lines_that_are_no_rows_are_one_note(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("nonsense\n" * 5, "utf-8")
    assert Ledger(path).notes == [
        f"{path}, line 1 is no row of a bench and is left aside, as are 4 further lines."
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_names_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    ledger = Ledger(path)
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"a\.jsonl"):
        ledger.append([("k1", row("1"))], 1)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    refused = pytest.raises(ConfigurationError, match="out cannot be written to: Not a directory")
    with refused, locked(tmp_path / "file" / "out"):
        pass


def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(InputError, match=r"a.jsonl cannot be read"):
        Ledger(tmp_path / "a.jsonl")


def test_keys_change_with_everything_that_decides() -> None:
    keys = {segment_key(*parts) for parts in (("a", "1", "x"), ("b", "1", "x"), ("a", "2", "x"), ("a", "1", "y"))}
    assert len(keys) == 4
    assert segment_key("a", "1", "x") in keys


def test_file_names_are_plain_and_never_shared() -> None:
    assert file_name("flores", "few-shot") == "flores--few-shot"
    parts = [("a/b", "c"), ("a_b", "c"), ("a", "b--c"), ("a--b", "c"), ("../../etc", "passwd"), ("a", "b" * 500),
             ("a", "b" * 501), ("", ""), ("é", "c"), ("\n", "\x00")]  # fmt: skip
    names = {file_name(*item) for item in parts}
    assert len(names) == len(parts)
    assert all("/" not in name and "\x00" not in name and not name.startswith(".") for name in names)
    assert all(len(name.encode()) < 200 for name in names)


def test_a_folder_is_held_by_one_process_and_let_go_of_when_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    code = (
        "import sys, time; from pathlib import Path; from scalemt.evaluation.bench.ledger import locked\n"
        f"with locked(Path({str(folder)!r})):\n    print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(ConfigurationError, match=f"process {other.pid}.* is running in"), locked(folder):
        pass
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    with locked(folder):
        assert (folder / "bench.lock").read_text() == f"{os.getpid()}\n"


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigurationError, match="is a file; expected a folder"), locked(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "mine"
