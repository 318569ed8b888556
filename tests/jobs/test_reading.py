"""Files of a job: found, pinned, read once, written whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs.ledgers import read_job, settings
from scalemt.config import Configuration, Profile
from scalemt.errors import InputError, LedgerError, UsageError
from scalemt.formats import FormatOptions
from scalemt.jobs.leases import Leases, Result
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.reading import find_files, inputs, read, register, require_unchanged
from scalemt.jobs.settings import Settings
from scalemt.jobs.writing import Outcomes, export, missing
from scalemt.types import Pair, Segment, Translation


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("docs/a.md", "docs/sub/b.md", "docs/sub/c.txt", "docs/image.png", "docs/out/old.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Text of {path.name}.\n", "utf-8")
    return tmp_path


def names(found: dict[str, Path]) -> list[str]:
    return sorted(found)


def test_files_folders_and_patterns(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    out = Path("docs/out")
    assert names(find_files(["docs/a.md"], out)) == ["a.md"]
    assert names(find_files(["docs"], out)) == [
        "a.md",
        "sub/b.md",
        "sub/c.txt",
    ]  # what was written there is no input
    assert names(find_files(["docs/**/*.md"], out)) == ["a.md", "sub/b.md"]
    assert names(find_files([str(tree / "docs" / "s*" / "*")], out)) == ["sub/b.md", "sub/c.txt"]
    assert names(find_files(["docs/a.md", "docs"], out)) == ["a.md", "sub/b.md", "sub/c.txt"]
    assert all(path.is_absolute() for path in find_files(["docs"], out).values())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["nothing.md"], "nothing.md does not exist"),
        (["docs/*.xyz"], "No file matches"),
        (["empty"], "holds no file of a known format"),
    ],
)
def test_nothing_there(tree: Path, given: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    Path("empty").mkdir()
    with pytest.raises(InputError, match=told):
        find_files(given, Path("job"))


def test_two_translations_of_one_name_are_refused(tree: Path) -> None:
    other = tree / "other" / "a.md"
    other.parent.mkdir()
    other.write_text("x", "utf-8")
    with pytest.raises(UsageError, match="would both be"):
        find_files([str(tree / "docs" / "a.md"), str(other)], tree / "job")


def test_a_translation_never_takes_the_place_of_its_source(tree: Path) -> None:
    with pytest.raises(UsageError, match="would take its place"):
        find_files([str(tree / "docs" / "a.md")], tree / "docs")


def test_other_files_are_refused(tree: Path) -> None:
    ledger = read_job(tree / "job", tree / "docs" / "a.md")
    register(ledger, find_files([str(tree / "docs" / "a.md")], tree / "job"))
    translate(ledger)
    with pytest.raises(
        LedgerError, match=r"begun with other files; now it is with out/old.md, sub/b.md, sub/c.txt"
    ):
        register(ledger, find_files([str(tree / "docs")], tree / "job"))


def test_a_file_that_could_not_be_read_can_be_mended(tmp_path: Path) -> None:
    """Until something is translated, nothing of the files and of the settings is binding."""
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "One."}\n{"text": "Two.\n', "utf-8")
    ledger = Ledger.create(tmp_path / "job", settings())
    with pytest.raises(UsageError, match="which fields"):
        read_job(tmp_path / "job", source)
    ledger = Ledger.create(tmp_path / "job", with_fields())
    register(ledger, {"a.jsonl": source})
    with pytest.raises(InputError, match="line 2"):
        read(ledger, lambda _: None, lambda: False)
    source.write_text('{"text": "One."}\n{"text": "Two."}\n', "utf-8")
    register(ledger, {"a.jsonl": source})
    assert read(ledger, lambda _: None, lambda: False)
    assert ledger.tallies() == {"segments": 2}
    translate(ledger)
    with pytest.raises(LedgerError, match="fields was"):
        Ledger.create(tmp_path / "job", settings())


def with_fields() -> Settings:
    return Settings.of(Profile(method="draft"), Configuration(), "en", "pt", None, FormatOptions(fields=("text",)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Text of a.md, longer.\n", r"it had 14 bytes and now has 22"),
        ("Text of b.md.\n", "its content is another"),
    ],
)
def test_a_changed_file_is_named(tree: Path, content: str, told: str) -> None:
    source = tree / "docs" / "a.md"
    ledger = read_job(tree / "job", source)
    require_unchanged(ledger)
    source.write_text(content, "utf-8")
    with pytest.raises(LedgerError, match=rf"a\.md changed since .*{told}"):
        require_unchanged(ledger)
    source.unlink()
    with pytest.raises(LedgerError, match=r"a\.md belongs to the job .* cannot be read"):
        require_unchanged(ledger)


def test_a_touched_file_is_the_same(tree: Path) -> None:
    ledger = read_job(tree / "job", tree / "docs" / "a.md")
    os.utime(tree / "docs" / "a.md", (1, 1))
    require_unchanged(ledger)


def test_reading_cut_off_gives_the_same_rows(tmp_path: Path) -> None:
    """Read anew after a crash, each segment has the number that it had."""
    source = tmp_path / "a.txt"
    source.write_text("".join(f"Line {number % 1700}.\n" for number in range(4000)), "utf-8")
    whole = read_job(tmp_path / "whole", source)
    cut = Ledger.create(tmp_path / "cut", settings())
    register(cut, find_files([str(source)], cut.folder))
    looks = iter([False, True])
    assert not read(cut, lambda _: None, lambda: next(looks))
    assert cut.state == "reading"
    assert 0 < cut.rows("SELECT COUNT(*) FROM segments")[0][0] < 1700
    assert read(cut, lambda _: None, lambda: False)
    for question in ("SELECT id, key, segment FROM segments", "SELECT id, first, last FROM chunks"):
        assert cut.rows(question) == whole.rows(question)
    assert [item.segments for item in inputs(cut)] == [4000]
    assert cut.tallies() == {"segments": 1700}


def translate(ledger: Ledger, state: str = "done") -> None:
    leases = Leases(ledger, 3)
    while chunk := leases.next():
        rows = [
            Result(row, state, Translation(row.segment, row.segment.text.upper(), "draft", Pair("en", "pt")))
            for row in chunk.rows
        ]
        leases.commit(chunk, rows, "signature")
    leases.end()


def test_files_are_written_from_the_ledger(tree: Path) -> None:
    ledger = read_job(tree / "job", tree / "docs")
    with pytest.raises(UsageError, match=r"not done. 4 of 4 wait.*--partial"):
        export(ledger)
    assert export(ledger, tree / "early", partial=True)
    assert (tree / "early" / "a.md").read_text("utf-8") == "Text of a.md.\n"
    translate(ledger)
    written = export(ledger)
    assert [path.relative_to(tree / "job").as_posix() for path in written] == [
        "a.md", "out/old.md", "sub/b.md", "sub/c.txt",
    ]  # fmt: skip
    assert (tree / "job" / "sub" / "b.md").read_text("utf-8") == "TEXT OF B.MD.\n"
    assert not list((tree / "job").rglob("*.partial"))
    written[0].unlink()
    assert missing(ledger) == [written[0]]


def test_failed_segments_keep_their_source(tree: Path) -> None:
    ledger = read_job(tree / "job", tree / "docs" / "a.md")
    translate(ledger, "failed")
    export(ledger)
    assert (tree / "job" / "a.md").read_text("utf-8") == "Text of a.md.\n"
    (outcome,) = Outcomes(ledger).of([Segment("Text of a.md.", breaks="soft")])
    assert outcome.state in ("failed", "waiting")


def test_a_place_that_cannot_be_written(tree: Path) -> None:
    ledger = read_job(tree / "job", tree / "docs" / "a.md")
    translate(ledger)
    (tree / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        export(ledger, tree / "file")


def test_an_empty_file_is_a_job_too(tmp_path: Path) -> None:
    source = tmp_path / "empty.txt"
    source.write_bytes(b"")
    ledger = read_job(tmp_path / "job", source)
    translate(ledger)
    export(ledger)
    assert (tmp_path / "job" / "empty.txt").read_bytes() == b""
