"""`scalemt glossary`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scalemt.cli.glossary import command
from scalemt.errors import ConfigurationError, InputError, UsageError
from scalemt.glossary import load_glossary

TERMS = "source,target,status\nmask,máscara,\nmask,mascarilha,forbidden\nBluetooth,,keep\n"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Invoke a command in this process, in a folder with a glossary, sources and two translations."""
    monkeypatch.chdir(tmp_path)
    Path("terms.csv").write_text(TERMS, "utf-8")
    Path("src.txt").write_text("A mask.\nBluetooth and a mask\nNothing\n", "utf-8")
    Path("good.txt").write_text("A máscara.\nBluetooth e uma Máscara\nNada\n", "utf-8")
    Path("bad.txt").write_text("A mascarilha.\nDente \x1bazul e uma máscara\nNada\n", "utf-8")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(command, arguments, standalone_mode=False)

    return invoke


def check(hyp: str, *more: str, glossary: str = "terms.csv") -> tuple[str, ...]:
    return ("check", "--glossary", glossary, "--src", "src.txt", "--hyp", hyp, "--from", "en", "--to", "pt", *more)


def test_check_of_good_translations(call: Callable[..., Result]) -> None:
    done = call(*check("good.txt"))
    assert done.return_value == 0
    assert "100.0 % of 3 terms in 3 lines are used; terms[3." in done.output


def test_check_names_what_is_missing_and_what_must_not_be_used(call: Callable[..., Result]) -> None:
    done = call(*check("bad.txt"))
    assert done.return_value == 1
    assert "line 1: 'mask' is 'mascarilha', which is forbidden, and should be 'máscara'" in done.output
    assert "line 2: 'Bluetooth' should be 'Bluetooth', which is not there" in done.output
    assert "33.3 % of 3 terms" in done.output


def test_check_as_json(call: Callable[..., Result]) -> None:
    done = call(*check("bad.txt", "--json"))
    assert done.return_value == 1
    told = json.loads(done.output)
    assert told["glossary"].startswith("terms[3.")
    assert {name: told[name] for name in ("from", "to", "lines", "terms", "applied", "overridden", "missed")} == {
        "from": "en", "to": "pt", "lines": 3, "terms": 3, "applied": 1, "overridden": 1, "missed": 1,
    }  # fmt: skip
    assert told["percentage"] == 33.33
    assert told["faults"][0] == {
        "line": 1, "source": "mask", "target": "máscara", "state": "overridden", "found": "mascarilha",
        "status": "forbidden", "start": 2, "end": 6,
    }  # fmt: skip


def test_check_without_any_term(call: Callable[..., Result]) -> None:
    Path("other.csv").write_text("lung,pulmão\n", "utf-8")
    done = call(*check("good.txt", glossary="other.csv"))
    assert done.return_value == 0
    assert "None of the 3 lines holds a term of other[1." in done.output
    assert json.loads(call(*check("good.txt", "--json", glossary="other.csv")).output)["percentage"] is None


def test_check_of_files_that_are_not_parallel(call: Callable[..., Result]) -> None:
    Path("good.txt").write_text("A máscara.\n", "utf-8")
    fault = call(*check("good.txt")).exception
    assert isinstance(fault, InputError)
    assert "src.txt has 3 lines and good.txt 1" in str(fault)


def test_convert(call: Callable[..., Result]) -> None:
    assert "Wrote 3 entries to terms.tsv." in call("convert", "terms.csv", "terms.tsv").output
    assert load_glossary("terms.tsv").entries == load_glossary("terms.csv").entries
    done = call("convert", "terms.csv", "terms.tbx", "--from", "en", "--to", "pt-BR", "--json")
    told = json.loads(done.output)
    assert (told["entries"], told["from"], told["to"], len(told["lost"])) == (3, "en", "pt-BR", 2)
    assert len(load_glossary("terms.tbx").entries) == 3


def test_convert_says_what_is_lost(call: Callable[..., Result]) -> None:
    done = call("convert", "terms.csv", "terms.tbx", "--from", "en", "--to", "pt")
    assert "Note: TBX has no forbidden terms" in done.stderr


def test_convert_needs_languages_where_the_format_does(call: Callable[..., Result]) -> None:
    assert isinstance(call("convert", "terms.csv", "terms.utx").exception, ConfigurationError)
    fault = call("convert", "terms.csv", "terms.utx", "--from", "en").exception
    assert isinstance(fault, UsageError)
    assert "together" in str(fault)


def parallel() -> list[tuple[str, str]]:
    nouns = [("mask", "máscara"), ("lung", "pulmão"), ("virus", "vírus"), ("fever", "febre")]
    return [
        (f"The {one} and the {other}", f"O {um} e o {outro}") for one, um in nouns for other, outro in nouns
    ] * 4


def test_extract_from_two_files_or_one(call: Callable[..., Result]) -> None:
    pytest.importorskip("systran_align")
    pairs = parallel()
    Path("en.txt").write_text("".join(f"{source}\n" for source, _ in pairs), "utf-8")
    Path("pt.txt").write_text("".join(f"{target}\n" for _, target in pairs), "utf-8")
    Path("both.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs), "utf-8")
    languages = ("--from", "en", "--to", "pt")
    shown = call("extract", *languages, "en.txt", "pt.txt").output
    assert "mask\tmáscara\t" in shown
    assert call("extract", *languages, "both.tsv").output == shown
    told = [json.loads(line) for line in call("extract", *languages, "both.tsv", "--json").output.splitlines()]
    assert [f"{term['source']}\t{term['target']}" for term in told] == [
        line.rsplit("\t", 2)[0] for line in shown.splitlines()
    ]
    done = call("extract", *languages, "both.tsv", "-o", "found.tbx", "--most", "2")
    assert "Wrote 2 candidates to found.tbx." in done.output
    assert [entry.status for entry in load_glossary("found.tbx").entries] == ["admitted", "admitted"]


def test_extract_from_a_file_of_one_column(call: Callable[..., Result]) -> None:
    fault = call("extract", "--from", "en", "--to", "pt", "src.txt").exception
    assert isinstance(fault, InputError)
    assert "src.txt, line 1: one column" in str(fault)
