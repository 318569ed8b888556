"""`scalemt memory`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scalemt.cli.memory import _bar, command
from scalemt.errors import InputError, UnknownLanguageError, UnknownNameError, UsageError
from scalemt.memory import MemoryStore, Unit
from scalemt.memory.exchange import read_units
from scalemt.memory.index import index_folder
from scalemt.types import Pair

ROWS = "The house is blue.\tA casa é azul.\nThe house is green.\tA casa é verde.\nGood morning!\tBom dia!\n"


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Invoke a command in this process, in a folder with a small file."""
    monkeypatch.chdir(tmp_path)
    Path("rows.tsv").write_text(ROWS, "utf-8")

    def invoke(*arguments: str, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(command, arguments, input=given, standalone_mode=False)

    return invoke


@pytest.fixture
def filled(call: Callable[..., Result]) -> Callable[..., Result]:
    """The same, with a memory of three units."""
    assert call("import", "m.db", "rows.tsv", "--from", "en", "--to", "pt").return_value == 0
    return call


def lines(done: Result) -> list[dict[str, Any]]:
    assert done.exception is None, done.exception
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_import_makes_a_memory_and_its_index(call: Callable[..., Result]) -> None:
    done = call("import", "m.db", "rows.tsv", "--from", "en", "--to", "pt")
    assert done.return_value == 0
    assert "rows.tsv: 3 added, 0 known before, 0 skipped; " in done.output
    (unit, *_) = MemoryStore("m.db").units()
    assert (unit.source, unit.origin, unit.pair) == ("The house is blue.", "rows.tsv", Pair("en", "pt"))


def test_import_again_adds_nothing(filled: Callable[..., Result]) -> None:
    (told,) = lines(filled("import", "m.db", "rows.tsv", "--from", "en", "--to", "pt", "--json"))
    assert told["files"][0]["added"] == 0
    assert told["files"][0]["known"] == 3


def test_import_sets_fields(call: Callable[..., Result]) -> None:
    flags = ("--from", "en", "--to", "pt", "--domain", "law", "--origin", "X", "--creator", "Ann", "--no-index")
    assert call("import", "m.db", "rows.tsv", *flags).return_value == 0
    assert {(unit.domain, unit.origin, unit.creator) for unit in MemoryStore("m.db").units()} == {
        ("law", "X", "Ann")
    }
    assert not index_folder(Path("m.db")).exists()


def test_a_file_that_cannot_be_read_makes_no_memory(call: Callable[..., Result]) -> None:
    Path("bad.tsv").write_text("one\ttwo\nthree\n", "utf-8")
    done = call("import", "m.db", "bad.tsv", "--from", "en", "--to", "pt")
    assert isinstance(done.exception, InputError)
    assert "bad.tsv, line 2: 1 columns, where the first row has 2" in str(done.exception)
    assert sorted(path.name for path in Path().iterdir()) == ["bad.tsv", "rows.tsv"]


def test_of_several_files_the_good_ones_are_taken(filled: Callable[..., Result]) -> None:
    Path("bad.tsv").write_text("one\ttwo\nthree\n", "utf-8")
    Path("more.tsv").write_text("one\tdois\n", "utf-8")
    done = filled("import", "m.db", "bad.tsv", "more.tsv", "--from", "en", "--to", "pt", "--json")
    assert done.return_value == 1
    assert "Failed: bad.tsv, line 2" in done.stderr
    told = json.loads(done.stdout)["files"]
    assert [item["added"] for item in told] == [0, 1]
    assert "line 2" in told[0]["error"]
    assert filled("import", "m.db", "bad.tsv", "bad.tsv", "--from", "en", "--to", "pt").return_value == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("m.db", "rows.tsv"), InputError, "rows.tsv does not say its source language. Give it with --from LANG."),
        (("m.db", "rows.tsv", "--from", "en"), InputError, "does not say its target language. Give it with --to"),
        (("m.db", "rows.tsv", "--from", "klingonic"), UnknownLanguageError, "Unknown language 'klingonic'"),
        (("m.db", "none.tsv", "--from", "en", "--to", "pt"), InputError, "none.tsv cannot be read: No such file"),
        (("m.db", "rows.docx"), UsageError, "rows.docx: .docx is no format that memories are read in"),
        (
            ("m.db", "rows.tsv", "--format", "xls"),
            UnknownNameError,
            "Valid choices: csv, jsonl, po, tmx, tsv, xliff",
        ),
        (("rows.tsv", "rows.tsv", "--from", "en", "--to", "pt"), InputError, "cannot be used as a translation"),
        (("no/m.db", "rows.tsv"), InputError, "no/m.db cannot be used as a translation memory"),
    ],
)
def test_import_says_what_is_wrong(
    call: Callable[..., Result], arguments: tuple[str, ...], error: type[Exception], message: str
) -> None:
    done = call("import", *arguments)
    assert isinstance(done.exception, error)
    assert message in str(done.exception)
    assert not Path("m.db").exists()


