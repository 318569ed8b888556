"""`scalemt translate` and `scalemt inspect` on documents, with a dictionary as specialist."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from helpers import english_portuguese
from scalemt.cli import cli
from scalemt.errors import InputError, ScalemtError, UsageError
from scalemt.specialists import SPECIALISTS


def dictionary(**_: object) -> object:
    return english_portuguese()


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Invoke a command in an empty folder; scalemt's own errors are raised."""
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SCALEMT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SPECIALISTS._builtin, "dictionary", f"{__name__}:dictionary")

    def invoke(*arguments: str) -> Result:
        done = CliRunner().invoke(cli, arguments, standalone_mode=False)
        if isinstance(done.exception, ScalemtError):
            raise done.exception
        return done

    return invoke


HOW = ("--from", "en", "--to", "pt", "--method", "draft", "--specialist", "dictionary")


def test_a_document_comes_out_as_a_document(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"# the house\r\n\r\nblue `x` house\r\n")
    done = call("translate", "-i", "a.md", "-o", "b.md", *HOW)
    assert done.return_value == 0, done.output
    assert (tmp_path / "b.md").read_bytes() == b"# a casa\r\n\r\nazul `x` casa\r\n"
    assert "2 of 2 segments translated; protected spans kept: 1 code" in done.stderr
    assert not list(tmp_path.glob("*.partial"))


def test_segments_are_printed_on_demand(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.strings").write_text('"k" = "the house";')
    done = call("translate", "-i", "a.strings", "--json", *HOW)
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["id"] == "k"
    assert json.loads(line)["translation"] == "a casa"


def test_a_text_of_another_encoding_or_system_stays_so(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("the house\r\n".encode("utf-16"))
    call("translate", "-i", "a.txt", "-o", "b.txt", *HOW)
    assert (tmp_path / "b.txt").read_bytes() == "a casa\r\n".encode("utf-16")


def test_what_cannot_be_done_is_told_before_anything_is_written(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.idml").write_text("x")
    with pytest.raises(UsageError, match=r"\.idml is no format that scalemt reads\. Formats: android"):
        call("translate", "-i", "a.idml", "-o", "b.idml", *HOW)
    (tmp_path / "a.md").write_text("the house")
    with pytest.raises(UsageError, match=r"b\.html is named as html, but"):
        call("translate", "-i", "a.md", "-o", "b.html", *HOW)
    (tmp_path / "a.po").write_text('msgid "a"\nnonsense\n')
    with pytest.raises(InputError, match=r"a\.po, line 2"):
        call("translate", "-i", "a.po", "-o", "b.po", *HOW)
    with pytest.raises(InputError, match=r"none\.po does not exist"):
        call("translate", "-i", "none.po", "-o", "b.po", *HOW)
    assert not list(tmp_path.glob("b.*"))


def test_inspect_shows_segments_spans_and_counts(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "Open **the file** {name} at GitHub\n\nOpen **the file** {name} at GitHub\n\nEnd\n"
    )
    done = call("inspect", "a.md", "--json", "--do-not-translate", "GitHub")
    first = json.loads(done.stdout.splitlines()[0])
    assert [(span["text"], span["kind"]) for span in first["spans"]] == [
        ("**", "tag"), ("**", "tag"), ("{name}", "placeholder"), ("GitHub", "term"),
    ]  # fmt: skip
    assert "3 segments (2 different)" in done.stderr
    assert "4 tag" in done.stderr
    shown = call("inspect", "a.md", "--limit", "1")
    assert "End" not in shown.stdout
    assert "Open" in shown.stdout


def test_the_source_is_not_overwritten_unless_the_file_holds_both(call: Any, tmp_path: Path) -> None:
    Path("a.md").write_text("The house\n")
    Path("b.md").symlink_to("a.md")
    for name in ("a.md", "./a.md", "b.md"):
        with pytest.raises(UsageError, match=r"is the source, and would be lost\. Give the translation another"):
            call("translate", *HOW, "-i", "a.md", "-o", name)
    assert Path("a.md").read_text() == "The house\n"
    Path("a.po").write_text('msgid "The house"\nmsgstr ""\n')
    assert call("translate", *HOW, "-i", "a.po", "-o", "a.po").return_value == 0
    assert 'msgid "The house"' in Path("a.po").read_text()


def test_fields_where_there_are_none(call: Any) -> None:
    Path("a.md").write_text("The house\n")
    with pytest.raises(UsageError, match=r"a\.md is Markdown, which has no fields\. Leave out --fields"):
        call("translate", *HOW, "-i", "a.md", "--fields", "a")


def test_control_characters_do_not_reach_the_terminal(call: Any) -> None:
    Path("a.txt").write_text("The \x1b[31mhouse\x9b\n")
    shown = call("inspect", "a.txt", "--format", "txt").output
    assert "The ␛[31mhouse\ufffd" in shown
    assert "\x1b[31m" not in shown


def test_a_splitter_that_is_none_is_refused_before_anything_is_done(call: Any) -> None:
    Path("a.md").write_text("The house\n")
    with pytest.raises(UsageError, match="'moses' cuts no sentences"):
        call("translate", *HOW, "-i", "a.md", "-o", "b.md", "--splitter", "moses")
    Path("bad.srx").write_text("<srx>")
    with pytest.raises(InputError, match=r"bad\.srx, line 1, column 6: not well-formed XML"):
        call("translate", *HOW, "-i", "a.md", "-o", "b.md", "--splitter", "bad.srx")
    assert call("translate", *HOW, "-i", "a.md", "-o", "b.md", "--splitter", "sentencex").return_value == 0
