"""`scalemt data`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from helpers import WORDS, DictionarySpecialist
from scalemt.cli import cli
from scalemt.errors import UsageError
from scalemt.memory.exchange import read_units
from scalemt.specialists import SPECIALISTS
from scalemt.types import Pair


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [f"The heron number {n} stands here.\tLa garza número {n} está aquí." for n in range(400)]
    rows += ["A heron of 12 kg.\tUna garza de 13 kg.", rows[0]]
    path = tmp_path / "birds.tsv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", *map(str, arguments)])


CHAIN = """
from = "en"
to = "es"
[[inputs]]
files = ["birds.tsv"]
[[steps]]
filter = "numbers"
[[steps]]
filter = "duplicates"
"""


def test_clean_and_card(table: Path, tmp_path: Path) -> None:
    (tmp_path / "chain.toml").write_text(CHAIN, "utf-8")
    out = tmp_path / "out.tmx"
    done = run("clean", tmp_path / "chain.toml", "-o", out)
    assert done.exit_code == 0, done.output
    assert "400 of 402 pairs kept" in done.stdout
    assert "numbers          1 of 402" in done.stdout
    assert len(list(read_units(out))) == 400
    told = json.loads(run("card", out, "--json").stdout)
    assert [step["dropped"] for step in told["steps"]] == [1, 1]
    shown = run("card", out).stdout
    assert shown.startswith("# Data card: out.tmx\n")
    assert shown == Path(f"{out}.card.md").read_text("utf-8")
    again = run("clean", tmp_path / "chain.toml", "-o", out, "--json")
    assert json.loads(again.stdout)["output"]["pairs"] == 400


def test_a_configuration_says_all(table: Path, tmp_path: Path) -> None:
    (tmp_path / "chain.toml").write_text(CHAIN, "utf-8")
    done = run("clean", tmp_path / "chain.toml", "-o", tmp_path / "out.tsv", "--from", "en")
    assert isinstance(done.exception, UsageError)
    assert "says all" in str(done.exception)


def test_split_sample_downsample(table: Path, tmp_path: Path) -> None:
    train, dev, few = (tmp_path / name for name in ("train.tsv", "dev.tsv", "few.tsv"))
    languages = ["--from", "en", "--to", "es"]
    done = run(
        "split", table, *languages, "--train", train, "--dev", dev, "--block", "20", "--share", "0.1", "--json"
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert 40 <= told["dev"] <= 44
    assert told["train"] + told["left_out"] + told["dev"] == 402
    assert {unit.origin.partition("#")[0] for unit in read_units(dev)} == {"birds.tsv"}
    drawn = run("sample", train, "-o", few, "--size", "50", "--by", "length,file", "--json")
    assert json.loads(drawn.stdout)["pairs"] == 50
    # Provenance is that of the first corpus, not of the file in between.
    assert {unit.origin for unit in read_units(few)} <= {unit.origin for unit in read_units(train)}
    made = run("downsample", few, "-o", tmp_path / "d.tsv", "--pivot", "en", "--both", "--json")
    assert json.loads(made.stdout)["pairs"] == 100
    assert "examples in" in run("downsample", few, "-o", tmp_path / "d.tsv", "--pivot", "en").stdout
    assert "pairs in" in run("sample", train, "-o", few, "--size", "50").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "{table}", "-o", "x.tsv", "--size", "5", "--by", "size"], "no stratum named 'size'"),
        (["sample", "{table}", "-o", "{table}", "--size", "5"], "would be written over"),
        (["split", "{table}", "--train", "x.tsv", "--dev", "x.tsv"], "would be written over"),
        (["clean", "{table}", "-o", "x.docx"], "no format that memories are written in"),
        (["clean", "nowhere.tsv", "-o", "x.tsv"], "nowhere.tsv does not exist"),
        (["clean", "{table},{table},{table}", "-o", "x.tsv"], "two of parallel lines; 3 are named"),
        (["card", "{table}"], "`scalemt data clean` writes it"),
        (["sample", "{table}", "-o", "x.tsv", "--size", "5"], "does not say its source language"),
    ],
)
def test_wrong_use(table: Path, arguments: list[str], message: str) -> None:
    done = run(*(argument.replace("{table}", str(table)) for argument in arguments))
    assert isinstance(done.exception, UsageError), done.output
    assert message in str(done.exception)
    assert not Path("x.tsv").exists()


class Small(DictionarySpecialist):
    """Six words of Portuguese."""

    def __init__(self) -> None:
        super().__init__({Pair("en", "pt"): WORDS}, "small[test]")


SYNTHESIS = """
kind = "terms"
from = "en"
to = "pt"
[terms]
glossary = "terms.csv"
sources = "corpus"
corpus = ["mono.txt"]
[profile]
specialists = "small"
[[steps]]
filter = "terms"
glossary = "terms.csv"
"""


def test_synthesise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPECIALISTS._builtin, "small", f"{__name__}:Small")
    (tmp_path / "terms.csv").write_text("source,target\nfever,febre\nblue,azulado\n", "utf-8")
    (tmp_path / "mono.txt").write_text("the old house has fever\nthe house is so blue\n", "utf-8")
    elsewhere = tmp_path / "recipes"
    elsewhere.mkdir()
    (elsewhere / "made.toml").write_text(SYNTHESIS, "utf-8")
    named = ("synthesise", elsewhere / "made.toml", "--data", tmp_path)
    out = tmp_path / "made.tsv"
    assert run(*named, "--dry-run").stdout == ""
    assert "Missing option '-o'" in run(*named).output
    paused = run(*named, "-o", out, "--max-time", "0.0001")
    assert "The time of this run is over" in paused.stderr
    assert f"kept in {out}.synthesis" in paused.stderr
    done = run(*named, "-o", out, "--workers", 1)
    assert done.exit_code == 0, done.output
    assert "1 requests: 2 pairs." in done.stdout
    assert [unit.target for unit in read_units(out)] == ["a velha casa has febre", "a casa é so azulado"]
    told = json.loads(run(*named, "-o", out, "--workers", 1, "--json").stdout)
    assert told["made"]["kind"] == "terms"
    assert told["made"]["checked_against"] == "no test set"
    assert run("synthesise", tmp_path / "nowhere.toml", "-o", out).exit_code == 1