def test_search_shows_the_nearest(filled: Callable[..., Result]) -> None:
    done = filled("search", "m.db", "The house is blue.", "--from", "en", "--to", "pt")
    first, second, third, *_ = done.output.split("\n")
    assert first.split(None, 3)[:3] == ["100", "%", "exact"]
    assert "The house is blue." in first
    assert second.strip() == "A casa é azul."
    assert third.strip().startswith("m.db, rows.tsv, 20")
    assert " fuzzy  The house is green." in done.output


def test_search_as_json_with_a_penalty(filled: Callable[..., Result]) -> None:
    found = lines(filled("search", "m.db:10", "A casa é azul", "--from", "pt", "--to", "en", "--json"))
    assert found[0]["source"] == "A casa é azul."
    assert found[0]["target"] == "The house is blue."
    assert found[0]["memory"] == "m.db"
    assert 85 < found[0]["score"] < 90


def test_search_in_several_memories(filled: Callable[..., Result]) -> None:
    filled("add", "own.db", "The house is blue.", "A casa está azul.", "--from", "en", "--to", "pt")
    arguments = ("own.db", "m.db:5", "The house is blue.", "--from", "en", "--to", "pt", "--limit", "2", "--json")
    assert [(item["memory"], item["score"]) for item in lines(filled("search", *arguments))] == [
        ("own.db", 100.0),
        ("m.db", 95.0),
    ]


def test_search_that_finds_nothing_says_so(filled: Callable[..., Result]) -> None:
    done = filled("search", "m.db", "xyz", "--from", "en", "--to", "pt", "--floor", "80")
    assert done.output == "No unit of m.db for en->pt is 80 % like it or more.\n"
    assert filled("search", "m.db", "xyz", "--from", "en", "--to", "pt", "--json").output == ""


def test_search_needs_a_memory(filled: Callable[..., Result]) -> None:
    done = filled("search", "The house", "--from", "en", "--to", "pt")
    assert "Give at least one memory" in str(done.exception)
    done = filled("search", "none.db", "The house", "--from", "en", "--to", "pt")
    assert "There is no translation memory none.db. Make one with: scalemt memory import" in str(done.exception)


def test_control_characters_of_a_memory_do_not_reach_the_terminal(filled: Callable[..., Result]) -> None:
    filled("add", "m.db", "red \x1b[31m", "vermelho \x1b[31m", "--from", "en", "--to", "pt")
    for done in (
        filled("search", "m.db", "red \x1b[31m", "--from", "en", "--to", "pt"),
        filled("concordance", "m.db", "red"),
    ):
        assert "red ␛[31m" in done.output
        assert "\x1b" not in done.output


def test_concordance_finds_either_side(filled: Callable[..., Result]) -> None:
    done = filled("concordance", "m.db", "CASA É")
    assert done.output.count("en->pt") == 2
    found = lines(filled("concordance", "m.db", "blue", "--from", "pt", "--to", "en", "--json"))
    assert [(item["source"], item["source_language"]) for item in found] == [("A casa é azul.", "pt")]
    assert (
        lines(filled("concordance", "m.db", "casa", "--limit", "1", "--json"))[0]["source"]
        == "The house is green."
    )
    assert filled("concordance", "m.db", "xyz").output == "No unit of m.db holds it.\n"
    assert "Give both" in str(filled("concordance", "m.db", "blue", "--from", "pt").exception)
    assert "Give a text" in str(filled("concordance", "m.db", "").exception)


