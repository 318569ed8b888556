"""`scalemt evaluate` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scalemt.cli import cli
from scalemt.errors import InputError, ScalemtError

SOURCES = [
    "A gata dorme na varanda.",
    "Choveu a noite toda no vale.",
    "Ninguém viu a raposa.",
    "O barco partiu cedo.",
]
REFERENCES = [
    "The cat sleeps on the porch.",
    "It rained all night in the valley.",
    "Nobody saw the fox.",
    "The boat left early.",
]
FIRST = [
    "The cat sleeps in the veranda.",
    "It rained all the night in the valley.",
    "Nobody saw a fox.",
    "The boat went early.",
]
SECOND = ["The cat sleeps on the porch.", "It rained all night in the valley.", "", "O barco partiu cedo."]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = {"src": SOURCES, "ref": REFERENCES, "first": FIRST, "second": SECOND}
    for name, rows in texts.items():
        (tmp_path / f"{name}.txt").write_text("".join(row + "\n" for row in rows), "utf-8")
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *arguments])


BOTH = (
    "--hyp",
    "first.txt",
    "--hyp",
    "second.txt",
    "--ref",
    "ref.txt",
    "--src",
    "src.txt",
    "--from",
    "pt",
    "--to",
    "en",
)


def evaluation(*arguments: str) -> Any:
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.output)["evaluations"]
    return found


def test_scores_equal_those_of_sacrebleu(folder: Path) -> None:
    found = evaluation(*BOTH, "--metrics", "chrf++,bleu,chrf,ter")
    command = [
        sys.executable,
        "-m",
        "sacrebleu",
        "ref.txt",
        "-i",
        "first.txt",
        "-w",
        "9",
        "-m",
        "bleu",
        "chrf",
        "ter",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    theirs = {item["name"]: item["score"] for item in json.loads(done.stdout)}
    ours = {name: cell["score"] for name, cell in found["cells"]["first"].items()}
    assert ours["BLEU"] == pytest.approx(theirs["BLEU"], abs=1e-6)
    assert ours["chrF"] == pytest.approx(theirs["chrF2"], abs=1e-6)
    assert ours["TER"] == pytest.approx(theirs["TER"], abs=1e-6)


def test_behaviour_is_shown_without_being_asked(folder: Path) -> None:
    found = evaluation(*BOTH)
    second = found["cells"]["second"]
    assert second["copy"]["score"] == 25.0
    assert second["empty"]["score"] == 25.0
    assert found["baseline"] == "first"
    assert "behaviour" in call(*BOTH).output


def test_without_sources_what_needs_them_is_left_out(folder: Path) -> None:
    found = evaluation("--hyp", "first.txt", "--ref", "ref.txt")
    names = [item["name"] for item in found["metrics"]]
    assert names[:2] == ["chrF++", "BLEU"]
    assert "copy" not in names
    assert found["baseline"] == ""


def test_a_baseline_may_be_a_file_of_its_own(folder: Path) -> None:
    found = evaluation("--hyp", "second.txt", "--baseline", "first.txt", "--ref", "ref.txt")
    assert found["baseline"] == "first"
    assert [item["name"] for item in found["systems"]] == ["first", "second"]
    found = evaluation("--hyp", "first.txt", "--hyp", "second.txt", "--baseline", "second.txt", "--ref", "ref.txt")
    assert found["baseline"] == "second"
    found = evaluation("--hyp", "a=first.txt", "--hyp", "b=second.txt", "--baseline", "b", "--ref", "ref.txt")
    assert found["cells"]["b"]["chrF++"]["verdict"] == "baseline"


def test_files_and_tables(folder: Path) -> None:
    done = call(*BOTH, "--markdown", "-o", "out.json", "--report", "out.html")
    assert done.exit_code == 0, done.output
    assert "| system | chrF++ ↑ | BLEU ↑ |" in done.output
    assert json.loads((folder / "out.json").read_text("utf-8"))["evaluations"][0]["scalemt"]
    assert "<html" in (folder / "out.html").read_text("utf-8")[:200]


def test_terms_of_a_glossary(folder: Path) -> None:
    (folder / "terms.csv").write_text("source,target\nraposa,fox\nvaranda,porch\n", "utf-8")
    found = evaluation(*BOTH, "--glossary", "terms.csv")
    assert found["cells"]["first"]["terms"]["score"] == 50.0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Give the outputs of at least one system with --hyp"),
        (("--hyp", "first.txt"), "nothing to evaluate against"),
        (("--hyp", "none.txt", "--ref", "ref.txt"), "none.txt cannot be read"),
        (("--hyp", "first.txt", "--ref", "none.txt"), "none.txt cannot be read"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--metrics", "blue"), "no metric named 'blue'"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--metrics", "copy"), "copy needs sources"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--baseline", "x"), "neither a system"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--to", "engish"), "engish"),
        (("--hyp", "first.txt", "--hyp", "first=second.txt", "--ref", "ref.txt"), "Two systems are named 'first'"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--metrics", "comet"), "comet:"),
        (("--hyp", "first.txt", "--suite", "suite.toml"), "either --suite or --hyp"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--report", "no/out.html"), "folder of --report"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "-o", "."), "is a folder; expected a file"),
        (("--suite", "suite.toml"), "suite.toml cannot be read"),
        (("--suite", "s.toml", "--ref", "ref.txt", "--align-by-id"), "take out --ref, --align-by-id"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--root", "."), "there is no --suite"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--from", "pt"), "give the target language with --to"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--json", "--markdown"), "either --json or --markdown"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "-o", "x", "--report", "./x"), "Give two files"),
        (("--hyp", "first.txt", "--ref", "ref.txt", "--metrics", "usw"), "usw needs sources"),
    ],
)
def test_wrong_use_is_told(folder: Path, arguments: tuple[str, ...], told: str) -> None:
    done = call(*arguments)
    assert told in f"{done.exception} {done.output}"
    assert isinstance(done.exception, ScalemtError | SystemExit)


def test_a_suite_gives_a_matrix(folder: Path) -> None:
    (folder / "suite.toml").write_text(
        'name = "s"\ndirections = ["pt-en"]\nsource = "src.txt"\nreferences = ["ref.txt"]\nbaseline = "one"\n'
        '[systems]\none = "first.txt"\ntwo = "second.txt"\n',
        "utf-8",
    )
    found = evaluation("--suite", "suite.toml", "--metrics", "chrf++")
    assert found["test_set"]["pair"] == ["pt", "en"]
    assert set(found["cells"]) == {"one", "two"}
    assert "is none of the systems" in call("--suite", "suite.toml", "--baseline", "x").output


def test_characteristics_share_one_aligner_fitted_on_all_systems(folder: Path) -> None:
    pytest.importorskip("systran_align")
    found = evaluation(*BOTH, "--metrics", "usw,NM")
    usw, nm = found["metrics"]
    assert (usw["group"], usw["higher_is_better"]) == ("characteristics", None)
    assert usw["signature"].partition("|")[2] == nm["signature"].partition("|")[2]
    assert "alone" not in usw["signature"]
    assert 0 <= found["cells"]["first"]["usw"]["score"] <= 100


def test_a_baseline_may_be_a_pipe_and_may_be_named(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    writer = threading.Thread(target=lambda: (folder / "pipe").write_bytes((folder / "first.txt").read_bytes()))
    writer.start()
    found = evaluation("--hyp", "second.txt", "--baseline", "pipe", "--ref", "ref.txt")
    writer.join()
    assert found["baseline"] == "pipe"
    found = evaluation("--hyp", "second.txt", "--baseline", "old=first.txt", "--ref", "ref.txt")
    assert [item["name"] for item in found["systems"]] == ["old", "second"]


def test_an_option_that_no_metric_uses_is_noted_apart_from_the_json(folder: Path) -> None:
    done = call("--hyp", "first.txt", "--ref", "ref.txt", "--aligner", "pharaoh:none", "--json")
    assert done.exit_code == 0, done.output
    assert "--aligner was not used: it is for usw and nm" in done.stderr
    assert json.loads(done.stdout)["evaluations"]


def test_file_names_that_are_not_utf8_are_written(folder: Path) -> None:
    path = os.fsdecode(b"caf\xe9.txt")
    (folder / path).write_bytes((folder / "first.txt").read_bytes())
    done = call("--hyp", path, "--ref", path, "-o", "out.json", "--report", "out.html")
    assert done.exit_code == 0, done.output
    assert (
        json.loads((folder / "out.json").read_text("utf-8"))["evaluations"][0]["test_set"]["name"] == "caf\ufffd"
    )


def test_a_suite_with_a_path_that_no_system_has_is_refused(folder: Path) -> None:
    text = 'name = "s"\ndirections = ["pt-en"]\nreferences = ["a\\u0000.txt"]\n[systems]\none = "first.txt"\n'
    (folder / "suite.toml").write_text(text, "utf-8")
    done = call("--suite", "suite.toml")
    assert isinstance(done.exception, InputError)
    assert "cannot be read: embedded null byte" in str(done.exception)