def test_stats(filled: Callable[..., Result]) -> None:
    (told,) = lines(filled("stats", "m.db", "--json"))
    assert told["units"] == 3
    assert told["bytes"] > 1000
    (pair,) = told["pairs"]
    assert (pair["from"], pair["to"], pair["units"], pair["sources"]) == ("en", "pt", 3, 3)
    assert "3 units of           3 sources" in filled("stats", "m.db").output


def test_add_from_arguments(filled: Callable[..., Result]) -> None:
    flags = ("--from", "en", "--to", "pt", "--context", "c", "--before", "b", "--note", "n", "--creator", "Ann")
    assert filled("add", "m.db", "House", "Casa", *flags).output == "m.db: 1 added, 0 known before, 0 skipped\n"
    unit = list(MemoryStore("m.db").units())[-1]
    assert (unit.context, unit.before, unit.note, unit.creator, unit.origin) == ("c", "b", "n", "Ann", "added")


@pytest.mark.parametrize(
    "given",
    [
        '{"source": "House", "target": "Casa", "note": "n"}\n\n{"source": "Dog", "target": ""}\n',
        "House\tCasa\nDog\t\n",
        'source\ttarget\tnote\nHouse\tCasa\tn\nDog\t\t\n"',
    ],
)
def test_add_from_standard_input(filled: Callable[..., Result], given: str) -> None:
    (told,) = lines(filled("add", "m.db", "-", "--from", "en", "--to", "pt", "--json", given=given.rstrip('"')))
    assert told == {"memory": "m.db", "added": 1, "known": 0, "skipped": 1}
    assert list(MemoryStore("m.db").units())[-1].source == "House"


def test_add_refuses_what_is_no_unit(call: Callable[..., Result]) -> None:
    languages = ("--from", "en", "--to", "pt")
    assert "Give SOURCE and TARGET" in str(call("add", "m.db", "a", *languages).exception)
    assert "--from LANG" in str(call("add", "m.db", "a", "b").exception)
    assert "may be empty" in str(call("add", "m.db", " ", "b", *languages).exception)
    assert "TARGET is not UTF-8" in str(call("add", "m.db", "a", "b\udce9", *languages).exception)
    assert "standard input, line 1: one column" in str(call("add", "m.db", "-", *languages, given="a").exception)
    assert "line 1: not JSON" in str(call("add", "m.db", "-", *languages, given="{a").exception)
    assert not Path("m.db").exists()


def test_export_and_import_give_the_same(filled: Callable[..., Result]) -> None:
    for suffix in ("tmx", "csv", "tsv", "jsonl"):
        assert filled("export", "m.db", f"out.{suffix}").output == f"Wrote 3 units to out.{suffix}.\n"
        assert filled("import", f"{suffix}.db", f"out.{suffix}", "--no-index").return_value == 0
        assert list(MemoryStore(f"{suffix}.db").units()) == list(MemoryStore("m.db").units())


def test_export_chooses_languages(filled: Callable[..., Result]) -> None:
    filled("add", "m.db", "House", "Maison", "--from", "en", "--to", "fr-CA")
    done = filled("export", "m.db", "-", "--to", "fr", "--format", "jsonl")
    assert [json.loads(line)["target"] for line in done.stdout.splitlines()] == ["Maison"]
    assert done.stderr == "Wrote 1 units to -.\n"
    told = lines(filled("export", "m.db", "all.tmx", "--from", "en", "--json"))
    assert told == [{"file": "all.tmx", "format": "tmx", "units": 4, "pairs": ["en->fr-CA", "en->pt"]}]
    done = filled("export", "m.db", "none.tmx", "--to", "de")
    assert str(done.exception) == "m.db holds no units of these languages. It holds: en->fr-CA, en->pt."
    assert ".xlf is no format that memories are written in" in str(filled("export", "m.db", "a.xlf").exception)


def test_export_into_a_folder_that_is_not_there(filled: Callable[..., Result]) -> None:
    done = filled("export", "m.db", "no/out.tmx")
    assert str(done.exception) == "no/out.tmx cannot be written: No such file or directory."


def duplicates() -> None:
    pair, days = Pair("en", "pt"), [f"2026-01-0{day}T00:00:00Z" for day in range(1, 6)]
    units = [
        Unit("Open", "Abrir", pair, context="menu", changed=days[0]),
        Unit("Open", "Abrir", pair, changed=days[1]),
        Unit("Open", "Abrir", pair, context="door", changed=days[2]),
        Unit("Open", "Aberto", pair, context="door", changed=days[3]),
    ]
    MemoryStore("d.db", create=True).add(units)


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        ((), [("Abrir", "door"), ("Aberto", "door")]),
        (("--keep-contexts",), [("Abrir", "menu"), ("Abrir", "door"), ("Aberto", "door")]),
        (("--newest",), [("Aberto", "door")]),
    ],
)
def test_dedupe(call: Callable[..., Result], flags: tuple[str, ...], left: list[tuple[str, str]]) -> None:
    duplicates()
    call("search", "d.db", "Open", "--from", "en", "--to", "pt")
    (told,) = lines(call("dedupe", "d.db", *flags, "--dry-run", "--json"))
    assert told == {"path": "d.db", "removed": 4 - len(left), "units": 4, "dry_run": True}
    done = call("dedupe", "d.db", *flags)
    assert done.output == f"{4 - len(left)} units removed from d.db; it holds {len(left)}.\n"
    assert [(unit.target, unit.context) for unit in MemoryStore("d.db").units()] == left
    assert "0 units removed" in call("dedupe", "d.db", *flags).output


def test_dedupe_takes_one_flag(call: Callable[..., Result]) -> None:
    duplicates()
    assert "not both" in str(call("dedupe", "d.db", "--newest", "--keep-contexts").exception)


def test_a_bar_tells_units_and_their_speed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    path = tmp_path / "rows.tsv"
    path.write_text(ROWS * 1000, "utf-8")
    with _bar(str(path)) as (advance, counted):
        units = read_units(path, source="en", target="pt", advance=advance)
        assert sum(1 for _ in counted(units)) == 3000
    told = capsys.readouterr().err
    assert "100 % 3,000 units, " in told


# The real command in real processes.


def scalemt(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    # Whoever runs the tests in the background has Ctrl-C ignored, and processes inherit that.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from scalemt.cli import main; main()"
    whole = [sys.executable, "-c", code, "memory", *arguments]
    return subprocess.Popen(whole, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("is_new", [False, True])
def test_an_interrupted_import_leaves_the_memory_as_it_was(tmp_path: Path, is_new: bool) -> None:
    path = tmp_path / "m.db"
    if not is_new:
        MemoryStore(path, create=True).add([Unit("a", "b", Pair("en", "pt"))])
    # A pipe that is never closed: the import waits in the middle of the file.
    os.mkfifo(tmp_path / "rows.jsonl")
    process = scalemt("import", "m.db", "rows.jsonl", "--from", "en", "--to", "pt", cwd=tmp_path)
    with (tmp_path / "rows.jsonl").open("w") as pipe:
        for number in range(5000):
            pipe.write(json.dumps({"source": f"house {number}", "target": "casa"}) + "\n")
        pipe.flush()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert told.strip() == "Interrupted."
    assert path.exists() is not is_new
    if not is_new:
        assert [unit.source for unit in MemoryStore(path).units()] == ["a"]


def test_a_wrong_file_ends_with_code_2_and_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.tmx").write_text("<tmx>", "utf-8")
    process = scalemt("import", "m.db", "bad.tmx", cwd=tmp_path)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert told.startswith("Error: bad.tmx, line 1, column 6: not well-formed XML")


def test_the_command_imports_nothing_heavy() -> None:
    code = "import json, sys; import scalemt.cli.memory; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    heavy = {"numpy", "bm25s", "rapidfuzz", "httpx", "jinja2", "langcodes", "pydantic", "rich", "sqlite3", "polib"}
    assert loaded & heavy == set()
